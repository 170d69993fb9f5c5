"""Policies and groups by the API, and what they do to launches, tickets and grants."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from broker.identity import totp
from portcullis.ids import new_id
from portcullis.model.user import User
from portcullis.tickets import read_grant
from tests.support.api_site import Account, ApiSite, signed_in
from tests.support.browser import Answer, ApiBrowser

ADMIN = "/api/v1/admin"
POLICIES = f"{ADMIN}/policies"
HERE = "192.0.2.0/24"
"""Where `ApiBrowser` is, as its gateway says."""


async def change(
    site: ApiSite, method: str, path: str, body: Any = None, who: Account | None = None
) -> Answer:
    async with signed_in(site, who or site.acme.root) as browser:
        return await browser.change(method, f"{ADMIN}/{path}", body)


async def look(site: ApiSite, path: str) -> Answer:
    async with signed_in(site, site.acme.root) as browser:
        return await browser.get(f"{ADMIN}/{path}")


async def put(site: ApiSite, of: str, *, locked: tuple[str, ...] = (), **values: Any) -> Answer:
    answer = await change(site, "PUT", f"policies/{of}", {"values": values, "locked": list(locked)})
    assert answer.status == 200, answer.body
    return answer


async def effective(site: ApiSite, field: str, query: str = "user=ann&application=Editor") -> dict[str, Any]:
    answer = await look(site, f"policies/effective?{query}")
    assert answer.status == 200, answer.body
    (found,) = [each for each in answer.json["fields"] if each["name"] == field]
    return {name: found[name] for name in ("value", "origin", "locked_by", "ignored")}


async def launch(site: ApiSite, browser: ApiBrowser) -> Answer:
    return await browser.change("POST", "/api/v1/sessions", {"application": site.acme.editor.id})


async def failed_step(site: ApiSite, answer: Answer) -> dict[str, Any]:
    reference = answer.json["error"]["reference"]
    trace = (await look(site, f"launches/{reference}")).json
    (step,) = [step for step in trace["steps"] if step["outcome"] == "failed"]
    return dict(step)


# --- policies


async def test_each_value_is_told_with_the_level_that_set_it(site: ApiSite) -> None:
    assert await effective(site, "clipboard") == {
        "value": "both",
        "origin": "built-in",
        "locked_by": None,
        "ignored": [],
    }
    await put(site, "tenant/-", clipboard="none", idle_minutes=60)
    await put(site, "group/staff", clipboard="to_application")
    await put(site, "application/editor", clipboard="from_application")
    assert (await effective(site, "clipboard"))["origin"] == "application:Editor"
    assert (await effective(site, "clipboard", "user=ann"))["origin"] == "group:staff"
    assert (await effective(site, "clipboard", ""))["origin"] == "tenant"
    assert (await effective(site, "idle_minutes"))["value"] == 60
    await put(site, "user/ann", clipboard="both")
    assert await effective(site, "clipboard") == {
        "value": "both",
        "origin": "user:ann",
        "locked_by": None,
        "ignored": [],
    }
    listed = (await look(site, "policies")).json["items"]
    assert [(each["level"], each["name"]) for each in listed] == [
        ("tenant", "-"),
        ("group", "staff"),
        ("application", "Editor"),
        ("user", "ann"),
    ]


async def test_what_a_level_above_has_locked_is_kept_and_the_answer_says_that_it_has_no_effect(
    site: ApiSite,
) -> None:
    await put(site, "tenant/-", locked=("clipboard",), clipboard="none")
    answer = await put(site, "user/ann", clipboard="both", idle_minutes=5)
    assert answer.json["policy"]["values"] == {"clipboard": "both", "idle_minutes": 5}
    assert answer.json["policy"]["ineffective"] == [{"field": "clipboard", "locked_by": "tenant"}]
    assert await effective(site, "clipboard") == {
        "value": "none",
        "origin": "tenant",
        "locked_by": "tenant",
        "ignored": ["user:ann"],
    }
    await put(site, "tenant/-", clipboard="none")
    assert (await effective(site, "clipboard"))["origin"] == "user:ann"


async def test_a_lock_of_a_users_group_is_told_at_the_user(site: ApiSite) -> None:
    await put(site, "group/staff", locked=("sessions",), sessions=1)
    answer = await put(site, "user/ann", sessions=9)
    assert answer.json["policy"]["ineffective"] == [{"field": "sessions", "locked_by": "group:staff"}]
    other = await put(site, "user/root", sessions=9)
    assert other.json["policy"]["ineffective"] == []


async def test_a_policy_that_is_emptied_leaves_no_record(site: ApiSite) -> None:
    await put(site, "user/ann", clipboard="none")
    await put(site, "user/ann")
    assert (await look(site, "policies")).json["items"] == []
    await put(site, "user/ann", clipboard="none")
    assert (await change(site, "DELETE", "policies/user/ann")).status == 204
    assert (await look(site, "policies")).json["items"] == []


async def test_two_administrators_of_one_policy_see_each_other(site: ApiSite) -> None:
    first = (await put(site, "user/ann", clipboard="none")).json["policy"]["revision"]
    body = {"values": {"clipboard": "both"}, "locked": [], "revision": first}
    assert (await change(site, "PUT", "policies/user/ann", body)).status == 200
    late = await change(site, "PUT", "policies/user/ann", body)
    assert (late.status, late.code) == (409, "changed_meanwhile")
    assert late.json["error"]["current"]["values"] == {"clipboard": "both"}
    new = {"values": {"clipboard": "none"}, "locked": [], "revision": 0}
    assert (await change(site, "PUT", "policies/group/staff", new)).status == 200
    assert (await change(site, "PUT", "policies/group/staff", new)).code == "changed_meanwhile"


@pytest.mark.parametrize(
    "of", ["tenant/acme", "user/nobody", "application/Nothing", "group/nobodys", "site/-", "built-in/-"]
)
async def test_there_is_no_policy_of_what_is_not_there(site: ApiSite, of: str) -> None:
    body = {"values": {"clipboard": "none"}}
    assert (await look(site, f"policies/{of}")).status == 404
    assert (await change(site, "PUT", f"policies/{of}", body)).status == 404
    assert (await change(site, "DELETE", f"policies/{of}")).status == 404


async def test_the_policy_of_a_deleted_user_or_application_is_gone(site: ApiSite) -> None:
    await put(site, "application/Shell", clipboard="none")
    assert (await change(site, "DELETE", "applications/Shell")).status == 204
    ann = replace(site.acme.ann.user, id=new_id(), name="zoe", groups=frozenset())
    revision = await site.services.identity.users.create(site.acme.tenant.id, ann, "test")
    await site.services.snapshot.until(revision)
    await put(site, "user/zoe", clipboard="none")
    assert (await change(site, "DELETE", "users/zoe")).status == 204
    assert (await look(site, "policies")).json["items"] == []
    assert (await look(site, "policies/user/zoe")).status == 404
    assert site.services.snapshot.list(site.acme.tenant.id, "policy") == []
    assert (await look(site, "policies/effective?user=zoe")).code == "not_found"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"values": {"networks": ["10.0.0.1/8"]}}, "values.networks[0]"),
        ({"values": {"hours": [{"days": ["mon"], "from": "08:00", "to": "08:00"}]}}, "values.hours[0].to"),
        ({"values": {"time_zone": "Mars/Olympus"}}, "values.time_zone"),
        ({"values": {"sessions": "many"}}, "values.sessions"),
        ({"values": {"wallpaper": "red"}}, "values.wallpaper"),
        ({"values": []}, "values"),
        ({"locked": ["wallpaper"]}, "locked[0]"),
        ({"locked": "clipboard"}, "locked"),
        ({"value": {}}, "value"),
        ({"revision": -1}, "revision"),
        ({"revision": True}, "revision"),
    ],
)
async def test_a_wrong_policy_is_refused_by_field(site: ApiSite, body: dict[str, Any], field: str) -> None:
    answer = await change(site, "PUT", "policies/tenant/-", body)
    assert (answer.status, answer.code) == (422, "invalid_field")
    assert answer.json["error"]["field"] == field


async def test_the_fields_are_described_for_a_form(site: ApiSite) -> None:
    answer = (await look(site, "policies/fields")).json
    assert {each["name"]: each["kind"] for each in answer["items"]}["clipboard"] == "choice"
    assert answer["levels"] == ["tenant", "group", "application", "user"]


async def test_another_tenant_has_policies_of_its_own(site: ApiSite) -> None:
    await put(site, "tenant/-", clipboard="none")
    async with signed_in(site, site.globex.root) as browser:
        assert (await browser.get(POLICIES)).json["items"] == []
        fields = (await browser.get(f"{POLICIES}/effective?user=ann")).json["fields"]
        assert all(each["origin"] == "built-in" for each in fields)


# --- what they do


async def test_who_is_elsewhere_may_not_launch_and_the_trace_says_by_which_policy(site: ApiSite) -> None:
    await put(site, "group/staff", networks=["198.51.100.0/24"])
    async with signed_in(site, site.acme.ann) as ann:
        refused = await launch(site, ann)
    assert (refused.status, refused.code) == (409, "outside_networks")
    step = await failed_step(site, refused)
    assert (step["step"], step["object"]) == ("policy", "policy:group:staff")
    await put(site, "group/staff", networks=[HERE])
    async with signed_in(site, site.acme.ann) as ann:
        assert (await launch(site, ann)).status == 201


async def test_nobody_launches_outside_of_the_hours(site: ApiSite) -> None:
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(int(site.clock.now() // 86400) + 3) % 7]
    never = {"days": [day], "from": "00:00", "to": "00:01"}
    await put(site, "tenant/-", hours=[never])
    async with signed_in(site, site.acme.ann) as ann:
        refused = await launch(site, ann)
        assert refused.code == "outside_hours"
        await put(site, "tenant/-", hours=[{"days": [day], "from": "00:00", "to": "24:00"}])
        assert (await launch(site, ann)).status == 201


async def test_a_policy_says_how_many_sessions_a_user_may_have(site: ApiSite) -> None:
    await put(site, "user/ann", sessions=0)
    async with signed_in(site, site.acme.ann) as ann:
        refused = await launch(site, ann)
        assert refused.code == "quota_user"
        step = await failed_step(site, refused)
        assert (step["step"], step["object"], step["detail"]) == (
            "quota",
            "policy:user:ann",
            "0 of 0 sessions; sessions is 0 by user:ann [quota_user]",
        )


async def test_an_application_that_wants_a_new_code_starts_after_one(site: ApiSite) -> None:
    await put(site, "application/Editor", second_factor_minutes=5)
    async with signed_in(site, site.acme.ann) as ann:
        site.clock.wall += 301
        refused = await launch(site, ann)
        assert refused.code == "factor_needed"
        proven = await prove(site, ann)
        assert (proven.status, proven.json["factor_time"]) == (200, site.clock.now())
        assert (await launch(site, ann)).status == 201
        site.clock.wall += 301
        assert (await launch(site, ann)).code == "factor_needed"


async def test_a_code_is_good_once_and_wrong_ones_are_counted(site: ApiSite) -> None:
    async with signed_in(site, site.acme.ann) as ann:
        code = totp.code_at(site.acme.ann.totp_secret, totp.step_at(site.clock.now()))
        assert (await prove(site, ann, code)).status == 200
        assert (await prove(site, ann, code)).code == "factor_refused"
        wrong = "000000" if code != "000000" else "111111"
        codes = [(await prove(site, ann, wrong)).code for _ in range(5)]
        assert codes[-1] == "sign_in_blocked" and codes[0] == "factor_refused"
        assert (await prove(site, ann, "")).status == 422
    async with site.browser() as stranger:
        assert (await prove(site, stranger, code)).status == 401


async def test_an_api_token_has_no_second_factor(site: ApiSite) -> None:
    await put(site, "tenant/-", second_factor_minutes=60)
    async with site.browser() as browser:
        body = json.dumps({"application": site.acme.editor.id}).encode()
        headers = {"Authorization": f"Bearer {site.acme.ann.api_token}", "Content-Type": "application/json"}
        refused = await browser.request("POST", "/api/v1/sessions", body, headers)
    assert refused.code == "factor_needed"


async def test_the_clipboard_of_a_grant_is_what_the_policy_says_when_it_is_issued(site: ApiSite) -> None:
    session = await site.launch(site.acme)
    async with signed_in(site, site.acme.ann) as ann:
        grant = await redeemed(site, ann, session.id)
        assert grant.channels == {"display", "input", "clipboard_in", "clipboard_out"}
        await put(site, "application/Editor", clipboard="to_application")
        renewed = await ann.change("POST", f"/api/v1/sessions/{session.id}/grant", {"e": grant.e})
        assert read_grant(renewed.json["grant"]).channels == {"display", "input", "clipboard_in"}
        again = await redeemed(site, ann, session.id)
        assert again.channels == {"display", "input", "clipboard_in"}
        kept = site.services.sessions.get(site.acme.tenant.id, session.id)
        assert kept is not None and (kept.clipboard, kept.client_address) == ("to_application", "192.0.2.1")


async def test_nobody_attaches_from_elsewhere_nor_goes_on_there(site: ApiSite) -> None:
    session = await site.launch(site.acme)
    async with signed_in(site, site.acme.ann) as ann:
        ticket = (await ann.change("POST", f"/api/v1/sessions/{session.id}/ticket", {})).json["ticket"]
        grant = await redeemed(site, ann, session.id)
        await put(site, "tenant/-", networks=["198.51.100.0/24"])
        for path, body in (("ticket", {}), ("grant", {"e": grant.e})):
            refused = await ann.change("POST", f"/api/v1/sessions/{session.id}/{path}", body)
            assert (refused.status, refused.code) == (409, "outside_networks")
        with pytest.raises(Exception, match="ticket_refused"):
            await site.services.attach.redeem(ticket)


# --- groups


async def test_a_group_inside_another_has_what_that_one_has(site: ApiSite) -> None:
    tenant_id = site.acme.tenant.id
    shell = replace(
        site.acme.shell, entitlement=replace(site.acme.shell.entitlement, groups=frozenset({"office"}))
    )
    store = await site.stores.tenant(tenant_id)
    result = await site.stores.commit(store.put(("application", shell.id), shell.to_json()))
    await site.services.snapshot.until(result.revision)
    async with signed_in(site, site.acme.ann) as ann:
        assert names_of(await ann.get("/api/v1/catalogue")) == ["Editor"]
        made = await change(
            site, "PUT", "groups/office", {"members": {"groups": ["staff"]}, "description": "All"}
        )
        assert made.json["group"]["members"] == {"groups": ["staff"]}
        assert names_of(await ann.get("/api/v1/catalogue")) == ["Editor", "Shell"]
        await put(site, "group/office", clipboard="none")
        assert (await effective(site, "clipboard"))["origin"] == "group:office"
        session = await ann.change("POST", "/api/v1/sessions", {"application": shell.id})
        assert session.status == 201
        gone = await change(site, "DELETE", "groups/office")
        assert gone.json == {"users": 0, "applications": ["Shell"]}
        assert names_of(await ann.get("/api/v1/catalogue")) == ["Editor"]
        assert (await effective(site, "clipboard"))["origin"] == "built-in"


def names_of(catalogue: Answer) -> list[str]:
    return [each["name"] for each in catalogue.json["applications"]]


async def test_a_group_that_would_contain_itself_is_refused_with_the_way_around(site: ApiSite) -> None:
    for name, inner in (("a", "b"), ("b", "c")):
        assert (await change(site, "PUT", f"groups/{name}", {"members": {"groups": [inner]}})).status == 200
    refused = await change(site, "PUT", "groups/c", {"members": {"groups": ["a"]}})
    assert (refused.status, refused.code) == (409, "group_cycle")
    assert "c > a > b > c" in refused.json["error"]["message"]
    assert (await change(site, "PUT", "groups/a", {"members": {"groups": ["a"]}})).code == "group_cycle"
    assert site.services.groups.record(site.acme.tenant.id, "c") is None


async def test_the_users_of_a_group_are_set_as_a_whole(site: ApiSite) -> None:
    answer = await change(site, "PUT", "groups/editors", {"users": ["root", "ANN"]})
    assert answer.json["group"]["users"] == ["ann", "root"]
    assert groups_of(site, "ann") == {"staff", "editors"}
    answer = await change(site, "PUT", "groups/editors", {"users": ["root"], "description": "Two"})
    assert (answer.json["group"]["users"], answer.json["group"]["user_count"]) == (["root"], 1)
    assert groups_of(site, "ann") == {"staff"}
    both = await change(site, "PUT", "groups/editors", {"add_users": ["ann"], "remove_users": ["Root"]})
    assert both.json["group"]["users"] == ["ann"]
    await change(site, "PUT", "groups/editors", {"users": ["root"]})
    refused = await change(site, "PUT", "groups/editors", {"add_users": ["ann", "nobody"]})
    assert refused.json["error"]["field"] == "add_users[1]"
    assert groups_of(site, "ann") == {"staff"}
    assert (await change(site, "DELETE", "groups/editors")).json["users"] == 1
    assert "editors" not in groups_of(site, "root")
    assert (await look(site, "groups/editors")).status == 404


def groups_of(site: ApiSite, name: str) -> frozenset[str]:
    user = site.services.identity.users.by_name(site.acme.tenant.id, name)
    assert isinstance(user, User)
    return user.groups


async def test_many_users_are_put_into_a_group_a_few_at_a_time(site: ApiSite) -> None:
    users = site.services.identity.users
    names = [f"user {n:03d}" for n in range(95)]
    for name in names:
        user = User(id=new_id(), name=name)
        await users.create(site.acme.tenant.id, user, "test")
    await site.services.snapshot.until(await site.services.snapshot.newest())
    answer = await change(site, "PUT", "groups/all", {"users": names})
    assert (answer.status, answer.json["group"]["users"]) == (200, names)


async def test_groups_that_users_name_are_listed_without_a_record(site: ApiSite) -> None:
    items = (await look(site, "groups")).json["items"]
    assert [(each["name"], each["user_count"], each["revision"]) for each in items] == [("staff", 1, 0)]
    shown = (await look(site, "groups/staff")).json["group"]
    assert (shown["users"], shown["applications"], shown["inside"]) == (["ann"], ["Editor"], [])


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("staff", {"members": {"groups": ["x" * 65]}}, "members.groups[0]"),
        ("staff", {"members": {"groups": [7]}}, "members.groups[0]"),
        ("staff", {"members": {"users": []}}, "members.users"),
        ("staff", {"members": []}, "members"),
        ("staff", {"description": "two\nlines"}, "description"),
        ("staff", {"description": None}, "description"),
        ("staff", {"users": "ann"}, "users"),
        ("staff", {"colour": 1}, "colour"),
        ("%20staff", {}, "name"),
        ("x" * 65, {}, "name"),
    ],
)
async def test_a_wrong_group_is_refused_by_field(
    site: ApiSite, name: str, body: dict[str, Any], field: str
) -> None:
    answer = await change(site, "PUT", f"groups/{name}", body)
    assert (answer.status, answer.json["error"].get("field")) == (422, field)


async def test_a_group_of_groups_has_bounds(site: ApiSite) -> None:
    inner = [f"g{n}" for n in range(60)]
    assert (await change(site, "PUT", "groups/one", {"members": {"groups": inner}})).status == 200
    others = [f"h{n}" for n in range(60)]
    assert (await change(site, "PUT", "groups/two", {"members": {"groups": others}})).status == 200
    refused = await change(site, "PUT", "groups/three", {"members": {"groups": ["one", "two"]}})
    assert (refused.status, refused.json["error"]["field"]) == (422, "members.groups")


async def test_two_administrators_of_one_group_see_each_other(site: ApiSite) -> None:
    first = (await change(site, "PUT", "groups/staff", {"description": "one", "revision": 0})).json["group"]
    late = await change(site, "PUT", "groups/staff", {"description": "two", "revision": 0})
    assert late.code == "changed_meanwhile"
    assert late.json["error"]["current"]["description"] == "one"
    again = {"description": "two", "revision": first["revision"]}
    assert (await change(site, "PUT", "groups/staff", again)).status == 200


async def prove(site: ApiSite, browser: ApiBrowser, code: str | None = None) -> Answer:
    if code is None:
        site.clock.wall += totp.STEP_SECONDS
        code = totp.code_at(site.acme.ann.totp_secret, totp.step_at(site.clock.now()))
    return await browser.change("POST", "/api/v1/login/factor", {"code": code})


async def redeemed(site: ApiSite, browser: ApiBrowser, session_id: str) -> Any:
    ticket = await browser.change("POST", f"/api/v1/sessions/{session_id}/ticket", {})
    assert ticket.status == 200, json.loads(ticket.body)
    return read_grant((await site.services.attach.redeem(ticket.json["ticket"])).grant)

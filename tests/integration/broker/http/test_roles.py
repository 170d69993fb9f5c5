"""Roles that a tenant makes, who has them, and that nobody gets hold of more than they have."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from portcullis.ids import new_id
from portcullis.model.roles import BUILT_IN_ROLES, PERMISSIONS
from portcullis.model.user import User
from tests.support.api_site import Account, ApiSite, api_site, signed_in
from tests.support.browser import Answer

ADMIN = "/api/v1/admin"


async def change(site: ApiSite, who: Account, method: str, path: str, body: Any = None) -> Answer:
    async with signed_in(site, who) as browser:
        return await browser.change(method, f"{ADMIN}/{path}", body)


async def put_role(site: ApiSite, name: str, *permissions: str, who: Account | None = None) -> Answer:
    return await change(
        site, who or site.acme.root, "PUT", f"roles/{name}", {"permissions": list(permissions)}
    )


async def give(site: ApiSite, name: str, who: Account | None = None, **changes: Any) -> Answer:
    return await change(site, who or site.acme.root, "PUT", f"users/{name}", changes)


async def add_user(site: ApiSite, name: str, **fields: Any) -> User:
    """Who can sign in, with no browser of theirs."""
    ann = site.acme.ann.user
    user = replace(ann, id=new_id(), name=name, **fields)
    revision = await site.services.identity.users.create(site.acme.tenant.id, user, "test")
    await site.services.snapshot.until(revision)
    return user


# --- roles


async def test_a_role_is_made_given_and_holds_from_the_next_request(site: ApiSite) -> None:
    made = await put_role(site, "Publisher", "applications.read", "applications.write")
    assert (made.status, made.json["outcome"]) == (200, "created")
    assert made.json["role"] == {
        "name": "Publisher",
        "permissions": ["applications.read", "applications.write"],
        "built_in": False,
        "users": 0,
        "revision": made.json["role"]["revision"],
    }
    async with signed_in(site, site.acme.ann) as ann:
        assert (await ann.get(f"{ADMIN}/applications")).code == "not_permitted"
        given = await give(site, "ann", role="publisher")
        assert given.json["user"]["role"] == "Publisher"
        assert (await ann.get(f"{ADMIN}/applications")).status == 200
        assert (await ann.get(f"{ADMIN}/users")).code == "not_permitted"
        seen = (await ann.get("/api/v1/login")).json
        assert seen["permissions"] == ["applications.read", "applications.write"]
        changed = await put_role(site, "PUBLISHER", "applications.read")
        assert (changed.json["outcome"], changed.json["role"]["name"]) == ("changed", "Publisher")
        assert changed.json["role"]["users"] == 1
        answer = await ann.change("DELETE", f"{ADMIN}/applications/Nothing")
        assert answer.code == "not_permitted"
    assert (await put_role(site, "Publisher", "applications.read")).json["outcome"] == "unchanged"


async def test_a_role_that_was_changed_meanwhile_is_not_written_over(site: ApiSite) -> None:
    seen = (await put_role(site, "Publisher", "users.read")).json["role"]["revision"]
    await put_role(site, "Publisher", "hosts.read")
    body = {"permissions": ["groups.read"], "revision": seen}
    refused = await change(site, site.acme.root, "PUT", "roles/Publisher", body)
    assert (refused.status, refused.code) == (409, "changed_meanwhile")
    assert refused.json["error"]["current"]["permissions"] == ["hosts.read"]


async def test_the_list_holds_built_in_and_own_roles_with_every_permission(site: ApiSite) -> None:
    await put_role(site, "Publisher", "applications.read")
    async with signed_in(site, site.acme.root) as root, signed_in(site, site.globex.root) as foreign:
        mine, theirs = [(await one.get(f"{ADMIN}/roles")).json for one in (root, foreign)]
    assert mine["permissions"] == PERMISSIONS
    assert [(r["name"], r["built_in"]) for r in mine["items"]][-2:] == [
        ("auditor", True),
        ("Publisher", False),
    ]
    assert {role["name"]: role["users"] for role in mine["items"]}["administrator"] == 1
    assert {role["name"] for role in theirs["items"]} == set(BUILT_IN_ROLES)


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("X", {}, "permissions"),
        ("X", {"permissions": "users.read"}, "permissions"),
        ("X", {"permissions": ["users.read", "no.such"]}, "permissions[1]"),
        ("X", {"permissions": ["platform.panic"]}, "permissions[0]"),
        ("X", {"permissions": [1]}, "permissions[0]"),
        ("X", {"permissions": [], "built_in": True}, "built_in"),
        ("%20x", {"permissions": []}, "name"),
        ("x" * 65, {"permissions": []}, "name"),
    ],
)
async def test_a_role_that_is_not_right_is_refused_by_field(
    site: ApiSite, name: str, body: Any, field: str
) -> None:
    answer = await change(site, site.acme.root, "PUT", f"roles/{name}", body)
    assert (answer.status, answer.json["error"]["field"]) == (422, field)


@pytest.mark.parametrize("name", ["administrator", "Administrator", "user", "HELP_DESK"])
async def test_built_in_roles_stay_as_they_are(site: ApiSite, name: str) -> None:
    assert (await put_role(site, name, "users.read")).code == "role_built_in"
    assert (await change(site, site.acme.root, "DELETE", f"roles/{name}")).code == "role_built_in"


async def test_a_role_in_use_is_not_deleted(site: ApiSite) -> None:
    await put_role(site, "Publisher", "applications.read")
    await give(site, "ann", role="Publisher")
    refused = await change(site, site.acme.root, "DELETE", "roles/publisher")
    assert (refused.status, refused.code) == (409, "role_in_use")
    await give(site, "ann", role="user")
    assert (await change(site, site.acme.root, "DELETE", "roles/publisher")).status == 204
    assert (await change(site, site.acme.root, "DELETE", "roles/publisher")).code == "not_found"
    assert (await give(site, "ann", role="Publisher")).json["error"]["field"] == "role"


# --- nobody gets hold of more


async def test_a_role_of_more_than_its_maker_may_is_refused(site: ApiSite) -> None:
    await put_role(site, "Deputy", "roles.read", "roles.write", "users.read", "users.write")
    await put_role(site, "Strong", "applications.write")
    await give(site, "ann", role="Deputy")
    ann = site.acme.ann
    assert (await put_role(site, "Sly", "configuration.apply", who=ann)).code == "not_permitted"
    assert (await put_role(site, "Strong", "users.read", who=ann)).code == "not_permitted"
    assert (await change(site, ann, "DELETE", "roles/Strong")).code == "not_permitted"
    assert (await put_role(site, "Reader", "users.read", who=ann)).status == 200
    for role in ("administrator", "Strong"):
        assert (await give(site, "ann", ann, role=role)).code == "not_permitted"
        invited = await change(site, ann, "POST", "users", {"name": "bob", "role": role})
        assert invited.code == "not_permitted"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "users/root/reset", {}),
        ("POST", "users/root/disable", {}),
        ("POST", "users/root/sign-out", {}),
        ("POST", "users/root/enable", {}),
        ("PUT", "users/root", {"groups": ["staff"]}),
        ("DELETE", "users/root", None),
    ],
)
async def test_who_may_do_more_is_out_of_reach(site: ApiSite, method: str, path: str, body: Any) -> None:
    """A reset answers a link by which one becomes that user."""
    await put_role(site, "Deputy", "users.read", "users.write")
    await give(site, "ann", role="Deputy")
    await add_user(site, "other", role="administrator")
    answer = await change(site, site.acme.ann, method, path, body)
    assert (answer.status, answer.code) == (403, "not_permitted")


async def test_a_platform_administrator_is_out_of_reach_of_a_tenants_own(site: ApiSite) -> None:
    await add_user(site, "operator", role="administrator", platform=True)
    for act in ("reset", "disable"):
        assert (
            await change(site, site.acme.root, "POST", f"users/operator/{act}", {})
        ).code == "not_permitted"
    for body in ({"platform": True}, {"platform": False}):
        assert (await change(site, site.acme.root, "PUT", "users/root", body)).code == "not_permitted"
    assert (
        await change(site, site.acme.root, "POST", "users", {"name": "bob", "platform": True})
    ).code == "not_permitted"


# --- the last ones


async def test_the_last_administrator_keeps_the_role(site: ApiSite) -> None:
    for role in ("user", "help_desk"):
        refused = await give(site, "root", role=role)
        assert (refused.status, refused.code) == (409, "last_administrator")
    await add_user(site, "deputy", role="administrator")
    assert (await give(site, "root", role="user")).status == 200


async def test_two_administrators_who_demote_each_other_do_not_both_succeed(site: ApiSite) -> None:
    other = await add_user(site, "deputy", role="administrator")
    deputy = replace(site.acme.root, user=other)
    answers = await asyncio.gather(
        give(site, "deputy", site.acme.root, role="user"), give(site, "root", deputy, role="user")
    )
    users = site.services.identity.users.list(site.acme.tenant.id)
    assert sum(user.role == "administrator" for user in users) == 1
    assert sorted(answer.status for answer in answers) in ([200, 403], [200, 409])


async def test_the_last_platform_administrator_stays_one(site: ApiSite) -> None:
    await site.put_user(site.acme.root, replace(site.acme.root.user, platform=True))
    await add_user(site, "deputy", role="administrator")
    for method, path, body in (
        ("PUT", "users/root", {"platform": False}),
        ("POST", "users/root/disable", {}),
        ("DELETE", "users/root", None),
    ):
        refused = await change(site, site.acme.root, method, path, body)
        assert (refused.status, refused.code) == (409, "last_platform_administrator")
    assert (await give(site, "deputy", platform=True)).json["user"]["platform"] is True
    assert (await give(site, "root", platform=False)).status == 200


async def test_a_change_for_a_user_who_was_changed_meanwhile_is_refused(site: ApiSite) -> None:
    record = site.services.identity.users.record(site.acme.tenant.id, site.acme.ann.user.id)
    assert record is not None
    assert (await give(site, "ann", groups=["a"], revision=record.mod_revision)).status == 200
    refused = await give(site, "ann", groups=["b"], revision=record.mod_revision)
    assert (refused.status, refused.code) == (409, "changed_meanwhile")
    assert refused.json["error"]["current"]["groups"] == ["a"]


async def test_what_a_change_does_not_name_stays(site: ApiSite) -> None:
    answer = await give(site, "ann", role="help_desk")
    assert answer.json["user"]["groups"] == ["staff"]
    answer = await give(site, "ann", groups=[])
    assert (answer.json["user"]["role"], answer.json["user"]["groups"]) == ("help_desk", [])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "emperor"}, "role"),
        ({"role": None}, "role"),
        ({"role": ""}, "role"),
        ({"groups": "staff"}, "groups"),
        ({"platform": "yes"}, "platform"),
        ({"revision": -1}, "revision"),
        ({"password": "x"}, "password"),
    ],
)
async def test_a_change_that_is_not_right_is_refused_by_field(site: ApiSite, body: Any, field: str) -> None:
    answer = await change(site, site.acme.root, "PUT", "users/ann", body)
    assert (answer.status, answer.json["error"]["field"]) == (422, field)


# --- sites of before


async def test_administrators_of_the_only_tenant_of_an_old_site_have_the_whole_site(tmp_path: Any) -> None:
    async with api_site(tmp_path, tenants=1) as site:
        async with signed_in(site, site.acme.root) as root:
            assert set((await root.get("/api/v1/login")).json["permissions"]) == set(PERMISSIONS)
        await add_user(site, "deputy", role="administrator")
        made = await change(site, site.acme.root, "POST", "users", {"name": "bob", "platform": True})
        assert made.json["user"]["platform"]
        async with signed_in(site, site.acme.root) as root:
            assert "platform.panic" in (await root.get("/api/v1/login")).json["permissions"]
        deputy = site.services.identity.users.by_name(site.acme.tenant.id, "deputy")
        assert deputy is not None
        async with signed_in(site, replace(site.acme.root, user=deputy)) as root:
            assert "platform.panic" not in (await root.get("/api/v1/login")).json["permissions"]

"""What administrators do: publish, make users, see machines and tokens. Their tenant is all they see."""

from __future__ import annotations

import asyncio
import base64
from urllib.parse import quote

import pytest

from broker.repositories.applications import Publication
from broker.repositories.icons import Icon
from portcullis.model.application import Entitlement
from tests.support import pictures
from tests.support.administering import ADMIN, items_of, publish
from tests.support.api_site import ApiSite, signed_in
from tests.support.enrolling import enrol, token_of


def _png(shade: int = 0) -> dict[str, str]:
    return {"content_type": "image/png", "data": base64.b64encode(pictures.png(shade=shade)).decode()}


async def _icons(site: ApiSite) -> int:
    store = await site.stores.tenant(site.acme.tenant.id)
    return len(await store.list("icon"))


async def test_publishing_creates_then_changes_then_changes_nothing(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        created = await publish(root, "Paint")
        same = await publish(root, "Paint")
        changed = await publish(root, "Paint", command=["gimp"])
        listed = {item["name"]: item for item in await items_of(root, "applications")}
    outcomes = [answer.json["outcome"] for answer in (created, same, changed)]
    assert outcomes == ["created", "unchanged", "changed"]
    assert created.json["application"] == same.json["application"]
    store = await site.stores.tenant(site.acme.tenant.id)
    assert len(await store.list("history", "application", created.json["application"]["id"])) == 2
    assert created.json["application"] == {
        "id": created.json["application"]["id"],
        "name": "Paint",
        "command": ["gimp", "--new"],
        "environment": {"LC_TIME": "C"},
        "entitled": {"users": ["ann"], "groups": ["artists"]},
        "icon": None,
        "disabled": False,
        "host_groups": [],
        "minimum_memory_bytes": 0,
        "rdp": None,
        "wine": None,
        "desktop": None,
        "revision": created.json["application"]["revision"],
    }
    assert listed["Paint"]["command"] == ["gimp"]
    assert listed.keys() == {"Editor", "Shell", "Paint"}


async def test_a_name_is_one_application_whatever_its_case(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        answers = [await publish(root, name) for name in ("Paint", "PAINT", "Paint")]
        names = [item["name"] for item in await items_of(root, "applications")]
    assert [answer.json["outcome"] for answer in answers] == ["created", "changed", "changed"]
    assert len({answer.json["application"]["id"] for answer in answers}) == 1
    assert names == ["Editor", "Paint", "Shell"]


@pytest.mark.parametrize("name", ["50 off?", "Ünïcødé 李", "<img onerror=x>", "=cmd()", "x" * 64, "a;b#c"])
async def test_any_printable_name_can_be_published_and_deleted(site: ApiSite, name: str) -> None:
    async with signed_in(site, site.acme.root) as root:
        assert (await publish(root, name)).json["application"]["name"] == name
        deleted = await root.change("DELETE", f"{ADMIN}/applications/{quote(name, safe='')}")
    assert deleted.status == 204


@pytest.mark.parametrize("name", [" a", "a\n", "\0", "\u202e", "x" * 65])
async def test_an_unfit_name_is_refused(site: ApiSite, name: str) -> None:
    async with signed_in(site, site.acme.root) as root:
        answer = await publish(root, name)
    assert (answer.status, answer.json["error"]["field"]) == (422, "name")


async def test_an_unknown_user_is_named_with_its_place(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        answer = await publish(root, "Paint", entitled={"users": ["ann", "nobody"]})
        assert [item["name"] for item in await items_of(root, "applications")] == ["Editor", "Shell"]
    error = answer.json["error"]
    assert (answer.status, error["code"]) == (422, "invalid_field")
    assert (error["field"], error["expected"]) == ("entitled.users[1]", "the name of an existing user")


async def test_an_absent_icon_keeps_the_old_one_and_null_removes_it(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        first = (await publish(root, "Paint", icon=_png(1))).json["application"]["icon"]
        kept = (await publish(root, "Paint", command=["x"])).json["application"]["icon"]
        assert first == kept
        assert (await root.get(first)).status == 200
        assert (await publish(root, "Paint", icon=_png(1), command=["x"])).json["outcome"] == "unchanged"
        other = (await publish(root, "Paint", icon=_png(2))).json["application"]["icon"]
        assert (await root.get(first)).status == 404
        assert (await root.get(other)).status == 200
        assert (await publish(root, "Paint", icon=None)).json["application"]["icon"] is None
    assert await _icons(site) == 0


async def test_an_icon_stays_while_another_application_shows_it(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        icon = (await publish(root, "Paint", icon=_png())).json["application"]["icon"]
        await publish(root, "Draw", icon=_png())
        await root.change("DELETE", f"{ADMIN}/applications/Paint")
        assert (await root.get(icon)).status == 200
        await root.change("DELETE", f"{ADMIN}/applications/Draw")
        assert (await root.get(icon)).status == 404


async def test_an_icon_taken_into_use_while_it_is_dropped_survives(two_brokers: ApiSite) -> None:
    """Whatever order the two brokers come in, an icon that an application shows is there."""
    site = two_brokers
    one, two = (broker.services.applications for broker in site.brokers)
    tenant, icon = site.acme.tenant.id, Icon("image/png", b"picture")

    def publication(name: str, shown: Icon | None) -> Publication:
        return Publication(name, ("x",), {}, Entitlement(), False, shown)

    for _ in range(10):
        made = await one.publish(tenant, publication("A", icon), "test")
        await site.brokers[1].snapshot.until(made.revision)
        await asyncio.gather(
            one.publish(tenant, publication("A", None), "test"),
            two.publish(tenant, publication("B", icon), "test"),
        )
        assert await site.services.icons.get(tenant, icon.hash) == icon
        await one.delete(tenant, "B", "test")
        await site.brokers[1].snapshot.until(site.brokers[0].snapshot.revision)


async def test_publishing_the_same_at_two_brokers_makes_one_application(two_brokers: ApiSite) -> None:
    site = two_brokers
    async with signed_in(site, site.acme.root) as here, signed_in(site, site.acme.root, broker=1) as there:
        answers = await asyncio.gather(*(publish((here, there)[n % 2], "Paint") for n in range(6)))
        names = [item["name"] for item in await items_of(here, "applications")]
    assert sorted(answer.json["outcome"] for answer in answers) == ["created"] + ["unchanged"] * 5
    assert names == ["Editor", "Paint", "Shell"]


async def test_deleting_an_application_leaves_its_sessions_running(site: ApiSite) -> None:
    session = await site.launch(site.acme)
    async with signed_in(site, site.acme.root) as root, signed_in(site, site.acme.ann) as ann:
        assert (await root.change("DELETE", f"{ADMIN}/applications/editor")).status == 204
        again = await root.change("DELETE", f"{ADMIN}/applications/Editor")
        seen = (await ann.get("/api/v1/catalogue")).json
        shown = (await ann.get(f"/api/v1/sessions/{session.id}")).json
    assert (again.status, again.code) == (404, "not_found")
    assert seen["applications"] == []
    assert shown["state"] == "ready"
    assert shown["application"] == {"id": site.acme.editor.id, "name": "Editor", "icon": None}


async def test_a_change_is_kept_in_history_with_its_author(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        made = (await publish(root, "Paint")).json["application"]
        await root.change("DELETE", f"{ADMIN}/applications/Paint")
    store = await site.stores.tenant(site.acme.tenant.id)
    records = await store.list("history", "application", made["id"])
    history = [record.value for record in sorted(records, key=lambda record: record.mod_revision)]
    assert [entry["value"] and entry["value"]["name"] for entry in history] == ["Paint", None]
    assert {entry["author"] for entry in history} == {f"root ({site.acme.root.user.id})"}


async def test_a_new_user_enrols_by_the_link_and_signs_in(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root, site.browser() as bob:
        made = await root.change("POST", f"{ADMIN}/users", {"name": "bob", "groups": ["staff"]})
        person = await enrol(bob, made.json["enrolment"]["link"], site.clock.now())
        site.clock.wall += 30
        answer = await bob.sign_in(
            "bob", person.password, totp_secret=person.totp_secret, organisation="acme"
        )
        tiles = (await bob.get("/api/v1/catalogue")).json["applications"]
        listing = await root.get(f"{ADMIN}/users")
    assert made.status == 201
    assert made.json.keys() == {"user", "enrolment"}
    assert made.json["enrolment"].keys() == {"link", "expires"}
    assert answer.json["role"] == "user"
    assert [tile["name"] for tile in tiles] == ["Editor"]
    for secret in (person.password, person.totp_secret, "argon2", "totp", "hash", "enrol_"):
        assert secret not in listing.body.decode()
    assert {item["name"] for item in listing.json["items"]} == {"ann", "bob", "root"}
    fields = {"id", "name", "role", "platform", "groups", "disabled", "state", "invited_until", "revision"}
    assert listing.json["items"][0].keys() == fields


async def test_secrets_of_a_new_user_stand_in_no_log(site: ApiSite, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with signed_in(site, site.acme.root) as root:
        made = (await root.change("POST", f"{ADMIN}/users", {"name": "bob"})).json["enrolment"]["link"]
        person = await enrol(root, made, site.clock.now())
        await root.change("POST", "/api/v1/enrolment", {"token": token_of(made)})
        cookie = next(iter(root.cookies.values()))
    logged = "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    secrets = (person.password, person.totp_secret, *person.recovery_codes, token_of(made), cookie)
    for secret in (*secrets, site.acme.root.password):
        assert secret not in logged
    assert "user invited" in logged
    assert "enrolment_refused" in logged


@pytest.mark.parametrize("name", ["ann", "ANN", "Ａnn"])
async def test_a_name_that_is_taken_is_refused(site: ApiSite, name: str) -> None:
    async with signed_in(site, site.acme.root) as root:
        answer = await root.change("POST", f"{ADMIN}/users", {"name": name})
    assert (answer.status, answer.code) == (409, "already_exists")


async def test_the_same_name_at_two_brokers_is_made_once(two_brokers: ApiSite) -> None:
    site = two_brokers
    async with signed_in(site, site.acme.root) as here, signed_in(site, site.acme.root, broker=1) as there:
        answers = await asyncio.gather(
            *(browser.change("POST", f"{ADMIN}/users", {"name": "bob"}) for browser in (here, there))
        )
    assert sorted(answer.status for answer in answers) == [201, 409]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"name": " bob"}, "name"),
        ({"name": "b\u200bob"}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": "bob", "groups": "staff"}, "groups"),
        ({"name": "bob", "groups": ["staff", ""]}, "groups[1]"),
        ({"name": "bob", "groups": ["g"] * 65}, "groups"),
        ({"name": "bob", "role": "root"}, "role"),
        ({"name": "bob", "role": None}, "role"),
        ({"name": "bob", "password": "x"}, "password"),
        ({"name": "bob", "tenant": "globex"}, "tenant"),
    ],
)
async def test_a_malformed_user_is_refused_by_field(site: ApiSite, body: object, field: str) -> None:
    async with signed_in(site, site.acme.root) as root:
        answer = await root.change("POST", f"{ADMIN}/users", body)
        assert len(await items_of(root, "users")) == 2
    assert (answer.status, answer.json["error"]["field"]) == (422, field)


async def test_sessions_of_the_tenant_are_listed_and_logged_off(site: ApiSite) -> None:
    mine, _theirs = await site.launch(site.acme), await site.launch(site.globex)
    async with signed_in(site, site.acme.root) as root:
        listed = await items_of(root, "sessions")
        assert (await root.change("DELETE", f"{ADMIN}/sessions/{mine.id}")).status == 202
        after = await items_of(root, "sessions")
    assert [item["id"] for item in listed] == [mine.id]
    assert listed[0]["user"] == {"id": site.acme.ann.user.id, "name": "ann"}
    assert (listed[0]["stage"], listed[0]["reference"]) == ("ready", mine.reference)
    assert [item["state"] for item in after] == ["ending"]


async def test_who_writes_over_what_others_changed_meanwhile_is_shown_it(site: ApiSite) -> None:
    body = {"command": ["gimp"], "entitled": {"users": [], "groups": []}}
    async with signed_in(site, site.acme.root) as root:
        made = (await root.change("PUT", f"{ADMIN}/applications/Paint", {**body, "revision": 0})).json[
            "application"
        ]
        again = await root.change("PUT", f"{ADMIN}/applications/Paint", {**body, "revision": 0})
        theirs = await root.change("PUT", f"{ADMIN}/applications/Paint", {**body, "disabled": True})
        mine = await root.change("PUT", f"{ADMIN}/applications/Paint", {**body, "revision": made["revision"]})
        now = theirs.json["application"]
        right = await root.change("PUT", f"{ADMIN}/applications/Paint", {**body, "revision": now["revision"]})
        host = (await items_of(root, "hosts"))[0]
        await root.change("PUT", f"{ADMIN}/hosts/acme-h1", {"groups": ["gpu"], "revision": host["revision"]})
        late = await root.change(
            "PUT", f"{ADMIN}/hosts/acme-h1", {"groups": [], "revision": host["revision"]}
        )
    assert (again.status, again.code) == (409, "changed_meanwhile")
    assert (mine.status, mine.code) == (409, "changed_meanwhile")
    assert mine.json["error"]["current"] == now and now["disabled"] is True
    assert right.json["application"]["disabled"] is False
    assert (late.status, late.json["error"]["current"]["groups"]) == (409, ["gpu"])


async def test_an_application_asks_for_host_groups_and_memory(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        wanted = {"host_groups": ["gpu", "lab"], "minimum_memory_bytes": 2**33}
        made = await publish(root, "Paint", **wanted)
        bare = await publish(root, "Paint")
    assert made.json["application"] | wanted == made.json["application"]
    assert bare.json["application"]["host_groups"] == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"host_groups": "gpu"}, "host_groups"),
        ({"host_groups": [" gpu"]}, "host_groups[0]"),
        ({"host_groups": ["g"] * 65}, "host_groups"),
        ({"minimum_memory_bytes": -1}, "minimum_memory_bytes"),
        ({"minimum_memory_bytes": 1.5}, "minimum_memory_bytes"),
        ({"minimum_memory_bytes": True}, "minimum_memory_bytes"),
    ],
)
async def test_malformed_wishes_for_a_host_are_refused_by_field(
    site: ApiSite, change: dict[str, object], field: str
) -> None:
    async with signed_in(site, site.acme.root) as root:
        answer = await publish(root, "Paint", **change)
    assert (answer.status, answer.json["error"]["field"]) == (422, field)


async def test_a_trace_of_another_tenant_is_unknown(site: ApiSite) -> None:
    async with signed_in(site, site.acme.ann) as ann, signed_in(site, site.globex.root) as foreign:
        refused = await ann.change("POST", "/api/v1/sessions", {"application": site.acme.shell.id})
        answer = await foreign.get(f"{ADMIN}/launches/{refused.json['error']['reference']}")
        unfit = await foreign.get(f"{ADMIN}/launches/{quote('../../user/x', safe='')}")
    assert (answer.status, answer.code) == (404, "reference_unknown")
    assert (unfit.status, unfit.code) == (404, "reference_unknown")


async def test_nothing_of_one_tenant_stands_in_any_answer_to_another(site: ApiSite) -> None:
    await site.launch(site.acme)
    async with signed_in(site, site.acme.root) as root:
        await publish(root, "Canary", command=["canary-command"], icon=_png())
        await root.change("POST", f"{ADMIN}/users", {"name": "canary-user", "groups": ["canary-group"]})
        await root.change("POST", f"{ADMIN}/join-tokens", {"role": "host", "name": "canary-host"})
    canaries = [
        site.acme.tenant.id,
        site.acme.ann.user.id,
        site.acme.editor.id,
        site.acme.host.id,
        "acme",
        "canary",
        "Canary",
    ]
    async with signed_in(site, site.globex.root) as foreign:
        paths = ["/api/v1/login", "/api/v1/catalogue"]
        paths += [
            f"{ADMIN}/{what}" for what in ("applications", "users", "sessions", "hosts", "gateways", "tokens")
        ]
        for path in paths:
            answer = await foreign.get(path)
            assert answer.status == 200
            text = answer.body.decode() + str(answer.headers)
            assert not [canary for canary in canaries if canary in text], path

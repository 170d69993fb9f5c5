"""What users give and keep for RDP servers: used where it belongs, and read back by nobody."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from broker.credentials.giving import GivesCredentials
from broker.credentials.memory import LaunchCredentials
from broker.credentials.vault import MOST
from broker.launch.launch import Launcher
from portcullis.ids import new_id
from portcullis.protocol.credentials import CredentialsWanted
from tests.support.api_site import ApiSite, signed_in

SECRET = "Tr0ub4dor&3 zu vier"
DESK = {"server": "ts1.example.com", "user_name": "CORP\\{user}"}
KEPT = {"server": "ts2.example.com", "credentials": "vault", "domain": "CORP"}
BROKER = "b" * 16


async def publish(site: ApiSite, name: str, rdp: dict[str, object]) -> str:
    """Its id."""
    async with signed_in(site, site.acme.root) as root:
        body = {"rdp": rdp, "entitled": {"groups": ["staff"]}}
        answer = await root.change("PUT", f"/api/v1/admin/applications/{name}", body)
    assert answer.status == 200, answer.body
    return str(answer.json["application"]["id"])


@asynccontextmanager
async def a_person(site: ApiSite):
    """Ann, where a host can show servers."""
    host = site.acme.host
    await site.services.hosts.announce(host.id, "0" * 16, BROKER, "1", frozenset({"rdp"}))
    async with signed_in(site, site.acme.ann) as ann:
        yield ann


async def launch(ann, application: str, **more: object):
    return await ann.change("POST", "/api/v1/sessions", {"application": application, **more})


async def given(site: ApiSite, session: str, host: str | None = None, broker_id: str = BROKER, ask=None):
    """What a host is told, by the launcher's own memory."""
    launcher: Launcher = site.services.launcher
    memory: LaunchCredentials = launcher._credentials
    gives = GivesCredentials(site.services.sessions, site.services.vault, memory, broker_id, ask or nobody)
    wanted = CredentialsWanted(session, site.acme.tenant.id)
    return await gives.give(host or site.acme.host.id, wanted)


async def nobody(broker_id: str, path: str, body: bytes) -> None:
    return None


async def everything(site: ApiSite) -> str:
    """All that the grid holds of the tenant, opened, but for what it keeps sealed away."""
    store = await site.stores.tenant(site.acme.tenant.id)
    kinds = ("session", "application", "history", "trace", "login", "nonce", "own", "user")
    return "".join([record.plain.decode() for kind in kinds for record in await store.list(kind)])


async def test_what_was_entered_reaches_the_host_once_and_nothing_else(site: ApiSite, caplog) -> None:
    desk = await publish(site, "Desk", DESK)
    async with a_person(site) as ann:
        answer = await launch(ann, desk, credentials={"password": SECRET})
        assert answer.status == 201, answer.body
        session = answer.json["session"]["id"]
        first, second = await given(site, session), await given(site, session)
        shown = [await ann.get(f"/api/v1/sessions/{session}"), await ann.get("/api/v1/catalogue"), answer]
    assert first.credentials is not None
    assert (first.credentials.user_name, first.credentials.password) == ("CORP\\ann", SECRET)
    assert (second.credentials, second.code) == (None, "credentials_lost")
    async with signed_in(site, site.acme.root) as root:
        shown += [
            await root.get(f"/api/v1/admin/{page}")
            for page in ("sessions", "applications", "audit", "configuration/export")
        ]
    assert SECRET not in "".join(each.body.decode() for each in shown)
    assert SECRET not in await everything(site) + caplog.text


async def test_without_them_the_launch_is_refused_and_the_catalogue_says_so_before(site: ApiSite) -> None:
    desk = await publish(site, "Desk", DESK)
    async with a_person(site) as ann:
        tile = next(
            each for each in (await ann.get("/api/v1/catalogue")).json["applications"] if each["id"] == desk
        )
        answer = await launch(ann, desk)
    assert tile["credentials"] == {
        "kind": "ask",
        "user_name": "CORP\\ann",
        "server": "ts1.example.com",
        "kept": False,
    }
    assert (answer.status, answer.json["error"]["code"]) == (409, "credentials_needed")


async def test_only_the_host_that_starts_the_session_gets_them(site: ApiSite) -> None:
    desk = await publish(site, "Desk", DESK)
    async with a_person(site) as ann:
        session = (await launch(ann, desk, credentials={"password": SECRET})).json["session"]["id"]
    assert (await given(site, session, host=site.globex.host.id)).code == "credentials_lost"
    assert (await given(site, new_id())).code == "credentials_lost"
    stored = site.services.sessions.get(site.acme.tenant.id, session)
    assert stored is not None
    await site.report(stored)  # it runs: nobody needs them any more
    assert (await given(site, session)).code == "credentials_lost"


async def test_another_broker_is_asked_where_they_wait(site: ApiSite) -> None:
    desk = await publish(site, "Desk", DESK)
    async with a_person(site) as ann:
        session = (await launch(ann, desk, credentials={"password": SECRET})).json["session"]["id"]
    tenant = site.acme.tenant.id
    await site.services.sessions.change(tenant, session, lambda each: replace(each, credentials_at="c" * 16))
    asked: list[tuple[str, str]] = []
    memory: LaunchCredentials = site.services.launcher._credentials
    other = GivesCredentials(site.services.sessions, site.services.vault, memory, "c" * 16, nobody)

    async def ask(broker_id: str, path: str, body: bytes) -> bytes:
        asked.append((broker_id, path))
        return await other.answer(body)

    first = await given(site, session, ask=ask)
    assert first.credentials is not None and first.credentials.password == SECRET
    assert asked == [("c" * 16, "/inner/v1/credentials")]
    assert (await given(site, session, ask=ask)).code == "credentials_lost"
    assert (await given(site, session)).code == "credentials_lost"  # that broker is away


async def test_kept_ones_sign_in_until_they_are_changed_or_forgotten(site: ApiSite) -> None:
    desk = await publish(site, "Kept-desk", KEPT)
    path = f"/api/v1/credentials/{desk}"
    async with a_person(site) as ann:
        assert (await launch(ann, desk)).json["error"]["code"] == "credentials_needed"
        assert (await ann.change("PUT", path, {"user_name": "ada", "password": "old"})).status == 204
        assert (await ann.change("PUT", path, {"user_name": "ada", "password": SECRET})).status == 204
        items = (await ann.get("/api/v1/credentials")).json["items"]
        session = (await launch(ann, desk)).json["session"]["id"]
        told = await given(site, session)
        assert (await ann.change("DELETE", path)).status == 204
        after = [
            (await ann.get("/api/v1/credentials")).json["items"],
            (await ann.change("DELETE", path)).status,
        ]
    assert told.credentials is not None
    assert (told.credentials.user_name, told.credentials.domain, told.credentials.password) == (
        "ada",
        "CORP",
        SECRET,
    )
    assert [(each["application"]["name"], each["user_name"], each["usable"]) for each in items] == [
        ("Kept-desk", "ada", True)
    ]
    assert "password" not in json.dumps(items)
    assert after == [[], 404]


async def test_kept_ones_are_sealed_at_rest_and_in_no_memory(site: ApiSite) -> None:
    desk = await publish(site, "Kept-desk", KEPT)
    async with a_person(site) as ann:
        await ann.change("PUT", f"/api/v1/credentials/{desk}", {"user_name": "ada", "password": SECRET})
    everything_at_rest = [item.value async for page in site.grid.pages("/p/") for item in page.items]
    assert len(everything_at_rest) > 10
    assert not [value for value in everything_at_rest if SECRET.encode() in value or b"Tr0ub4dor" in value]
    assert SECRET not in await everything(site)
    snapshot, tenant = site.services.snapshot, site.acme.tenant.id
    assert snapshot.get(tenant, ("vault", site.acme.ann.user.id)) is None


async def test_kept_ones_are_not_sent_to_another_server(site: ApiSite) -> None:
    desk = await publish(site, "Kept-desk", KEPT)
    async with a_person(site) as ann:
        await ann.change("PUT", f"/api/v1/credentials/{desk}", {"user_name": "ada", "password": SECRET})
        await publish(site, "Kept-desk", {**KEPT, "server": "evil.example.net"})
        refused = await launch(ann, desk)
        item = (await ann.get("/api/v1/credentials")).json["items"][0]
    assert refused.json["error"]["code"] == "credentials_needed"
    assert item["usable"] is False


@pytest.mark.parametrize("act", ["delete", "reset"])
async def test_they_go_with_their_user(site: ApiSite, act: str) -> None:
    desk = await publish(site, "Kept-desk", KEPT)
    async with a_person(site) as ann:
        await ann.change("PUT", f"/api/v1/credentials/{desk}", {"user_name": "ada", "password": SECRET})
    accounts = site.services.identity.accounts
    await getattr(accounts, act)(site.acme.tenant.id, "ann", "root")
    store = await site.stores.tenant(site.acme.tenant.id)
    assert await store.get(("vault", site.acme.ann.user.id)) is None


async def test_nobody_keeps_any_for_what_they_may_not_start(site: ApiSite) -> None:
    desk, other = await publish(site, "Kept-desk", KEPT), await publish(site, "Desk", DESK)
    entered = {"user_name": "ada", "password": SECRET}
    async with a_person(site) as ann, signed_in(site, site.globex.ann) as stranger:
        answers = [
            await ann.change("PUT", f"/api/v1/credentials/{other}", entered),
            await ann.change("PUT", f"/api/v1/credentials/{site.acme.editor.id}", entered),
            await ann.change("PUT", "/api/v1/credentials/nonsense", entered),
            await stranger.change("PUT", f"/api/v1/credentials/{desk}", entered),
        ]
    assert [answer.status for answer in answers] == [404] * 4


WRONG = [
    ({"password": SECRET}, "user_name"),
    ({"user_name": "ada"}, "password"),
    ({"user_name": "ada", "password": ""}, "password"),
    ({"user_name": "ada", "password": "a\nb"}, "password"),
    ({"user_name": "ada", "password": "x" * 257}, "password"),
    ({"user_name": "ada", "password": 7}, "password"),
    ({"user_name": "a\tb", "password": SECRET}, "user_name"),
    ({"user_name": "ada", "password": SECRET, "domain": "X"}, "domain"),
]


async def test_what_cannot_be_entered_is_refused_by_field_and_not_repeated(site: ApiSite) -> None:
    desk = await publish(site, "Kept-desk", KEPT)
    async with a_person(site) as ann:
        for entered, field in WRONG:
            kept = await ann.change("PUT", f"/api/v1/credentials/{desk}", entered)
            launched = await launch(ann, desk, credentials=entered)
            assert [kept.status, launched.status] == [422, 422], entered
            assert kept.json["error"]["field"] == field
            assert launched.json["error"]["field"] == f"credentials.{field}"
            assert SECRET not in (kept.body + launched.body).decode()


async def test_there_is_an_end_to_keeping(site: ApiSite) -> None:
    desk = await publish(site, "Kept-desk", KEPT)
    store = await site.stores.tenant(site.acme.tenant.id)
    items = {
        new_id(): {"user_name": "a", "password": "b", "destination": "c", "saved": 0.0} for _ in range(MOST)
    }
    await site.stores.commit(store.put(("vault", site.acme.ann.user.id), {"items": items}))
    async with a_person(site) as ann:
        put = await ann.change("PUT", f"/api/v1/credentials/{desk}", {"user_name": "a", "password": SECRET})
        record = await store.get(("vault", site.acme.ann.user.id))
    assert put.status == 204  # those of applications that are gone made room
    assert record is not None and list(record.value["items"]) == [desk]


BAD = {
    "server": ["", "a b", "a/b", "-a", "a:3389", "x" * 254, None, 7],
    "port": [0, 65536, "3389", True],
    "security": ["rdp", "", None],
    "certificate": ["ab", "zz" * 32, "ab" * 33],
    "credentials": ["none", 1],
    "program": ["a\nb", "x" * 261],
    "gateway": ["a b", "g:0", "::1"],
    "gateway_certificate": ["ab" * 32],  # there is no gateway
    "user_name": ["a\0b", "x" * 257],
    "command": [["xterm"]],
}


async def test_a_server_that_cannot_be_is_refused_by_field(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        for field, values in BAD.items():
            for value in values:
                answer = await root.change(
                    "PUT",
                    "/api/v1/admin/applications/Desk",
                    {"rdp": {"server": "ts1", field: value}, "entitled": {}},
                )
                assert (answer.status, answer.json["error"].get("field")) == (422, f"rdp.{field}"), (
                    field,
                    value,
                )
        both = {"rdp": {"server": "ts1"}, "command": ["xterm"], "entitled": {}}
        neither = {"entitled": {}}
        for body in (both, neither):
            answer = await root.change("PUT", "/api/v1/admin/applications/Desk", body)
            assert (answer.status, answer.json["error"]["field"]) == (422, "command")


async def test_a_fingerprint_is_kept_in_one_way_however_it_was_copied(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        rdp = {"server": "ts1", "certificate": ":".join(["AB"] * 32)}
        body = {"rdp": rdp, "entitled": {}}
        answer = await root.change("PUT", "/api/v1/admin/applications/Desk", body)
        again = await root.change(
            "PUT", "/api/v1/admin/applications/Desk", {**body, "rdp": {**rdp, "certificate": "ab" * 32}}
        )
    assert answer.json["application"]["rdp"]["certificate"] == "ab" * 32
    assert again.json["outcome"] == "unchanged"

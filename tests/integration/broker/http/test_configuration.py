"""Configuration as documents, its history and what-if, by the API of a real broker."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from tests.support import pictures
from tests.support.api_site import ApiSite, signed_in
from tests.support.browser import Answer, ApiBrowser

ADMIN = "/api/v1/admin"
PATH = f"{ADMIN}/configuration"
DOCUMENTS: list[dict[str, Any]] = [
    {"kind": "tenant", "title": "Acme Inc", "theme": {"accent": "#AABBCC"}},
    {"kind": "role", "name": "looker", "permissions": ["users.read"]},
    {"kind": "group", "name": "everybody", "members": {"groups": ["staff"]}},
    {"kind": "user", "name": "bob", "groups": ["staff"], "role": "looker"},
    {"kind": "host-group", "name": "gpu", "hosts": ["acme-h1"]},
    {
        **{"kind": "application", "name": "Paint", "command": ["gimp"], "host_groups": ["gpu"]},
        **{"entitled": {"groups": ["everybody"]}, "labels": {"owner": "design"}},
    },
    {"kind": "entitlement", "application": "Shell", "users": ["BOB"]},
    {
        "kind": "policy",
        "level": "group",
        "of": "staff",
        "values": {"clipboard": "none"},
        "locked": ["clipboard"],
    },
    {"kind": "policy", "level": "application", "of": "paint", "values": {"idle_minutes": 30}},
]


def png(shade: int = 0) -> dict[str, str]:
    return {"content_type": "image/png", "data": base64.b64encode(pictures.png(shade=shade)).decode()}


async def apply(browser: ApiBrowser, *documents: dict[str, Any], **more: Any) -> Answer:
    return await browser.change("POST", f"{PATH}/apply", {"documents": list(documents), **more})


async def plan(browser: ApiBrowser, *documents: dict[str, Any], **more: Any) -> Answer:
    return await browser.change("POST", f"{PATH}/plan", {"documents": list(documents), **more})


async def history(browser: ApiBrowser, query: str = "") -> list[dict[str, Any]]:
    answer = await browser.get(f"{ADMIN}/history{query}")
    assert answer.status == 200, answer.body
    items: list[dict[str, Any]] = answer.json["items"]
    return items


async def test_what_was_planned_is_applied_and_a_second_time_nothing_is_left(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        planned = await plan(root, *DOCUMENTS)
        assert (await plan(root, *DOCUMENTS)).json["changes"] == planned.json["changes"]
        applied = await apply(root, *DOCUMENTS, revision=planned.json["revision"], reason="the first day")
        again = await apply(root, *DOCUMENTS)
        users = {item["name"]: item for item in (await root.get(f"{ADMIN}/users")).json["items"]}
        applications = {
            item["name"]: item for item in (await root.get(f"{ADMIN}/applications")).json["items"]
        }
        (host,) = (await root.get(f"{ADMIN}/hosts")).json["items"]
        effective = await root.get(f"{ADMIN}/policies/effective?user=bob&application=Paint")
    assert (applied.status, applied.json["changes"]) == (200, planned.json["changes"])
    assert {(each["kind"], each["action"]) for each in planned.json["changes"]} == {
        *((document["kind"], "create") for document in DOCUMENTS if document["kind"] != "tenant"),
        *{("tenant", "change"), ("application", "change")},
    }
    assert {tuple(pair.values()) for pair in planned.json["access"]["gained"]} == {
        *(("ann", "Paint"), ("bob", "Paint"), ("bob", "Editor"), ("bob", "Shell")),
    }
    assert (again.json["changes"], again.json["change"]) == ([], "")
    assert (users["bob"]["role"], users["bob"]["state"]) == ("looker", "invitation_expired")
    assert applications["Shell"]["entitled"] == {"users": ["bob"], "groups": []}
    assert host["groups"] == ["gpu"]
    values = {field["name"]: field for field in effective.json["fields"]}
    assert (values["clipboard"]["value"], values["idle_minutes"]["value"]) == ("none", 30)


async def test_an_export_applied_changes_nothing(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        await apply(
            root, *DOCUMENTS, {"kind": "application", "name": "Icon", "command": ["x"], "icon": png()}
        )
        exported = (await root.get(f"{PATH}/export")).json["documents"]
        assert (await plan(root, *exported)).json["changes"] == []
        some = (await root.get(f"{PATH}/export?kinds=policy,role")).json["documents"]
        unknown = await root.get(f"{PATH}/export?kinds=desktop")
    assert {document["kind"] for document in some} == {"policy", "role"}
    assert "password" not in json.dumps(exported) and site.acme.ann.totp_secret not in json.dumps(exported)
    assert unknown.status == 422


async def test_pruning_deletes_what_a_label_marks(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        await apply(root, *DOCUMENTS)
        pruned = await apply(root, prune={"owner": "design"})
        malformed = await apply(root, prune={})
    assert [(each["action"], each["name"]) for each in pruned.json["changes"]] == [
        ("delete", "application/Paint"),
        ("delete", "Paint"),
    ]
    assert (malformed.status, malformed.json["error"]["field"]) == (422, "prune")


async def test_an_application_that_is_made_anew_by_hand_carries_no_label(site: ApiSite) -> None:
    form = {"command": ["x"], "entitled": {}}
    async with signed_in(site, site.acme.root) as root:
        await apply(root, *DOCUMENTS)
        await root.change("DELETE", f"{ADMIN}/applications/Paint")
        await root.change("PUT", f"{ADMIN}/applications/Paint", form)
        pruned = await plan(root, prune={"owner": "design"})
    assert pruned.json["changes"] == []


async def test_what_a_document_does_not_say_of_a_user_stays(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        await apply(root, {"kind": "user", "name": "ann", "groups": ["other"]})
        users = {item["name"]: item for item in (await root.get(f"{ADMIN}/users")).json["items"]}
    assert (users["ann"]["state"], users["ann"]["groups"]) == ("enrolled", ["other"])
    kept = site.services.identity.users.by_name(site.acme.tenant.id, "ann")
    assert kept is not None and kept.totp_secret == site.acme.ann.totp_secret


async def test_every_finding_is_told_with_its_place_and_nothing_is_written(site: ApiSite) -> None:
    broken = [
        {"kind": "application", "name": "Paint", "command": "gimp"},
        {"kind": "application", "nam": "x", "command": ["x"]},
        {"kind": "desktop"},
        7,
    ]
    async with signed_in(site, site.acme.root) as root:
        schema = await apply(root, {"kind": "user", "name": "carl"}, *broken)
        semantic = await apply(
            root,
            {"kind": "user", "name": "carl", "role": "chief"},
            {"kind": "group", "name": "g", "members": {"groups": ["g"]}},
        )
        users = {item["name"] for item in (await root.get(f"{ADMIN}/users")).json["items"]}
    assert [each["field"] for each in schema.json["error"]["findings"]] == [
        *(
            "documents[1].command",
            "documents[2].nam",
            "documents[2].name",
            "documents[3].kind",
            "documents[4]",
        ),
    ]
    assert [each["field"] for each in semantic.json["error"]["findings"]] == [
        *("documents[1].members.groups", "documents[0].role"),
    ]
    assert (schema.status, semantic.status, "carl" in users) == (422, 422, False)


@pytest.mark.parametrize(
    "body",
    [
        {"documents": {}},
        {"documents": [], "delete": [7]},
        {"documents": [], "delete": [{"kind": "x", "name": "y"}]},
        {"documents": [], "prune": {"owner": 5}},
        {"documents": [], "revision": "1"},
        {"documents": [], "reason": "x" * 501},
        {"documents": [], "more": 1},
        {"documents": [{"kind": "application", "name": "x", "command": ["x"], "icon": "gimp"}]},
        {"documents": [{"kind": "application", "name": "x", "command": ["x"], "icon": {"hash": "0" * 64}}]},
        {
            "documents": [
                {"kind": "application", "name": "x", "command": ["x"], "icon": {**png(), "data": "!"}}
            ]
        },
    ],
)
async def test_malformed_requests_are_refused(site: ApiSite, body: dict[str, Any]) -> None:
    async with signed_in(site, site.acme.root) as root:
        before = site.services.snapshot.revision
        answer = await root.change("POST", f"{PATH}/apply", body)
        listed = (await root.get(f"{ADMIN}/applications")).json["items"]
    assert (answer.status, answer.json["error"]["code"]) == (422, "invalid_field")
    assert {item["name"] for item in listed} == {"Editor", "Shell"} and before


async def test_documents_are_taken_as_they_are_written(site: ApiSite) -> None:
    text = "kind: application\nname: Notes\ncommand: [x]\nicon: mousepad\n---\nkind: user\nname: bob\nrole: chief\n"
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\n" + "x" * 10
    async with signed_in(site, site.acme.root) as root:
        answers = [
            await root.change("POST", f"{PATH}/plan", {"text": each})
            for each in (text, text.replace("chief", "user"), "kind: user\nnam: x\n", bomb, "- " * 9999)
        ]
        both = await root.change("POST", f"{PATH}/plan", {"text": text, "documents": DOCUMENTS})
    assert answers[0].json["error"]["findings"] == [
        {
            **{"field": "documents[1].role", "line": 8, "column": 7},
            "expected": "user, administrator, help_desk, auditor, or a role that is there, or in these documents",
        }
    ]
    assert [each["name"] for each in answers[1].json["changes"]] == ["bob", "Notes"]
    assert [each["line"] for each in answers[2].json["error"]["findings"]] == [2, 1]
    assert [each.json["error"]["field"] for each in (*answers[3:], both)] == ["text", "text", "text"]


async def test_an_object_that_was_changed_since_it_was_planned_is_a_conflict(site: ApiSite) -> None:
    """Two administrators: the second one sees what the first one made of it."""
    document = {"kind": "application", "name": "Editor", "command": ["mine"]}
    async with signed_in(site, site.acme.root) as root:
        revision = (await plan(root, document)).json["revision"]
        await apply(root, {"kind": "application", "name": "Editor", "command": ["theirs"]})
        late = await apply(root, document, revision=revision)
        other = await apply(root, {"kind": "group", "name": "untouched"}, revision=revision)
        anyway = await apply(root, document)
    error = late.json["error"]
    assert (late.status, error["code"]) == (409, "changed_meanwhile")
    assert (error["current"]["name"], error["current"]["fields"]["command"]) == ("Editor", ["theirs"])
    assert error["current"]["revision"] > revision
    assert (other.status, anyway.status) == (200, 200)


async def test_icons_are_sent_ahead_and_let_go_when_nothing_shows_them(site: ApiSite) -> None:
    async def icons() -> dict[str, int]:
        store = await site.stores.tenant(site.acme.tenant.id)
        return {record.path[1]: record.lease for record in await store.list("icon")}

    async with signed_in(site, site.acme.root) as root:
        sent = await root.change("POST", f"{PATH}/icons", png(1))
        icon = {"hash": sent.json["hash"]}
        assert (await icons())[sent.json["hash"]] != 0
        await apply(root, {"kind": "application", "name": "Editor", "command": ["x"], "icon": icon})
        assert await icons() == {sent.json["hash"]: 0}
        shown = await root.get(f"/api/v1/icons/{sent.json['hash']}")
        await apply(root, {"kind": "application", "name": "Editor", "command": ["x"], "icon": None})
    assert (sent.status, shown.status, await icons()) == (201, 200, {})


async def test_a_tenants_logo_is_kept_by_a_document(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        await apply(root, {"kind": "tenant", "theme": {"logo": png(2)}})
        exported = (await root.get(f"{PATH}/export?kinds=tenant")).json["documents"][0]
        logo = await root.get(f"/api/v1/logos/{exported['theme']['logo']['hash']}")
    assert logo.status == 200


async def test_history_tells_what_changed_and_takes_it_back(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        first = await apply(root, *DOCUMENTS, reason="the first day")
        await apply(root, {"kind": "application", "name": "Editor", "command": ["vi"]}, reason="a mistake")
        (newest, *_) = await history(root)
        paint = await history(root, "?kind=application&name=paint")
        early = await history(root, f"?before={first.json['revision']}&limit=2")
        dry = await root.change(
            "POST", f"{ADMIN}/history/rollback", {"revision": first.json["revision"], "dry": True}
        )
        back = await root.change("POST", f"{ADMIN}/history/rollback", {"revision": first.json["revision"]})
        exported = (await root.get(f"{PATH}/export?kinds=application")).json["documents"]
        (undone, *_) = await history(root)
        audited = (await root.get(f"{ADMIN}/audit?type=change")).json["items"]
    assert [(event["object"]["kind"], event["reason"]) for event in audited] == [
        ("history", f"rollback to revision {first.json['revision']}"),
        ("configuration", "a mistake"),
        ("configuration", "the first day"),
    ]
    assert (newest["kind"], newest["name"], newest["reason"], newest["action"]) == (
        *("application", "Editor", "a mistake", "change"),
    )
    assert {"field": "command", "from": ["mousepad"], "to": ["vi"]} in newest["fields"]
    assert newest["author"].startswith("root (")
    assert [(each["action"], each["change"]) for each in paint] == [("create", first.json["change"])]
    assert all(each["revision"] < first.json["revision"] for each in early)
    assert dry.json["changes"] == back.json["changes"]
    assert [(each["action"], each["name"]) for each in back.json["changes"]] == [("change", "Editor")]
    assert next(each for each in exported if each["name"] == "Editor")["command"] == ["mousepad"]
    assert undone["reason"] == f"rollback to revision {first.json['revision']}"


async def test_nothing_is_rolled_back_to_a_revision_that_is_still_to_come(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        newest = (await apply(root, *DOCUMENTS)).json["revision"]
        refused = await root.change("POST", f"{ADMIN}/history/rollback", {"revision": newest + 1000})
    assert (refused.status, refused.code) == (422, "invalid_field")
    assert "the newest is" in refused.json["error"]["message"]


async def test_a_rollback_brings_back_what_was_deleted_and_takes_away_what_was_made(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        before = (await apply(root, *DOCUMENTS)).json["revision"]
        exported = (await root.get(f"{PATH}/export")).json["documents"]
        await apply(
            root,
            {"kind": "group", "name": "new"},
            {"kind": "user", "name": "ann", "groups": ["other"], "disabled": True},
            delete=[{"kind": "application", "name": "Paint"}, {"kind": "user", "name": "bob"}],
        )
        await root.change("POST", f"{ADMIN}/history/rollback", {"revision": before})
        after = (await root.get(f"{PATH}/export")).json["documents"]
    was, now = ({_identity(each): each for each in documents} for documents in (exported, after))
    assert was.keys() == now.keys()
    changed = {name for name in was if was[name] != now[name]}
    assert changed == {"user ann"}
    assert now["user ann"] == {**was["user ann"], "disabled": True}, "nobody who was disabled comes back"


def _identity(document: dict[str, Any]) -> str:
    return f"{document['kind']} {document.get('name') or document.get('level', '') + str(document.get('of', ''))}"


async def test_sessions_and_tokens_of_users_who_go_end(site: ApiSite) -> None:
    session = await site.launch(site.acme)
    async with signed_in(site, site.acme.root) as root:
        await apply(root, delete=[{"kind": "user", "name": "ann"}])
        tokens = (await root.get(f"{ADMIN}/tokens")).json["items"]
    ending = site.services.sessions.get(site.acme.tenant.id, session.id)
    assert ending is None or ending.state == "ending"
    assert {token["user"]["name"] for token in tokens} == {"root"}


async def test_what_if_changes_nothing_and_tells_who_loses(site: ApiSite) -> None:
    body = {
        "changes": [
            {"action": "change", "kind": "application", "name": "Editor", "fields": {"command": ["x"]}},
            {"action": "delete", "kind": "application", "name": "Shell"},
        ]
    }
    async with signed_in(site, site.acme.root) as root:
        revision = site.services.snapshot.revision
        answer = await root.change("POST", f"{ADMIN}/what-if", body)
        policy = {"kind": "policy", "level": "tenant", "values": {"networks": ["192.0.2.0/24"]}}
        launches = await root.change("POST", f"{ADMIN}/what-if", {"documents": [policy], "replay": "both"})
        wrong = await root.change("POST", f"{ADMIN}/what-if", {"documents": [], "replay": "all"})
        exported = (await root.get(f"{PATH}/export?kinds=application")).json["documents"]
    editor = next(each for each in answer.json["applications"] if each["application"] == "Editor")
    assert (answer.status, editor["lost"], editor["gained_count"]) == (200, ["ann"], 0)
    assert launches.json["launches"] == {"replayed": 0, "changed": [], "changed_count": 0}
    assert [each["policies"] for each in launches.json["applications"]] == [
        [{"field": "networks", "users": 1}]
    ]
    assert wrong.status == 422
    assert {each["name"] for each in exported} == {"Editor", "Shell"} and revision


async def test_what_if_replays_a_launch_with_the_factor_that_it_had(site: ApiSite) -> None:
    """In whose audit it stands does not matter: it is asked where past launches are listed."""
    policies = [
        {"kind": "policy", "level": "tenant", "values": {"second_factor_minutes": minutes}}
        for minutes in (30, 60)
    ]
    async with signed_in(site, site.acme.root) as root, signed_in(site, site.acme.ann) as ann:
        site.clock.wall += 45 * 60
        launched = await ann.change("POST", "/api/v1/sessions", {"application": site.acme.editor.id})
        assert launched.status == 201
        tight, loose = [
            (await root.change("POST", f"{ADMIN}/what-if", {"documents": [each], "replay": "launches"})).json
            for each in policies
        ]
    assert (tight["launches"]["replayed"], tight["launches"]["changed_count"]) == (1, 1)
    (change,) = tight["launches"]["changed"]
    assert (change["user"], change["before"], change["after"]) == ("ann", "", "factor_needed")
    assert (loose["launches"]["replayed"], loose["launches"]["changed_count"]) == (1, 0)


async def test_what_if_tells_its_progress_to_who_listens(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        headers = {"Accept": "text/event-stream"}
        body = json.dumps({"delete": [{"kind": "user", "name": "ann"}]}).encode()
        answer = await root.change("POST", f"{ADMIN}/what-if", body, headers=headers)
        missing = b'{"delete": [{"kind": "user", "name": "x"}]}'
        refused = await root.change("POST", f"{ADMIN}/what-if", missing, headers=headers)
    events = [part.split("\n") for part in answer.body.decode().strip().split("\n\n")]
    assert events[-1][0] == "event: result"
    assert json.loads(events[-1][1].removeprefix("data: "))["access"]["lost_count"] == 1
    assert {event[0] for event in events[:-1]} == {"event: progress"}
    assert b"event: failed" in refused.body and b"invalid_field" in refused.body


async def test_tenants_plan_apply_and_see_history_apart(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as acme, signed_in(site, site.globex.root) as globex:
        await apply(acme, *DOCUMENTS, {"kind": "application", "name": "Canary", "command": ["canary"]})
        answers = [
            await globex.get(f"{PATH}/export"),
            await globex.get(f"{ADMIN}/history?limit=1000"),
            await plan(globex, {"kind": "host-group", "name": "g", "hosts": ["acme-h1"]}),
        ]
    assert [answer.status for answer in answers] == [200, 200, 422]
    assert not any(b"anary" in answer.body or b"Acme Inc" in answer.body for answer in answers)


async def test_many_applies_at_once_end_in_one_of_them(two_brokers: ApiSite) -> None:
    """At two brokers of one site."""
    site = two_brokers
    documents = [{"kind": "application", "name": f"app {n}", "command": ["x"]} for n in range(10)]
    async with signed_in(site, site.acme.root) as first, signed_in(site, site.acme.root, broker=1) as second:
        answers = await asyncio.gather(
            *(
                apply(browser, *({**document, "command": [f"{n}"]} for document in documents))
                for n, browser in enumerate((first, second, first, second))
            )
        )
        exported = (await first.get(f"{PATH}/export?kinds=application")).json["documents"]
    assert {answer.status for answer in answers} <= {200, 409} and 200 in {
        answer.status for answer in answers
    }
    commands = {tuple(each["command"]) for each in exported if each["name"].startswith("app ")}
    assert len(commands) == 1

"""What the audit holds of requests: who did what, also when they were refused, and nothing of another tenant."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from broker.audit.event import Actor, Event, Object
from portcullis.errors import Unavailable
from tests.support.api_site import ApiSite
from tests.support.browser import ApiBrowser

AUDIT = "/api/v1/admin/audit"
EDITOR = {"command": ["/usr/bin/true"], "entitled": {"users": [], "groups": []}}


async def events(browser: ApiBrowser, query: str = "") -> list[dict[str, Any]]:
    answer = await browser.get(AUDIT + query)
    assert answer.status == 200, answer.body
    return list(answer.json["items"])


async def test_a_change_is_found_with_author_object_and_revision(site: ApiSite) -> None:
    async with site.browser() as browser:
        await site.let_in(browser, site.acme.root)
        made = await browser.change("PUT", "/api/v1/admin/applications/New", EDITOR)
        (event,) = await events(browser, "?object=application:new")
    assert (event["type"], event["code"], event["actor"]["user"]) == ("change", "", "root")
    assert event["object"]["name"] == "New" and event["detail"]["act"] == "put"
    assert event["revision"] == int(made.headers["Portcullis-Revision"])


async def test_a_refused_change_is_found_with_its_code(site: ApiSite) -> None:
    async with site.browser() as ann, site.browser() as root:
        await site.let_in(ann, site.acme.ann)
        await site.let_in(root, site.acme.root)
        assert (await ann.change("DELETE", "/api/v1/admin/users/root")).code == "not_permitted"
        (event,) = await events(root, "?type=change_refused")
    assert (event["actor"]["user"], event["code"]) == ("ann", "not_permitted")
    assert (event["object"]["kind"], event["object"]["name"]) == ("user", "root") and event["object"]["id"]


async def test_who_was_invited_is_found_by_name_also_when_that_was_refused(site: ApiSite) -> None:
    async with site.browser() as browser:
        await site.let_in(browser, site.acme.root)
        for _ in range(2):
            await browser.change("POST", "/api/v1/admin/users", {"name": "Newcomer", "groups": []})
        await browser.change("POST", "/api/v1/admin/probe-accounts", {"name": "watcher", "groups": []})
        refused, invited = await events(browser, "?object=user:newcomer")
        (probing,) = await events(browser, "?object=user:watcher")
    assert (refused["type"], refused["code"]) == ("change_refused", "already_exists")
    assert invited["detail"]["act"] == probing["detail"]["act"] == "add" and invited["object"]["id"]


async def test_for_what_a_join_token_is_stands_with_it(site: ApiSite) -> None:
    async with site.browser() as browser:
        await site.let_in(browser, site.acme.root)
        await browser.change("POST", "/api/v1/admin/join-tokens", {"role": "host"})
        (made,) = await events(browser, "?object=join-token:host")
    assert made["type"] == "token"


async def test_signing_in_and_out_is_found_with_the_address(site: ApiSite) -> None:
    async with site.browser() as browser, site.browser() as root:
        await site.let_in(root, site.acme.root)
        wrong = await browser.sign_in("ann", "wrong", "000000", organisation="acme")
        assert wrong.code == "sign_in_refused"
        await site.sign_in(browser, site.acme.ann)
        await browser.sign_out()
        found = await events(root, "?user=ann")
    assert [event["type"] for event in found] == ["sign_out", "sign_in", "sign_in_refused"]
    assert found[2]["code"] == "sign_in_refused"


async def test_a_name_that_is_nobodys_is_not_kept(site: ApiSite) -> None:
    async with site.browser() as browser, site.browser() as root:
        await site.let_in(root, site.acme.root)
        await browser.sign_in("hunter2-my-password", "x", organisation="acme")
        (event,) = await events(root, "?type=sign_in_refused")
    assert "hunter2" not in json.dumps(event)


async def test_blocked_attempts_are_one_event_a_minute(site: ApiSite) -> None:
    async with site.browser() as browser, site.browser() as root:
        await site.let_in(root, site.acme.root)
        codes = [(await browser.sign_in("ann", "no", organisation="acme")).code for _ in range(12)]
        found = await events(root, "?type=sign_in_refused&code=sign_in_blocked")
    assert codes.count("sign_in_blocked") > 1 and len(found) == 1


async def test_launches_and_refusals_are_found_with_their_steps(site: ApiSite) -> None:
    async with site.browser() as ann, site.browser() as root:
        await site.let_in(ann, site.acme.ann)
        await site.let_in(root, site.acme.root)
        launched = await ann.change("POST", "/api/v1/sessions", {"application": site.acme.editor.id})
        refused = await ann.change("POST", "/api/v1/sessions", {"application": site.acme.shell.id})
        one, other = await events(root, "?user=ann&type=launch,launch_refused&steps=yes")
        assert "steps" not in (await events(root, "?type=launch"))[0]["detail"], "they are large"
    assert other["reference"] == launched.json["session"]["reference"] and other["detail"]["steps"]
    assert other["object"]["id"] == site.acme.editor.id
    assert (one["code"], one["reference"]) == (refused.code, refused.json["error"]["reference"])
    assert one["detail"]["steps"] and one["object"]["kind"] == "application"


async def test_one_tenant_sees_nothing_of_another(site: ApiSite) -> None:
    async with site.browser() as one, site.browser() as other:
        await site.let_in(one, site.acme.root)
        await site.let_in(other, site.globex.root)
        await one.change("PUT", "/api/v1/admin/applications/Canary", EDITOR)
        assert "Canary" in json.dumps(await events(one))
        assert await events(other) == []
        assert (await other.get("/api/v1/platform/audit")).code == "not_permitted"


async def test_changes_are_refused_while_nothing_can_be_recorded(site: ApiSite) -> None:
    async with site.browser() as root, site.browser() as ann:
        await site.let_in(root, site.acme.root)
        await site.let_in(ann, site.acme.ann)
        site.services.audit.trouble = "disk full"
        refused = await root.change("PUT", "/api/v1/admin/applications/New", EDITOR)
        assert refused.code == "audit_unavailable" and "Portcullis-Elsewhere" in refused.headers
        assert site.services.applications.list(site.acme.tenant.id) == [site.acme.editor, site.acme.shell]
        launched = await ann.change("POST", "/api/v1/sessions", {"application": site.acme.editor.id})
        assert launched.status == 201
        disabled = await root.change("POST", "/api/v1/admin/users/ann/disable", {})
        assert disabled.status == 200, "an emergency goes on"


async def test_administrators_do_not_get_in_unrecorded_and_users_do(
    site: ApiSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(event: Event) -> Event:
        raise Unavailable("audit_unavailable")

    monkeypatch.setattr(site.services.audit, "record", full)
    async with site.browser() as root, site.browser() as ann:
        site.clock.wall += 30
        account = site.acme.root
        code = {"totp_secret": account.totp_secret, "organisation": "acme"}
        assert (await root.sign_in("root", account.password, **code)).code == "audit_unavailable"
        assert (await root.get("/api/v1/login")).json["signed_in"] is False
        await site.sign_in(ann, site.acme.ann)


async def test_an_export_makes_no_formulas(site: ApiSite) -> None:
    hostile = '=HYPERLINK("http://evil.example","x")'
    event = Event(
        "change", site.acme.tenant.id, Actor("+cmd"), Object("user", "", hostile), reason="a\r\nb,c"
    )
    await site.services.audit.record(event)
    async with site.browser() as root:
        await site.let_in(root, site.acme.root)
        text = (await root.get(AUDIT + "?format=csv")).body.decode()
        lines = (await root.get(AUDIT + "?format=jsonl")).body.decode().splitlines()
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["object"] == f"'{hostile}" and row["user"] == "'+cmd" and row["reason"] == "a\r\nb,c"
    assert [json.loads(line)["object"]["name"] for line in lines] == [hostile]


@pytest.mark.parametrize(
    "query", ["?typ=x", "?limit=0", "?limit=a", "?before=x", "?from=yesterday", "?format=xml"]
)
async def test_a_malformed_search_is_told_its_field(site: ApiSite, query: str) -> None:
    async with site.browser() as root:
        await site.let_in(root, site.acme.root)
        answer = await root.get(AUDIT + query)
    assert answer.code == "invalid_field" and answer.json["error"]["field"] == query[1:].split("=")[0]


async def test_pages_of_a_search_join(site: ApiSite) -> None:
    kept = [
        await site.services.audit.record(Event("change", site.acme.tenant.id, reason=str(number)))
        for number in range(7)
    ]
    async with site.browser() as root:
        await site.let_in(root, site.acme.root)
        found, before = [], ""
        while True:
            page = (await root.get(f"{AUDIT}?limit=3{before}")).json
            found += [event["id"] for event in page["items"]]
            if not page["before"]:
                break
            before = f"&before={page['before']}"
    assert found == [event.id for event in kept][::-1]


async def test_what_fails_unexpectedly_is_there_as_well(
    site: ApiSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(site.services.applications, "delete", broken)
    async with site.browser() as root:
        await site.let_in(root, site.acme.root)
        assert (await root.change("DELETE", "/api/v1/admin/applications/Editor")).code == "internal_error"
        (event,) = await events(root, "?type=change_refused")
    assert (event["code"], event["object"]["name"]) == ("internal_error", "Editor")

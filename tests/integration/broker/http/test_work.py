"""What a user does: the catalogue, launching, the stages as they happen, tickets, grants, logging off."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import pytest
from aiohttp import web

from broker.http.public import public_middlewares
from broker.http.stages import HEARTBEAT_SECONDS, StageRoutes
from broker.sessions.stages import StageEvent
from portcullis.ids import new_id
from portcullis.model.session import Session
from portcullis.tickets import verify_grant, verifying_keys
from tests.support.api_site import ApiSite, serving, signed_in
from tests.support.browser import ApiBrowser, ServerEvent
from tests.support.patience import patient

LAUNCH = "/api/v1/sessions"
DISPLAY = {
    "width": 1024,
    "height": 700,
    "device_pixel_ratio": 1.5,
    "locale": "de-DE",
    "layout": "de",
    "time_zone": "UTC",
}


async def _launch(browser: ApiBrowser, application: str) -> dict[str, object]:
    answer = await browser.change("POST", LAUNCH, {"application": application, "display": DISPLAY})
    assert answer.status == 201, answer.body
    return answer.json["session"]


async def test_the_catalogue_shows_what_its_user_may_launch_and_what_runs(site: ApiSite) -> None:
    session = await site.launch(site.acme)
    await site.launch(site.globex)
    async with signed_in(site, site.acme.ann) as ann, signed_in(site, site.acme.root) as root:
        seen = (await ann.get("/api/v1/catalogue")).json
        nothing = (await root.get("/api/v1/catalogue")).json
    tile = {"id": site.acme.editor.id, "name": "Editor", "icon": None}
    assert seen["applications"] == [tile]
    assert seen["sessions"] == [
        {
            "id": session.id,
            "application": tile,
            "host": "acme-h1",
            "state": "ready",
            "created": site.clock.now(),
            "device_pixel_ratio": 1.0,
            "host_online": True,
            "reference": session.reference,
        }
    ]
    assert nothing == {"applications": [], "sessions": [], "isolation": "accounts"}


async def test_a_launch_carries_its_display_and_is_found_again(site: ApiSite) -> None:
    async with signed_in(site, site.acme.ann) as browser:
        first = await browser.change("POST", LAUNCH, {"application": site.acme.editor.id, "display": DISPLAY})
        second = await browser.change("POST", LAUNCH, {"application": site.acme.editor.id})
        seen = await browser.get(f"{LAUNCH}/{first.json['session']['id']}")
    assert (first.status, first.json["reconnected"]) == (201, False)
    assert (second.status, second.json["reconnected"]) == (201, True)
    assert first.json["session"] == second.json["session"]
    assert first.json["session"] | {"stream": None} == seen.json
    session = site.services.sessions.get(site.acme.tenant.id, seen.json["id"])
    assert session is not None
    assert session.display.to_json() == DISPLAY


async def test_a_refused_launch_has_code_and_reference_and_its_trace_explains_it(site: ApiSite) -> None:
    async with signed_in(site, site.acme.ann) as ann, signed_in(site, site.acme.root) as root:
        for application, code in ((site.acme.shell.id, "not_entitled"), (new_id(), "application_unknown")):
            answer = await ann.change("POST", LAUNCH, {"application": application})
            error = answer.json["error"]
            assert (answer.status, error["code"]) == (409, code)
            trace = (await root.get(f"/api/v1/admin/launches/{error['reference']}")).json
            assert (trace["code"], trace["user"]) == (code, "ann")
            assert trace["steps"][-1]["outcome"] == "failed"
        unknown = await root.get("/api/v1/admin/launches/00000000")
    assert (unknown.status, unknown.code) == (404, "reference_unknown")


async def test_another_tenants_application_is_as_unknown_as_one_that_never_was(site: ApiSite) -> None:
    async with signed_in(site, site.acme.ann) as browser:
        theirs = await browser.change("POST", LAUNCH, {"application": site.globex.editor.id})
        nobodys = await browser.change("POST", LAUNCH, {"application": new_id()})
    assert theirs.code == nobodys.code == "application_unknown"
    assert theirs.json["error"]["message"] == nobodys.json["error"]["message"]


async def test_a_disabled_application_is_neither_shown_nor_launched_but_runs_on(site: ApiSite) -> None:
    session = await site.launch(site.acme)
    async with signed_in(site, site.acme.ann) as ann, signed_in(site, site.acme.root) as root:
        form = {"command": ["mousepad"], "entitled": {"groups": ["staff"]}, "disabled": True}
        await root.change("PUT", "/api/v1/admin/applications/Editor", form)
        seen = (await ann.get("/api/v1/catalogue")).json
        assert seen["applications"] == []
        assert [item["id"] for item in seen["sessions"]] == [session.id]
        assert (await ann.get(f"{LAUNCH}/{session.id}")).json["state"] == "ready"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "application"),
        ({"application": 1}, "application"),
        ({"application": "Editor"}, "application"),
        ({"application": "../../secret"}, "application"),
        ({"application": "0" * 16, "display": 1}, "display"),
        ({"application": "0" * 16, "display": {"width": 0}}, "display.width"),
        ({"application": "0" * 16, "display": {"device_pixel_ratio": "NaN"}}, "display.device_pixel_ratio"),
        ({"application": "0" * 16, "display": {"locale": "$(id)"}}, "display.locale"),
        ({"application": "0" * 16, "display": {"x": 0}}, "display.x"),
        ({"application": "0" * 16, "host": "h1"}, "host"),
    ],
)
async def test_a_malformed_launch_is_refused_by_field(site: ApiSite, body: object, field: str) -> None:
    async with signed_in(site, site.acme.ann) as browser:
        answer = await browser.change("POST", LAUNCH, body)
    assert (answer.status, answer.code) == (422, "invalid_field")
    assert answer.json["error"]["field"] == field


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"e": 1, "e": 2}', b'{"e": NaN}', b"\xff", b"[" * 10**5]
)
async def test_malformed_json_is_refused_before_anything_happens(site: ApiSite, body: bytes) -> None:
    session = await site.launch(site.acme)
    async with signed_in(site, site.acme.ann) as browser:
        for path in (LAUNCH, f"{LAUNCH}/{session.id}/ticket", f"{LAUNCH}/{session.id}/grant"):
            answer = await browser.change("POST", path, body)
            assert (answer.status, answer.code) == (400, "invalid_request")


async def test_a_body_may_not_be_large_or_compressed(site: ApiSite) -> None:
    async with signed_in(site, site.acme.ann) as browser:
        large = await browser.change("POST", LAUNCH, b" " * (1 << 20) + b"{}")
        compressed = await browser.change("POST", LAUNCH, b"{}", headers={"Content-Encoding": "gzip"})
    assert large.code == compressed.code == "invalid_request"


async def test_the_stages_are_told_from_the_first_to_ready(site: ApiSite) -> None:
    session = await site.launch(site.acme, ready=False)
    events: list[ServerEvent] = []
    async with signed_in(site, site.acme.ann) as browser:
        async for event in browser.events(f"{LAUNCH}/{session.id}/stages"):
            events.append(event)
            if event.data.get("stage") == "placed":
                await site.report(session, "starting", "display")
            if event.data.get("stage") == "display":
                await site.report(session)
    told = [event.data["stage"] for event in events[:-1]]
    assert told == ["placed", "accepted", "display", "application", "window", "ready"]
    assert events[-1] == ServerEvent("ready", {})


async def test_a_failed_launch_ends_its_stages_with_code_and_reference(site: ApiSite) -> None:
    session = await site.launch(site.acme, ready=False)
    async with signed_in(site, site.acme.ann) as browser:
        events = []
        async for event in browser.events(f"{LAUNCH}/{session.id}/stages"):
            events.append(event)
            if len(events) == 1:
                await site.report(session, "ended", "display", "application_missing")
        late = [event async for event in browser.events(f"{LAUNCH}/{session.id}/stages")]
    failed = events[-1]
    assert failed.name == "failed"
    assert (failed.data["code"], failed.data["reference"]) == ("application_missing", session.reference)
    assert late == [failed]


class QuietStages:
    """A launch that takes for ever after its first stage, and knows when its follower is gone."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.left = asyncio.Event()

    def known(self, tenant_id: str, session_id: str) -> Session:
        return self.session

    async def follow(self, tenant_id: str, session_id: str) -> AsyncIterator[StageEvent]:
        try:
            yield StageEvent("stage", "placed", "pending")
            await asyncio.Event().wait()
        finally:
            self.left.set()


async def test_a_quiet_launch_sends_heartbeats_until_its_follower_leaves(site: ApiSite) -> None:
    session = await site.launch(site.acme, ready=False)
    quiet = QuietStages(session)
    routes = StageRoutes(replace(site.services, stages=quiet), heartbeat_seconds=0.01)  # type: ignore[arg-type]
    application = web.Application(middlewares=public_middlewares(site.services))
    application.add_routes(routes.routes())
    async with signed_in(site, site.acme.ann) as browser, serving(application) as address:
        browser.address = address
        events = []
        async with aclosing(browser.events(f"{LAUNCH}/{session.id}/stages")) as following:
            async for event in following:
                events.append(event)
                if len(events) == 3:
                    break
        await asyncio.wait_for(quiet.left.wait(), patient(10))
    heartbeat = ServerEvent("comment", "heartbeat")
    assert events == [ServerEvent("stage", {"stage": "placed", "state": "pending"}), heartbeat, heartbeat]
    assert HEARTBEAT_SECONDS == 10


async def test_sessions_of_others_do_not_exist(site: ApiSite) -> None:
    mine = await site.launch(site.acme)
    async with (
        signed_in(site, site.acme.root) as colleague,
        signed_in(site, site.globex.ann) as stranger,
        signed_in(site, site.globex.root) as foreign_administrator,
    ):
        for browser in (colleague, stranger, foreign_administrator):
            for method, tail, body in (
                ("GET", "", None),
                ("GET", "/stages", None),
                ("DELETE", "", None),
                ("POST", "/ticket", {}),
                ("POST", "/grant", {"e": 0}),
            ):
                answers = [
                    await browser.change(method, f"{LAUNCH}/{session_id}{tail}", body)
                    for session_id in (mine.id, new_id(), "nonsense")
                ]
                assert {(answer.status, answer.code) for answer in answers} == {(404, "session_ended")}
                assert len({answer.body for answer in answers}) == 1
        answers = [
            await foreign_administrator.change("DELETE", f"/api/v1/admin/sessions/{session_id}")
            for session_id in (mine.id, new_id(), "nonsense")
        ]
        assert {(answer.status, answer.body) for answer in answers} == {(404, answers[0].body)}
    untouched = site.services.sessions.get(site.acme.tenant.id, mine.id)
    assert untouched is not None
    assert untouched.state == "ready"


async def test_a_ticket_opens_the_session_once_and_its_grant_is_renewed_for_that_login(site: ApiSite) -> None:
    session = await site.launch(site.acme)
    path = f"{LAUNCH}/{session.id}"
    async with signed_in(site, site.acme.ann) as browser, signed_in(site, site.acme.ann) as other:
        given = (await browser.change("POST", f"{path}/ticket", {})).json
        assert given["expires_in_seconds"] == 20
        redeemed = await site.services.attach.redeem(given["ticket"])
        renewed = (await browser.change("POST", f"{path}/grant", {"e": 1})).json["grant"]
        assert (await browser.change("POST", f"{path}/grant", {"e": 0})).code == "taken_over"
        assert (await other.change("POST", f"{path}/grant", {"e": 1})).code == "taken_over"
    keys = verifying_keys(_grant_keys(site))
    for text in (redeemed.grant, renewed):
        grant = verify_grant(text, keys, site.clock.now())
        assert (grant.session, grant.e, grant.client_key) == (session.id, 1, browser.key.public)


def _grant_keys(site: ApiSite) -> dict[str, str]:
    records = site.services.snapshot.list("site", "key", "grant")
    return {record.value["kid"]: record.value["public_key"] for record in records}


async def test_a_ticket_waits_for_the_host_to_have_the_session(site: ApiSite) -> None:
    session = await site.launch(site.acme, ready=False)
    async with signed_in(site, site.acme.ann) as browser:
        answer = await browser.change("POST", f"{LAUNCH}/{session.id}/ticket", {})
    assert (answer.status, answer.code) == (409, "session_not_ready")


@pytest.mark.parametrize("e", [None, "1", 1.0, True, -1, 2**32])
async def test_an_epoch_is_a_whole_number(site: ApiSite, e: object) -> None:
    session = await site.launch(site.acme)
    async with signed_in(site, site.acme.ann) as browser:
        answer = await browser.change("POST", f"{LAUNCH}/{session.id}/grant", {"e": e})
    assert (answer.status, answer.json["error"]["field"]) == (422, "e")


async def test_logging_off_ends_the_session_for_its_user(site: ApiSite) -> None:
    session = await site.launch(site.acme)
    async with signed_in(site, site.acme.ann) as browser:
        assert (await browser.change("DELETE", f"{LAUNCH}/{session.id}")).status == 202
        assert (await browser.get("/api/v1/catalogue")).json["sessions"] == []
        await site.report(session, "ended")
        gone = await browser.get(f"{LAUNCH}/{session.id}")
    assert (gone.status, gone.code) == (404, "session_ended")


async def test_a_token_launches_and_logs_off_as_its_user(site: ApiSite) -> None:
    headers = {"Authorization": f"Bearer {site.acme.ann.api_token}"}
    body = json.dumps({"application": site.acme.editor.id}).encode()
    async with site.browser() as script:
        launched = await script.request("POST", LAUNCH, body, headers)
        assert launched.status == 201
        ended = await script.request("DELETE", f"{LAUNCH}/{launched.json['session']['id']}", b"", headers)
    assert ended.status == 202


async def test_a_disabled_user_launches_nothing_by_token_either(site: ApiSite) -> None:
    ann = site.acme.ann
    await site.put_user(ann, replace(ann.user, disabled=True))
    headers = {"Authorization": f"Bearer {ann.api_token}"}
    async with site.browser() as script:
        answer = await script.request("POST", LAUNCH, b"{}", headers)
    assert (answer.status, answer.code) == (401, "token_refused")


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h1v1z"/></svg>'


async def test_an_icon_is_shown_to_its_tenant_for_ever_and_can_do_nothing(site: ApiSite) -> None:
    icon = {"content_type": "image/svg+xml", "data": base64.b64encode(SVG).decode()}
    form = {"command": ["mousepad"], "icon": icon, "entitled": {"users": ["ann"]}}
    async with (
        signed_in(site, site.acme.root) as root,
        signed_in(site, site.acme.ann) as ann,
        signed_in(site, site.globex.ann) as stranger,
    ):
        made = await root.change("PUT", "/api/v1/admin/applications/Editor", form)
        url = made.json["application"]["icon"]
        assert (await ann.get("/api/v1/catalogue")).json["applications"][0]["icon"] == url
        shown = await ann.get(url)
        assert (shown.status, shown.body, shown.headers["Content-Type"]) == (200, SVG, "image/svg+xml")
        assert shown.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        assert "sandbox" in shown.headers["Content-Security-Policy"]
        assert shown.headers["X-Content-Type-Options"] == "nosniff"
        assert (await stranger.get(url)).status == 404


async def test_what_the_api_shows_of_a_session_has_no_ids_of_machines(site: ApiSite) -> None:
    async with signed_in(site, site.acme.ann) as browser:
        session = await _launch(browser, site.acme.editor.id)
    assert session.keys() == {
        "id",
        "application",
        "host",
        "host_online",
        "state",
        "created",
        "device_pixel_ratio",
        "reference",
    }
    assert site.acme.host.id not in json.dumps(session)

"""`portcullis audit` and what `portcullis session` does with one, against a broker's real API."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker.audit.event import Actor, Event, Object
from portcullis.cli import auditing
from portcullis.protocol.acts import Act, Acted, Process
from tests.support.api_site import ApiSite, api_site
from tests.support.command_line import Run, command_line


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[ApiSite]:
    async with api_site(tmp_path) as running:
        yield running


@pytest.fixture
async def run(site: ApiSite, tmp_path: Path) -> AsyncIterator[Run]:
    async with command_line(site, site.acme.root.api_token, tmp_path) as running:
        yield running


class Host:
    """The control channel of a host that does what it is asked."""

    def __init__(self, outcome: str = "done") -> None:
        self.outcome, self.asked = outcome, list[Act]()

    async def act(self, act: Act) -> Acted:
        self.asked.append(act)
        process = Process(4711, "mousepad", "/usr/bin/mousepad", 1.5, 64 * 2**20, 1_763_676_000.0)
        return Acted(act.id, self.outcome, (process,))  # type: ignore[arg-type]


async def test_what_happened_is_listed_newest_last(run: Run, site: ApiSite) -> None:
    hostile = "Edi\x1b[31mtor"
    for number in range(3):
        named = Object("application", "", f"{hostile}{number}")
        await site.services.audit.record(Event("change", site.acme.tenant.id, Actor("ann"), named))
    told = await run("audit", "--object", "application:", "--user", "ANN", "--limit", "2")
    lines = told.out.splitlines()
    assert lines[0].split()[:3] == ["TIME", "TYPE", "USER"] and len(lines) == 3
    assert lines[1].split()[2:4] == ["change", "ann"] and "tor1" in lines[1] and "tor2" in lines[2]
    assert "\x1b" not in told.out


async def test_events_are_lines_of_json_on_demand(run: Run, site: ApiSite) -> None:
    await run("token", "create", "--note", "x")
    told = await run("audit", "--type", "token", "--json")
    (event,) = [json.loads(line) for line in told.out.splitlines()]
    assert event["actor"]["user"] == "root" and event["actor"]["token"]


async def test_nothing_found_is_said(run: Run) -> None:
    assert (await run("audit", "--text", "no such thing")).out == "Nothing is recorded that matches.\n"


@pytest.mark.parametrize("words", [("--from", "yesterday"), ("--limit", "0"), ("--to", "25:99")])
async def test_a_malformed_question_is_named(run: Run, words: tuple[str, str]) -> None:
    told = await run("audit", *words)
    assert told.code == 2 and words[0] in told.err


async def test_the_site_is_for_who_sees_all_of_it(run: Run) -> None:
    told = await run("audit", "--site")
    assert told.code == 1 and "not_permitted" in told.err


def test_times_are_a_while_ago_of_today_or_whole() -> None:
    now = 1_763_676_000.0
    assert auditing.when("2h", "--from", now) == now - 7200
    assert abs(auditing.when("09:12", "--from", now) - now) < 86400
    assert auditing.when("9:12", "--from", now) == auditing.when("09:12", "--from", now)
    assert auditing.when("2025-11-20T21:00:00+00:00", "--from", now) == 1_763_672_400.0


async def test_a_session_is_disconnected_told_and_looked_at(run: Run, site: ApiSite) -> None:
    session, host = await site.launch(site.acme), Host()
    site.brokers[0].registry.replace(session.host_id, host)  # type: ignore[arg-type]
    assert (await run("session", "disconnect", session.id)).code == 0
    assert (await run("session", "message", session.id, " Save,\nplease \u202e")).code == 0
    shown = await run("session", "processes", session.id)
    assert "4711  mousepad  64 MiB" in shown.out
    assert [(act.kind, act.session, act.text) for act in host.asked] == [
        ("disconnect", session.id, ""),
        ("tell", session.id, "Save, please"),
        ("processes", session.id, ""),
    ]
    told = (await run("audit", "--type", "session", "--json")).out.splitlines()
    acts = [json.loads(line)["detail"] for line in told]
    assert acts == [{"act": "disconnect"}, {"act": "message", "text": "Save, please"}]


@pytest.mark.parametrize(
    ("outcome", "code"),
    [("older", "host_too_old"), ("unknown", "session_unknown"), ("away", "host_unreachable")],
)
async def test_what_a_host_cannot_do_is_told(run: Run, site: ApiSite, outcome: str, code: str) -> None:
    session = await site.launch(site.acme)
    site.brokers[0].registry.replace(session.host_id, Host(outcome))  # type: ignore[arg-type]
    told = await run("session", "disconnect", session.id)
    assert told.code and code in told.err


async def test_a_session_of_another_tenant_is_none(run: Run, site: ApiSite) -> None:
    session, host = await site.launch(site.globex), Host()
    site.brokers[0].registry.replace(session.host_id, host)  # type: ignore[arg-type]
    for act in ("disconnect", "processes"):
        assert "session_unknown" in (await run("session", act, session.id)).err
    assert host.asked == []

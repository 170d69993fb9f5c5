"""Dry runs on the agent: what is looked at is bounded, what goes wrong is told, and what it knows itself is added."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from agents.sessions import dry_runs
from agents.sessions.dry_runs import AT_ONCE, DryRuns, Knowledge
from portcullis.ids import new_id
from portcullis.model.desktops import DesktopTarget
from portcullis.protocol.checks import Check, Checked, CheckResult

FINE = CheckResult("command", "passed", "there")
Look = Callable[[], CheckResult]


def a_check() -> Check:
    return Check(new_id(), new_id(), new_id(), "ann", ("xterm",), {})


def runs(looks: Mapping[str, Look], running: int = 1, links: tuple[int, int] = (2, 2)) -> DryRuns:
    return DryRuns(lambda check: looks, Knowledge(4, lambda: running, lambda: 2**31, lambda: links))


def results(answer: Checked) -> dict[str, tuple[str, str]]:
    return {result.what: (result.outcome, result.code) for result in answer.results}


async def test_looks_and_the_agents_own_knowledge_make_the_answer() -> None:
    check = a_check()
    answer = await runs({"command": lambda: FINE}).answer(check)
    assert answer.id == check.id
    assert results(answer) == {"command": ("passed", ""), "room": ("passed", ""), "gateways": ("passed", "")}
    assert "3 of 4 places and 2048 MiB" in answer.results[1].detail


@pytest.mark.parametrize(
    ("running", "links", "expected"),
    [
        (4, (1, 1), {"room": ("failed", "host_full"), "gateways": ("passed", "")}),
        (9, (1, 1), {"room": ("failed", "host_full"), "gateways": ("passed", "")}),
        (0, (0, 2), {"room": ("passed", ""), "gateways": ("failed", "host_unreachable")}),
        (0, (0, 0), {"room": ("passed", ""), "gateways": ("failed", "host_unreachable")}),
        (0, (1, 2), {"room": ("passed", ""), "gateways": ("info", "")}),
    ],
)
async def test_a_host_without_room_or_way_says_so(
    running: int, links: tuple[int, int], expected: dict[str, tuple[str, str]]
) -> None:
    assert results(await runs({}, running, links).answer(a_check())) == expected


async def test_what_takes_no_place_needs_none_free() -> None:
    links, memory = (1, 1), 2**31
    knowledge = Knowledge(1, lambda: 1, lambda: memory, lambda: links, lambda check: check.desktop is None)
    full = DryRuns(lambda check: {}, knowledge)
    assert results(await full.answer(a_check()))["room"] == ("failed", "host_full")
    desktop = replace(a_check(), desktop=DesktopTarget())
    assert results(await full.answer(desktop)) == {"gateways": ("passed", "")}


async def test_a_look_that_takes_too_long_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dry_runs, "LOOK_SECONDS", 0.01)
    released = threading.Event()

    def slow() -> CheckResult:
        released.wait(10)
        return FINE

    try:
        answer = await runs({"home": slow}).answer(a_check())
    finally:
        released.set()
    assert results(answer)["home"] == ("skipped", "")


@pytest.mark.parametrize(
    "error", [OSError("no such disk"), subprocess.TimeoutExpired("sh", 1), ValueError("embedded null byte")]
)
async def test_a_look_that_fails_is_skipped_and_the_others_count(error: Exception) -> None:
    def fails() -> CheckResult:
        raise error

    answer = results(await runs({"account": fails, "command": lambda: FINE}).answer(a_check()))
    assert (answer["account"], answer["command"]) == (("skipped", ""), ("passed", ""))


async def test_a_host_makes_few_dry_runs_at_a_time_and_more_when_they_are_done() -> None:
    released = threading.Event()
    begun = asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()

    def waits() -> CheckResult:
        loop.call_soon_threadsafe(begun.release)
        released.wait(10)
        return FINE

    made = runs({"command": waits})
    under_way = [asyncio.ensure_future(made.answer(a_check())) for _ in range(AT_ONCE)]
    await begun.acquire()
    busy = await made.answer(a_check())
    released.set()
    await asyncio.gather(*under_way)
    assert [result.outcome for result in busy.results] == ["skipped"]
    assert results(await made.answer(a_check()))["command"] == ("passed", "")

"""The dry run of a simulation: what the host that would take the session says, and a few of those that could.

The chosen host decides: where it says that the launch would fail, the simulation says so. The others are asked to show
what differs between hosts (a program that is missing on one of them): they are told, and decide nothing.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from broker.hosts.answers import HostAnswer
from broker.launch.plan import LaunchPlan
from broker.launch.steps import Stopwatch
from portcullis.ids import new_id
from portcullis.model.host import Host
from portcullis.model.launch import Outcome, Step
from portcullis.protocol.checks import Check, CheckResult

OTHERS = 7
"""So many of the other hosts that could take the session are asked as well, the best of them."""

AskHost = Callable[[str, Check], Awaitable[HostAnswer]]


@dataclass(frozen=True, slots=True)
class DryRun:
    steps: tuple[Step, ...]
    code: str = ""
    """With which the launch would fail on its host; empty: nothing that is known keeps it from starting."""
    is_host_gone: bool = False


def not_run(why: str) -> DryRun:
    return DryRun((Step("dry_run", "skipped", why),))


async def dry_run(tenant_id: str, chosen: LaunchPlan, ask: AskHost, stopwatch: Stopwatch) -> DryRun:
    began = stopwatch()
    hosts = [chosen.candidate.host, *_others(chosen)]
    answers = await asyncio.gather(*(ask(host.id, _check(tenant_id, chosen)) for host in hosts))
    milliseconds = (stopwatch() - began) * 1e3
    mine, rest = answers[0], zip(hosts[1:], answers[1:], strict=True)
    steps = _told(hosts[0], mine, milliseconds)
    differing = [step for host, answer in rest for step in _differs(host, answer)]
    failed = next((step for step in steps if step.outcome == "failed"), None)
    return DryRun((*steps, *differing), failed.code if failed else "", mine.is_gone)


def _others(chosen: LaunchPlan) -> list[Host]:
    able = (each for each in chosen.able if each.host.id != chosen.candidate.host.id)
    return [each.host for each in heapq.nsmallest(OTHERS, able, key=lambda each: each.score)]


def _check(tenant_id: str, chosen: LaunchPlan) -> Check:
    application, user = chosen.application, chosen.user
    return Check(
        new_id(),
        tenant_id,
        user.id,
        user.name,
        application.command,
        dict(application.environment),
        application.rdp,
        application.wine,
        application.desktop,
    )


def _told(host: Host, answer: HostAnswer, milliseconds: float) -> list[Step]:
    if not answer.results:
        detail = f"{host.name}: {answer.silence or 'it said nothing'}"
        return [_step(host, "skipped", detail, "", milliseconds)]
    first, *rest = answer.results
    return [_result(host, first, milliseconds), *(_result(host, result, 0.0) for result in rest)]


def _differs(host: Host, answer: HostAnswer) -> list[Step]:
    """What a launch there would fail of: for information, the session goes elsewhere."""
    failed = (result for result in answer.results if result.outcome == "failed")
    return [_step(host, "info", _detail(host, result), result.code, 0.0) for result in failed]


def _result(host: Host, result: CheckResult, milliseconds: float) -> Step:
    """A failure needs a code: an agent that gives none, or one that only later versions know, tells and no more."""
    outcome: Outcome = "info" if result.outcome == "failed" and not result.code else result.outcome
    code = "" if outcome == "passed" else result.code
    return _step(host, outcome, _detail(host, result), code, milliseconds)


def _detail(host: Host, result: CheckResult) -> str:
    return f"{host.name}, {result.what}: {result.detail}"


def _step(host: Host, outcome: Outcome, detail: str, code: str, milliseconds: float) -> Step:
    text = f"{detail} [{code}]" if code else detail
    return Step("dry_run", outcome, text, code, f"host:{host.name}", milliseconds)

"""Simulates a launch: the same `plan` on the same snapshot as a real one, with a testing context and no transaction.

What a launch does not ask itself stands around it (`surroundings`), what only the host knows is asked there, if the
question wants it (`dry_run`). Nothing is written, claimed or counted, and it works while the grid takes no changes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from broker.launch.plan import (
    WHOLE,
    Context,
    LaunchPlan,
    LaunchRequest,
    LaunchView,
    Reconnect,
    Refusal,
    Telling,
)
from broker.launch.steps import Stopwatch
from broker.repositories.applications import Applications
from broker.repositories.gateways import Gateways
from broker.repositories.users import Users
from broker.simulation.dry_run import AskHost, DryRun, dry_run, not_run
from broker.simulation.question import Question, Simulation, Verdict
from broker.simulation.surroundings import (
    account_steps,
    catalogue_step,
    gateway_step,
    groups_step,
    inserted,
    unknown_application_step,
    unknown_user_step,
)
from broker.snapshot import Snapshot
from portcullis.clock import Clock
from portcullis.errors import CODES
from portcullis.ids import is_id
from portcullis.model.application import Application
from portcullis.model.launch import Step
from portcullis.model.session import Display
from portcullis.model.user import User

Answer = LaunchPlan | Reconnect | Refusal
ATTEMPTS = 2
"""A host that goes away while it is asked would not get the session either: it is planned once more without it."""


class Decide(Protocol):
    """`Launcher.decide`: what a launch would do now."""

    def __call__(
        self, request: LaunchRequest, stopwatch: Stopwatch, telling: Telling
    ) -> tuple[LaunchView, Answer]: ...


@dataclass(frozen=True, slots=True)
class Ways:
    """What a simulation asks, and asks alone."""

    decide: Decide
    ask_host: AskHost
    stopwatch: Stopwatch = time.perf_counter


class Simulator:
    def __init__(
        self,
        snapshot: Snapshot,
        users: Users,
        applications: Applications,
        gateways: Gateways,
        clock: Clock,
        ways: Ways,
    ) -> None:
        self._snapshot = snapshot
        self._users = users
        self._applications = applications
        self._gateways = gateways
        self._clock = clock
        self._ways = ways

    async def simulate(self, tenant_id: str, question: Question) -> Simulation:
        began = self._ways.stopwatch()
        at = self._clock.now() if question.time is None else question.time
        found = await self._answer(tenant_id, question, at)
        verdict, code, message = _verdict(found)
        return Simulation(
            verdict,
            code,
            message,
            found.user,
            found.application,
            found.steps,
            found.revision,
            at,
            (self._ways.stopwatch() - began) * 1e3,
        )

    async def _answer(self, tenant_id: str, question: Question, at: float) -> _Found:
        user = self._users.by_name(tenant_id, question.user)
        if user is None:
            return self._unknown(question, question.user, unknown_user_step(question.user))
        application = self._application(tenant_id, question.application)
        if application is None:
            steps = (*account_steps(user), unknown_application_step(question.application))
            return self._unknown(question, user.name, *steps)
        request = _request(tenant_id, user, application, question, at)
        return await self._decided(request, question, user, application)

    async def _decided(
        self, request: LaunchRequest, question: Question, user: User, application: Application
    ) -> _Found:
        for _ in range(ATTEMPTS):
            revision = self._snapshot.revision
            view, answer = self._ways.decide(request, self._ways.stopwatch, WHOLE)
            ran = await self._dry_run(request.tenant_id, question, answer)
            if not ran.is_host_gone:
                break
        around = (
            *account_steps(user),
            groups_step(user, view.groups),
            catalogue_step(user, application, view.groups),
        )
        steps = (*inserted(answer.steps, around), *ran.steps, *self._way_in(answer))
        return _Found(user.name, application.name, steps, revision, answer)

    async def _dry_run(self, tenant_id: str, question: Question, answer: Answer) -> DryRun:
        if isinstance(answer, Refusal):
            return DryRun(())
        if not question.dry_run:
            return not_run("no host was asked: a dry run was not wanted")
        if isinstance(answer, Reconnect):
            return not_run("the session runs already")
        return await dry_run(tenant_id, answer, self._ways.ask_host, self._ways.stopwatch)

    def _way_in(self, answer: Answer) -> tuple[Step, ...]:
        if isinstance(answer, Refusal):
            return ()
        return (gateway_step(self._gateways.serving(), len(self._gateways.list())),)

    def _application(self, tenant_id: str, text: str) -> Application | None:
        """By name, or by id: a name may look like one."""
        named = self._applications.by_name(tenant_id, text)
        return self._applications.get(tenant_id, text) if named is None and is_id(text) else named

    def _unknown(self, question: Question, user: str, *steps: Step) -> _Found:
        return _Found(user, question.application, steps, self._snapshot.revision)


@dataclass(frozen=True, slots=True)
class _Found:
    user: str
    application: str
    steps: tuple[Step, ...]
    revision: int
    answer: Answer | None = None
    """None: user or application is unknown."""


def _request(
    tenant_id: str, user: User, application: Application, question: Question, at: float
) -> LaunchRequest:
    context = Context(question.client_address, at, question.factor_time(at), credentials="assumed")
    display = Display(time_zone=question.time_zone)
    return LaunchRequest(tenant_id, user.id, application.id, display, context)


def _verdict(found: _Found) -> tuple[Verdict, str, str]:
    """With code and message. What a step around the plan found counts as well."""
    answer = found.answer
    if isinstance(answer, Refusal):
        return "refused", answer.code, answer.message
    failed = next((step for step in found.steps if step.outcome == "failed"), None)
    if failed is not None:
        return "refused", failed.code, CODES[failed.code]
    if isinstance(answer, Reconnect):
        return "reconnects", "", f"The session on {answer.session.host_name} is taken up again."
    assert answer is not None
    return "launches", "", f"{answer.application.name} starts on {answer.candidate.host.name}."

"""A launch: plan on the snapshot, then claim the slot in one transaction.

The transaction names everything the plan relied on. If one of it changed meanwhile, the launch is planned again on a
snapshot that has caught up; if the grid leaves the outcome open, the user's `own` key tells whether it happened.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import replace

from broker.credentials.memory import LaunchCredentials
from broker.grid.scopes import Condition, Stores, TenantStore
from broker.launch.claims import Claims
from broker.launch.index import HostIndex
from broker.launch.outcomes import Outcomes, Uncounted
from broker.launch.placement import Choose
from broker.launch.plan import (
    BRIEF,
    Context,
    LaunchPlan,
    LaunchRequest,
    LaunchView,
    Reconnect,
    Refusal,
    Telling,
    plan,
)
from broker.launch.steps import Stopwatch
from broker.launch.traces import Traces, new_reference
from broker.launch.view import conditions, look
from broker.repositories.committing import commit
from broker.repositories.nonces import Once
from broker.repositories.sessions import Sessions
from broker.repositories.tenants import Tenants
from broker.snapshot import Change, Snapshot
from broker.tenants.rates import TenantRates
from portcullis.clock import Clock
from portcullis.errors import CODES, Refused
from portcullis.ids import new_id
from portcullis.logs import ids
from portcullis.model.launch import Step
from portcullis.model.session import Session

log = logging.getLogger(__name__)

__all__ = ["LaunchRequest", "Launcher"]

ATTEMPTS_ON_CONFLICT = 8
ENDING_WAIT_SECONDS = 10.0
"""A click right after logging off waits for the earlier session to end instead of failing. A gateway gives an
answer 15 s: a launch that waits must have been answered by then."""
HOSTS_WAIT_SECONDS = 6.0
"""After an outage of all brokers the live records of all hosts are gone, and the hosts are back a moment after them."""


class Launcher:
    def __init__(
        self,
        stores: Stores,
        snapshot: Snapshot,
        sessions: Sessions,
        traces: Traces,
        clock: Clock,
        hosts: HostIndex,
        sessions_per_user: int,
        choose: Choose = secrets.randbelow,
        outcomes: Outcomes | None = None,
        rates: TenantRates | None = None,
        credentials: LaunchCredentials | None = None,
        broker_id: str = "",
    ) -> None:
        """`broker_id`: whose memory `credentials` are, for hosts that come to another broker."""
        self._stores = stores
        self._snapshot = snapshot
        self._sessions = sessions
        self._traces = traces
        self._clock = clock
        self._hosts = hosts
        self._claims = Claims()
        self._sessions_per_user = sessions_per_user
        self._choose = choose
        self._outcomes = outcomes or Uncounted()
        self._rates = rates or TenantRates(clock)
        self._tenants = Tenants(snapshot)
        self._credentials = LaunchCredentials(clock) if credentials is None else credentials
        self._broker_id = broker_id

    async def launch(self, request: LaunchRequest, once: Once | None = None) -> tuple[Session, bool]:
        """The session, and whether it ran already. Raises Refused with a reference (`launches_too_fast` has none, and
        `retry_after_seconds`), or Unavailable.

        `once`: however often and to whichever broker the same request comes, it makes one session.
        """
        tenant = await self._stores.tenant(request.tenant_id)
        if owner := self._tenants.get(request.tenant_id):
            self._rates.launch(owner)
        may_wait = True
        steps: tuple[Step, ...] = ()
        for _ in range(ATTEMPTS_ON_CONFLICT):
            if once is not None and once.outcome is not None:
                return await self._made_before(tenant, once.outcome), False
            view, answer = self.decide(request)
            if isinstance(answer, Refusal) and may_wait:
                if answer.ending is not None:
                    may_wait = False
                    await self._until_ended(answer.ending)
                    view, answer = self.decide(request)
                elif answer.absent and _is_deserted(request.tenant_id, view):
                    may_wait = False
                    view, answer = await self._with_hosts_back(request, view, answer)
            if isinstance(answer, Refusal):
                raise await self._refused(request, view, answer)
            if isinstance(answer, Reconnect):
                if await self._sessions.is_current(answer.session):
                    self._outcomes.answered("reconnected")
                    log.info("launch reconnects", extra=_ids_of(answer.session))
                    return answer.session, True
                steps = answer.steps
                continue
            relied_on = conditions(self._snapshot, request, answer, self._stores.site, tenant)
            with self._claims.claiming(answer.candidate.host.id, answer.slot, request.tenant_id):
                session = await self._claim(request, tenant, answer, relied_on, once)
            if session is not None:
                log.info("launch placed", extra=_ids_of(session))
                return session, False
            steps = answer.steps
            if once is not None:
                await once.look_again()
        conflict = Step(
            "claim", "failed", "others were faster each time [launch_conflict]", "launch_conflict"
        )
        refusal = Refusal("launch_conflict", CODES["launch_conflict"], (*steps, conflict))
        raise await self._refused(request, view, refusal)

    async def move(self, session: Session, gone: Sequence[Condition]) -> bool:
        """Place the session anew, which waits in line on a host that is gone: never told of it, that host starts
        nothing. One transaction, which also compares `gone`; where it meets a conflict, whoever asked looks again.

        False: nothing takes the session, or its user may not have it any more. Raises Unavailable, GridError.
        """
        tenant = await self._stores.tenant(session.tenant_id)
        request = LaunchRequest(
            *(session.tenant_id, session.user_id, session.application_id, session.display),
            Context(is_admitted=True),
        )
        view = self._look(request, self._claims)
        others = tuple(other for other in view.sessions if other.id != session.id)
        answer = plan(request, replace(view, sessions=others), self._choose)
        if not isinstance(answer, LaunchPlan):
            return False
        relied_on = conditions(self._snapshot, request, answer, self._stores.site, tenant)
        why = Step("moved", "info", f"{session.host_name} vanished while the session waited in line there")
        moved = replace(
            session,
            host_id=answer.candidate.host.id,
            host_name=answer.candidate.host.name,
            slot=answer.slot,
            trace=tuple(step.to_json() for step in (why, *answer.steps)),
        )
        with self._claims.claiming(moved.host_id, moved.slot):
            if await self._sessions.move(session, moved, [*gone, *relied_on]):
                log.info("launch placed anew", extra=_ids_of(moved))
        return True

    def decide(
        self, request: LaunchRequest, stopwatch: Stopwatch = time.perf_counter, telling: Telling = BRIEF
    ) -> tuple[LaunchView, LaunchPlan | Reconnect | Refusal]:
        """What a launch would do now, and what that was decided on. Changes nothing: a simulation asks the same.

        Among places that no other launch of this broker is claiming, or, if there is none, among all.
        """
        view = self._look(request, self._claims)
        answer = plan(request, view, self._choose, stopwatch, telling)
        if isinstance(answer, Refusal) and answer.code == "host_full" and self._claims:
            view = self._look(request, None)
            answer = plan(request, view, self._choose, stopwatch, telling)
        return view, answer

    def _look(self, request: LaunchRequest, claims: Claims | None) -> LaunchView:
        index = self._sessions.index
        claimed = sum(
            self._snapshot.get("site", ("slot", host_id, str(slot))) is None
            for host_id, slot in self._claims.of_tenant(request.tenant_id)
        )
        return look(self._snapshot, self._hosts, index, request, self._sessions_per_user, claims, claimed)

    async def _made_before(self, tenant: TenantStore, session_id: str) -> Session:
        """What the same request made when it came first. Raises Refused("session_ended")."""
        record = await tenant.get(("session", session_id))
        if record is None:
            raise Refused("session_ended")
        await self._snapshot.until(record.mod_revision)
        return Session.from_json(record.value)

    async def _claim(
        self,
        request: LaunchRequest,
        tenant: TenantStore,
        chosen: LaunchPlan,
        relied_on: list[Condition],
        once: Once | None,
    ) -> Session | None:
        """The session that the transaction made; None when it met a conflict and is to be planned again."""
        session = self._session(request, chosen)
        operations, free = self._sessions.claim(tenant, session)
        needed = [*free, *relied_on]
        if once is not None:
            settled, unsettled = once.settle(session.id)
            operations, needed = [*operations, settled], [*needed, unsettled]
        if request.entered is not None:
            self._credentials.keep(session.id, request.entered)  # before any host can ask for them
        result = await commit(self._stores, *operations, conditions=needed)
        await self._snapshot.until(result.revision)
        if result.succeeded or await self._sessions.holds_own(tenant, session):
            return session
        self._credentials.forget(session.id)
        return None

    def _session(self, request: LaunchRequest, chosen: LaunchPlan) -> Session:
        return Session(
            id=new_id(),
            tenant_id=request.tenant_id,
            user_id=chosen.user.id,
            user_name=chosen.user.name,
            application_id=chosen.application.id,
            application_name=chosen.application.name,
            command=chosen.application.command,
            environment=dict(chosen.application.environment),
            host_id=chosen.candidate.host.id,
            host_name=chosen.candidate.host.name,
            slot=chosen.slot,
            display=request.display,
            reference=new_reference(),
            created=self._clock.now(),
            rdp=chosen.application.rdp,
            wine=chosen.application.wine,
            desktop=chosen.application.desktop,
            credentials_at="" if request.entered is None else self._broker_id,
            trace=tuple(step.to_json() for step in chosen.steps),
            circumstances=request.context.told().to_json(),
        )

    async def _refused(self, request: LaunchRequest, view: LaunchView, refusal: Refusal) -> Refused:
        self._outcomes.answered(refusal.code)
        user, application = view.user, view.application
        revision = self._snapshot.revision
        reference = await self._traces.refused(
            request.tenant_id,
            user=user.name if user else request.user_id,
            application=application.name if application else request.application_id,
            code=refusal.code,
            message=refusal.message,
            steps=refusal.steps,
            revision=revision,
            circumstances=request.context.told(),
        )
        log.warning(
            "launch refused: %s",
            refusal.steps[-1].detail if refusal.steps else refusal.message,
            extra=ids(
                tenant=request.tenant_id,
                user=request.user_id,
                application=request.application_id,
                code=refusal.code,
                reference=reference,
            ),
        )
        lost = refusal.lost.id if refusal.lost else None
        steps = [step.to_json() for step in refusal.steps]
        data = {"reference": reference, "session": lost, "steps": steps, "revision": revision}
        return Refused(refusal.code, refusal.message, **data)

    async def _until_ended(self, session: Session) -> None:
        """Wait for the record's end, at most ENDING_WAIT_SECONDS."""
        path = ("session", session.id)
        ended = asyncio.Event()

        def notice(change: Change) -> None:
            if change.record is None and change.path == path and change.scope == session.tenant_id:
                ended.set()

        unsubscribe = self._snapshot.subscribe(notice)
        try:
            if self._snapshot.get(session.tenant_id, path) is not None:
                async with asyncio.timeout(ENDING_WAIT_SECONDS):
                    await ended.wait()
        except TimeoutError:
            pass  # the plan is asked once more and refuses
        finally:
            unsubscribe()

    async def _with_hosts_back(
        self, request: LaunchRequest, view: LaunchView, answer: Refusal
    ) -> tuple[LaunchView, LaunchPlan | Reconnect | Refusal]:
        """Plan again with each host that comes back, for HOSTS_WAIT_SECONDS or until the others would not matter."""
        absent, back = answer.absent, asyncio.Event()

        def notice(change: Change) -> None:
            if change.record is not None and change.path[:2] == ("live", "host") and change.path[2] in absent:
                back.set()

        planned: LaunchPlan | Reconnect | Refusal = answer
        unsubscribe = self._snapshot.subscribe(notice)
        try:
            async with asyncio.timeout(HOSTS_WAIT_SECONDS):
                while isinstance(planned, Refusal) and planned.absent:
                    await back.wait()
                    back.clear()
                    view, planned = self.decide(request)
        except TimeoutError:
            pass  # the last refusal stands
        finally:
            unsubscribe()
        return view, planned


def _is_deserted(tenant_id: str, view: LaunchView) -> bool:
    """Whether no host of the tenant is live: not one host is away, all are."""
    return not any(each.live and tenant_id in each.host.tenants for each in view.candidates)


def _ids_of(session: Session) -> dict[str, object]:
    return ids(
        tenant=session.tenant_id,
        user=session.user_id,
        application=session.application_id,
        host=session.host_id,
        slot=session.slot,
        session=session.id,
        reference=session.reference,
    )

"""Makes the probes of the site that are due: one broker's job, a few at a time.

A probe acts as its user. With an account of the brokers' own (`accounts`) it signs in by password and code; a person's
password it never has, and the login is made for it. All else is as in a browser (`visit`). Who makes one claims it in
the grid and leaves the result there (`records`); failures, recoveries and one success an hour go into the audit. The
job's rounds start tasks and do not wait for them; they end with the job.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from broker.audit.event import Actor, Event, Object
from broker.grid.grid import GridError
from broker.grid.scopes import Condition, Stores
from broker.identity.logins import new_login
from broker.launch.traces import Traces
from broker.probes.accounts import Credentials, ProbeAccounts
from broker.probes.records import CLAIM_SECONDS, ProbeClaim, Probes
from broker.probes.result import Probe, Result, State
from broker.probes.visit import Entry, Occupied, Visit
from broker.repositories.applications import Applications
from broker.repositories.committing import commit
from broker.repositories.logins import LoginRecords, login_creation
from broker.repositories.users import Users
from portcullis.clock import Clock
from portcullis.drill.person import Person
from portcullis.errors import PortcullisError, Refused
from portcullis.logs import ids
from portcullis.model.application import Application
from portcullis.model.user import Login, User
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

ROUND_SECONDS = 5.0
AT_ONCE = 2
WHOLE_SECONDS = 180.0
PUT_OFF_SECONDS = 30.0
"""Before a probe that another broker may be at is looked at again."""
RECORDED_EVERY_SECONDS = 3600.0

Key = tuple[str, str]
"""Tenant and application."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a probe goes by."""

    urls: Callable[[], Sequence[str]]
    """Of the gateways that let people in."""
    trust: Callable[[], ssl.SSLContext]
    cookie: Callable[[], str]
    """The name of the login's cookie."""
    epoch: Callable[[], int]
    end_session: Callable[[str, str], Awaitable[object]]
    """Tenant and session."""
    record: Callable[[Event], Awaitable[object]]
    organisation: Callable[[str], str]
    """The name of a tenant."""
    broker_id: str
    measured: Callable[[Result], None] = lambda result: None


class Prober:
    def __init__(
        self,
        stores: Stores,
        probes: Probes,
        accounts: ProbeAccounts,
        users: Users,
        applications: Applications,
        logins: LoginRecords,
        traces: Traces,
        clock: Clock,
        means: Means,
    ) -> None:
        self._stores = stores
        self._probes = probes
        self._accounts = accounts
        self._users = users
        self._applications = applications
        self._logins = logins
        self._traces = traces
        self._clock = clock
        self._means = means
        self._results: dict[Key, Result] = {}
        self._began: dict[Key, float] = {}
        self._recorded: dict[Key, float] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}

    async def round(self, fence: Condition) -> None:
        """Begin what is due; what was taken away is forgotten."""
        there = {(tenant_id, probe.application_id): probe for tenant_id, probe in self._probes.all()}
        for known in (self._results, self._began, self._recorded):
            for key in known.keys() - there.keys():
                del known[key]
        self._tasks = {key: task for key, task in self._tasks.items() if not task.done()}
        for key, probe in sorted(there.items(), key=lambda each: self._began.get(each[0], 0.0)):
            if len(self._tasks) < AT_ONCE and key not in self._tasks and self._is_due(key, probe):
                self._began[key] = self._clock.monotonic()
                self._tasks[key] = spawn(self._run(key, probe, fence), name=f"probe-{key[1]}")

    async def stop(self) -> None:
        await cancel_and_wait(*self._tasks.values())

    def result(self, tenant_id: str, application_id: str) -> Result | None:
        """Of a probe that this broker made."""
        return self._results.get((tenant_id, application_id))

    def _is_due(self, key: Key, probe: Probe) -> bool:
        began = self._began.get(key)
        if began is not None:
            return self._clock.monotonic() - began >= probe.every_seconds
        before = self._probes.result(*key)
        return before is None or not 0 <= self._clock.now() - before.time < probe.every_seconds

    async def _run(self, key: Key, probe: Probe, fence: Condition) -> None:
        try:
            claim = await self._probes.claim(*key, self._means.broker_id, fence)
        except (GridError, PortcullisError) as exc:
            log.warning("a probe cannot be claimed: %s", exc, extra=ids(tenant=key[0], application=key[1]))
            claim = None
        if claim is None:
            self._began[key] = self._clock.monotonic() - probe.every_seconds + PUT_OFF_SECONDS
            return
        user = self._users.get(key[0], probe.user_id)
        application = self._applications.get(*key)
        try:
            result = await self._probed(claim, user, application)
        except asyncio.CancelledError:
            await self._probes.let_go(claim)
            raise
        known = [each for each in (self._results.get(key), self._probes.result(*key)) if each is not None]
        before = max(known, key=lambda each: each.time, default=None)
        result = self._results[key] = result.after(before)
        self._means.measured(result)
        try:
            await self._probes.finish(claim, result)
        except (GridError, PortcullisError) as exc:
            log.warning("the result of a probe is not kept: %s", exc, extra=ids(tenant=key[0]))
        if self._is_news(key, result, before):
            self._recorded[key] = self._clock.monotonic()
            await self._means.record(_event(key, user, application, result))

    def _is_news(self, key: Key, result: Result, before: Result | None) -> bool:
        if before is None or result.state == "failed" or result.state != before.state:
            return True
        return self._clock.monotonic() - self._recorded.get(key, 0.0) >= RECORDED_EVERY_SECONDS

    async def _probed(self, claim: ProbeClaim, user: User | None, application: Application | None) -> Result:
        if user is None:
            return self._result("failed", "user_unknown")
        if application is None:
            return self._result("failed", "application_unknown")
        urls = self._means.urls()
        if not urls:
            return self._result("failed", "gateways_none")
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                return await self._visited(claim, user, urls)
        except TimeoutError:
            return self._result("failed", "probe_timeout")
        except (GridError, PortcullisError) as exc:
            code = exc.code if isinstance(exc, PortcullisError) else "grid_unavailable"
            return self._result("failed", code, exc.message if isinstance(exc, PortcullisError) else str(exc))
        except (KeyError, TypeError, ValueError) as exc:
            log.exception(
                "a probe was answered what cannot be read",
                extra=ids(tenant=claim.tenant_id, application=claim.application_id),
            )
            return self._result("failed", "internal_error", repr(exc))

    async def _visited(self, claim: ProbeClaim, user: User, urls: Sequence[str]) -> Result:
        if user.disabled or not user.enrolled:
            raise Refused("user_disabled" if user.disabled else "signed_out", "The user cannot sign in.")
        context = self._means.trust() if any(url.startswith("https") for url in urls) else None
        given = await self._accounts.credentials(claim.tenant_id, user)
        if given is not None:
            result = await self._by_password(claim, user, given, urls, context)
            if result.code != "sign_in_refused" or not await self._is_spent(claim, user, given):
                return result
        async with Person(user.name, urls, context) as person:
            login = await self._let_in(claim, user, person)
            try:
                return await self._made(Visit(person, claim.application_id, context), claim)
            finally:
                await self._logins.delete(login)

    async def _is_spent(self, claim: ProbeClaim, user: User, given: Credentials) -> bool:
        return await self._accounts.is_spent(claim.tenant_id, user, given)

    async def _by_password(
        self,
        claim: ProbeClaim,
        user: User,
        given: Credentials,
        urls: Sequence[str],
        context: ssl.SSLContext | None,
    ) -> Result:
        entry = Entry(self._means.organisation(claim.tenant_id), given.password, given.code)
        async with Person(user.name, urls, context) as person:
            visit = Visit(person, claim.application_id, context, entry)
            try:
                return replace(await self._made(visit, claim), by_password=True)
            finally:
                await visit.sign_out()

    async def _made(self, visit: Visit, claim: ProbeClaim) -> Result:
        try:
            await visit.make(lambda session: self._probes.note(claim, session))
            return self._of(visit, self._result("ok"))
        except Occupied as occupied:
            return await self._occupied(claim, occupied.session)
        except PortcullisError as exc:
            return self._of(visit, await self._failed(claim, visit, exc))

    async def _let_in(self, claim: ProbeClaim, user: User, person: Person) -> Login:
        """By a login that is made for the key of the visit, and goes with the claim."""
        now = self._clock.now()
        secret, login = new_login(claim.tenant_id, user.id, person.key.public, now, self._means.epoch())
        login = replace(login, expires=now + CLAIM_SECONDS)
        store = await self._stores.tenant(claim.tenant_id)
        mine = store.created_at(("probe-claim", claim.application_id), claim.revision)
        result = await commit(self._stores, login_creation(store, login, claim.lease), conditions=[mine])
        if not result.succeeded:
            raise Refused("changed_meanwhile", "The claim of the probe ran out.")
        person.carry(self._means.cookie(), secret.text)
        person.seen(result.revision)
        return login

    async def _occupied(self, claim: ProbeClaim, session: str) -> Result:
        """A session that a prober left when it died is ended; the next round begins anew. Any other is left alone."""
        if session == self._probes.under_way(claim.tenant_id, claim.application_id):
            log.warning("a probe's session was left behind: it is ended", extra=ids(session=session))
            await self._means.end_session(claim.tenant_id, session)
        return self._result("skipped", "probe_occupied")

    async def _failed(self, claim: ProbeClaim, visit: Visit, error: PortcullisError) -> Result:
        """Where the host said why, that counts."""
        trace = await self._traces.get(claim.tenant_id, visit.reference) if visit.reference else None
        if trace is not None:
            return self._result(
                "failed", trace.code, trace.steps[-1].reason if trace.steps else trace.message
            )
        return self._result("failed", error.code, error.message)

    def _of(self, visit: Visit, result: Result) -> Result:
        return replace(result.at(visit.stages), reference=visit.reference, host=visit.host)

    def _result(self, state: State, code: str = "", detail: str = "") -> Result:
        return Result(state, self._clock.now(), code=code, detail=detail)


def _event(key: Key, user: User | None, application: Application | None, result: Result) -> Event:
    return Event(
        "probe",
        key[0],
        Actor(user.name if user else "", user.id if user else ""),
        Object("application", key[1], application.name if application else ""),
        code=result.code,
        reason=result.detail,
        reference=result.reference,
        detail=result.to_json(),
    )

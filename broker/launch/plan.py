"""The plan of a launch: may this user have this application now, and where.

Pure, so that a launch and its simulation share it. `plan` looks at a `LaunchView` (a picture of one moment)
and answers with a `LaunchPlan` (claim this slot), a `Reconnect` (the session runs already) or a `Refusal`.
Each carries the steps that led there, in order. It commits nothing and reads no clock; chance is an argument.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from broker.launch.placement import Candidate, Choose, place
from portcullis.errors import CODES
from portcullis.model.application import Application
from portcullis.model.launch import Outcome, Step
from portcullis.model.session import Display, Session
from portcullis.model.user import User

EXPLAINED_HOSTS = 32
"""So many rejected hosts are explained one by one, the rest counted: the session record holds the trace."""


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    tenant_id: str
    user_id: str
    application_id: str
    display: Display


@dataclass(frozen=True, slots=True)
class LaunchView:
    """What the plan decides on. `sessions` are those of the user."""

    user: User | None
    application: Application | None
    sessions: tuple[Session, ...]
    candidates: tuple[Candidate, ...]
    sessions_per_user: int


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    user: User
    application: Application
    candidate: Candidate
    slot: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Reconnect:
    session: Session
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    code: str
    message: str
    steps: tuple[Step, ...]
    ending: Session | None = None
    """The earlier session of the application that has to end first: a moment later the answer is another."""


def plan(request: LaunchRequest, view: LaunchView, choose: Choose) -> LaunchPlan | Reconnect | Refusal:
    trace = _Trace()
    try:
        user = _user(view, trace)
        application = _application(request, view, user, trace)
        running = _running(request, view, trace)
        if running is not None:
            return Reconnect(running, trace.steps)
        _quota(view, trace)
        candidates = _hosts(request, view, trace)
    except _Refused as refused:
        return Refusal(refused.code, refused.message, trace.steps, refused.ending)
    candidate, slot = place(candidates, choose)
    trace.passed("placement", f"{candidate.host.name}, slot {slot}, the least loaded of {len(candidates)}")
    return LaunchPlan(user, application, candidate, slot, trace.steps)


class _Refused(Exception):
    def __init__(self, code: str, message: str | None = None, ending: Session | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.message = message or CODES[code]
        self.ending = ending


class _Trace:
    def __init__(self) -> None:
        self.steps: tuple[Step, ...] = ()

    def passed(self, step: str, detail: str) -> None:
        self._add(step, "passed", detail)

    def info(self, step: str, detail: str) -> None:
        self._add(step, "info", detail)

    def failed(
        self, step: str, code: str, detail: str, message: str | None = None, ending: Session | None = None
    ) -> _Refused:
        self._add(step, "failed", f"{detail} [{code}]")
        return _Refused(code, message, ending)

    def _add(self, step: str, outcome: Outcome, detail: str) -> None:
        self.steps += (Step(step, outcome, detail),)


def _user(view: LaunchView, trace: _Trace) -> User:
    if view.user is None:
        raise trace.failed("user", "user_disabled", "the account does not exist any more")
    if view.user.disabled:
        raise trace.failed("user", "user_disabled", f"{view.user.name} is disabled")
    groups = ", ".join(sorted(view.user.groups)) or "no group"
    trace.passed("user", f"{view.user.name}, in {groups}")
    return view.user


def _application(request: LaunchRequest, view: LaunchView, user: User, trace: _Trace) -> Application:
    """Entitlement comes before the application's own state: who may not have it learns nothing of it."""
    application = view.application
    if application is None:
        raise trace.failed("application", "application_unknown", f"no application {request.application_id}")
    trace.passed("application", application.name)
    entitled = application.entitlement
    if not entitled.admits(user.name, user.groups):
        users, groups = ", ".join(sorted(entitled.users)), ", ".join(sorted(entitled.groups))
        admits = f"it admits the users ({users}) and the groups ({groups})"
        raise trace.failed("entitlement", "not_entitled", admits)
    by_group = sorted(user.groups & entitled.groups)
    trace.passed("entitlement", "by name" if user.name in entitled.users else f"by group {by_group[0]}")
    if application.disabled:
        raise trace.failed("enabled", "application_disabled", f"{application.name} is disabled")
    trace.passed("enabled", "the application is enabled")
    return application


def _running(request: LaunchRequest, view: LaunchView, trace: _Trace) -> Session | None:
    """One session of an application a user."""
    own = [session for session in view.sessions if session.application_id == request.application_id]
    if not own:
        trace.info("reconnect", "no session of this application runs")
        return None
    session = own[0]
    if session.state == "ending":
        detail = f"session {session.id} on {session.host_name} is still ending"
        message = "The earlier session of this application is still ending. Try again in a moment."
        raise trace.failed("reconnect", "launch_conflict", detail, message, session)
    trace.passed("reconnect", f"session {session.id} runs on {session.host_name} ({session.state})")
    return session


def _quota(view: LaunchView, trace: _Trace) -> None:
    count = sum(session.state != "ending" for session in view.sessions)
    detail = f"{count} of {view.sessions_per_user} sessions"
    if count >= view.sessions_per_user:
        raise trace.failed("quota", "quota_user", detail)
    trace.passed("quota", detail)


def _hosts(request: LaunchRequest, view: LaunchView, trace: _Trace) -> list[Candidate]:
    """The hosts that can take the session; each of the others is rejected by name."""
    accepted: list[Candidate] = []
    rejected: list[tuple[str, str]] = []
    for candidate in view.candidates:
        if request.tenant_id not in candidate.host.tenants:
            continue  # another tenant's hosts are not even named
        rejection = _rejection(candidate)
        if rejection is None:
            accepted.append(candidate)
        else:
            code, reason = rejection
            rejected.append((code, reason))
    _explain(rejected, trace)
    if not accepted:
        raise trace.failed("hosts", _overall([code for code, _ in rejected]), "no host can take the session")
    trace.passed("hosts", _listed([candidate.host.name for candidate in accepted]))
    return accepted


def _rejection(candidate: Candidate) -> tuple[str, str] | None:
    host = candidate.host
    if host.revoked:
        return "no_host", f"{host.name}: its certificate is revoked"
    if not candidate.live:
        return "host_offline", f"{host.name}: not connected"
    if host.draining:
        return "host_draining", f"{host.name}: takes no new sessions"
    if not candidate.free_slots:
        return "host_full", f"{host.name}: {host.slots} of {host.slots} slots are taken"
    return None


def _overall(codes: Sequence[str]) -> str:
    """The reason of the host that came nearest to taking it."""
    return next((code for code in ("host_full", "host_draining", "host_offline") if code in codes), "no_host")


def _explain(rejected: Sequence[tuple[str, str]], trace: _Trace) -> None:
    for code, reason in rejected[:EXPLAINED_HOSTS]:
        trace.info("host", f"{reason} [{code}]")
    rest = Counter(code for code, _ in rejected[EXPLAINED_HOSTS:])
    if rest:
        trace.info(
            "host", "and " + ", ".join(f"{count} more [{code}]" for code, count in sorted(rest.items()))
        )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - EXPLAINED_HOSTS
    return ", ".join(names[:EXPLAINED_HOSTS]) + (f" and {more} more" if more > 0 else "")

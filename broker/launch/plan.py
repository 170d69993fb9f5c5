"""The plan of a launch: may this user have this application now, and where.

Pure, so that a launch and its simulation share it. `plan` looks at a `LaunchView` (a picture of one moment)
and answers with a `LaunchPlan` (claim this slot), a `Reconnect` (the session runs already) or a `Refusal`.
Each carries the steps that led there, in order. It commits nothing and reads no clock; chance is an argument.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from broker.launch.placement import MINIMUM_MEMORY_BYTES, Candidate, Choose, place
from broker.launch.queue import in_line, position_of_next
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
    """What the plan decides on. `sessions` are those of the user, `candidates` all hosts of the site."""

    user: User | None
    application: Application | None
    sessions: tuple[Session, ...]
    candidates: Sequence[Candidate]
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
    lost: Session | None = None
    """The earlier session of the application, on a host that does not answer: its user may end it."""
    absent: frozenset[str] = frozenset()
    """Hosts that are not live: with each that comes back the answer may be another."""


def plan(request: LaunchRequest, view: LaunchView, choose: Choose) -> LaunchPlan | Reconnect | Refusal:
    trace = _Trace()
    try:
        user = _user(view, trace)
        application = _application(request, view, user, trace)
        running = _running(request, view, trace)
        if running is not None:
            return Reconnect(running, trace.steps)
        _quota(view, trace)
        candidates = _hosts(request, application, view, trace)
    except _Refused as refused:
        return Refusal(
            refused.code, refused.message, trace.steps, refused.ending, refused.lost, refused.absent
        )
    return _placed(user, application, view, candidates, choose, trace)


def _placed(
    user: User,
    application: Application,
    view: LaunchView,
    candidates: Sequence[Candidate],
    choose: Choose,
    trace: _Trace,
) -> LaunchPlan:
    homes = {session.host_id for session in view.sessions if session.state != "ending"}
    placement = place(candidates, homes, choose)
    candidate = placement.candidate
    why = "where the user has a session already" if placement.is_home else "the least loaded"
    trace.passed("placement", f"{candidate.host.name}, slot {placement.slot}, {why}, of {len(candidates)}")
    limit = candidate.host.starting_limit
    position = position_of_next(candidate.on_their_way, limit)
    if position is not None:
        trace.info("queue", f"{in_line(position)} on {candidate.host.name}, which starts {limit} at once")
    return LaunchPlan(user, application, candidate, placement.slot, trace.steps)


class _Refused(Exception):
    def __init__(
        self,
        code: str,
        message: str | None = None,
        ending: Session | None = None,
        lost: Session | None = None,
        absent: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(code)
        self.code = code
        self.message = message or CODES[code]
        self.ending = ending
        self.lost = lost
        self.absent = absent


class _Trace:
    def __init__(self) -> None:
        self.steps: tuple[Step, ...] = ()

    def passed(self, step: str, detail: str) -> None:
        self._add(step, "passed", detail)

    def info(self, step: str, detail: str) -> None:
        self._add(step, "info", detail)

    def failed(
        self,
        step: str,
        code: str,
        detail: str,
        message: str | None = None,
        ending: Session | None = None,
        lost: Session | None = None,
        absent: frozenset[str] = frozenset(),
    ) -> _Refused:
        self._add(step, "failed", f"{detail} [{code}]")
        return _Refused(code, message, ending, lost, absent)

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
    if session.stage != "placed" and _is_offline(session.host_id, view):
        detail = f"session {session.id} runs on {session.host_name}, which is not connected"
        message = (
            f"Your session of {session.application_name} is on {session.host_name}, which does not answer. Wait for "
            "it, or end it (unsaved work is lost) and start a new one."
        )
        absent = frozenset({session.host_id})
        raise trace.failed("reconnect", "host_offline", detail, message, lost=session, absent=absent)
    trace.passed("reconnect", f"session {session.id} runs on {session.host_name} ({session.state})")
    return session


def _is_offline(host_id: str, view: LaunchView) -> bool:
    return any(candidate.host.id == host_id and not candidate.live for candidate in view.candidates)


def _quota(view: LaunchView, trace: _Trace) -> None:
    count = sum(session.state != "ending" for session in view.sessions)
    detail = f"{count} of {view.sessions_per_user} sessions"
    if count >= view.sessions_per_user:
        raise trace.failed("quota", "quota_user", detail)
    trace.passed("quota", detail)


def _hosts(
    request: LaunchRequest, application: Application, view: LaunchView, trace: _Trace
) -> list[Candidate]:
    """The hosts that can take the session; each of the others is rejected by name.

    This runs once a launch and host: it asks each for little, and words are made for those alone that are told.
    """
    tenant_id, groups = request.tenant_id, application.host_groups
    needed_bytes = max(MINIMUM_MEMORY_BYTES, application.minimum_memory_bytes)
    accepted: list[Candidate] = []
    rejected: list[tuple[str, Candidate]] = []
    for candidate in view.candidates:
        if tenant_id not in candidate.host.tenants:
            continue  # another tenant's hosts are not even named
        code = _rejection(candidate, groups, needed_bytes)
        if code is None:
            accepted.append(candidate)
        else:
            rejected.append((code, candidate))
    _explain(rejected, groups, needed_bytes, trace)
    if not accepted:
        absent = frozenset(candidate.host.id for code, candidate in rejected if code == "host_offline")
        raise trace.failed("hosts", _overall(rejected), "no host can take the session", absent=absent)
    trace.passed("hosts", _listed(accepted))
    return accepted


def _rejection(candidate: Candidate, groups: frozenset[str], needed_bytes: int) -> str | None:
    host = candidate.host
    if host.revoked:
        return "no_host"
    if groups and groups.isdisjoint(host.groups):
        return "no_host"
    if not candidate.live:
        return "host_offline"
    if host.draining:
        return "host_draining"
    if candidate.free == 0:
        return "host_full"
    if candidate.lacks_memory(needed_bytes):
        return "host_short_of_memory"
    return None


_NEAREST = ("host_full", "host_short_of_memory", "host_draining", "host_offline", "no_host")


def _overall(rejected: Sequence[tuple[str, Candidate]]) -> str:
    """The reason of the host that came nearest to taking it."""
    return min((code for code, _ in rejected), key=_NEAREST.index, default="no_host")


def _explain(
    rejected: Sequence[tuple[str, Candidate]], groups: frozenset[str], needed_bytes: int, trace: _Trace
) -> None:
    for code, candidate in rejected[:EXPLAINED_HOSTS]:
        reason = _reason(code, candidate, groups, needed_bytes)
        trace.info("host", f"{candidate.host.name}: {reason} [{code}]")
    rest = Counter(code for code, _ in rejected[EXPLAINED_HOSTS:])
    if rest:
        trace.info(
            "host", "and " + ", ".join(f"{count} more [{code}]" for code, count in sorted(rest.items()))
        )


def _reason(code: str, candidate: Candidate, groups: frozenset[str], needed_bytes: int) -> str:
    host = candidate.host
    if code == "host_full":
        return f"{host.slots} of {host.slots} slots are taken"
    if code == "host_short_of_memory":
        available = candidate.load.memory_available_bytes if candidate.load else 0
        return f"{available >> 20} MiB of memory are available, {needed_bytes >> 20} MiB are needed"
    if code == "no_host" and not host.revoked:
        return f"in none of the groups {', '.join(sorted(groups))}"
    return {
        "no_host": "its certificate is revoked",
        "host_offline": "not connected",
        "host_draining": "takes no new sessions",
    }[code]


def _listed(accepted: Sequence[Candidate]) -> str:
    more = len(accepted) - EXPLAINED_HOSTS
    names = ", ".join(candidate.host.name for candidate in accepted[:EXPLAINED_HOSTS])
    return names + (f" and {more} more" if more > 0 else "")

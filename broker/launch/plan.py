"""The plan of a launch: may this user have this application now, and where.

Pure, so that a launch and its simulation share it. `plan` looks at a `LaunchView` (a picture of one moment)
and answers with a `LaunchPlan` (claim this slot), a `Reconnect` (the session runs already) or a `Refusal`.
Each carries the steps that led there, in order. It commits nothing and reads no clock; chance is an argument, and so
is the stopwatch that the steps are timed by (`steps`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from broker.launch.placement import MINIMUM_MEMORY_BYTES, Candidate, Choose, place
from broker.launch.policy_steps import ask_policies, ask_second_factor, named, told
from broker.launch.queue import in_line, position_of_next
from broker.launch.steps import PlanRefused, PlanTrace, Stopwatch, no_stopwatch
from broker.policy.conditions import Values
from portcullis.model.application import Application
from portcullis.model.launch import Circumstances, Step
from portcullis.model.platforms import WINDOWS, is_windows_program
from portcullis.model.policy import BUILT_IN, defaults
from portcullis.model.rdp import RDP_CLIENT, Entered
from portcullis.model.session import Display, Session
from portcullis.model.tenant import Tenant
from portcullis.model.user import User
from portcullis.protocol.desktops import DESKTOPS
from portcullis.protocol.features import RDP
from portcullis.protocol.wine import WINE, template_feature

_FOR_RDP = frozenset({RDP})
WATCHERS = 4
"""So many sessions at once may be attached to the desktops of a Windows host. None takes its one slot for applications:
what is shown runs already."""
_FOR_DESKTOPS = frozenset({DESKTOPS})
_FOR_WINDOWS = frozenset({WINDOWS})
_NONE: frozenset[str] = frozenset()
EXPLAINED_HOSTS = 32
"""So many rejected hosts are explained one by one, the rest counted: the session record holds the trace."""
SIMULATED_HOSTS = 256


@dataclass(frozen=True, slots=True)
class Telling:
    """How much the steps say. What is decided does not depend on it."""

    hosts: int = EXPLAINED_HOSTS
    scores: bool = False
    """Whether the hosts that can take the session have a step each, too, with their scores."""


BRIEF = Telling()
WHOLE = Telling(SIMULATED_HOSTS, scores=True)
"""For a simulation: nothing keeps its steps."""

CredentialState = Literal["none", "given", "kept", "assumed"]
"""What there is to sign in with to a server that asks: entered for this launch, kept by the user, or left open, for who
only asks what would happen."""


@dataclass(frozen=True, slots=True)
class Context:
    """The circumstances of a launch, which policies ask for. What is not known admits nobody who needs it."""

    client_address: str | None = None
    """Where the browser is, as the gateway saw it."""
    time: float = 0.0
    """When the launch was asked for, in Unix seconds."""
    factor_time: float | None = None
    """When the user last proved the second factor; None: never, as of an API token."""
    credentials: CredentialState = "none"
    user_agent: str = ""
    """As the client calls itself. Nothing is decided by it."""
    is_admitted: bool = False
    """The person was let in before, and the session is only placed anew: rules about the circumstances of who asks
    are not asked again."""

    def told(self) -> Circumstances:
        """As they are kept with the trace."""
        age = None if self.factor_time is None else max(0.0, self.time - self.factor_time) / 60
        return Circumstances(
            self.client_address or "", None if age is None else round(age, 2), self.user_agent
        )


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    tenant_id: str
    user_id: str
    application_id: str
    display: Display
    context: Context = Context()
    entered: Entered | None = field(default=None, repr=False)
    """For a server that asks: for this launch alone."""


@dataclass(frozen=True, slots=True)
class LaunchView:
    """What the plan decides on. `sessions` are those of the user, `candidates` all hosts of the site."""

    user: User | None
    application: Application | None
    sessions: tuple[Session, ...]
    candidates: Sequence[Candidate]
    sessions_per_user: int
    """The broker's setting; a policy may say otherwise."""
    outer_groups: frozenset[str] = frozenset()
    """Groups that contain those which the user names."""
    policy: Values = field(default_factory=defaults)
    """What counts for this user and application."""
    tenant: Tenant | None = None
    tenant_sessions: int = 0
    """Of all its users, those included that are being claimed."""

    @property
    def groups(self) -> frozenset[str]:
        """All that the user is in."""
        return self.outer_groups | (self.user.groups if self.user is not None else frozenset())


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    user: User
    application: Application
    candidate: Candidate
    slot: int
    steps: tuple[Step, ...]
    able: Sequence[Candidate] = ()
    """All that could take the session."""


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


def plan(
    request: LaunchRequest,
    view: LaunchView,
    choose: Choose,
    stopwatch: Stopwatch = no_stopwatch,
    telling: Telling = BRIEF,
) -> LaunchPlan | Reconnect | Refusal:
    trace = PlanTrace(stopwatch)
    try:
        user = _user(view, trace)
        application = _application(request, view, user, trace)
        ask_policies(view.policy, request.context, trace, whole=telling.scores)
        ask_second_factor(view.policy, request.context, trace)
        application = _tightened(application, view, trace)
        running = _running(request, view, trace)
        if running is not None:
            return Reconnect(running, trace.steps)
        _quota(view, trace)
        candidates = _hosts(request, application, view, trace, telling)
        _credentials(request.context, application, trace)
    except PlanRefused as refused:
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
    trace: PlanTrace,
) -> LaunchPlan:
    homes = {session.host_id for session in view.sessions if session.state != "ending"}
    rule = view.policy["host_choice"]
    packs = rule.value == "pack"
    placement = place(candidates, homes, choose, packs=packs)
    candidate = placement.candidate
    why = "where the user has a session already" if placement.is_home else "the least loaded"
    if placement.is_packed:
        why = "the fullest"
    asks = "" if rule.origin == BUILT_IN else f"; {told('host_choice', rule)}"
    detail = f"{candidate.host.name}, slot {placement.slot}, {why}, of {len(candidates)}{asks}"
    trace.passed("placement", detail, _named(candidate))
    limit = candidate.host.starting_limit
    position = position_of_next(candidate.on_their_way, limit)
    if position is not None:
        detail = f"{in_line(position)} on {candidate.host.name}, which starts {limit} at once"
        trace.info("queue", detail, object=_named(candidate))
    return LaunchPlan(user, application, candidate, placement.slot, trace.steps, candidates)


def _user(view: LaunchView, trace: PlanTrace) -> User:
    if view.tenant is not None and not view.tenant.is_open:
        suspended = f"{view.tenant.name} is suspended"
        raise trace.failed("user", "tenant_suspended", suspended, object=f"tenant:{view.tenant.name}")
    if view.user is None:
        raise trace.failed("user", "user_disabled", "the account does not exist any more")
    named = f"user:{view.user.name}"
    if view.user.disabled:
        raise trace.failed("user", "user_disabled", f"{view.user.name} is disabled", object=named)
    groups = ", ".join(sorted(view.user.groups)) or "no group"
    outer = sorted(view.outer_groups - view.user.groups)
    inside = f", and so in {', '.join(outer)}" if outer else ""
    trace.passed("user", f"{view.user.name}, in {groups}{inside}", named)
    return view.user


def _application(request: LaunchRequest, view: LaunchView, user: User, trace: PlanTrace) -> Application:
    """Entitlement comes before the application's own state: who may not have it learns nothing of it."""
    application = view.application
    if application is None:
        raise trace.failed("application", "application_unknown", f"no application {request.application_id}")
    named = f"application:{application.name}"
    trace.passed("application", application.name, named)
    entitled = application.entitlement
    if not entitled.admits(user.name, view.groups):
        users, groups = ", ".join(sorted(entitled.users)), ", ".join(sorted(entitled.groups))
        admits = f"it admits the users ({users}) and the groups ({groups})"
        raise trace.failed("entitlement", "not_entitled", admits, object=named)
    if user.name in entitled.users:
        trace.passed("entitlement", "by name", f"user:{user.name}")
    else:
        group = min(view.groups & entitled.groups)
        trace.passed("entitlement", f"by group {group}", f"group:{group}")
    if application.disabled:
        raise trace.failed("enabled", "application_disabled", f"{application.name} is disabled", object=named)
    trace.passed("enabled", "the application is enabled", named)
    return application


def _tightened(application: Application, view: LaunchView, trace: PlanTrace) -> Application:
    """What a policy says of existing desktops counts beside what the application does."""
    if application.desktop is None:
        return application
    rule, target = view.policy["desktops"], application.desktop
    if rule.value == "none":
        raise trace.failed("desktop", "desktop_not_permitted", told("desktops", rule), object=named(rule))
    target = target.tightened(rule.value)
    asked = "whoever is there is asked" if target.asks else "nobody is asked"
    own = f", the account has to be {target.account}" if target.consent == "own" else ""
    sees = ", view only" if target.view_only else ""
    by = "" if target == application.desktop else f"; {told('desktops', rule)}"
    trace.passed("desktop", f"{target.display}: {asked}{own}{sees}{by}", f"application:{application.name}")
    return replace(application, desktop=target)


def _running(request: LaunchRequest, view: LaunchView, trace: PlanTrace) -> Session | None:
    """One session of an application a user."""
    own = [session for session in view.sessions if session.application_id == request.application_id]
    if not own:
        trace.info("reconnect", "no session of this application runs")
        return None
    session = own[0]
    named = f"session:{session.id}"
    if session.state == "ending":
        detail = f"session {session.id} on {session.host_name} is still ending"
        message = "The earlier session of this application is still ending. Try again in a moment."
        raise trace.failed("reconnect", "launch_conflict", detail, message, session, object=named)
    if session.stage != "placed" and _is_offline(session.host_id, view):
        detail = f"session {session.id} runs on {session.host_name}, which is not connected"
        message = (
            f"Your session of {session.application_name} is on {session.host_name}, which does not answer. Wait for "
            "it, or end it (unsaved work is lost) and start a new one."
        )
        absent = frozenset({session.host_id})
        raise trace.failed(
            "reconnect", "host_offline", detail, message, lost=session, absent=absent, object=named
        )
    trace.passed("reconnect", f"session {session.id} runs on {session.host_name} ({session.state})", named)
    return session


def _is_offline(host_id: str, view: LaunchView) -> bool:
    return any(candidate.host.id == host_id and not candidate.live for candidate in view.candidates)


def _quota(view: LaunchView, trace: PlanTrace) -> None:
    count = sum(session.state != "ending" for session in view.sessions)
    rule = view.policy["sessions"]
    most = view.sessions_per_user if rule.value is None else rule.value
    asks = "" if rule.value is None else f"; {told('sessions', rule)}"
    detail, object_ = f"{count} of {most} sessions{asks}", "" if rule.value is None else named(rule)
    if count >= most:
        raise trace.failed("quota", "quota_user", detail, object=object_)
    trace.passed("quota", detail, object_)
    _tenant_quota(view, trace)


def _tenant_quota(view: LaunchView, trace: PlanTrace) -> None:
    if view.tenant is None or view.tenant.quotas.sessions is None:
        return
    most, object_ = view.tenant.quotas.sessions, f"tenant:{view.tenant.name}"
    detail = f"{view.tenant_sessions} of {most} sessions of {view.tenant.name}"
    if view.tenant_sessions >= most:
        raise trace.failed("quota", "quota_tenant_sessions", detail, object=object_)
    trace.passed("quota", detail, object_)


def _hosts(
    request: LaunchRequest, application: Application, view: LaunchView, trace: PlanTrace, telling: Telling
) -> list[Candidate]:
    """The hosts that can take the session; each of the others is rejected by name.

    This runs once a launch and host: it asks each for little, and words are made for those alone that are told.
    """
    tenant_id, groups = request.tenant_id, application.host_groups
    features = _features(application)
    needed_bytes = max(MINIMUM_MEMORY_BYTES, application.minimum_memory_bytes)
    accepted: list[Candidate] = []
    rejected: list[tuple[str, Candidate]] = []
    for candidate in view.candidates:
        if tenant_id not in candidate.host.tenants:
            continue  # another tenant's hosts are not even named
        if application.desktop is not None and WINDOWS in candidate.features:
            candidate = replace(candidate, beside=WATCHERS)
        code = _rejection(candidate, groups, features, needed_bytes)
        if code is None:
            accepted.append(candidate)
        else:
            rejected.append((code, candidate))
    _explain(rejected, application, needed_bytes, trace, telling.hosts)
    if telling.scores:
        _score(accepted, trace, telling.hosts)
    if not accepted:
        absent = frozenset(candidate.host.id for code, candidate in rejected if code == "host_offline")
        raise trace.failed("hosts", _overall(rejected), "no host can take the session", absent=absent)
    trace.passed("hosts", _listed(accepted))
    return accepted


def _features(application: Application) -> frozenset[str]:
    """What a host must have said that it can."""
    if application.wine is not None:
        return frozenset({WINE, template_feature(application.wine.template)})
    if application.desktop is not None:
        return _FOR_DESKTOPS
    if application.rdp is not None:
        return _FOR_RDP
    return _FOR_WINDOWS if is_windows_program(application.command) else _NONE


def _credentials(context: Context, application: Application, trace: PlanTrace) -> None:
    """Asked last: nobody types a password for a launch that fails anyway."""
    if application.rdp is None or context.is_admitted:
        return
    named = f"application:{application.name}"
    server = f"{application.rdp.server}:{application.rdp.port}"
    match context.credentials:
        case "given":
            trace.passed("credentials", f"entered for {server}", named)
        case "kept":
            trace.passed("credentials", f"kept by the user for {server}", named)
        case "assumed":
            trace.info("credentials", f"{server} asks for the user's credentials", object=named)
        case "none":
            detail = f"{server} asks for the user's credentials, and there are none"
            raise trace.failed("credentials", "credentials_needed", detail, object=named)


def _rejection(
    candidate: Candidate, groups: frozenset[str], features: frozenset[str], needed_bytes: int
) -> str | None:
    host = candidate.host
    if host.revoked:
        return "no_host"
    if groups and groups.isdisjoint(host.groups):
        return "no_host"
    if not candidate.live:
        return "host_offline"
    if not features <= candidate.features:
        return _LACKS[next(iter(features & _LACKS.keys()))]
    if not features and WINDOWS in candidate.features:
        return "host_other_system"
    if host.draining:
        return "host_draining"
    if candidate.free == 0:
        return "host_full"
    if candidate.lacks_memory(needed_bytes):
        return "host_short_of_memory"
    return None


_LACKS = {
    RDP: "host_lacks_rdp",
    WINE: "host_lacks_wine",
    DESKTOPS: "host_lacks_desktops",
    WINDOWS: "host_other_system",
}
_NEAREST = (
    "host_full",
    "host_short_of_memory",
    "host_draining",
    "host_lacks_rdp",
    "host_lacks_wine",
    "host_lacks_desktops",
    "host_other_system",
    "host_offline",
    "no_host",
)


def _overall(rejected: Sequence[tuple[str, Candidate]]) -> str:
    """The reason of the host that came nearest to taking it."""
    return min((code for code, _ in rejected), key=_NEAREST.index, default="no_host")


def _explain(
    rejected: Sequence[tuple[str, Candidate]],
    application: Application,
    needed_bytes: int,
    trace: PlanTrace,
    explained: int,
) -> None:
    for code, candidate in rejected[:explained]:
        reason = _reason(code, candidate, application, needed_bytes)
        trace.info("host", f"{candidate.host.name}: {reason}", code, _named(candidate))
    rest = Counter(code for code, _ in rejected[explained:])
    if rest:
        trace.info(
            "host", "and " + ", ".join(f"{count} more [{code}]" for code, count in sorted(rest.items()))
        )


def _score(accepted: Sequence[Candidate], trace: PlanTrace, explained: int) -> None:
    for candidate in sorted(accepted, key=lambda each: each.score)[:explained]:
        detail = f"{candidate.host.name}: can take it, score {candidate.score:.3f}, {candidate.free} free"
        trace.passed("host", detail, _named(candidate), round(candidate.score, 6))


def _named(candidate: Candidate) -> str:
    return f"host:{candidate.host.name}"


def _reason(code: str, candidate: Candidate, application: Application, needed_bytes: int) -> str:
    host = candidate.host
    if code == "host_full":
        slots = candidate.beside or host.slots
        return f"{slots} of {slots} slots are taken"
    if code == "host_short_of_memory":
        available = candidate.load.memory_available_bytes if candidate.load else 0
        return f"{available >> 20} MiB of memory are available, {needed_bytes >> 20} MiB are needed"
    if code == "no_host" and not host.revoked:
        return f"in none of the groups {', '.join(sorted(application.host_groups))}"
    if code == "host_lacks_wine" and application.wine is not None and WINE in candidate.features:
        return f"it has no template {application.wine.template}"
    return {
        "no_host": "its certificate is revoked",
        "host_offline": "not connected",
        "host_lacks_rdp": f"it cannot show RDP servers: {RDP_CLIENT} is not there, or its agent is older",
        "host_lacks_wine": "it cannot run Windows programs: Wine is not there, or its agent is older",
        "host_lacks_desktops": "its desktops may not be attached to (`--desktops`), or its agent is older",
        "host_other_system": _system_of(application),
        "host_draining": "takes no new sessions",
    }[code]


def _system_of(application: Application) -> str:
    if is_windows_program(application.command):
        return "it is no Windows host, and the command names a program of Windows"
    return "it is a Windows host, and the command names no program of Windows"


def _listed(accepted: Sequence[Candidate]) -> str:
    more = len(accepted) - EXPLAINED_HOSTS
    names = ", ".join(candidate.host.name for candidate in accepted[:EXPLAINED_HOSTS])
    return names + (f" and {more} more" if more > 0 else "")

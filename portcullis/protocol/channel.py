"""Messages of the control channel between an agent and a broker (docs/protocol.md 4). No I/O.

Each message is a frozen value with `to_json()`; `encode` makes the text that is sent. `parse_from_agent` and
`parse_from_broker` read what a peer sent: they raise ProtocolError for anything malformed or out of bounds,
and answer None for a message type that they do not know (a later version's), which the receiver skips.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from portcullis.address import Address
from portcullis.errors import CODES
from portcullis.ids import is_id
from portcullis.model.desktops import DesktopTarget
from portcullis.model.host import DEFAULT_STARTING_LIMIT, Isolation
from portcullis.model.platforms import WINDOWS
from portcullis.model.rdp import RdpTarget
from portcullis.model.session import Display, Session, Stage, State
from portcullis.model.stream_figures import StreamFigures
from portcullis.model.wine import WineProgram
from portcullis.protocol.acts import Act, Acted, read_act, read_acted
from portcullis.protocol.checks import Check, Checked, read_check, read_checked
from portcullis.protocol.credentials import (
    CredentialsWanted,
    GivenCredentials,
    read_given,
    read_target,
    read_wanted,
    target_json,
)
from portcullis.protocol.desktops import DESKTOPS, desktop_json, read_desktop
from portcullis.protocol.discovery import Discover, Discovered, read_discover, read_discovered
from portcullis.protocol.fields import Fields
from portcullis.protocol.wine import WINE, is_template_feature, program_json, read_program
from portcullis.revocations import MAXIMUM_REVOCATION_BYTES

SUBPROTOCOL = "portcullis-control.v1"
MAXIMUM_FROM_AGENT_BYTES = 1024 * 1024
MAXIMUM_FROM_BROKER_BYTES = 16 * 1024 * 1024  # one order may carry 64 KiB of command and environment
HEARTBEAT_SECONDS = 5
MAXIMUM_SLOTS = 1024
MAXIMUM_REPORTS = 2 * MAXIMUM_SLOTS  # orphans included
MAXIMUM_GATEWAYS = 256
MAXIMUM_AUTHORITIES = 16
MAXIMUM_KEYS = 64
MAXIMUM_BROKERS = 64
MAXIMUM_REVOCATIONS = 256
"""In one message; more are told in several."""
MAXIMUM_FEATURES = 64
RDP = "rdp"
"""The feature of a host that shows RDP servers: its agent knows how, and the program is there."""
_PLACED_BY = frozenset({RDP, WINE, DESKTOPS, WINDOWS})
SESSIONS_WORD = "revoke_sessions"
"""The feature of an agent that understands revocations of kind `sessions`."""
NAME_CHARACTERS = 128
TEXT_CHARACTERS = 1024
REFERENCE_CHARACTERS = 64

_REPORTED_STATES: frozenset[State] = frozenset({"starting", "ready", "active", "disconnected", "ended"})
_STATES: frozenset[State] = frozenset(get_args(State))
_STAGES: frozenset[Stage] = frozenset(get_args(Stage))


@dataclass(frozen=True, slots=True)
class About:
    """Whose session it is and of what: for a broker that has no record of it (its grid was restored)."""

    user_id: str
    application_id: str
    slot: int
    display: Display
    reference: str = ""
    e: int = 0
    """The highest attach epoch that its worker has seen."""

    @classmethod
    def of(cls, order: Order) -> About:
        return cls(order.user_id, order.application_id, order.slot, order.display, order.reference)

    def to_json(self) -> dict[str, Any]:
        return {
            "user": self.user_id,
            "application": self.application_id,
            "slot": self.slot,
            "display": self.display.to_json(),
            "reference": self.reference,
            "e": self.e,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What the agent says of one session. `code` is set when it ended by itself; `detail` is one line."""

    session: str
    tenant: str
    state: State
    stage: Stage
    code: str | None = None
    detail: str | None = None
    exit_status: int | None = None
    about: About | None = field(default=None, compare=False)
    """Not in a hello, which holds the reports of all sessions: each is sent by itself right after the welcome. It is
    no news by itself."""

    def to_json(self) -> dict[str, Any]:
        return {
            "type": "report",
            "session": self.session,
            "tenant": self.tenant,
            "state": self.state,
            "stage": self.stage,
            "code": self.code,
            "detail": self.detail,
            "exit_status": self.exit_status,
            **({"about": self.about.to_json()} if self.about else {}),
        }


@dataclass(frozen=True, slots=True)
class Hello:
    version: str
    slots: int
    incarnation: str
    sessions: tuple[Report, ...] = ()
    isolation: Isolation = "accounts"
    starting_limit: int = DEFAULT_STARTING_LIMIT
    """So many sessions it starts at once."""
    features: frozenset[str] = frozenset()
    """Messages of later versions that it answers, by their types: nobody waits for an answer of an older agent."""

    def to_json(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "version": self.version,
            "slots": self.slots,
            "incarnation": self.incarnation,
            "isolation": self.isolation,
            "starting_limit": self.starting_limit,
            "features": sorted(self.features),
            "sessions": [replace(report, about=None).to_json() for report in self.sessions],
        }


@dataclass(frozen=True, slots=True)
class Heartbeat:
    load: float
    """One-minute load divided by the number of cores."""
    memory_available_bytes: int
    sessions: Mapping[str, StreamFigures] = field(default_factory=dict)
    """Streams of which something new is known, by session. Absent from older agents."""
    unused: Mapping[str, int] = field(default_factory=dict)
    """Seconds for which nobody has used a session: those of half a minute or more. Absent from older agents."""

    def to_json(self) -> dict[str, Any]:
        figures = list(self.sessions.items())[:MAXIMUM_SLOTS]
        return {
            "type": "heartbeat",
            "load": self.load,
            "memory_available_bytes": self.memory_available_bytes,
            **({"sessions": {session: each.to_json() for session, each in figures}} if figures else {}),
            **({"unused": dict(list(self.unused.items())[:MAXIMUM_SLOTS])} if self.unused else {}),
        }


@dataclass(frozen=True, slots=True)
class GatewayEntry:
    name: str
    address: str
    """host:port of its inner listener."""

    def to_json(self) -> dict[str, str]:
        return {"name": self.name, "address": self.address}


@dataclass(frozen=True, slots=True)
class Directory:
    """What may change while a channel stands: `grant_keys` is {kid: base64url of the raw Ed25519 key}."""

    grant_keys: Mapping[str, str]
    gateways: tuple[GatewayEntry, ...]
    brokers: tuple[str, ...] = ()
    """Where to dial, `host:port`; empty: a broker of an older version, which does not say."""
    authorities: tuple[str, ...] = ()
    """Pins of the site's CAs, the one that signs in front; empty likewise."""

    def to_json(self) -> dict[str, Any]:
        return {
            "type": "directory",
            "grant_keys": dict(self.grant_keys),
            "gateways": [gateway.to_json() for gateway in self.gateways],
            "brokers": list(self.brokers),
            "authorities": list(self.authorities),
        }


@dataclass(frozen=True, slots=True)
class Welcome:
    host: str
    host_id: str
    time: float
    directory: Directory
    heartbeat_seconds: int = HEARTBEAT_SECONDS

    def to_json(self) -> dict[str, Any]:
        return {
            **self.directory.to_json(),
            "type": "welcome",
            "host": self.host,
            "host_id": self.host_id,
            "time": self.time,
            "heartbeat_seconds": self.heartbeat_seconds,
        }


@dataclass(frozen=True, slots=True)
class Order:
    """What the host shall do with one session: `pending` starts it, `ending` ends it, all else keeps it."""

    session: str
    tenant: str
    user_id: str
    user_name: str
    slot: int
    state: State
    application_id: str
    application_name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    display: Display
    reference: str = ""
    """Of the launch, for the logs."""
    rdp: RdpTarget | None = None
    """A server to show in place of a command."""
    wine: WineProgram | None = None
    """A Windows program to run in place of a command."""
    desktop: DesktopTarget | None = None
    """An existing desktop to attach to in place of a command."""

    @classmethod
    def of(cls, session: Session) -> Order:
        return cls(
            session=session.id,
            tenant=session.tenant_id,
            user_id=session.user_id,
            user_name=session.user_name,
            slot=session.slot,
            state=session.state,
            application_id=session.application_id,
            application_name=session.application_name,
            command=session.command,
            environment=session.environment,
            display=session.display,
            reference=session.reference,
            rdp=session.rdp,
            wine=session.wine,
            desktop=session.desktop,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "session": self.session,
            "tenant": self.tenant,
            "user": {"id": self.user_id, "name": self.user_name},
            "slot": self.slot,
            "state": self.state,
            "application": {
                "id": self.application_id,
                "name": self.application_name,
                "command": list(self.command),
                "environment": dict(self.environment),
                **target_json(self.rdp),
                **program_json(self.wine),
                **desktop_json(self.desktop),
            },
            "display": self.display.to_json(),
            "reference": self.reference,
        }


@dataclass(frozen=True, slots=True)
class Desired:
    """All sessions of the host, as of `revision`."""

    revision: int
    sessions: tuple[Order, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "type": "desired",
            "revision": self.revision,
            "sessions": [order.to_json() for order in self.sessions],
        }


@dataclass(frozen=True, slots=True)
class Cut:
    """The worker closes this login's connections with `code`."""

    tenant: str
    login: str
    code: str

    def to_json(self) -> dict[str, Any]:
        return {"type": "cut", "tenant": self.tenant, "login": self.login, "code": self.code}


@dataclass(frozen=True, slots=True)
class Revocations:
    """Signed texts (`portcullis.revocations`): whoever receives them verifies them."""

    revocations: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"type": "revocations", "revocations": list(self.revocations)}


FromAgent = Hello | Report | Heartbeat | Checked | Acted | Discovered | CredentialsWanted
FromBroker = Welcome | Directory | Desired | Cut | Revocations | Check | Act | Discover | GivenCredentials


def placed_by(features: Iterable[str]) -> frozenset[str]:
    """Those of a host that placement asks for."""
    return frozenset(each for each in features if each in _PLACED_BY or is_template_feature(each))


def encode(message: FromAgent | FromBroker) -> str:
    return json.dumps(message.to_json(), separators=(",", ":"), ensure_ascii=False)


def encode_order(order: Order) -> str:
    return json.dumps(order.to_json(), separators=(",", ":"), ensure_ascii=False)


def encode_desired(revision: int, orders: Iterable[str]) -> str:
    """What `encode` makes of a `Desired`, from orders that were encoded before: a host is told all of them whenever one
    changes.
    """
    return f'{{"type":"desired","revision":{revision},"sessions":[{",".join(orders)}]}}'


def parse_from_agent(text: str | bytes) -> FromAgent | None:
    fields = Fields.parse(text, MAXIMUM_FROM_AGENT_BYTES)
    reader = _FROM_AGENT.get(fields.text("type", 64))
    return None if reader is None else reader(fields)


def parse_from_broker(text: str | bytes) -> FromBroker | None:
    fields = Fields.parse(text, MAXIMUM_FROM_BROKER_BYTES)
    reader = _FROM_BROKER.get(fields.text("type", 64))
    return None if reader is None else reader(fields)


def _hello(fields: Fields) -> Hello:
    return Hello(
        version=fields.text("version", NAME_CHARACTERS),
        slots=fields.integer("slots", 1, MAXIMUM_SLOTS),
        incarnation=fields.id("incarnation"),
        sessions=fields.items("sessions", MAXIMUM_REPORTS, _report),
        isolation=_isolation(fields),
        starting_limit=_starting_limit(fields),
        features=frozenset(fields.optional_texts("features", MAXIMUM_FEATURES, 64)),
    )


def _starting_limit(fields: Fields) -> int:
    """More than the slots that it has means nothing more."""
    said = fields.optional_integer("starting_limit", 1, 2**31 - 1)
    return DEFAULT_STARTING_LIMIT if said is None else min(said, MAXIMUM_SLOTS)


def _isolation(fields: Fields) -> Isolation:
    """An agent that does not say it is older than the choice. What a newer one says counts as none."""
    said = fields.optional_text("isolation", 64)
    return "accounts" if said is None or said == "accounts" else "none"


def _report(fields: Fields) -> Report:
    return Report(
        session=fields.id("session"),
        tenant=fields.id("tenant"),
        state=fields.choice("state", _REPORTED_STATES),
        stage=fields.choice("stage", _STAGES),
        code=_optional_code(fields),
        detail=fields.optional_text("detail", TEXT_CHARACTERS),
        exit_status=fields.optional_integer("exit_status", -(2**31), 2**31 - 1),
        about=_about(fields.inner("about")) if fields.holds("about") else None,
    )


def parse_about(data: object) -> About:
    """Of what a leader kept. Raises ProtocolError, also for what an older agent gave it."""
    return _about(Fields(data))


def _about(fields: Fields) -> About:
    return About(
        user_id=fields.id("user"),
        application_id=fields.id("application"),
        slot=fields.integer("slot", 0, MAXIMUM_SLOTS - 1),
        display=_display(fields.inner("display")),
        reference=fields.text("reference", REFERENCE_CHARACTERS),
        e=fields.integer("e", 0, 2**32 - 1),
    )


def _optional_code(fields: Fields) -> str | None:
    """A newer agent may know codes that this side does not: those count as the general one."""
    code = fields.optional_text("code", 64)
    return code if code is None or code in CODES else "session_ended"


def _heartbeat(fields: Fields) -> Heartbeat:
    return Heartbeat(
        load=fields.number("load", 0, 1e6),
        memory_available_bytes=fields.integer("memory_available_bytes", 0, 2**63),
        sessions=_stream_figures(fields.optional_map("sessions", MAXIMUM_SLOTS)),
        unused=_unused(fields.optional_map("unused", MAXIMUM_SLOTS)),
    )


def _unused(data: Mapping[str, Any]) -> dict[str, int]:
    """What makes no sense is passed over: it is told again."""
    return {
        session: seconds
        for session, seconds in data.items()
        if is_id(session) and type(seconds) is int and 0 <= seconds < 2**31
    }


def _stream_figures(data: Mapping[str, Any]) -> dict[str, StreamFigures]:
    """What makes no sense is left out: it is shown, and no more."""
    read = {session: StreamFigures.from_json(each) for session, each in data.items() if is_id(session)}
    return {session: each for session, each in read.items() if each is not None}


def _gateway(fields: Fields) -> GatewayEntry:
    return GatewayEntry(fields.text("name", NAME_CHARACTERS), fields.text("address", 300))


def _directory(fields: Fields) -> Directory:
    return Directory(
        grant_keys=fields.text_map("grant_keys", MAXIMUM_KEYS, 64),
        gateways=fields.items("gateways", MAXIMUM_GATEWAYS, _gateway),
        brokers=_brokers(fields),
        authorities=fields.optional_texts("authorities", MAXIMUM_AUTHORITIES, 64),
    )


def _brokers(fields: Fields) -> tuple[str, ...]:
    """Those that can be dialled: one that cannot be must not keep the others away."""
    said = fields.optional_texts("brokers", MAXIMUM_BROKERS, 300)
    return tuple(address for address in said if _is_address(address))


def _is_address(text: str) -> bool:
    try:
        Address.parse(text)
    except ValueError:
        return False
    return True


def _welcome(fields: Fields) -> Welcome:
    return Welcome(
        host=fields.text("host", NAME_CHARACTERS),
        host_id=fields.id("host_id"),
        time=fields.number("time", 0, 1e11),
        heartbeat_seconds=fields.integer("heartbeat_seconds", 1, 3600),
        directory=_directory(fields),
    )


def _order(fields: Fields) -> Order:
    user, application = fields.inner("user"), fields.inner("application")
    return Order(
        session=fields.id("session"),
        tenant=fields.id("tenant"),
        user_id=user.id("id"),
        user_name=user.text("name", NAME_CHARACTERS),
        slot=fields.integer("slot", 0, MAXIMUM_SLOTS - 1),
        state=fields.choice("state", _STATES),
        application_id=application.id("id"),
        application_name=application.text("name", NAME_CHARACTERS),
        command=application.texts("command", 256, 4096),
        environment=application.text_map("environment", 256, 32768),
        display=_display(fields.inner("display")),
        reference=fields.optional_text("reference", REFERENCE_CHARACTERS) or "",
        rdp=read_target(application),
        wine=read_program(application),
        desktop=read_desktop(application),
    )


def _display(fields: Fields) -> Display:
    return Display(
        width=fields.integer("width", 1, 16384),
        height=fields.integer("height", 1, 16384),
        device_pixel_ratio=fields.number("device_pixel_ratio", 0.1, 10),
        locale=fields.text("locale", 64),
        layout=fields.text("layout", 64),
        time_zone=fields.text("time_zone", 64),
    )


def _desired(fields: Fields) -> Desired:
    return Desired(
        revision=fields.integer("revision", 0, 2**63 - 1),
        sessions=fields.items("sessions", MAXIMUM_SLOTS, _order),
    )


def _revocations(fields: Fields) -> Revocations:
    return Revocations(fields.texts("revocations", MAXIMUM_REVOCATIONS, MAXIMUM_REVOCATION_BYTES))


def _cut(fields: Fields) -> Cut:
    return Cut(fields.id("tenant"), fields.hash("login"), fields.text("code", 64))


_FROM_AGENT: dict[str, Callable[[Fields], FromAgent]] = {
    "hello": _hello,
    "report": _report,
    "heartbeat": _heartbeat,
    "checked": read_checked,
    "acted": read_acted,
    "discovered": read_discovered,
    "credentials_wanted": read_wanted,
}
_FROM_BROKER: dict[str, Callable[[Fields], FromBroker | None]] = {
    "welcome": _welcome,
    "directory": _directory,
    "desired": _desired,
    "cut": _cut,
    "check": read_check,
    "act": read_act,
    "discover": read_discover,
    "credentials": read_given,
    "revocations": _revocations,
}

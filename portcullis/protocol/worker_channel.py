"""Lines between agent, leader and worker (docs/protocol.md 5): one JSON object a line, at most 1 MiB.

Values in, bytes out, and back; no I/O. A session outlives the agent that started it, so a line may come from
another release: unknown types decode to None, unknown fields are ignored, a missing field is a ProtocolError.

The leader runs without this package (standard library alone): it looks at `to`, `from` and `type` alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, get_type_hints

from portcullis.errors import ProtocolError
from portcullis.model.stream_figures import StreamFigures

MAXIMUM_LINE_BYTES = 1 << 20
_LARGEST = 1e11  # unix times are less

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Start:
    """The first line that a worker gets. The leader adds `display`, `framebuffer` and `xauthority`."""

    session: str
    tenant: str
    host: str
    """Id of the host, as grants name it."""
    site: str
    """Id of the site, as the URI SANs of its certificates name it."""
    width: int
    height: int
    ca: str
    """PEM certificate of the site CA."""
    grant_keys: Mapping[str, str]
    """kid -> base64url of the raw Ed25519 public key."""
    layout: str = "us"
    locale: str = "en-US"
    device_pixel_ratio: float = 1.0
    display: str = ""
    """Such as `:7`."""
    framebuffer: str = ""
    """The file that Xvfb maps (`-fbdir`)."""
    xauthority: str = ""
    reference: str = ""
    """Of the launch, for the log."""
    clock: float = 0.0
    """`portcullis.clock.SiteClock.base`."""
    video: str = "h264,vp8"
    """How regions that move may be encoded: of `h264`, `vp9` and `vp8`, between commas. Absent from older agents."""
    attached: bool = False
    """The display is somebody's own, and is left as it is."""
    view_only: bool = False
    """Nothing is typed, clicked or pasted there, whatever grants say."""
    reads_keys_late: bool = False
    """Programs there follow a changed keyboard map only between two messages of theirs: Wine's."""
    application_job: str = ""
    """On Windows: the name of the job object whose processes' windows alone are shown; empty: the whole screen is."""


@dataclass(frozen=True, slots=True)
class Prepare:
    """Before `start`, when no session is known yet: attach to this display and tell `prepared`.

    Size, ratio, layout and locale are guesses; `start` corrects what is otherwise.
    """

    width: int
    height: int
    layout: str = "us"
    locale: str = "en-US"
    device_pixel_ratio: float = 1.0
    display: str = ""
    framebuffer: str = ""
    xauthority: str = ""
    attached: bool = False
    view_only: bool = False
    reads_keys_late: bool = False
    application_job: str = ""

    @classmethod
    def of(cls, start: Start) -> Prepare:
        return cls(**{item.name: getattr(start, item.name) for item in fields(cls)})


@dataclass(frozen=True, slots=True)
class Gateway:
    name: str
    address: str
    """host:port of its inner listener."""


@dataclass(frozen=True, slots=True)
class Dial:
    """Dial this gateway and present this rendezvous: a client waits there with this grant."""

    gateway: Gateway
    rendezvous: str
    grant: str
    connection: str = ""
    """The id under which all logs speak of this attach."""


@dataclass(frozen=True, slots=True)
class GrantKeys:
    grant_keys: Mapping[str, str]
    clock: float = 0.0
    """`portcullis.clock.SiteClock.base`; 0: it is as it was."""
    ca: str = ""
    """The bundle of the site's CAs, PEM; empty: it is as it was. Older workers ignore it."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Close the connections of this login."""

    login: str
    code: str


@dataclass(frozen=True, slots=True)
class Revoke:
    """Signed texts (`portcullis.revocations`): the worker verifies them and closes the connections that they refuse."""

    revocations: Sequence[str]


@dataclass(frozen=True, slots=True)
class Fence:
    """Close every connection with this reason code; the session goes on, and so may whoever comes later."""

    code: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Close this connection, by the id of its `dial`, because its gateway drains. Older workers ignore it."""

    connection: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Show this to the user: now, or when they attach. Older workers ignore it."""

    text: str


@dataclass(frozen=True, slots=True)
class Closing:
    """Close every connection with this close code and reason code, and exit."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class WorkerState:
    """Sent when the display is prepared (size, keyboard) and at every change from then on."""

    windows: int
    """Mapped top-level windows of the application."""
    connections: int
    e: int
    """The highest attach epoch that was admitted; 0 before the first."""
    words: int = field(default=0, compare=False)
    """1: it knows revocations of kind `sessions`; 0: a worker of before, which does not say."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The leader keeps it to itself: its status then has the stage `warm`."""


@dataclass(frozen=True, slots=True)
class Unused:
    """Every ten seconds: for how long there was no input, and nobody came. Absent from older workers."""

    seconds: int


@dataclass(frozen=True, slots=True)
class DialFailed:
    rendezvous: str
    code: str


@dataclass(frozen=True, slots=True)
class Status:
    """What the leader tells of its session, on connect and at every change."""

    session: str
    stage: str
    """The last one reached: accepted, display, application; `warm` before there is a session."""
    display: str | None = None
    processes: Mapping[str, int] = field(default_factory=dict)
    """Name (display, worker, window_manager, application, bus) -> process id."""
    exit_statuses: Mapping[str, int] = field(default_factory=dict)
    """Name -> exit status, negative: the signal that ended it."""
    ended: bool = False
    """Everything of the session is gone, and the leader is about to go."""
    code: str | None = None
    """Why the session ends or ended."""
    detail: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    """What the agent gave in `launch` for whoever adopts the session."""


ToWorker = Prepare | Start | Dial | GrantKeys | Cut | Revoke | Fence | Leave | Tell | Closing
FromWorker = WorkerState | DialFailed | StreamFigures | Unused
"""What the agent hears of; `Prepared` is for the leader alone."""

_TO_WORKER: dict[str, type[ToWorker]] = {
    "prepare": Prepare,
    "start": Start,
    "dial": Dial,
    "grant_keys": GrantKeys,
    "cut": Cut,
    "revoke": Revoke,
    "fence": Fence,
    "leave": Leave,
    "tell": Tell,
    "closing": Closing,
}
_FROM_WORKER: dict[str, type[FromWorker]] = {
    "state": WorkerState,
    "dial_failed": DialFailed,
    "figures": StreamFigures,
    "unused": Unused,
}
_NAMES: dict[type[Any], str] = {
    cls: name for table in (_TO_WORKER, _FROM_WORKER) for name, cls in table.items()
} | {Prepared: "prepared"}


def encode(message: ToWorker | FromWorker | Prepared) -> bytes:
    """The line of a message, with its line feed. Raises ProtocolError when it is too long."""
    direction = {"to": "worker"} if isinstance(message, ToWorker) else {"from": "worker"}
    return encode_line({**direction, **body(message)})


def body(message: ToWorker | FromWorker | Prepared) -> dict[str, Any]:
    """The JSON object of a message without its direction."""
    values = {item.name: getattr(message, item.name) for item in fields(message)}
    if isinstance(message, Dial):
        values["gateway"] = {"name": message.gateway.name, "address": message.gateway.address}
    return {"type": _NAMES[type(message)], **values}


def encode_line(value: Mapping[str, Any]) -> bytes:
    line = json.dumps(value, separators=(",", ":"), default=dict).encode() + b"\n"
    if len(line) > MAXIMUM_LINE_BYTES:
        raise ProtocolError(f"a line of {len(line)} bytes is too long")
    return line


def decode_to_worker(line: bytes) -> ToWorker | None:
    """What the agent says to the worker; None for a line that this release does not know."""
    data = decode_line(line)
    cls = _TO_WORKER.get(str(data.get("type")))
    if data.get("to") != "worker" or cls is None:
        return None
    return _build(cls, data)


def decode_from_leader(line: bytes) -> FromWorker | Status | None:
    """What reaches the agent from the leader's socket; None for a line that this release does not know."""
    data = decode_line(line)
    if data.get("from") == "worker":
        cls = _FROM_WORKER.get(str(data.get("type")))
        if cls is StreamFigures:
            return StreamFigures.from_json(data)
        return None if cls is None else _build(cls, data)
    return _build(Status, data) if data.get("type") == "status" else None


def decode_line(line: bytes) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise ProtocolError("a line is not JSON") from exc
    if not isinstance(data, dict):
        raise ProtocolError("a line is not a JSON object")
    return data


class LineBuffer:
    """Bytes as they arrive -> whole lines, without their line feed."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Raises ProtocolError once a line is longer than it may be."""
        self._rest += data
        *lines, rest = bytes(self._rest).split(b"\n")
        if max(map(len, (*lines, rest))) >= MAXIMUM_LINE_BYTES:
            raise ProtocolError("a line is too long")
        self._rest = bytearray(rest)
        return lines


def _build(cls: type[M], data: Mapping[str, Any]) -> M:
    hints = get_type_hints(cls)
    known = {item.name: data[item.name] for item in fields(cls) if item.name in data}  # type: ignore[arg-type]
    try:
        return cls(**{name: _checked(name, value, hints[name]) for name, value in known.items()})
    except TypeError as exc:
        raise ProtocolError(f"{cls.__name__}: a field is missing") from exc


_KINDS: dict[Any, tuple[type, ...]] = {
    str: (str,),
    str | None: (str, type(None)),
    int: (int,),
    float: (int, float),
    bool: (bool,),
    Sequence[str]: (list, tuple),
    Mapping[str, str]: (dict,),
    Mapping[str, int]: (dict,),
    Mapping[str, Any]: (dict,),
}
_VALUES: dict[Any, type] = {Mapping[str, str]: str, Mapping[str, int]: int}


def _checked(name: str, value: Any, kind: Any) -> Any:
    if kind is Gateway:
        return _build(Gateway, value if isinstance(value, dict) else {})
    if not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind is not bool):
        raise ProtocolError(f"field {name} has a wrong type")
    if isinstance(value, float) and not -_LARGEST <= value <= _LARGEST:
        raise ProtocolError(f"field {name} is not a number")  # NaN and infinity, which Python reads from JSON
    if isinstance(value, list | tuple) and {type(each) for each in value} - {str}:
        raise ProtocolError(f"field {name} holds a wrong type")
    if (
        isinstance(value, dict)
        and kind in _VALUES
        and {type(each) for each in value.values()} - {_VALUES[kind]}
    ):
        raise ProtocolError(f"field {name} holds a wrong type")
    return value

"""A session: one published application of one user on one host. Its states are a table.

pending -> starting -> ready -> active <-> disconnected; from any of them -> ending -> ended.
The record exists until the session has ended; `ended` is never stored, the record is deleted instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from portcullis.errors import ProtocolError
from portcullis.model.desktops import DesktopTarget
from portcullis.model.rdp import RdpTarget
from portcullis.model.wine import WineProgram

State = Literal["pending", "starting", "ready", "active", "disconnected", "ending", "ended"]
Stage = Literal["placed", "accepted", "display", "application", "window", "ready"]
STAGES: tuple[Stage, ...] = get_args(Stage)

TRANSITIONS: dict[State, frozenset[State]] = {
    "pending": frozenset({"starting", "ready", "ending", "ended"}),
    "starting": frozenset({"ready", "active", "ending", "ended"}),
    "ready": frozenset({"active", "disconnected", "ending", "ended"}),
    "active": frozenset({"disconnected", "ready", "ending", "ended"}),
    "disconnected": frozenset({"active", "ready", "ending", "ended"}),
    "ending": frozenset({"ended"}),
    "ended": frozenset(),
}

READY_STATES: frozenset[State] = frozenset({"ready", "active", "disconnected"})
"""Its first window is there."""
ATTACHABLE: frozenset[State] = READY_STATES | {"starting"}
"""Its host knows it: who attaches before its first window waits for the first picture, not for the way there."""


def check_transition(old: State, new: State) -> None:
    """Raises ProtocolError when the table does not hold it. Staying is always allowed."""
    if old != new and new not in TRANSITIONS[old]:
        raise ProtocolError(f"a session cannot go from {old} to {new}")


@dataclass(frozen=True, slots=True)
class Display:
    """What the client asked for at launch. `device_pixel_ratio` sets the scale that the application starts with."""

    width: int = 1280
    height: int = 720
    device_pixel_ratio: float = 1.0
    locale: str = "en-US"
    layout: str = "us"
    time_zone: str = "UTC"

    def to_json(self) -> dict[str, Any]:
        return {
            "width": self.width,
            "height": self.height,
            "device_pixel_ratio": self.device_pixel_ratio,
            "locale": self.locale,
            "layout": self.layout,
            "time_zone": self.time_zone,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Display:
        return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})


@dataclass(frozen=True, slots=True)
class Session:
    id: str
    tenant_id: str
    user_id: str
    user_name: str
    application_id: str
    application_name: str
    command: tuple[str, ...]
    environment: dict[str, str]
    host_id: str
    host_name: str
    slot: int
    display: Display
    reference: str
    """Of the launch: what `portcullis explain` takes."""
    created: float
    state: State = "pending"
    stage: Stage = "placed"
    e: int = 0
    """Attach epoch (docs/protocol.md): raised by redeeming a ticket, never otherwise."""
    login: str = ""
    """Hash of the login whose ticket raised e: only that one may renew its grant."""
    end_code: str | None = None
    """Why it is `ending`."""
    trace: tuple[dict[str, Any], ...] = ()
    """Steps of the plan that placed it, so that a failed start can be explained whole."""
    client_address: str = ""
    """Where the client was that raised e; empty: a broker of before did it."""
    clipboard: str = ""
    """Which way it may copy, as its grant says (the policy of that name); empty as above."""
    state_since: float = 0.0
    """Since when it is in this state; 0: nobody wrote it down."""
    circumstances: dict[str, Any] = field(default_factory=dict)
    """Of its launch (`portcullis.model.launch.Circumstances`); empty: a broker of before placed it."""
    rdp: RdpTarget | None = None
    """The server that it shows in place of a program."""
    credentials_at: str = ""
    """The broker in whose memory the server's credentials wait for the host. Empty: they are in the user's vault."""
    wine: WineProgram | None = None
    """The Windows program that it runs in place of one of the host."""
    desktop: DesktopTarget | None = None
    """The existing desktop that it is attached to, as policies tightened it."""

    def moved_to(self, state: State, stage: Stage | None = None) -> Session:
        check_transition(self.state, state)
        return replace(self, state=state, stage=stage or self.stage)

    def to_json(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
            "display": self.display.to_json(),
            "command": list(self.command),
            "trace": list(self.trace),
            "rdp": self.rdp.to_json() if self.rdp else None,
            "wine": self.wine.to_json() if self.wine else None,
            "desktop": self.desktop.to_json() if self.desktop else None,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Session:
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        known["display"] = Display.from_json(data["display"])
        known["command"] = tuple(data["command"])
        known["trace"] = tuple(data.get("trace", ()))
        known["rdp"] = RdpTarget.from_json(data["rdp"]) if data.get("rdp") else None
        known["wine"] = WineProgram.from_json(data["wine"]) if data.get("wine") else None
        known["desktop"] = DesktopTarget.from_json(data["desktop"]) if data.get("desktop") else None
        return cls(**known)

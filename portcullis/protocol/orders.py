"""What a host shall do with its sessions (docs/protocol.md 4): all of them, told as of a revision.

Part of the control channel, from broker to agent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from portcullis.model.desktops import DesktopTarget
from portcullis.model.rdp import RdpTarget
from portcullis.model.session import Display, Session, State
from portcullis.model.wine import WineProgram
from portcullis.protocol.credentials import read_target, target_json
from portcullis.protocol.desktops import desktop_json, read_desktop
from portcullis.protocol.fields import Fields
from portcullis.protocol.wine import program_json, read_program

MAXIMUM_SLOTS = 1024
NAME_CHARACTERS = 128
REFERENCE_CHARACTERS = 64
_STATES: frozenset[State] = frozenset(get_args(State))


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


def encode_order(order: Order) -> str:
    return json.dumps(order.to_json(), separators=(",", ":"), ensure_ascii=False)


def encode_desired(revision: int, orders: Iterable[str]) -> str:
    """What `encode` makes of a `Desired`, from orders that were encoded before: a host is told all of them whenever one
    changes.
    """
    return f'{{"type":"desired","revision":{revision},"sessions":[{",".join(orders)}]}}'


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
        display=read_display(fields.inner("display")),
        reference=fields.optional_text("reference", REFERENCE_CHARACTERS) or "",
        rdp=read_target(application),
        wine=read_program(application),
        desktop=read_desktop(application),
    )


def read_display(fields: Fields) -> Display:
    return Display(
        width=fields.integer("width", 1, 16384),
        height=fields.integer("height", 1, 16384),
        device_pixel_ratio=fields.number("device_pixel_ratio", 0.1, 10),
        locale=fields.text("locale", 64),
        layout=fields.text("layout", 64),
        time_zone=fields.text("time_zone", 64),
    )


def read_desired(fields: Fields) -> Desired:
    return Desired(
        revision=fields.integer("revision", 0, 2**63 - 1),
        sessions=fields.items("sessions", MAXIMUM_SLOTS, _order),
    )

"""The dry run on a host (docs/protocol.md 4): what would keep an application from starting there, for this user, now?

Part of the control channel. The broker asks `check`, the agent answers `checked`; nothing on the host is changed by it.
Who asks waits for `ANSWER_SECONDS`, and only for agents that name `check` among the features of their hello.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portcullis.errors import CODES, ProtocolError
from portcullis.model.desktops import DesktopTarget
from portcullis.model.launch import OUTCOMES, Outcome
from portcullis.model.rdp import RdpTarget
from portcullis.model.wine import WineProgram
from portcullis.protocol.credentials import read_target, target_json
from portcullis.protocol.desktops import desktop_json, read_desktop
from portcullis.protocol.fields import Fields
from portcullis.protocol.wine import program_json, read_program

FEATURE = "check"
ANSWER_SECONDS = 0.4
MAXIMUM_RESULTS = 32
NAME_CHARACTERS = 128
DETAIL_CHARACTERS = 1024


@dataclass(frozen=True, slots=True)
class Check:
    id: str
    tenant: str
    user_id: str
    user_name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    rdp: RdpTarget | None = None
    """A server that would be shown in place of a command."""
    wine: WineProgram | None = None
    """A Windows program that would run in place of a command."""
    desktop: DesktopTarget | None = None
    """An existing desktop that would be attached to in place of a command."""

    def to_json(self) -> dict[str, Any]:
        return {
            "type": "check",
            "id": self.id,
            "tenant": self.tenant,
            "user": {"id": self.user_id, "name": self.user_name},
            "application": {
                "command": list(self.command),
                "environment": dict(self.environment),
                **target_json(self.rdp),
                **program_json(self.wine),
                **desktop_json(self.desktop),
            },
        }


@dataclass(frozen=True, slots=True)
class CheckResult:
    """`what`: `account`, `command`, `server`, `template`, `display`, `home`, `room` or `gateways`. `code`: how a launch
    would fail."""

    what: str
    outcome: Outcome
    detail: str
    code: str = ""

    def to_json(self) -> dict[str, str]:
        detail = self.detail[:DETAIL_CHARACTERS]
        return {"what": self.what, "outcome": self.outcome, "detail": detail, "code": self.code}


@dataclass(frozen=True, slots=True)
class Checked:
    """The answer to the check of this id."""

    id: str
    results: tuple[CheckResult, ...]

    def to_json(self) -> dict[str, Any]:
        return {"type": "checked", "id": self.id, "results": [result.to_json() for result in self.results]}


def read_check(fields: Fields) -> Check:
    user, application = fields.inner("user"), fields.inner("application")
    return Check(
        id=fields.id("id"),
        tenant=fields.id("tenant"),
        user_id=user.id("id"),
        user_name=user.text("name", NAME_CHARACTERS),
        command=application.texts("command", 256, 4096),
        environment=application.text_map("environment", 256, 32768),
        rdp=read_target(application),
        wine=read_program(application),
        desktop=read_desktop(application),
    )


def read_checked(fields: Fields) -> Checked:
    return Checked(fields.id("id"), read_results(fields))


def read_results(fields: Fields) -> tuple[CheckResult, ...]:
    read = fields.optional_items("results", MAXIMUM_RESULTS, _result)
    return tuple(result for result in read if result is not None)


def _result(fields: Fields) -> CheckResult | None:
    """None for what makes no sense, which is left out. A code of a later version counts as none: the outcome holds."""
    try:
        code = fields.optional_text("code", 64) or ""
        return CheckResult(
            fields.text("what", 64),
            fields.choice("outcome", OUTCOMES),
            fields.text("detail", DETAIL_CHARACTERS),
            code if code in CODES else "",
        )
    except ProtocolError:
        return None

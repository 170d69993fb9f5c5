"""Existing desktops in orders and checks of the control channel (docs/protocol.md 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portcullis.errors import ProtocolError
from portcullis.model.desktops import (
    CONSENTS,
    LONGEST_ANSWER_SECONDS,
    MAXIMUM_ACCOUNT_LENGTH,
    SHORTEST_ANSWER_SECONDS,
    DesktopTarget,
    is_fit_account,
    is_fit_display,
)
from portcullis.protocol.fields import Fields

DESKTOPS = "desktops"
"""The feature of a host whose existing desktops may be attached to."""


def desktop_json(target: DesktopTarget | None) -> Mapping[str, Any]:
    return {"desktop": target.to_json()} if target else {}


def read_desktop(fields: Fields) -> DesktopTarget | None:
    """Of `desktop` in an order's or a check's application; None where it is absent. Raises ProtocolError."""
    if not fields.holds("desktop"):
        return None
    said = fields.inner("desktop")
    target = DesktopTarget(
        display=said.text("display", 16),
        consent=said.choice("consent", CONSENTS),
        account=said.text("account", MAXIMUM_ACCOUNT_LENGTH),
        view_only=said.flag("view_only"),
        shared=said.flag("shared"),
        answer_seconds=said.integer("answer_seconds", SHORTEST_ANSWER_SECONDS, LONGEST_ANSWER_SECONDS),
        is_asked_always=said.holds("is_asked_always") and said.flag("is_asked_always"),
    )
    if not is_fit_display(target.display) or not is_fit_account(target.account):
        raise ProtocolError("application.desktop: expected a display of a host")
    return target

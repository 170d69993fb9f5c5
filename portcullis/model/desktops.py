"""An existing desktop, as an application: a display that somebody uses on a host, and who agrees (docs/desktops.md).

Nothing is started: a session of such an application is an attachment, and its end ends nothing else. The same words
hold for an X display and for the console session of Windows. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

Consent = Literal["ask", "own", "none"]
"""`ask`: whoever sits there is asked. `own`: only the person whose account it is, without a question. `none`: nobody is
asked."""
CONSENTS: tuple[Consent, ...] = get_args(Consent)

LEVELS = ("none", "view", "ask", "document")
"""Values of the policy `desktops`, the tightest first."""

CONSOLE = "console"
"""The host's own screen, whichever display that is."""
USER_PLACEHOLDER = "{user}"
DEFAULT_ANSWER_SECONDS = 30
SHORTEST_ANSWER_SECONDS, LONGEST_ANSWER_SECONDS = 5, 300
MAXIMUM_ACCOUNT_LENGTH = 256
DISPLAY_PATTERN = r"^(console|:[0-9]{1,5})$"
DISPLAY_RULE = "console, or a display such as :0"
ACCOUNT_PATTERN = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029:]+$"
ACCOUNT_RULE = "the name of an account, in which {user} stands for the user's name"
_DISPLAY = re.compile(DISPLAY_PATTERN, re.ASCII)
_ACCOUNT = re.compile(ACCOUNT_PATTERN)


@dataclass(frozen=True, slots=True)
class DesktopTarget:
    display: str = CONSOLE
    consent: Consent = "ask"
    account: str = USER_PLACEHOLDER
    """Of `own`: what the user's own account is called on the host."""
    view_only: bool = False
    shared: bool = False
    """Several people may be connected to the display at once, if all of their applications say so."""
    answer_seconds: int = DEFAULT_ANSWER_SECONDS
    """How long the question stands. No answer is a refusal."""
    is_asked_always: bool = False
    """A policy wants it, whatever `consent` says; of a session alone."""

    @property
    def asks(self) -> bool:
        return self.consent == "ask" or self.is_asked_always

    def account_of(self, user: str) -> str:
        return self.account.replace(USER_PLACEHOLDER, user)

    def tightened(self, policy: str) -> DesktopTarget:
        """By the policy `desktops`."""
        if policy not in ("view", "ask"):
            return self
        return replace(self, is_asked_always=True, view_only=self.view_only or policy == "view")

    def tightened_view(self, policy: str) -> DesktopTarget:
        """Of a session that runs: who was not asked is not asked any more."""
        return replace(self, view_only=self.view_only or policy == "view")

    @property
    def level(self) -> str:
        """The tightest value of the policy under which a session of it may go on as it is."""
        if not self.asks:
            return "document"
        return "view" if self.view_only else "ask"

    def to_json(self) -> dict[str, Any]:
        """As documents say it: what only sessions have is there where it is so."""
        said = asdict(self)
        if not said.pop("is_asked_always"):
            return said
        return {**said, "is_asked_always": True}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DesktopTarget:
        return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})


def may_go_on(level: str, policy: str) -> bool:
    """Whether a session of this level (`DesktopTarget.level`) is within what the policy allows by now. A value of a
    later version may be anything."""
    return policy not in LEVELS or level not in LEVELS or LEVELS.index(level) <= LEVELS.index(policy)


def is_fit_display(text: str) -> bool:
    return bool(_DISPLAY.fullmatch(text))


def is_fit_account(text: str) -> bool:
    return len(text) <= MAXIMUM_ACCOUNT_LENGTH and bool(_ACCOUNT.fullmatch(text)) and bool(text.strip())

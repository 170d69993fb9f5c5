"""Which displays of this host are taken, and what a launch and a dry run are told of one. On the event loop alone."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.desktops.rules import Attached, FoundDisplay, admit, chosen
from portcullis.errors import Refused
from portcullis.model.desktops import Consent, DesktopTarget
from portcullis.protocol.checks import CheckResult
from portcullis.protocol.orders import Order

LEFT_SECONDS = 60.0
"""For so long nobody may be connected: nobody shall come back unseen."""


@dataclass(frozen=True, slots=True)
class Taken:
    display: FoundDisplay
    number: int
    """Of the session among those of the display, from 0."""


class Attachments:
    """Which sessions of this host are attached where."""

    def __init__(
        self,
        allowed: Collection[Consent],
        left_seconds: float = LEFT_SECONDS,
        *,
        ignores_case: bool = False,
    ) -> None:
        """`ignores_case`: as accounts are told apart here."""
        self.allowed = frozenset(allowed)
        self.left_seconds = left_seconds
        self._ignores_case = ignores_case
        self._attached: dict[str, Attached] = {}
        self._beginning: set[str] = set()
        self.is_led: Callable[[str], bool] = lambda session: True
        """Whether a session still has a leader: one that has ended may not be forgotten yet."""

    def judged(self, target: DesktopTarget, user: str, found: Sequence[FoundDisplay]) -> FoundDisplay:
        """Raises Refused."""
        display = chosen(target, found)
        admit(target, display, user, self.allowed, self._others(), ignores_case=self._ignores_case)
        return display

    @contextlib.contextmanager
    def attaching(
        self, order: Order, target: DesktopTarget, found: Sequence[FoundDisplay]
    ) -> Iterator[Taken]:
        """While a leader begins; afterwards the display is its session's for as long as that is led. Raises Refused."""
        display = self.judged(target, order.user_name, found)
        number = self._free_number(display.name)
        self._attached[order.session] = Attached(order.session, display.name, target.shared, number)
        self._beginning.add(order.session)
        try:
            yield Taken(display, number)
        except BaseException:
            self.release(order.session)
            raise
        finally:
            self._beginning.discard(order.session)

    def adopt(self, session: str, about: Mapping[str, Any]) -> None:
        """A session that was found, from what its leader was given to keep."""
        kept = about.get("desktop")
        if isinstance(kept, Mapping):
            number = kept.get("number")
            self._attached[session] = Attached(
                session,
                str(kept.get("display", "")),
                kept.get("shared") is True,
                number if isinstance(number, int) else 0,
            )

    def release(self, session: str) -> None:
        self._attached.pop(session, None)

    def _free_number(self, display: str) -> int:
        """Two signs at one place would be one."""
        taken = {each.number for each in self._others() if each.display == display}
        return next(number for number in itertools.count() if number not in taken)

    def _others(self) -> list[Attached]:
        return [
            each
            for each in self._attached.values()
            if each.session in self._beginning or self.is_led(each.session)
        ]


def looks(
    user: str,
    target: DesktopTarget,
    attachments: Attachments,
    find: Callable[[], Sequence[FoundDisplay]],
) -> dict[str, Callable[[], CheckResult]]:
    """What a dry run says of it: nobody is asked. Whether it is locked is told to its owner alone."""

    def look() -> CheckResult:
        try:
            display = attachments.judged(target, user, find())
        except Refused as exc:
            return CheckResult("desktop", "failed", exc.message, exc.code)
        asked = "; whoever is there will be asked" if target.asks else ""
        return CheckResult("desktop", "passed", f"{display.name} of {display.account}{asked}")

    return {"desktop": look}


def kept(taken: Taken, target: DesktopTarget) -> dict[str, Any]:
    """Of what a leader keeps for the agent: what `Attachments.adopt` reads."""
    return {"desktop": {"display": taken.display.name, "shared": target.shared, "number": taken.number}}


def told(order: Order, target: DesktopTarget, taken: Taken) -> dict[str, Any]:
    """What the helper of an attachment is told."""
    return {
        "display": taken.display.name,
        "asks": target.asks,
        "answer_seconds": target.answer_seconds,
        "view_only": target.view_only,
        "user": order.user_name,
        "application": order.application_name,
        "number": taken.number,
    }


def attached(target: DesktopTarget, display: FoundDisplay, left_seconds: float) -> dict[str, Any]:
    """`attached` of a `launch` line."""
    return {
        "display": display.name,
        "answer_seconds": target.answer_seconds if target.asks else 0,
        "view_only": target.view_only,
        "left_seconds": left_seconds,
    }

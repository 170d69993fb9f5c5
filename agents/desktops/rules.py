"""Existing desktops on any operating system (docs/desktops.md): which display is meant, and who may be connected to it.

Pure. A system's own part finds the displays (`FoundDisplay`), starts a helper as the account of whoever uses one, which
asks, shows the sign, and exits with a status of `EXIT_CODES`; what is decided here is the same on all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from portcullis.errors import InvalidInput, Refused
from portcullis.model.desktops import CONSENTS, CONSOLE, Consent, DesktopTarget

REFUSED, UNANSWERED, ENDED, CLOSED, LOCKED, UNSUPPORTED = 10, 11, 12, 13, 14, 15
EXIT_CODES: dict[int, str] = {
    REFUSED: "desktop_refused",
    UNANSWERED: "desktop_unanswered",
    ENDED: "desktop_ended",
    CLOSED: "desktop_closed",
    LOCKED: "desktop_locked",
    UNSUPPORTED: "desktop_unsupported",
}
"""What the exit statuses of a helper mean."""


@dataclass(frozen=True, slots=True)
class FoundDisplay:
    name: str
    """Such as `:0`; of Windows `:` and the number of its session."""
    account: str
    """Who is signed in there; empty: nobody."""
    is_console: bool = False
    """The host's own screen, as it is now."""
    trouble: str = ""
    """Why it cannot be shown, whoever asks, in words; empty: it can."""
    also: tuple[str, ...] = ()
    """Other names of the account."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A session that has a display already, or waits for an answer there."""

    session: str
    display: str
    is_shared: bool
    number: int = 0
    """Of its sign among those of the display."""


def allowed_consents(text: str) -> frozenset[Consent]:
    """Of the agent's setting `desktops`: `ask,own,none`, some of them, or off. Raises InvalidInput."""
    names = {name.strip() for name in text.lower().split(",")}
    if names == {"off"}:
        return frozenset()
    if not names <= set(CONSENTS):
        raise InvalidInput("--desktops", f"{', '.join(CONSENTS)} (some of them, between commas) or off")
    return frozenset(each for each in CONSENTS if each in names)


def chosen(target: DesktopTarget, found: Sequence[FoundDisplay]) -> FoundDisplay:
    """The display that is meant. Raises Refused: desktop_empty, desktop_unsupported."""
    if target.display != CONSOLE:
        fitting = [each for each in found if each.name == target.display]
    else:
        # A machine without a screen of its own may have one display all the same: then there is no doubt.
        fitting = [each for each in found if each.is_console] or (list(found) if len(found) == 1 else [])
    if not fitting:
        names = ", ".join(each.name for each in found) or "none"
        raise Refused("desktop_empty", f"There is no display {target.display}; the host has: {names}.")
    display = fitting[0]
    if display.trouble:
        raise Refused("desktop_unsupported", f"Display {display.name}: {display.trouble}.")
    if not display.account:
        raise Refused("desktop_empty", f"Nobody is signed in at display {display.name}.")
    return display


def admit(
    target: DesktopTarget,
    display: FoundDisplay,
    user: str,
    allowed: Collection[Consent],
    others: Iterable[Attached],
    *,
    ignores_case: bool = False,
) -> None:
    """`others`: all sessions of this host that are attached. `ignores_case`: as accounts are told apart here. Raises
    Refused: desktop_not_allowed, desktop_not_own, desktop_in_use."""
    if target.consent not in allowed:
        raise Refused("desktop_not_allowed", f"The host does not allow `consent: {target.consent}`.")
    if target.consent == "own" and not is_own(target, display, user, ignores_case=ignores_case):
        raise Refused("desktop_not_own")
    for other in others:
        if other.display == display.name and not (other.is_shared and target.shared):
            raise Refused("desktop_in_use")


def is_own(target: DesktopTarget, display: FoundDisplay, user: str, *, ignores_case: bool = False) -> bool:
    """Names of users are one whatever their case, and accounts of most systems are in small letters."""
    name = target.account_of(user)
    accounts = {display.account, *display.also}
    if ignores_case:
        return small(name) in map(small, accounts)
    return name in accounts or small(name) in accounts


def small(name: str) -> str:
    """In small letters, one for each: `ß` stays apart from `ss`, and the sign of Kelvin from `k`, as accounts do."""
    return "".join(map(_small, name))


def _small(letter: str) -> str:
    found = letter.lower()
    return found if len(found) == 1 and found.isascii() == letter.isascii() else letter

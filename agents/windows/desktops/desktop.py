"""The worker's desktop in a Windows session that is somebody's own: seen and used as it is, and left as it was.

Nothing is resized (the viewer's page scales), CapsLock and NumLock stay as they are. While the person types or points,
while a question stands on their screen, and while no sign tells them of it, what comes from afar is not done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from agents.windows.desktop import WindowsDesktop, open_desktop
from agents.windows.desktops.words import FROM_AFAR, PERSON, QUESTION_CLASS, SIGN_CLASS
from agents.windows.injection import Injector
from agents.windows.keyboard import WindowsKeyboard, is_swapped
from agents.windows.libraries import kernel32, user32
from agents.windows.message_window import MessageWindow
from agents.windows.screen import virtual_screen
from agents.windows.strokes import send
from agents.worker.damage import Box
from agents.worker.desktop import DesktopListener
from portcullis.clock import Clock
from portcullis.protocol.messages import Input, ReleaseAll
from portcullis.protocol.worker_channel import Prepare

YIELD_SECONDS = 1.0
"""For so long after a person's last key or movement nothing from afar is done."""
_LOOK_SECONDS = 0.05
_TICKS = 1 << 32
_MOST_SIGNS = 16


class AttachedDesktop(WindowsDesktop):
    """Made by `attach_desktop`."""

    def __init__(
        self, messages: MessageWindow, listener: DesktopListener, *, view_only: bool, clock: Clock
    ) -> None:
        super().__init__(messages, listener)
        self._view_only = view_only
        self._clock = clock
        self._looked_at = float("-inf")
        self._may_act = False
        self._injector = AttachedInjector(
            WindowsKeyboard(), partial(send, extra=FROM_AFAR), virtual_screen, is_swapped
        )

    @property
    def maximum(self) -> tuple[int, int]:
        """The person's monitors are as they are."""
        return self.size

    @property
    def windows(self) -> int:
        """At least one: what is shown is the screen, not what happens to be on it."""
        return max(1, super().windows)

    def arrange(self, monitors: Sequence[Box]) -> None:
        """They are the person's."""
        self._check()

    def apply(self, message: Input) -> Iterator[float]:
        if self._view_only:
            return
        if not isinstance(message, ReleaseAll) and not self._acts():
            message = ReleaseAll(message.sequence)
        yield from super().apply(message)

    def offer(self, text: str) -> None:
        if not self._view_only:
            super().offer(text)

    async def suit(self, prepare: Prepare) -> None:
        """It suits the person."""

    def _acts(self) -> bool:
        now = self._clock.monotonic()
        if now - self._looked_at > _LOOK_SECONDS:
            self._looked_at = now
            self._may_act = may_act()
        return self._may_act


class AttachedInjector(Injector):
    def _sync_locks(self, locks: int) -> None:
        """The person's are. Characters are found under whichever hold."""


def may_act() -> bool:
    """Whether somebody from afar may type and click in this session now."""
    library = user32()
    if library.FindWindowW(QUESTION_CLASS, None):
        return False
    last = [int(library.GetPropW(sign, PERSON) or 0) for sign in _signs()]
    now = int(kernel32().GetTickCount())
    return bool(last) and all(not ticks or is_away(ticks, now) for ticks in last)


def _signs() -> Iterator[int]:
    """All: what one does not say, made up or not, takes nothing from what another does."""
    sign = 0
    for _ in range(_MOST_SIGNS):
        sign = user32().FindWindowExW(None, sign or None, SIGN_CLASS, None)
        if not sign:
            return
        yield sign


def is_away(last: int, now: int) -> bool:
    """Of a person who did something last then; both in milliseconds, which begin anew after 2**32. Pure."""
    return (now - last) % _TICKS > YIELD_SECONDS * 1000


async def attach_desktop(prepare: Prepare, listener: DesktopListener, clock: Clock) -> WindowsDesktop:
    """Raises DesktopLost when it cannot be used."""
    made = partial(AttachedDesktop, view_only=prepare.view_only, clock=clock)
    return await open_desktop(prepare, listener, clock, made)

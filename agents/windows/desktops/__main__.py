"""The attendant of one attachment: `python -I -m agents.windows.desktops`, told by a line of standard input.

It asks, where that is wanted, prints `portcullis-agreed`, and shows the sign until its standard input ends: that is how
it is asked to end, and what happens when who started it has gone. Its exit status says how it ended (`EXIT_CODES` of
agents/desktops/rules.py). One thread shows windows and waits for messages, another waits for the end of the input.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from agents.desktops import wording
from agents.desktops.rules import CLOSED, ENDED, LOCKED, REFUSED, UNANSWERED
from agents.desktops.shapes import GUARD_SECONDS
from agents.windows.covers import current_cover
from agents.windows.desktops.hands import Hands
from agents.windows.desktops.overlay import Dialog, Overlay, Sign
from agents.windows.desktops.words import AGREED, BROKEN, FROM_AFAR
from agents.windows.real_pixels import see_real_pixels
from agents.worker.covered import LOCKED as IS_LOCKED
from agents.worker.covered import SCREEN_OFF

_LOOK_SECONDS = 1.0
_RENEW_SECONDS = 60.0
_TOLD_SECONDS = 0.05
"""A mouse tells of itself up to a thousand times a second: its moments are passed on less often."""
_ALL_INPUT = 0x04FF


class Over(Exception):
    """With this exit status."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Attendant:
    def __init__(self, told: Mapping[str, Any], ended: Any) -> None:
        """`ended`: an event of Windows, set once the end is asked for."""
        self._told = told
        self._ended = ended
        self._shown: Overlay | None = None
        self._sign: Sign | None = None
        self._told_at = 0.0
        self._hands = Hands(FROM_AFAR, self._person_did)

    def run(self) -> None:
        """Raises Over."""
        if self._told["asks"]:
            self._ask()
        self._hands.renew()
        self._show_sign()

    def close(self) -> None:
        self._hands.close()
        if self._shown is not None:
            self._shown.close()

    def _ask(self) -> None:
        self._check_somebody_is_there()
        told, began = self._told, time.monotonic()
        question = wording.question(
            told["user"], told["application"], told.get("site", ""), view_only=told["view_only"]
        )
        dialog = self._shown = Dialog(question, int(told["answer_seconds"]))
        while True:
            elapsed = time.monotonic() - began
            left = told["answer_seconds"] - elapsed
            if left <= 0:
                raise Over(UNANSWERED, "nobody answered")
            dialog.count_down(int(left) + 1, is_guarded=elapsed < GUARD_SECONDS)
            until_open = GUARD_SECONDS - elapsed
            self._wait(min(left, until_open if until_open > 0 else _LOOK_SECONDS))
            if dialog.choice == "refuse":
                raise Over(REFUSED, "whoever is there refused")
            if dialog.choice == "allow":
                dialog.close()
                self._shown = None
                return
            dialog.raise_()
            self._check_somebody_is_there()

    def _show_sign(self) -> None:
        text = wording.sign(self._told["user"], view_only=self._told["view_only"])
        sign = self._shown = self._sign = Sign(text, int(self._told.get("number", 0)))
        print(AGREED, flush=True)
        renewed_at = time.monotonic()
        while True:
            self._wait(_LOOK_SECONDS)
            if sign.choice == "end":
                raise Over(ENDED, "whoever is there ended it")
            sign.raise_()
            if self._told["asks"]:
                self._check_somebody_is_there()
            if time.monotonic() - renewed_at > _RENEW_SECONDS:
                renewed_at = time.monotonic()
                self._hands.renew()

    def _check_somebody_is_there(self) -> None:
        """As far as Windows knows: the screen is neither locked nor shown nowhere. Raises Over."""
        if (cover := current_cover()) in (IS_LOCKED, SCREEN_OFF):
            raise Over(LOCKED, f"nobody is there: {cover}")

    def _wait(self, seconds: float) -> None:
        """Until somebody chose, or so long. Raises Over."""
        import win32event
        import win32gui

        deadline = time.monotonic() + seconds
        shown = self._shown
        while shown is not None and shown.choice is None:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return
            milliseconds = round(remaining * 1000) + 1
            which = win32event.MsgWaitForMultipleObjects([self._ended], False, milliseconds, _ALL_INPUT)
            if which == win32event.WAIT_OBJECT_0:
                raise Over(0, "it was asked to end")
            win32gui.PumpWaitingMessages()
            if shown.is_over:
                raise Over(CLOSED, "the Windows session ends")

    def _person_did(self, ticks: int) -> None:
        now = time.monotonic()
        if self._sign is not None and now - self._told_at >= _TOLD_SECONDS:
            self._told_at = now
            self._sign.person_did(ticks)


def main() -> int:
    import win32event

    see_real_pixels()
    told = json.loads(sys.stdin.readline())
    ended = win32event.CreateEvent(None, True, False, None)

    def wait_for_the_end() -> None:
        sys.stdin.read()
        win32event.SetEvent(ended)

    threading.Thread(target=wait_for_the_end, name="input", daemon=True).start()
    attendant = Attendant(told, ended)
    try:
        attendant.run()
    except Over as over:
        print(over, flush=True)
        return over.status
    except Exception as exc:  # whatever it was is told to the leader, which logs it
        print(repr(exc), flush=True)
        return BROKEN
    finally:
        attendant.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

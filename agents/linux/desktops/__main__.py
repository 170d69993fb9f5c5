"""The helper of one attachment, as the display's owner: `python -I -m agents.linux.desktops`, told by standard input.

It asks, where that is wanted, prints `portcullis-agreed FILE` (with which authority file the display was opened), and
shows the sign until it is told to end. Its exit status says how it ended (`EXIT_CODES` of agents/desktops/rules.py):
the leader ends the session with it, whatever the reason is. One thread, one connection; every wait has a deadline.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import xcffib
import xcffib.randr as randr
import xcffib.xproto as xproto

from agents.desktops import wording
from agents.desktops.rules import CLOSED, ENDED, LOCKED, REFUSED, UNANSWERED, UNSUPPORTED
from agents.desktops.shapes import GUARD_SECONDS
from agents.linux.desktops import leftovers, locks
from agents.linux.desktops.connection import QUESTION, NoDisplay, atom, open_display
from agents.linux.desktops.windows import Dialog, Overlay, Sign

AGREED = "portcullis-agreed"
_LOOK_SECONDS = 1.0
_DEPTHS = (24, 32)


class Over(Exception):
    """With this exit status."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Helper:
    def __init__(self, told: Mapping[str, Any], wakened: int) -> None:
        """`wakened`: readable once a signal asks for the end. Raises NoDisplay."""
        self._told = told
        self._wakened = wakened
        self._x, self.authority = open_display(told["display"], told["authorities"])
        self._root: int = self._x.get_setup().roots[self._x.pref_screen].root
        self._shown: Overlay | None = None

    def run(self) -> None:
        """Until a signal asks for the end. Raises Over."""
        self._check_form()
        self._watch_screen()
        if self._told["asks"]:
            self._ask()
        print(f"{AGREED} {self.authority}", flush=True)
        self._show_sign()

    def close(self) -> None:
        if self._shown is not None:
            self._shown.close()
        leftovers.let_go(self._x)
        self._x.disconnect()

    def _check_form(self) -> None:
        depth = self._x.get_setup().roots[self._x.pref_screen].root_depth
        if depth not in _DEPTHS:
            raise Over(UNSUPPORTED, f"the display has {depth} bits of colour")

    def _ask(self) -> None:
        if locks.is_locked(self._x, self._root):
            raise Over(LOCKED, "the display is locked")
        told, began = self._told, time.monotonic()
        question = wording.question(
            told["user"], told["application"], told.get("site", ""), view_only=told["view_only"]
        )
        owner = self._own_question()
        dialog = self._shown = Dialog(self._x, question, int(told["answer_seconds"]))
        dialog.show()
        try:
            while True:
                elapsed = time.monotonic() - began
                left = told["answer_seconds"] - elapsed
                if left <= 0:
                    raise Over(UNANSWERED, "nobody answered")
                dialog.count_down(int(left) + 1, is_guarded=elapsed < GUARD_SECONDS)
                until_open = GUARD_SECONDS - elapsed
                choice = self._next_choice(min(left, until_open if until_open > 0 else _LOOK_SECONDS))
                if choice == "refuse":
                    raise Over(REFUSED, "whoever is there refused")
                if choice == "allow":
                    return
        finally:
            dialog.close()
            self._x.core.DestroyWindow(owner)
            self._x.flush()

    def _show_sign(self) -> None:
        text = wording.sign(self._told["user"], view_only=self._told["view_only"])
        sign = self._shown = Sign(self._x, text, int(self._told.get("number", 0)))
        sign.show()
        while True:
            if self._next_choice(_LOOK_SECONDS) == "end":
                raise Over(ENDED, "whoever is there ended it")
            sign.tick()
            if self._told["asks"] and locks.is_locked(self._x, self._root):
                raise Over(LOCKED, "the display was locked")

    def _own_question(self) -> int:
        """Workers that are connected to this display do nothing while this window lives."""
        window = int(self._x.generate_id())
        kind = xproto.WindowClass.InputOnly
        self._x.core.CreateWindow(0, window, self._root, -9, -9, 1, 1, 0, kind, 0, 0, [])
        self._x.core.SetSelectionOwner(window, atom(self._x, QUESTION), xproto.Time.CurrentTime)
        self._x.core.GetInputFocus().reply()
        return window

    def _watch_screen(self) -> None:
        extension = self._x(randr.key)
        extension.QueryVersion(1, 5).reply()
        extension.SelectInput(self._root, randr.NotifyMask.ScreenChange)

    def _next_choice(self, seconds: float) -> str | None:
        """What somebody chose within these seconds. Raises Over."""
        deadline = time.monotonic() + seconds
        while True:
            while (event := self._next_event()) is not None:
                if self._shown is None:
                    continue
                if isinstance(event, randr.ScreenChangeNotifyEvent):
                    self._shown.screen_changed()
                elif (choice := self._shown.handle(event)) is not None:
                    return choice
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return None
            ends = [self._x.get_file_descriptor(), self._wakened]
            if self._wakened in select.select(ends, [], [], remaining)[0]:
                raise Over(0, "it was asked to end")

    def _next_event(self) -> Any:
        while True:
            try:
                return self._x.poll_for_event()
            except (xcffib.Error, LookupError):
                continue  # about a window that has gone, or of an extension that nobody asked for


def main() -> int:
    wakened = _signals()
    told = json.load(sys.stdin)
    try:
        helper = Helper(told, wakened)
    except NoDisplay as exc:
        return _said(CLOSED, exc)
    try:
        helper.run()
    except Over as over:
        helper.close()
        return _said(over.status, over)
    except xcffib.ConnectionException as exc:
        return _said(CLOSED, exc)
    return 0


def _said(status: int, why: Exception) -> int:
    print(why or type(why).__name__, flush=True)
    return status


def _signals() -> int:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    ignore: Callable[..., None] = lambda *_: None  # noqa: E731
    signal.signal(signal.SIGTERM, ignore)
    return reading


if __name__ == "__main__":
    sys.exit(main())

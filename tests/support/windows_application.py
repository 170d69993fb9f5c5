"""Run by the Windows interpreter: `python windows_application.py [JOB]`, a program that a test moves
(desktop_actor.py), in a job object of that name as a session's helper makes one; without a name in none.

Beside the actor's orders it moves and minimises windows, opens a menu and a dialog, and tells of characters typed.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import win32con
import win32gui

from agents.windows.job import Job
from tests.support.desktop_actor import tell
from tests.support.desktop_actor_windows import Stage, main

_MENU, _DIALOG = win32con.WM_APP + 1, win32con.WM_APP + 2
MENU_ITEM = 7


class Program(Stage):
    def place(self, id: int, x: int, y: int, width: int, height: int) -> None:
        win32gui.MoveWindow(self.windows[id], x, y, width, height, True)

    def raise_(self, id: int) -> None:
        flags = win32con.SWP_NOMOVE | win32con.SWP_NOSIZE | win32con.SWP_NOACTIVATE
        win32gui.SetWindowPos(self.windows[id], win32con.HWND_TOPMOST, 0, 0, 0, 0, flags)

    def minimise(self, id: int) -> None:
        win32gui.ShowWindow(self.windows[id], win32con.SW_MINIMIZE)

    def activate(self, id: int) -> None:
        win32gui.SetForegroundWindow(self.windows[id])

    def menu(self, id: int, x: int, y: int) -> None:
        """Its loop takes the thread until the menu is closed: no order is heard before."""
        win32gui.PostMessage(self.windows[id], _MENU, x, y)

    def dialog(self, id: int) -> None:
        """Likewise."""
        win32gui.PostMessage(self.windows[id], _DIALOG, 0, 0)

    def happened(self, window: int, message: int, wparam: int, lparam: int) -> int:
        if message == _MENU:
            menu = win32gui.CreatePopupMenu()
            win32gui.AppendMenu(menu, win32con.MF_STRING, MENU_ITEM, "The one thing to choose")
            chosen = win32gui.TrackPopupMenu(menu, win32con.TPM_RETURNCMD, wparam, lparam, 0, window, None)
            tell({"menu": chosen})
            return 0
        if message == _DIALOG:
            tell({"dialog": win32gui.MessageBox(window, "Really?", "Question", win32con.MB_OKCANCEL)})
            return 0
        if message == win32con.WM_CHAR:
            tell({"typed": chr(wparam)})
        return super().happened(window, message, wparam, lparam)


def run(*job: str) -> None:
    made: Any = [Job(name) for name in job]  # the last handle of one that is closed ends all within
    for each in made:
        each.take_pid(os.getpid())
    main(Program())


if __name__ == "__main__":
    run(*sys.argv[1:])

"""A job object: processes that can be counted, asked to close, and ended together, whatever they have started.

Windows ends them all when the last handle of the job is closed: so nothing outlives the helper that holds it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection
from typing import Any

_SET_QUOTA_AND_TERMINATE = 0x0100 | 0x0001
_WM_CLOSE = 0x0010
_GW_OWNER = 4
AGAIN_SECONDS = 2.0
ENDED_BY_US = 1


class Job:
    def __init__(self, name: str = "") -> None:
        """`name`: by which another process may ask who is in it. Raises OSError."""
        import pywintypes
        import win32job

        self._asked: dict[int, float] = {}
        try:
            self._job = win32job.CreateJobObject(None, name)
            kind = win32job.JobObjectExtendedLimitInformation
            limits = win32job.QueryInformationJobObject(self._job, kind)
            limits["BasicLimitInformation"]["LimitFlags"] |= win32job.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
            win32job.SetInformationJobObject(self._job, kind, limits)
        except pywintypes.error as exc:
            raise OSError(exc.winerror, exc.strerror) from exc

    def take(self, process: Any) -> None:
        """A process by its handle; what it starts from now on belongs here too. Raises OSError."""
        import pywintypes
        import win32job

        try:
            win32job.AssignProcessToJobObject(self._job, process)
        except pywintypes.error as exc:
            raise OSError(exc.winerror, exc.strerror) from exc

    def take_pid(self, pid: int) -> None:
        """Raises OSError."""
        import pywintypes
        import win32api

        try:
            process = win32api.OpenProcess(_SET_QUOTA_AND_TERMINATE, False, pid)
        except pywintypes.error as exc:
            raise OSError(exc.winerror, exc.strerror) from exc
        try:
            self.take(process)
        finally:
            process.Close()

    @property
    def pids(self) -> frozenset[int]:
        import pywintypes
        import win32job

        try:
            found = win32job.QueryInformationJobObject(self._job, win32job.JobObjectBasicProcessIdList)
        except pywintypes.error:
            return frozenset()
        return frozenset(map(int, found))

    @property
    def is_empty(self) -> bool:
        import win32job

        kind = win32job.JobObjectBasicAccountingInformation
        return bool(win32job.QueryInformationJobObject(self._job, kind)["ActiveProcesses"] == 0)

    def ask_to_close(self) -> None:
        """As if the user closed each of their windows, and again where one stays: it may have been too young to hear.
        One that asks something (it is disabled then) is left alone, and so is the question: to close that would be an
        answer."""
        import pywintypes
        import win32gui

        now = time.monotonic()
        for window in windows_of(self.pids):
            if now - self._asked.get(window, -math.inf) < AGAIN_SECONDS:
                continue
            self._asked[window] = now
            try:
                win32gui.PostMessage(window, _WM_CLOSE, 0, 0)
            except pywintypes.error:
                continue  # it has gone

    def end(self) -> None:
        import pywintypes
        import win32job

        try:
            win32job.TerminateJobObject(self._job, ENDED_BY_US)
        except pywintypes.error:
            return  # all have ended


def windows_of(pids: Collection[int]) -> set[int]:
    """Their top-level windows that are shown, take input and belong to no other window."""
    import win32gui
    import win32process

    found: set[int] = set()

    def note(window: int, _: object) -> bool:
        is_open = win32gui.IsWindowVisible(window) and win32gui.IsWindowEnabled(window)
        is_its_own = is_open and not win32gui.GetWindow(window, _GW_OWNER)
        if is_its_own and win32process.GetWindowThreadProcessId(window)[1] in pids:
            found.add(window)
        return True

    win32gui.EnumWindows(note, None)
    return found

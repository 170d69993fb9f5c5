"""What a session's helper does on Windows: starts worker and application, watches them, passes their lines on."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agents.windows import pipe, programs
from agents.windows.helper.attendant import Attendant
from agents.windows.helper.session import Failed
from agents.windows.job import Job
from portcullis.tasks import cancel_and_wait, spawn

LOOK_SECONDS = 0.2
"""Between two looks at the application's job: pywin32 cannot wait for one to become empty."""
LINE_CHARACTERS = 8000
TAIL_LINES, TAIL_CHARACTERS = 5, 200
_SUSPENDED, _NEW_CONSOLE, _UNICODE_ENVIRONMENT = 0x4, 0x10, 0x400
_STILL_ACTIVE = 259
_WORKER_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}  # numpy starts a thread a core at import, for nothing
_ELEVATION_REQUIRED = 740


class WindowsParts:
    """`on_line`: a line of the worker. `on_printed`: a line of its log. `on_worker_ended`, `on_application_ended`: with
    the exit code; of an attendant likewise. `on_job_empty`: once. `on_ended`: nothing more is to be done. `on_agreed`:
    an attendant shows its sign."""

    def __init__(
        self,
        to_service: Callable[[bytes], None],
        on_line: Callable[[bytes], None],
        on_printed: Callable[[str], None],
        on_worker_ended: Callable[[int], None],
        on_application_ended: Callable[[int], None],
        on_job_empty: Callable[[], None],
        on_ended: Callable[[], None],
        on_agreed: Callable[[], None],
    ) -> None:
        self.to_service = to_service
        self._on_line = on_line
        self._on_printed = on_printed
        self._on_worker_ended = on_worker_ended
        self._on_application_ended = on_application_ended
        self._on_job_empty = on_job_empty
        self.ended = on_ended
        self._on_agreed = on_agreed
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._job: Job | None = None
        self._worker_job: Job | None = None
        self._worker: asyncio.StreamWriter | None = None
        self._program: programs.Program | None = None
        self._environment: dict[str, str] = {}
        self._application: Any = None
        self._attendant: Attendant | None = None
        self._is_asking = False
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)

    # worker

    def start_worker(self, launch: Mapping[str, Any]) -> int:
        ours, theirs = pipe.inheritable_pair()
        try:
            process = _start_worker(launch["worker"]["command"], theirs)
        except OSError as exc:
            raise Failed("worker_failed", str(exc)) from exc
        finally:
            pipe.close_handle(theirs)
        self._worker_job = Job()
        self._worker_job.take_pid(process.pid)
        reader, self._worker = pipe.streams(ours)
        self._tasks += [
            spawn(self._read(reader), name="lines of the worker"),
            spawn(asyncio.to_thread(self._read_log, process), name="log of the worker"),
            spawn(self._wait(process), name="end of the worker"),
        ]
        return process.pid

    def to_worker(self, line: bytes) -> None:
        if self._worker is not None:
            self._worker.write(line + b"\n")

    def end_worker(self) -> None:
        if self._worker_job is not None:
            self._worker_job.end()

    def last_lines(self) -> str:
        return " | ".join(self._tail)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError, ValueError):
            while (line := await reader.readline()).endswith(b"\n"):
                self._on_line(line[:-1])

    def _read_log(self, process: subprocess.Popen[bytes]) -> None:
        """In a thread of its own, which ends with the worker."""
        assert process.stderr is not None
        with process.stderr as printed:
            for line in printed:
                if text := line.decode(errors="replace").strip()[:LINE_CHARACTERS]:
                    self._loop.call_soon_threadsafe(self._note, text)

    def _note(self, text: str) -> None:
        self._tail.append(text[:TAIL_CHARACTERS])
        self._on_printed(text)

    async def _wait(self, process: subprocess.Popen[bytes]) -> None:
        self._on_worker_ended(await asyncio.to_thread(process.wait))

    # application

    def prepare_application(self, launch: Mapping[str, Any]) -> str:
        import win32profile

        asked = launch["application"]
        environment = programs.with_application(win32profile.GetEnvironmentStrings(), asked["environment"])
        try:
            program = programs.program(asked["command"], environment, _is_file, _registered)
        except (OSError, ValueError) as exc:
            raise Failed("application_missing", str(exc)) from exc
        if programs.is_shell(asked["command"], program, environment):
            return ""
        name = f"Local\\Portcullis-{secrets.token_hex(16)}"
        self._program, self._environment, self._job = program, environment, Job(name)
        return name

    def start_application(self, launch: Mapping[str, Any]) -> int | None:
        if self._program is None or self._job is None:
            return None
        self._application, pid = _start_application(self._program, self._environment, self._job)
        self._tasks.append(spawn(self._watch(self._job), name="application"))
        return pid

    def start_attendant(self, launch: Mapping[str, Any]) -> int:
        self._attendant = Attendant(
            launch["application"], self._on_agreed, self._note, self._on_application_ended
        )
        return self._attendant.pid

    def ask_to_close(self) -> None:
        self._is_asking = True

    def end_application(self) -> None:
        if self._job is not None:
            self._job.end()

    async def _watch(self, job: Job) -> None:
        """Windows has no event for a job that became empty which pywin32 could wait for."""
        import win32process

        has_ended = False
        while True:
            status = win32process.GetExitCodeProcess(self._application)
            if not has_ended and status != _STILL_ACTIVE:
                has_ended = True
                self._on_application_ended(status)
            if has_ended and job.is_empty:
                self._on_job_empty()
                return
            if self._is_asking:
                job.ask_to_close()
            await asyncio.sleep(LOOK_SECONDS)

    # time

    def at(self, seconds: float, act: Callable[[], None]) -> None:
        self.at_no_time()
        self._timer = self._loop.call_later(seconds, act)

    def at_no_time(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def stop(self) -> None:
        """Nothing of the session is left when this returns."""
        self.at_no_time()
        self.end_application()
        self.end_worker()
        if self._attendant is not None:
            await self._attendant.dismiss()
        await cancel_and_wait(*self._tasks)


def _start_worker(command: list[str], channel: int) -> subprocess.Popen[bytes]:
    """It inherits this handle and its standard ones, and no more. Raises OSError."""
    if sys.platform != "win32":
        raise OSError("Windows alone has such handles")
    startup = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [channel]})
    import win32profile

    return subprocess.Popen(
        [*command, "--channel", str(channel)],
        startupinfo=startup,
        env={**win32profile.GetEnvironmentStrings(), **_WORKER_ENVIRONMENT},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        creationflags=subprocess.CREATE_NO_WINDOW,
    )


def _start_application(program: programs.Program, environment: dict[str, str], job: Job) -> tuple[Any, int]:
    """Suspended until it is in its job: nothing that it starts may be outside. Raises Failed."""
    import pywintypes
    import win32process

    folder = programs.variable(environment, "USERPROFILE", "") or None
    try:
        process, thread, pid, _ = win32process.CreateProcess(
            program.file,
            program.line,
            None,
            None,
            False,
            _SUSPENDED | _NEW_CONSOLE | _UNICODE_ENVIRONMENT,
            environment,
            folder if folder is not None and Path(folder).is_dir() else None,
            win32process.STARTUPINFO(),
        )
    except pywintypes.error as exc:
        code = "elevation_needed" if exc.winerror == _ELEVATION_REQUIRED else "application_missing"
        raise Failed(code, f"{program.file}: {exc.strerror}") from exc
    try:
        job.take(process)
    except OSError as exc:
        win32process.TerminateProcess(process, 1)
        raise Failed("worker_failed", f"the application cannot be put into a job: {exc}") from exc
    win32process.ResumeThread(thread)
    thread.Close()
    return process, pid


def _is_file(path: str) -> bool:
    return Path(path).is_file()


def _registered(name: str) -> str | None:
    """Where an installer said that a program of this name is."""
    if sys.platform != "win32":
        return None
    import winreg

    wanted = name if name.lower().endswith(".exe") else f"{name}.exe"
    if "\\" in wanted or "/" in wanted:
        return None
    for root in (winreg.HKEY_CURRENT_USER, winreg.HKEY_LOCAL_MACHINE):
        with contextlib.suppress(OSError):
            path = f"SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\App Paths\\{wanted}"
            found = str(winreg.QueryValue(root, path)).strip('"')
            if _is_file(found):
                return found
    return None

"""One session as its helper leads it: the order of starting and ending, and what is told to the service. No I/O.

Starting: the worker, which is told whose windows it shows; once it has told its first state (the desktop is open), the
application. The session lives as long as any process of the application's job does; where the desktop itself is
published, until somebody ends it.

To somebody's own desktop ("attached") their attendant comes first, and the worker once that says that they agreed.

Ending: the worker is told to close, the application asked to (its windows are closed); after the grace, or as soon as
it has gone, the job is ended, and the worker a moment later. Any failure ends the session, and never the helper.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

LAUNCH_SECONDS = 20.0
PREPARED_SECONDS = 60.0
ANSWER_SECONDS = 30.0
"""The attendant's own deadline comes first; this is for one that hangs, and counts its start."""
LAST_GRACE_SECONDS = 2.0
MAXIMUM_GRACE_SECONDS = 60.0
_SIGNED = 1 << 31


class Failed(Exception):
    """Something could not be started: `code` is the session's."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Parts(Protocol):
    def prepare_application(self, launch: Mapping[str, Any]) -> str:
        """The name of the job that it will run in, by which the worker knows its windows; empty where the desktop
        itself is published. Raises Failed."""
        ...

    def start_worker(self, launch: Mapping[str, Any]) -> int:
        """Its process id. Raises Failed."""
        ...

    def start_application(self, launch: Mapping[str, Any]) -> int | None:
        """Likewise; None where the desktop itself is published, which runs already and is not ended."""
        ...

    def start_attendant(self, launch: Mapping[str, Any]) -> int:
        """Of somebody's own desktop, in place of an application: `agreed` and `application_ended` tell what comes of
        it. Its process id. Raises Failed."""
        ...

    def to_worker(self, line: bytes) -> None: ...

    def to_service(self, line: bytes) -> None:
        """Lost while it does not listen: it is told the status anew when it does."""
        ...

    def ask_to_close(self) -> None: ...

    def end_application(self) -> None: ...

    def end_worker(self) -> None: ...

    def last_lines(self) -> str:
        """What the worker printed last."""
        ...

    def at(self, seconds: float, act: Callable[[], None]) -> None:
        """The one thing to do later; another takes its place."""
        ...

    def at_no_time(self) -> None:
        """Nothing is to be done later."""
        ...

    def ended(self) -> None:
        """Nothing more is to be done."""
        ...


class Session:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._launch: Mapping[str, Any] = {}
        self._stage = "accepted"
        self._pids: dict[str, int] = {}
        self._exit_statuses: dict[str, int] = {}
        self._worker_state: bytes | None = None
        self._window_seen = False
        self._is_leaving = False
        self._code: str | None = None
        self._detail: str | None = None
        self._phase = "waiting"  # -> running -> terminating -> killing -> ended
        parts.at(LAUNCH_SECONDS, self._nothing_came)

    @property
    def _is_attached(self) -> bool:
        return "attached" in self._launch

    @property
    def was_launched(self) -> bool:
        return bool(self._launch)

    def greeting(self) -> list[bytes]:
        """What a service that listens anew is told."""
        return [self._status(), *([self._worker_state] if self._worker_state is not None else [])]

    # the service

    def obey(self, line: bytes) -> None:
        message = parse(line)
        if message.get("to") == "worker":
            self._parts.to_worker(line)
        elif message.get("type") == "launch" and self._phase == "waiting":
            self._guarded(lambda: self._begin(message))
        elif message.get("type") == "end":
            detail = message.get("detail")
            self.end(str(message.get("code") or "logged_off"), detail, _grace(message))

    def _begin(self, launch: Mapping[str, Any]) -> None:
        self._phase = "running"
        self._launch = launch
        self._tell()
        if self._is_attached:
            self._ask()
        else:
            self._start_worker(self._parts.prepare_application(launch))

    def _ask(self) -> None:
        """On somebody's own desktop: their attendant, which asks them, is all that starts before they agreed."""
        self._pids["application"] = self._parts.start_attendant(self._launch)
        self._stage = "display"
        self._tell()
        seconds = self._launch["attached"]["answer_seconds"] + ANSWER_SECONDS
        self._parts.at(seconds, lambda: self.end("display_failed", "the attendant did not answer"))

    def agreed(self) -> None:
        """Whoever is there has, or nobody had to; the sign stands."""
        if self._phase == "running" and "worker" not in self._pids:
            self._guarded(lambda: self._start_worker(""))

    def _start_worker(self, job: str) -> None:
        start = json.dumps({**self._launch["worker"]["start"], "application_job": job}).encode()
        self._pids["worker"] = self._parts.start_worker(self._launch)
        self._tell()
        self._parts.to_worker(start)
        self._parts.at(PREPARED_SECONDS, lambda: self._worker_failed("did not get ready"))

    # the worker

    def hear(self, line: bytes) -> None:
        message = parse(line)
        if message.get("from") != "worker":
            return
        self._parts.to_service(line)
        if message.get("type") != "state":
            return
        is_first, self._worker_state = self._worker_state is None, line
        windows = message.get("windows")
        self._window_seen |= isinstance(windows, int) and windows > 0
        if is_first and self._phase == "running":
            self._guarded(self._start_application)
        if self._is_attached and self._phase == "running":
            self._note_connections(message)

    def _note_connections(self, state: Mapping[str, Any]) -> None:
        """Nobody comes back unseen."""
        is_left = not state.get("connections")
        if is_left and not self._is_leaving:
            seconds = float(self._launch["attached"]["left_seconds"])
            self._parts.at(seconds, lambda: self.end("desktop_left", "nobody was connected"))
        elif not is_left:
            self._parts.at_no_time()
        self._is_leaving = is_left

    def worker_ended(self, status: int) -> None:
        self._exit_statuses["worker"] = signed(status)
        if self._phase == "running":
            self._worker_failed(f"ended with {signed(status)}")
        elif self._phase == "killing":
            self._finish()

    def _worker_failed(self, how: str) -> None:
        self.end("worker_failed", f"worker {how}: {self._parts.last_lines()}")

    # the application

    def _start_application(self) -> None:
        self._parts.at_no_time()
        self._stage = "display"
        self._tell()
        if not self._is_attached and (pid := self._parts.start_application(self._launch)) is not None:
            self._pids["application"] = pid
        self._stage = "application"
        self._tell()

    def application_ended(self, status: int) -> None:
        """The process that was started; others of its job may go on."""
        self._exit_statuses["application"] = signed(status)
        if self._phase == "running" and self._is_attached:
            meanings = self._launch["application"].get("exit_codes", {})
            said = self._parts.last_lines().rpartition(" | ")[2]
            self.end(str(meanings.get(str(signed(status)), "display_failed")), said)
        elif self._phase == "running":
            self._tell()

    def job_is_empty(self) -> None:
        if self._phase == "running" and "application" in self._pids:
            status = self._exit_statuses.get("application")
            detail = None if status is None else f"exit code {status}"
            self.end("application_closed" if self._window_seen else "application_exited", detail)
        elif self._phase == "terminating":
            self._kill()

    # ending

    def end(self, code: str, detail: object = None, grace_seconds: float = 0.0) -> None:
        if self._phase == "waiting":
            self._phase = "ended"
            self._parts.at_no_time()
            self._parts.ended()
            return
        if self._phase != "running":
            return
        self._phase = "terminating"
        self._code, self._detail = code, " ".join(str(detail or "").split())[:1000] or None
        self._tell()
        closing = {"to": "worker", "type": "closing", "code": 4410, "reason": "session_ended"}
        self._parts.to_worker(json.dumps(closing).encode())
        if "application" in self._pids and not self._is_attached:
            self._parts.ask_to_close()
            self._parts.at(min(max(grace_seconds, 0.0), MAXIMUM_GRACE_SECONDS), self._kill)
        else:
            self._kill()

    def _kill(self) -> None:
        """The worker gets a moment more: it says goodbye to its clients. An attendant goes last (`ended`): its sign
        stands for as long as the worker may look."""
        self._phase = "killing"
        self._parts.end_application()
        if "worker" in self._pids and "worker" not in self._exit_statuses:
            self._parts.at(LAST_GRACE_SECONDS, self._kill_worker)
        else:
            self._finish()

    def _kill_worker(self) -> None:
        self._parts.end_worker()
        self._finish()

    def _finish(self) -> None:
        self._phase = "ended"
        self._parts.at_no_time()
        self._tell()
        self._parts.ended()

    def _nothing_came(self) -> None:
        self.end("logged_off", "no launch came")

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Failed as failed:
            self.end(failed.code, failed.detail)
        except (
            LookupError,
            TypeError,
            ValueError,
            OSError,
        ) as exc:  # a launch of another release lacks something
            self.end("worker_failed", f"{type(exc).__name__}: {exc}")

    def _tell(self) -> None:
        self._parts.to_service(self._status())

    def _status(self) -> bytes:
        status = {
            "type": "status",
            "session": self._launch.get("session", ""),
            "stage": self._stage,
            "display": None,
            "processes": self._pids,
            "exit_statuses": self._exit_statuses,
            "ended": self._phase == "ended",
            "code": self._code,
            "detail": self._detail,
            "about": self._launch.get("about", {}),
        }
        return json.dumps(status).encode()


def parse(line: bytes) -> dict[str, Any]:
    """Empty for what is no JSON object."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def signed(status: int) -> int:
    """Exit codes have 32 bits; those of crashes (0xC0000005, say) count as negative wherever they are told."""
    low = status & (2 * _SIGNED - 1)
    return low - 2 * _SIGNED if low >= _SIGNED else low


def _grace(message: Mapping[str, Any]) -> float:
    seconds = message.get("grace_seconds", 3.0)
    return float(seconds) if isinstance(seconds, int | float) else 3.0

"""One session as its leader runs it: the order of starting and ending, and what is told to the agent.

Starting: display and worker; with the display known, bus and window manager; once the worker has sent its first
`state` (size and keyboard are set) and both others are ready, the application. It lives as long as anything
that descends from the application does.

Ending: the worker is told to close, the application asked to end (SIGTERM); after the grace, or as soon as it is
gone, everything is killed and removed. Any failure ends the session, and never the leader: it alone can clean up.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
from pathlib import Path
from typing import Any

from agents.linux.leader import processes, traces
from agents.linux.leader.agent_side import AgentSide
from agents.linux.leader.lines import Peer, parse
from agents.linux.leader.loop import Loop
from agents.linux.leader.output import Output, SessionLog

LAUNCH_SECONDS = 10.0
DISPLAY_SECONDS = 15.0
PREPARED_SECONDS = 30.0
JUDGE_SECONDS = 0.1
LAST_GRACE_SECONDS = 1.0
MAXIMUM_GRACE_SECONDS = 60.0
WINDOW_MANAGER_READY = b"portcullis-ready"
ROLES = {
    "display": "worker",
    "worker": "worker",
    "bus": "user",
    "window_manager": "user",
    "application": "user",
}


class Failure(Exception):
    """The session cannot go on. `code` is a key of portcullis.errors.CODES."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Session:
    def __init__(self, folder: Path, listener: socket.socket) -> None:
        self._folder = folder
        self._log = SessionLog(folder / "session.log")
        self._loop = Loop()
        self._agent = AgentSide(self._loop, listener, self._obey, self._greeting)
        self._worker: Peer | None = None
        self._launch: dict[str, Any] = {}
        self._facts: dict[str, Any] = {"groups": []}
        self._stage = "accepted"
        self._pids: dict[str, int] = {}
        self._exit_statuses: dict[str, int] = {}
        self._outputs: dict[str, tuple[int, Output]] = {}
        self._awaited: set[str] = set()
        self._worker_state: bytes | None = None
        self._window_seen = False
        self._code: str | None = None
        self._detail: str | None = None
        self._phase = "running"  # -> terminating -> killing -> ended

    def run(self) -> None:
        self._loop.watch_signals(self._on_signals)
        self._loop.at("launch", LAUNCH_SECONDS, lambda: self._end("logged_off", "no launch came"))
        while self._phase != "ended":
            if self._worker is not None:
                self._loop.want_writes(self._worker.end, self._worker.wants_to_write)
            self._agent.before_waiting()
            self._loop.turn(self._guarded)

    def _guarded(self, handle: Any) -> None:
        try:
            handle()
        except Failure as failure:
            self._end(failure.code, failure.detail)
        except (
            Exception
        ) as exc:  # a launch that lacks a field, a full disk: the session ends, the leader cleans up
            self._log.write(f"leader: {exc!r}")
            self._end(self._general_code(), f"{type(exc).__name__}: {exc}")

    def _general_code(self) -> str:
        return "display_failed" if self._stage == "accepted" else "worker_failed"

    def _on_signals(self, numbers: set[int]) -> None:
        if signal.SIGTERM in numbers:
            self._end("logged_off", "the host stops", grace_seconds=3)
        self._reap()
        self._on_children_changed()

    def _reap(self) -> None:
        for pid, status in processes.reap():
            for name in [name for name, known in self._pids.items() if known == pid]:
                self._exit_statuses[name] = status
                self._log.write(f"leader: {name} ended with {status}")
                self._on_exit(name)

    # the agent

    def _obey(self, line: bytes) -> None:
        message = parse(line)
        if message.get("to") == "worker":
            self._to_worker(line)
        elif message.get("type") == "launch" and not self._launch and self._phase == "running":
            self._begin(message)
        elif message.get("type") == "end":
            code, detail = message.get("code") or "logged_off", message.get("detail")
            self._end(str(code), detail, grace_seconds=float(message.get("grace_seconds", 3)))

    def _tell_status(self) -> None:
        self._agent.send(json.dumps(self._status()).encode())

    def _greeting(self) -> list[bytes]:
        """What an agent that connects is told."""
        status = json.dumps(self._status()).encode()
        return [status] if self._worker_state is None else [status, self._worker_state]

    def _status(self) -> dict[str, Any]:
        return {
            "type": "status",
            "session": self._launch.get("session", ""),
            "stage": self._stage,
            "display": self._facts.get("display"),
            "processes": self._pids,
            "exit_statuses": self._exit_statuses,
            "ended": self._phase == "ended",
            "code": self._code,
            "detail": self._detail,
            "about": self._launch.get("about", {}),
        }

    # the worker

    def _to_worker(self, line: bytes) -> None:
        if self._worker is not None:
            with contextlib.suppress(OSError):  # it has ended: SIGCHLD says how
                self._worker.send(line)

    def _on_worker(self) -> None:
        if (worker := self._worker) is None:
            return
        try:
            worker.flush()
            lines = worker.receive()
        except (EOFError, OSError):
            self._loop.unwatch(worker.end)
            worker.end.close()
            self._worker = None
            # SIGCHLD says more; this is for a worker that lives on without its channel.
            self._loop.at("worker", LAST_GRACE_SECONDS, lambda: self._fail("worker_failed", "worker"))
            return
        for line in lines:
            self._hear(line)

    def _hear(self, line: bytes) -> None:
        message = parse(line)
        if message.get("from") != "worker":
            return
        self._agent.send(line)
        if message.get("type") == "state":
            self._worker_state = line
            windows = message.get("windows")
            self._window_seen |= isinstance(windows, int) and windows > 0
            self._is_ready("worker")

    # starting

    def _begin(self, launch: dict[str, Any]) -> None:
        self._loop.clear("launch")
        self._launch = launch
        self._tell_status()
        self._make_folders()
        self._make_groups()
        self._check_application()
        self._start_worker()
        self._start_display()
        self._loop.at("display", DISPLAY_SECONDS, lambda: self._fail("display_failed", "display"))

    def _make_folders(self) -> None:
        worker, user = self._account("worker"), self._account("user")
        self._note(session=self._launch["session"], uids={"worker": worker.pw_uid, "user": user.pw_uid})
        traces.make_account_folders(self._folder, worker, user)
        for name, text in self._launch["files"].items():
            traces.write_owned(self._folder / Path(name).name, text.encode(), user)
        framebuffer = traces.make_framebuffer_folder(
            self._launch["session"], worker, self._launch["display"]["framebuffer_bytes"]
        )
        self._note(framebuffer=str(framebuffer))
        traces.make_x11_folder()

    def _make_groups(self) -> None:
        group = self._launch["group"]
        self._note(groups=group["folders"])
        for folder in group["folders"]:
            Path(folder).mkdir(exist_ok=True)
        for path, value in group["values"].items():
            Path(path).write_text(value)

    def _note(self, **facts: object) -> None:
        """What a sweep needs to clean up without this process's memory."""
        self._facts.update(facts)
        traces.write_atomically(self._folder / "session.json", self._facts)

    def _check_application(self) -> None:
        application = self._launch["application"]
        command, path = application["command"][0], application["environment"].get("PATH")
        confinement = self._confinement("application")
        account = confinement.account.pw_name
        try:
            found = processes.can_run(command, path, confinement)
        except OSError as exc:
            raise Failure("account_failed", f"{account}: {exc}") from exc
        if not found:
            raise Failure("application_missing", f"{command}: not found, or {account} may not execute it")

    def _start_display(self) -> None:
        """The worker starts beside it: the one loads while the other does."""
        read_end, write_end = os.pipe()
        xauthority = str(self._folder / "worker" / "xauthority")
        command = [*self._launch["display"]["command"], "-fbdir", self._facts["framebuffer"]]
        command += ["-auth", xauthority, "-displayfd", "3"]
        self._start("display", command, self._launch["display"]["environment"], passed=write_end)
        os.close(write_end)
        number = bytearray()
        self._loop.watch(read_end, lambda _: self._on_display_number(read_end, number))

    def _on_display_number(self, read_end: int, number: bytearray) -> None:
        """Up to its line feed, which Xvfb writes separately, and fails when nobody reads it."""
        data = os.read(read_end, 64)
        number += data
        if data and not number.endswith(b"\n"):
            return
        self._loop.unwatch(read_end)
        os.close(read_end)
        if number.strip().isdigit() and self._phase == "running":  # else it has ended: SIGCHLD says how
            self._note(display=f":{int(number)}")
            self._loop.clear("display")
            self._display_runs()

    def _display_runs(self) -> None:
        start = {
            **self._launch["worker"]["start"],
            "display": self._facts["display"],
            "framebuffer": str(Path(self._facts["framebuffer"], "Xvfb_screen0")),
            "xauthority": str(self._folder / "worker" / "xauthority"),
        }
        self._to_worker(json.dumps(start).encode())
        self._awaited |= {"worker"} if self._worker_state is None else set()
        for name in ("bus", "window_manager"):
            if (program := self._launch[name]) is not None:
                self._awaited.add(name)
                self._start(name, program["command"], self._with_display(program["environment"]))
        self._loop.at("prepared", PREPARED_SECONDS, self._not_prepared)

    def _not_prepared(self) -> None:
        name = min(self._awaited)
        self._fail("worker_failed" if name == "worker" else "display_failed", name)

    def _start_worker(self) -> None:
        ours, theirs = socket.socketpair()
        worker = self._launch["worker"]
        self._start("worker", worker["command"], worker["environment"], passed=theirs.fileno())
        theirs.close()
        self._worker = Peer(ours)
        self._loop.watch(ours, lambda _: self._on_worker())

    def _is_ready(self, name: str) -> None:
        """The application starts once size and keyboard are set and its windows will be managed."""
        if self._phase != "running" or name not in self._awaited:
            return
        self._awaited.remove(name)
        if self._awaited:
            return
        self._loop.clear("prepared")
        self._stage = "display"
        self._tell_status()
        application = self._launch["application"]
        try:
            self._start("application", application["command"], self._with_display(application["environment"]))
        except OSError as exc:
            raise Failure("application_missing", str(exc)) from exc
        self._stage = "application"
        self._tell_status()

    def _with_display(self, environment: dict[str, str]) -> dict[str, str]:
        return {**environment, "DISPLAY": self._facts["display"]}

    def _account(self, role: str) -> pwd.struct_passwd:
        try:
            return pwd.getpwnam(self._launch["accounts"][role])
        except KeyError as exc:
            raise Failure("account_failed", f"there is no {role} account") from exc

    def _confinement(self, name: str) -> processes.Confinement:
        role = ROLES[name]
        account = self._account(role)
        groups = self._launch["group"][role]
        if role == "worker":
            return processes.Confinement(account, groups)
        return processes.Confinement(account, groups, self._launch["limits"], account.pw_dir)

    def _start(
        self, name: str, command: list[str], environment: dict[str, str], passed: int | None = None
    ) -> None:
        output_read, output_write = os.pipe()
        os.set_blocking(output_read, False)
        self._outputs[name] = (output_read, Output(self._log, name))
        self._loop.watch(output_read, lambda _: self._on_output(name))
        marked = {**environment, processes.MARKER: self._launch["session"]}
        try:
            confinement = self._confinement(name)
            self._pids[name] = processes.start(command, marked, confinement, output_write, passed)
        finally:
            os.close(output_write)

    def _on_output(self, name: str) -> bool:
        """Whether there may be more."""
        fd, output = self._outputs[name]
        try:
            data = os.read(fd, 1 << 16)
        except BlockingIOError:
            return False
        if not data:
            self._loop.unwatch(fd)
            return False
        lines = output.feed(data)
        if (name == "bus" and lines) or (name == "window_manager" and WINDOW_MANAGER_READY in lines):
            self._is_ready(name)
        return True

    def _last_lines(self, name: str) -> str:
        """What it printed last, with what still stands in the pipe (bounded: others may go on writing)."""
        if name not in self._outputs:
            return ""
        for _ in range(64):
            if not self._on_output(name):
                break
        return self._outputs[name][1].last_lines()

    # watching

    def _on_exit(self, name: str) -> None:
        if name == "display":
            self._fail("display_failed", name)
        elif self._phase == "running":
            self._tell_status()

    def _judge(self) -> None:
        """Why the session cannot go on. A display that died takes the others with it, and may be reaped last."""
        for name, code in (("worker", "worker_failed"), ("window_manager", "display_failed")):
            if name in self._exit_statuses:
                self._fail(code, name)
        code = "application_closed" if self._window_seen else "application_exited"
        self._end(code, self._last_lines("application"))

    def _fail(self, code: str, name: str) -> None:
        status = self._exit_statuses.get(name)
        how = "did not get ready" if status is None else f"ended with {status}"
        self._end(code, f"{name} {how}: {self._last_lines(name)}")

    def _on_children_changed(self) -> None:
        if self._phase == "running" and self._is_over():
            self._loop.at("judge", JUDGE_SECONDS, self._judge)
        elif self._phase == "terminating" and not self._application():
            self._kill()
        elif self._phase == "killing":
            self._go_on_killing()

    def _is_over(self) -> bool:
        if self._exit_statuses.keys() & {"worker", "window_manager"}:
            return True
        return "application" in self._exit_statuses and not self._application()

    def _application(self) -> set[int]:
        """Whatever descends from the application, forked away or not."""
        return processes.descendants(
            without={pid for name, pid in self._pids.items() if name != "application"}
        )

    # ending

    def _end(self, code: str, detail: str | None, grace_seconds: float = 0) -> None:
        if self._phase != "running":
            return
        self._phase = "terminating"
        self._code, self._detail = code, " ".join(str(detail or "").split())[:1000] or None
        self._log.write(f"leader: ending, {code}: {self._detail}")
        self._loop.clear_all()
        self._tell_status()
        closing = {"to": "worker", "type": "closing", "code": 4410, "reason": "session_ended"}
        self._to_worker(json.dumps(closing).encode())
        processes.kill(self._application(), signal.SIGTERM)
        self._loop.at("grace", min(max(grace_seconds, 0.0), MAXIMUM_GRACE_SECONDS), self._kill)
        self._on_children_changed()

    def _kill(self) -> None:
        """Worker and display get a moment more: one says goodbye to its clients, the other removes its lock."""
        if self._phase != "terminating":
            return
        self._phase = "killing"
        self._loop.clear_all()
        gentle = {pid for name, pid in self._pids.items() if name in ("worker", "display")}
        processes.kill(processes.members(self._facts["groups"]) - gentle)
        self._loop.at("display", LAST_GRACE_SECONDS / 2, self._stop_display)
        self._loop.at("rest", LAST_GRACE_SECONDS, self._kill_rest)
        self._go_on_killing()

    def _go_on_killing(self) -> None:
        if "worker" in self._exit_statuses:
            self._stop_display()
        if not processes.members(self._facts["groups"]):
            self._reap()
            self._finish()

    def _stop_display(self) -> None:
        if "display" in self._pids and "display" not in self._exit_statuses:
            processes.kill([self._pids["display"]], signal.SIGTERM)

    def _kill_rest(self) -> None:
        processes.kill_members(self._facts["groups"])
        self._loop.at("rest", LAST_GRACE_SECONDS / 10, self._kill_rest)
        self._go_on_killing()

    def _finish(self) -> None:
        self._phase = "ended"
        traces.remove(self._folder, self._facts)
        if self._launch:
            traces.write_atomically(self._folder / "ended.json", self._status())
            self._tell_status()
        else:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._agent.flush_and_close(seconds=1)

"""One session as its leader runs it: the order of starting and ending, and what is told to the agent.

Starting: display and worker, perhaps ahead of need (`warm`); with the display known and seen to refuse strangers, bus
and window manager; once the worker has sent its first `state` (size and keyboard are set) and both others are ready,
the application. It lives as long as anything that descends from the application does, or has a window of what the
bus started in its stead.

Ending: the worker is told to close, the application asked to end (SIGTERM); after the grace, or as soon as it is
gone, everything is killed and removed. Any failure ends the session, and never the leader: it alone can clean up.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import time
from pathlib import Path
from typing import Any

from agents.linux.leader import processes, traces
from agents.linux.leader.agent_side import AgentSide
from agents.linux.leader.attachment import AGREED, ANSWER_SECONDS, AttachedPremises
from agents.linux.leader.children import Children
from agents.linux.leader.display_start import DisplayStart
from agents.linux.leader.lines import Peer, parse
from agents.linux.leader.loop import Loop
from agents.linux.leader.output import SessionLog
from agents.linux.leader.premises import Failure, Premises
from agents.linux.leader.priority import BACKGROUND, ORDINARY, set_priority
from agents.linux.leader.waiting import Waiting

LAUNCH_SECONDS = 10.0
DISPLAY_SECONDS = 15.0
PREPARED_SECONDS = 30.0
JUDGE_SECONDS = 0.1
ACTIVATION_SECONDS = 3.0
"""For the first window of a program that the bus starts, after the command that asked for it has ended well."""
LAST_GRACE_SECONDS = 1.0
LETTING_GO_SECONDS = 5.0
"""For the helper of an attachment to release what a worker that was killed left pressed; it needs a moment of them."""
MAXIMUM_GRACE_SECONDS = 60.0
KILLED_SECONDS = 10.0
"""How long ago a kill may be to be why the application has gone."""
MAXIMUM_WINDOW_MANAGERS = 5
"""Started in a session, one after the other: an application can kill its window manager, and lose no work by it."""
WINDOW_MANAGER_READY = b"portcullis-ready"


class Session:
    def __init__(self, folder: Path, listener: socket.socket, worker: Waiting | None = None) -> None:
        """`worker`: what will be the worker, where its program was loaded before this process was forked."""
        self._folder = folder
        self._waiting_worker = worker
        self._log = SessionLog(folder / "session.log")
        self._loop = Loop()
        self._agent = AgentSide(self._loop, listener, self._obey, self._greeting, self._agent_gone)
        self._worker: Peer | None = None
        self._launch: dict[str, Any] = {}
        self._premises = Premises(folder)
        self._facts = self._premises.facts
        self._stage = "accepted"
        self._children = Children(self._loop, self._log, self._on_lines)
        self._awaited: set[str] = set()
        self._worker_state: bytes | None = None
        self._windows = 0
        self._window_seen = False
        self._window_managers = 0
        self._display_runs = False
        self._attached: AttachedPremises | None = None
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
            self._log.write("leader", repr(exc))
            self._end(self._general_code(), f"{type(exc).__name__}: {exc}")

    def _general_code(self) -> str:
        return "display_failed" if self._stage == "accepted" else "worker_failed"

    def _on_signals(self, numbers: set[int]) -> None:
        if signal.SIGTERM in numbers:
            self._end("logged_off", "the host stops", grace_seconds=3)
        for name in self._children.reap():
            self._on_exit(name)
        self._look_after()

    # the agent

    def _obey(self, line: bytes) -> None:
        message = parse(line)
        if message.get("to") == "worker":
            self._to_worker(line)
        elif message.get("type") == "warm" and not self._premises.launch and self._phase == "running":
            self._warm_up(message)
        elif message.get("type") == "launch" and not self._launch and self._phase == "running":
            self._begin(message)
        elif message.get("type") == "end":
            code, detail = message.get("code") or "logged_off", message.get("detail")
            self._end(str(code), detail, grace_seconds=float(message.get("grace_seconds", 3)))

    def _agent_gone(self) -> None:
        """A session outlives its agent; what was only prepared for one does not."""
        if not self._launch:
            self._end("logged_off", "the agent has gone")

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
            "processes": self._children.pids,
            "exit_statuses": self._children.exit_statuses,
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
        if message.get("type") == "prepared":
            self._is_warm()
            return
        self._agent.send(line)
        if message.get("type") == "state":
            self._worker_state = line
            windows = message.get("windows")
            self._windows = windows if isinstance(windows, int) else 0
            self._window_seen |= self._windows > 0
            self._note_connections(message)
            self._is_ready("worker")
            self._look_after()

    # starting

    def _warm_up(self, message: dict[str, Any]) -> None:
        """Prepare display and worker ahead of need, out of the way of others: no user is known yet."""
        self._loop.clear("launch")
        self._premises.launch = message
        self._log.take_form(message)
        self._premises.make_display()
        self._start_display_and_worker()
        set_priority(self._children.pids.values(), BACKGROUND)

    def _begin(self, launch: dict[str, Any]) -> None:
        self._loop.clear("launch")
        is_warm = bool(self._premises.launch)
        self._premises.launch = self._launch = launch
        self._log.belong_to(launch)
        self._stage = "accepted"
        self._tell_status()
        if "attached" in launch:
            self._attach()
            return
        if is_warm:
            set_priority(self._children.pids.values(), ORDINARY)
            self._folder = Path(launch["folder"])
            self._premises.move(self._folder)
        else:
            self._premises.make_display()
        if self._display_runs:
            self._tell_worker()
        self._premises.make_session()
        if (reason := self._premises.quarters_missing) is not None:
            self._log.write("leader", f"the user's programs have no /tmp of their own: {reason}")
        if not is_warm:
            self._start_display_and_worker()
        elif self._display_runs:
            self._start_session()

    def _attach(self) -> None:
        """To somebody's own display: their helper, which asks them, is all that starts before they agreed."""
        self._premises = self._attached = AttachedPremises(self._folder, self._launch)
        self._facts = self._premises.facts
        self._premises.make_display()
        self._awaited = {"application"}
        self._start_application(self._launch["application"])
        self._stage = "display"
        self._tell_status()
        seconds = self._launch["attached"]["answer_seconds"] + ANSWER_SECONDS
        self._loop.at("answer", seconds, lambda: self._fail("display_failed", "application"))

    def _agreed(self, authority: str) -> None:
        if self._attached is None or self._phase != "running" or "application" not in self._awaited:
            return
        self._loop.clear("answer")
        self._attached.authority = authority
        self._start_worker()
        self._tell_worker()
        self._loop.at("prepared", PREPARED_SECONDS, self._not_prepared)

    def _note_connections(self, state: dict[str, Any]) -> None:
        if self._attached is None or self._phase != "running":
            return
        if state.get("connections"):
            self._loop.clear("left")
        else:
            seconds = self._launch["attached"]["left_seconds"]
            self._loop.within("left", seconds, lambda: self._end("desktop_left", "nobody was connected"))

    def _start_display_and_worker(self) -> None:
        """Beside each other: the one loads while the other does."""
        self._start_worker()
        command = self._premises.display_command(3)
        starting = DisplayStart(self._loop, self._on_display_known, self._on_display_runs)
        starting.start(lambda number: self._start("display", command, passed=number))
        self._loop.at("display", DISPLAY_SECONDS, lambda: self._fail("display_failed", "display"))

    def _on_display_known(self, display: str) -> None:
        self._premises.note(display=display)

    def _on_display_runs(self) -> None:
        if self._phase != "running":
            return
        self._loop.clear("display")
        self._display_runs = True
        if self._launch:
            self._tell_worker()
            self._start_session()
        else:
            self._to_worker(json.dumps(self._premises.worker_prepare()).encode())
            self._awaited = {"worker"}
            self._loop.at("prepared", PREPARED_SECONDS, self._not_prepared)

    def _is_warm(self) -> None:
        if self._phase == "running" and not self._launch:
            self._awaited = set()
            self._loop.clear("prepared")
            self._stage = "warm"
            self._tell_status()

    def _tell_worker(self) -> None:
        self._awaited = {"worker"}
        self._to_worker(json.dumps(self._premises.worker_start()).encode())

    def _start_session(self) -> None:
        for name in ("bus", "window_manager"):
            if (program := self._launch[name]) is not None:
                self._awaited.add(name)
                self._start(name, program["command"])
        self._loop.at("prepared", PREPARED_SECONDS, self._not_prepared)

    def _not_prepared(self) -> None:
        name = min(self._awaited)
        self._fail("worker_failed" if name == "worker" else "display_failed", name)

    def _start_worker(self) -> None:
        ours, theirs = socket.socketpair()
        command = self._premises.launch["worker"]["command"]
        self._start("worker", command, passed=theirs.fileno(), waiting=self._waiting_worker)
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
        try:
            if self._attached is None:
                self._start_application(self._launch["application"])
        except OSError as exc:
            raise Failure("application_missing", str(exc)) from exc
        self._stage = "application"
        self._tell_status()

    def _start_application(self, application: dict[str, Any]) -> None:
        entered, folder = application.pop("entered", None), application.get("folder")
        if folder is None:
            self._start("application", application["command"], entered=entered)
            return
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            self._start("application", application["command"], passed=opened, entered=entered)
        finally:
            os.close(opened)

    def _start(
        self,
        name: str,
        command: list[str],
        passed: int | None = None,
        waiting: Waiting | None = None,
        entered: str | None = None,
    ) -> None:
        premises = self._premises
        environment, confinement = premises.environment(name), premises.confinement(name)
        self._children.start(name, command, environment, confinement, passed, waiting, entered)

    def _on_lines(self, name: str, lines: list[bytes]) -> None:
        if name == "bus" or (name == "window_manager" and WINDOW_MANAGER_READY in lines):
            self._is_ready(name)
        for line in lines if name == "application" and self._attached is not None else ():
            if line.startswith(AGREED):
                self._agreed(os.fsdecode(line.removeprefix(AGREED)))

    # watching

    def _on_exit(self, name: str) -> None:
        if name == "display":
            self._fail("display_failed", name)
        elif self._phase == "running":
            self._tell_status()

    def _look_after(self) -> None:
        """Something ended, or the windows changed."""
        if self._phase == "running":
            if (seconds := self._seconds_to_live()) is None:
                self._loop.clear("judge")
            else:
                self._loop.within("judge", seconds, self._judge)
        elif self._phase == "terminating" and not self._children.application():
            self._kill()
        elif self._phase == "killing":
            self._go_on_killing()

    def _seconds_to_live(self) -> float | None:
        """None: as long as it likes. Many programs only ask the bus to start them, and end."""
        exit_statuses = self._children.exit_statuses
        if exit_statuses.keys() & {"worker", "window_manager"}:
            return JUDGE_SECONDS
        if "application" not in exit_statuses or self._children.application():
            return None
        if self._windows and self._children.below("bus"):
            return None
        may_be_starting = exit_statuses["application"] == 0 and not self._window_seen
        return ACTIVATION_SECONDS if may_be_starting and "bus" in self._children.living() else JUDGE_SECONDS

    def _judge(self) -> None:
        """Why the session cannot go on. A display that died takes the others with it, and may be reaped last."""
        exit_statuses = self._children.exit_statuses
        # Of a display that ended, the helper tells more.
        is_told = self._attached is not None and "application" in exit_statuses
        if "worker" in exit_statuses and not is_told:
            self._fail("worker_failed", "worker")
        elif "window_manager" in exit_statuses:
            self._replace_window_manager()
        else:
            self._end(self._code_of_the_end(), self._children.last_lines("application"))

    def _replace_window_manager(self) -> None:
        self._window_managers += 1
        if self._window_managers == MAXIMUM_WINDOW_MANAGERS or "window_manager" in self._awaited:
            self._fail("display_failed", "window_manager")
        else:
            self._start("window_manager", self._launch["window_manager"]["command"])
            self._look_after()

    def _code_of_the_end(self) -> str:
        """Of an application that has gone by itself."""
        was_killed = time.monotonic() - self._children.killed_at < KILLED_SECONDS
        if was_killed and self._premises.has_run_out_of_memory():
            return "application_out_of_memory"
        meanings = self._launch["application"].get("exit_codes", {})
        if (code := meanings.get(str(self._children.exit_statuses.get("application")))) is not None:
            return str(code)
        if self._attached is not None:
            return "display_failed"
        if self._window_seen:
            return "application_closed"
        return "home_full" if self._premises.is_home_full() else "application_exited"

    def _fail(self, code: str, name: str) -> None:
        status = self._children.exit_statuses.get(name)
        how = "did not get ready" if status is None else f"ended with {status}"
        self._end(code, f"{name} {how}: {self._children.last_lines(name)}")

    # ending

    def _end(self, code: str, detail: str | None, grace_seconds: float = 0) -> None:
        if self._phase != "running":
            return
        self._phase = "terminating"
        self._code, self._detail = code, " ".join(str(detail or "").split())[:1000] or None
        self._log.write("leader", f"ending, {code}: {self._detail}")
        self._loop.clear_all()
        self._tell_status()
        closing = {"to": "worker", "type": "closing", "code": 4410, "reason": "session_ended"}
        self._to_worker(json.dumps(closing).encode())
        processes.kill(self._asked_to_end, signal.SIGTERM)
        least = 0.0 if self._attached is None else LETTING_GO_SECONDS
        self._loop.at("grace", min(max(grace_seconds, least), MAXIMUM_GRACE_SECONDS), self._kill)
        self._look_after()

    def _asked_to_end(self) -> set[int]:
        """All of the application, unless it ends by itself what it started, and still can."""
        ends_its_own = self._launch.get("application", {}).get("ends_its_own", False)
        if ends_its_own and "application" in self._children.living():
            return {self._children.pids["application"]}
        return self._children.application()

    def _kill(self) -> None:
        """Worker and display get a moment more: one says goodbye to its clients, the other removes its lock."""
        if self._phase != "terminating":
            return
        self._phase = "killing"
        self._loop.clear_all()
        gentle = {
            self._children.pids[name] for name in self._children.living() if name in ("worker", "display")
        }
        processes.kill(lambda: processes.members(self._facts["groups"]) - gentle)
        self._loop.at("display", LAST_GRACE_SECONDS / 2, self._stop_display)
        self._loop.at("rest", LAST_GRACE_SECONDS, self._kill_rest)
        self._go_on_killing()

    def _go_on_killing(self) -> None:
        if "worker" in self._children.exit_statuses:
            self._stop_display()
        if not processes.members(self._facts["groups"]):
            self._children.reap()
            self._finish()

    def _stop_display(self) -> None:
        if "display" in self._children.living():
            # A child keeps its number until it is reaped.
            os.kill(self._children.pids["display"], signal.SIGTERM)

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

"""The supervisor with real processes as its parts."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from portcullis.quickstart import control_socket
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.parts import Part
from portcullis.quickstart.supervisor import Supervisor, only_one
from portcullis.tasks import spawn
from tests.support.patience import patient, until

PATIENT = "import time; print('hello', flush=True); time.sleep(600)"
NOTES_ITS_END = """
import pathlib, signal, sys, time
def end(*_):
    with pathlib.Path(sys.argv[1]).open("a") as file: file.write(sys.argv[2] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
time.sleep(600)
"""


def part(name: str, program: str = PATIENT, *arguments: str) -> Part:
    return Part(name, (sys.executable, "-c", program, *arguments))


@asynccontextmanager
async def supervised(folder: Path, *parts: Part) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(parts, folder, "release-1")
    task = spawn(supervisor.run(folder / "s.sock"), name="supervisor")
    try:
        await until((folder / "s.sock").exists)
        yield supervisor
    finally:
        if not task.done():
            await asyncio.to_thread(control_socket.ask, folder / "s.sock", "stop", 30)
        await task


def pid_of(supervisor: Supervisor, number: int = 0) -> int | None:
    pid: int | None = supervisor.status()["parts"][number]["pid"]
    return pid


async def test_a_part_that_is_killed_runs_again(tmp_path: Path) -> None:
    async with supervised(tmp_path, part("a"), part("b")) as supervisor:
        await until(lambda: pid_of(supervisor, 0) and pid_of(supervisor, 1))
        before, other = pid_of(supervisor, 0), pid_of(supervisor, 1)
        assert before is not None
        os.kill(before, signal.SIGKILL)
        await until(lambda: pid_of(supervisor) not in (None, before))
        assert supervisor.status()["parts"][0]["restarts"] == 1
        assert pid_of(supervisor, 1) == other


async def test_a_part_that_cannot_start_is_tried_again_and_the_others_run(tmp_path: Path) -> None:
    async with supervised(tmp_path, Part("gone", ("/no/such/program",)), part("b")) as supervisor:
        await until(lambda: pid_of(supervisor, 1) and supervisor.status()["parts"][0]["restarts"] >= 2)
        assert pid_of(supervisor, 0) is None


async def test_what_a_part_says_is_in_its_log(tmp_path: Path) -> None:
    async with supervised(tmp_path, part("a")):
        await until(lambda: (tmp_path / "a.log").exists() and (tmp_path / "a.log").read_text() == "hello\n")
    assert (tmp_path / "a.log").read_text() == "hello\n"


async def test_parts_stop_in_reverse_order_and_the_socket_goes(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    parts = [part(name, NOTES_ITS_END, str(notes), name) for name in ("broker", "gateway", "agent")]
    async with supervised(tmp_path, *parts) as supervisor:
        await until(lambda: all((tmp_path / f"{p.name}.log").exists() for p in parts))
        await until(lambda: all((tmp_path / f"{p.name}.log").read_text() for p in parts))
        pids = [pid_of(supervisor, number) for number in range(3)]
        answer = await asyncio.to_thread(control_socket.ask, tmp_path / "s.sock", "stop", 30)
        assert answer == {"stopped": True}
    assert notes.read_text().split() == ["agent", "gateway", "broker"]
    assert not any(psutil.pid_exists(pid) for pid in pids if pid)
    assert not (tmp_path / "s.sock").exists()


async def test_a_part_that_waits_to_be_restarted_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    async with supervised(tmp_path, part("a", "raise SystemExit(1)")) as supervisor:
        await until(lambda: supervisor.status()["parts"][0]["restarts"] >= 3)
    assert pid_of(supervisor) is None


async def test_status_is_answered_and_nonsense_is_not_feared(tmp_path: Path) -> None:
    async with supervised(tmp_path, part("a")):
        path = tmp_path / "s.sock"
        for nonsense in (b"", b"\n", b"{}\n", b"[]\n", b"\xff\n", b"x" * 100_000):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(nonsense)
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
        assert "error" in (await asyncio.to_thread(control_socket.ask, path, "dance") or {})
        status = await asyncio.to_thread(control_socket.ask, path, "status")
        assert status is not None
        assert (status["release"], status["pid"]) == ("release-1", os.getpid())


async def test_the_socket_is_for_its_owner_alone(tmp_path: Path) -> None:
    async with supervised(tmp_path, part("a")):
        assert (tmp_path / "s.sock").stat().st_mode & 0o777 == 0o600


def test_nobody_answers_where_no_supervisor_is(tmp_path: Path) -> None:
    assert control_socket.ask(tmp_path / "s.sock", "status") is None


def test_somebody_elses_socket_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.sock"))
        listener.listen()
        monkeypatch.setattr(control_socket, "peer_uid", lambda connection: os.geteuid() + 1)
        assert control_socket.ask(tmp_path / "s.sock", "status") is None
        with listener.accept()[0] as connection:
            assert connection.recv(100) == b""


def test_there_is_one_at_most(tmp_path: Path) -> None:
    with (
        only_one(tmp_path / "lock"),
        pytest.raises(QuickstartError, match="already"),
        only_one(tmp_path / "lock"),
    ):
        pass
    with only_one(tmp_path / "lock"):
        assert (tmp_path / "lock").exists()


def test_a_part_ends_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    """As the parts are started: setpriv asks the kernel for a signal at the parent's death."""
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(['setpriv', '--pdeathsig', 'TERM', 'sleep', '600'], start_new_session=True)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        while child.name() != "sleep":  # setpriv has asked once it became what it runs
            assert child.is_running()
        parent.kill()
    assert psutil.wait_procs([child], timeout=patient(20))[1] == []

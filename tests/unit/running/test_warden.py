"""What a command leaves behind is ended, and an interrupt lets it put everything back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest


def warden(program: str, seconds: float = 60) -> subprocess.Popen[str]:
    return subprocess.Popen(
        (sys.executable, "-m", "tests.running.warden", str(seconds), sys.executable, "-c", program),
        cwd=Path(__file__).parents[3],
        text=True,
        stdout=subprocess.PIPE,
    )


LEAVES_A_DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        time.sleep(600)
    os._exit(0)
os.wait()
"""


def test_a_daemon_in_a_session_of_its_own_is_ended() -> None:
    with warden(LEAVES_A_DAEMON) as process:
        assert process.stdout is not None
        daemon = int(process.stdout.readline())
        assert "left running, ended by SIGTERM: python" in process.stdout.read()
    assert process.returncode == 0
    assert not psutil.pid_exists(daemon)


@pytest.mark.parametrize(
    ("program", "status"), [("raise SystemExit(5)", 5), ("import os; os.kill(os.getpid(), 9)", 137)]
)
def test_the_status_is_the_commands(program: str, status: int) -> None:
    with warden(program) as process:
        assert process.stdout is not None
        assert process.stdout.read() == ""
    assert process.returncode == status


PUTS_BACK = """
import subprocess, sys
try:
    subprocess.run(("sh", "-c", "echo begun; exec sleep 600"))
finally:
    print("put back", flush=True)
"""


def test_an_interrupted_command_puts_everything_back() -> None:
    with warden(PUTS_BACK) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        os.kill(process.pid, signal.SIGINT)
        assert process.stdout.readline() == "put back\n"


def test_one_that_does_not_end_is_killed() -> None:
    deaf = "import signal, time; signal.signal(2, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    with warden(deaf, seconds=0.1) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "deaf\n"
        os.kill(process.pid, signal.SIGINT)
        assert "not ended 0 s after an interrupt: killed" in process.stdout.read()
    assert process.returncode == 137

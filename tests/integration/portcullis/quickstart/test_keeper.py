"""What is ended behind a demo that was killed, with real processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from portcullis import demo
from portcullis.quickstart import health, instance, keeper, place, start, stop
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.instance import Instance, Ports

SLEEPS = "import sys, time; print(end='.', flush=True); time.sleep(600)"


@pytest.fixture(autouse=True)
def states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "STATES", tmp_path)


def made_in(clone: Path) -> Instance:
    clone.mkdir()
    made = Instance(clone, Ports(8080, 21000, 21001))
    instance.save(made)
    return made


def sleeper(*words: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen((sys.executable, "-c", SLEEPS, *words), stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.read(1) == b"."
    process.stdout.close()
    return process


def test_the_keeper_removes_the_folder_once_its_demo_is_gone_and_holds_the_lock_until_then(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    lock = keeper.claim(folder)
    process = keeper.start(folder, False, lock)
    os.close(lock)
    with pytest.raises(QuickstartError, match="already, or is just being ended"):
        keeper.claim(folder)
    assert process.poll() is None and folder.exists()
    assert keeper.finish(process, folder, False)
    assert not folder.exists()


def test_the_keeper_stands_apart_from_the_terminal_and_outlives_what_ends_others(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    with contextlib.closing(os.fdopen(keeper.claim(folder))) as lock:
        process = keeper.start(folder, False, lock.fileno())
    assert os.getsid(process.pid) == process.pid
    while not catches(process.pid, signal.SIGTERM):
        time.sleep(0.01)  # it is still being started
    process.send_signal(signal.SIGTERM)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(20) == 0 and not folder.exists()


def catches(pid: int, number: int) -> bool:
    (caught,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "SigCgt" in line)
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def test_what_is_kept_is_kept_and_free_again(tmp_path: Path) -> None:
    lock = keeper.claim(tmp_path)
    process = keeper.start(tmp_path, True, lock)
    os.close(lock)
    assert keeper.finish(process, tmp_path, True)
    os.close(keeper.claim(tmp_path))


def test_a_keeper_that_was_killed_is_stood_in_for(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    lock = keeper.claim(folder)
    process = keeper.start(folder, False, lock)
    os.close(lock)
    process.kill()
    assert keeper.finish(process, folder, False)
    assert not folder.exists()


def test_the_keeper_cleans_though_nobody_reads_what_it_says(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    reader, writer = os.pipe()
    os.close(reader)
    words = (sys.executable, "-m", "portcullis.quickstart.keeper", str(folder))
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer)
    os.close(writer)
    assert done.returncode == 0 and not folder.exists()


def test_what_cannot_be_ended_is_said_and_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = made_in(tmp_path / "demo")
    (made.state / "instance.json").write_text("{")
    assert not keeper.clean(made.clone, keep=False)
    assert made.clone.exists() and "cannot be read" in capsys.readouterr().err


def test_a_supervisor_that_does_not_answer_yet_is_ended(tmp_path: Path) -> None:
    made = made_in(tmp_path / "clone")
    with sleeper("supervisor", "--clone", str(made.clone)) as process:
        made.supervisor_pid_file.write_text(f"{process.pid}\n")
        stop.stop(made)
        assert process.wait(20) == -signal.SIGTERM


@pytest.mark.parametrize("content", [None, "", "nonsense", "999999999"])
def test_without_a_supervisor_there_is_nothing_to_end(tmp_path: Path, content: str | None) -> None:
    made = made_in(tmp_path / "clone")
    if content is not None:
        made.supervisor_pid_file.write_text(content)
    stop.stop(made)
    assert made.supervisor_pid_file.exists() is (content is not None)


def test_another_process_that_got_the_number_is_left_alone(tmp_path: Path) -> None:
    made = made_in(tmp_path / "clone")
    with sleeper("supervisor", "--clone", f"{made.clone}-other") as process:
        made.supervisor_pid_file.write_text(f"{process.pid}\n")
        stop.stop(made)
        assert process.poll() is None
        process.kill()


def test_a_launch_that_is_interrupted_leaves_no_supervisor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "release/bin/python"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    made = made_in(tmp_path / "clone").running(tmp_path / "release")
    made.logs.mkdir()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(health, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        start.launch_supervisor(made)
    with pytest.raises(ProcessLookupError):
        os.kill(int(made.supervisor_pid_file.read_text()), 0)


def test_a_demo_removes_what_one_before_it_left_that_was_killed_with_its_keeper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "temporary_folder", lambda: tmp_path)
    reset = []
    monkeypatch.setattr(stop, "reset", lambda found: reset.append(found.clone.name))
    left, running, clone = (made_in(tmp_path / f"{demo.PREFIX}{name}").clone for name in "abc")
    gone = made_in(tmp_path / f"{demo.PREFIX}d").clone
    gone.rmdir()  # by a reboot
    for folder in (left, running):
        os.close(keeper.claim(folder))
    lock = keeper.claim(running)
    demo.remove_leftovers()
    os.close(lock)
    assert reset == [left.name, gone.name]
    assert clone.exists() and running.exists() and not left.exists() and not gone.exists()


def test_a_demo_that_is_kept_may_not_be_taken_for_one_that_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "temporary_folder", lambda: tmp_path)
    with pytest.raises(QuickstartError, match="choose another"):
        demo.make_folder(tmp_path / f"{demo.PREFIX}mine")
    assert demo.make_folder(tmp_path / "mine").is_dir()

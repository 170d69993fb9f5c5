"""The lab's supervisor with real processes: what is held stays down, what is frozen can still be stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from portcullis.lab import layout, supervisor
from portcullis.lab.layout import Lab, Shape
from portcullis.lab.supervisor import LabSupervisor
from portcullis.quickstart.parts import Part
from portcullis.tasks import spawn
from tests.support.patience import until

PATIENT = (sys.executable, "-c", "import time; time.sleep(600)")


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr("portcullis.quickstart.place.STATES", tmp_path)
    monkeypatch.setattr(supervisor, "parts", lambda lab: (Part("etcd-1", PATIENT), Part("broker-1", PATIENT)))
    made = layout.new_lab(tmp_path / "clone", tmp_path, Shape(), "etcd", lambda port: True)
    made.logs.mkdir(parents=True)
    return made


@asynccontextmanager
async def supervised(lab: Lab) -> AsyncIterator[LabSupervisor]:
    running = LabSupervisor(lab)
    task = spawn(running.run(lab.control_socket), name="supervisor")
    try:
        yield running
    finally:
        stopping = spawn(running.answer("stop"), name="stop")
        await asyncio.wait([task])
        await stopping


def pids(running: LabSupervisor) -> dict[str, int | None]:
    return {part["name"]: part["pid"] for part in running.status()["parts"]}


async def test_until_the_site_is_made_all_but_the_members_are_held(lab: Lab) -> None:
    async with supervised(lab) as running:
        await until(lambda: pids(running)["etcd-1"])
        assert pids(running)["broker-1"] is None
        assert await running.answer("release broker-1") == {"held": False}
        await until(lambda: pids(running)["broker-1"])


async def test_what_is_held_stays_down_when_it_ends_and_comes_back_when_released(lab: Lab) -> None:
    async with supervised(lab.with_done(layout.JOINED)) as running:
        await until(lambda: pids(running)["broker-1"])
        assert await running.answer("hold broker-1") == {"held": True}
        pid = pids(running)["broker-1"]
        assert pid is not None and psutil.pid_exists(pid)  # it runs until somebody ends it
        os.kill(pid, signal.SIGKILL)
        await until(lambda: running.status()["parts"][1]["restarts"] == 1)
        await asyncio.sleep(supervisor.LONGEST_WAIT_SECONDS * 2)  # longer than any wait before a restart
        assert pids(running)["broker-1"] is None
        await running.answer("release broker-1")
        await until(lambda: pids(running)["broker-1"])
        assert int((lab.pids / "broker-1.pid").read_text()) == pids(running)["broker-1"]


async def test_an_unknown_part_is_said_to_be_none(lab: Lab) -> None:
    async with supervised(lab) as running:
        assert "error" in await running.answer("hold meteor")
        assert "error" in await running.answer("explode etcd-1")


async def test_a_frozen_part_is_stopped_like_any_other(lab: Lab) -> None:
    async with supervised(lab) as running:
        await until(lambda: pids(running)["etcd-1"])
        pid = pids(running)["etcd-1"]
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        await until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    assert not psutil.pid_exists(pid)
    log = (lab.logs / "etcd-1.log").read_text()
    assert log == ""


async def test_however_often_it_is_killed_it_is_back_within_a_second(lab: Lab) -> None:
    async with supervised(lab) as running:
        for _ in range(6):
            await until(lambda: pids(running)["etcd-1"])
            pid = pids(running)["etcd-1"]
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await until(lambda pid=pid: pids(running)["etcd-1"] not in (None, pid))
        assert running.runners[0].backoff.wait_seconds == supervisor.LONGEST_WAIT_SECONDS

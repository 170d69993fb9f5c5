"""Leaders and workers that are forked: what they are, what they were never told, and what survives whose end."""

import asyncio
import os
import pwd
import secrets
import signal
import sys
from pathlib import Path

import psutil
import pytest

from agents.linux import forking as forking_module
from agents.linux.forking import Forking
from agents.linux.launch_line import WORKER_COMMAND, WORKER_ENVIRONMENT
from agents.linux.leader import beginning
from tests.support.patience import patient
from tests.support.session_host import MARKER, PATIENCE_SECONDS, gone, until_window
from tests.support.told import until_ended, until_told

SECRET = "of the agent alone"


class Forked:
    """A launcher whose leaders are forked, and what a test began with it."""

    def __init__(self, host):
        self.host = host
        self.forking = Forking(WORKER_ENVIRONMENT)
        self.launcher = host.launcher(WORKER_COMMAND, forking=self.forking)
        self.links = []

    async def session(self, command="xterm", slot=0):
        """Its order, its link and its status, once there is a window."""
        order = self.host.order(command, slot=slot)
        link = await self.launcher.launch(order, self.host.start(order))
        self.links.append(link)
        status, _ = await until_window(link)
        return order, link, status

    @property
    def server(self):
        return psutil.Process(self.forking.pid)

    async def kill_server(self):
        """It is a child of this process, which asyncio reaps."""
        server = self.server
        server.kill()
        await asyncio.to_thread(psutil.wait_procs, [server], patient(PATIENCE_SECONDS))
        return server.pid

    async def close(self):
        for link in self.links:
            await link.close()
        await self.launcher.keep_ready(0)
        await self.forking.aclose()


@pytest.fixture
async def forked(host):
    made = Forked(host)
    yield made
    await made.close()


def descriptors(pid):
    return {int(path.name): str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}


def capabilities(pid):
    rows = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {name: int(rows[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")}


def own_bytes(pid):
    """Memory that a process shares with nobody."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:")) * 1024


async def test_forked_worker_is_what_one_run_anew_is(host, forked):
    order, _, status = await forked.session()
    worker = psutil.Process(status.processes["worker"])
    leader = worker.parent()
    account = pwd.getpwnam(status.about["worker"])
    assert worker.cmdline() == list(WORKER_COMMAND)
    assert worker.environ() == {**WORKER_ENVIRONMENT, MARKER: order.session}
    assert set(worker.uids()) == {account.pw_uid} and set(worker.gids()) == {account.pw_gid}
    assert set(capabilities(worker.pid).values()) == {0}
    assert Path(f"/proc/{worker.pid}/mem").stat().st_uid == 0  # nothing else of its account may look into it
    assert leader.cmdline() == list(beginning.command(host.folder(order)))
    assert psutil.Process(status.processes["display"]).parent() == leader
    # Neither is held by the server: it can end.
    assert forked.server.pid not in {p.pid for p in (*worker.parents(), *leader.parents())}


async def test_nothing_that_the_agent_holds_is_in_the_server_or_what_it_forks(
    host, forked, tmp_path, monkeypatch
):
    monkeypatch.setenv("AGENT_SECRET", SECRET)
    held = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    os.set_inheritable(held, True)
    try:
        _, _, status = await forked.session()
    finally:
        os.close(held)
    worker = status.processes["worker"]
    leader = psutil.Process(worker).ppid()
    server = descriptors(forked.server.pid)
    assert sorted(server)[:3] == [0, 1, 2] and len(server) == 4
    channel = server[max(server)]
    for pid in (worker, leader):
        assert str(tmp_path) not in descriptors(pid).values() and channel not in descriptors(pid).values()
    for pid in (worker, leader, forked.server.pid):
        assert SECRET not in psutil.Process(pid).environ().values()
    # What its leader has open (its socket, the log, the user's folders) is not the worker's.
    kept = {to for to in descriptors(leader).values() if to != "/dev/null" and "anon_inode" not in to}
    shared = kept & set(descriptors(worker).values())
    assert len(shared) <= 1  # its output, of which the leader has the other end


async def test_worker_knows_nothing_of_what_the_application_is_given(host, forked):
    secret = secrets.token_hex(16)
    order = host.order("xterm", environment={"TOKEN": secret})
    link = await forked.launcher.launch(order, host.start(order))
    forked.links.append(link)
    status, _ = await until_window(link)
    worker = psutil.Process(status.processes["worker"])
    assert not is_in_memory(worker.pid, secret)
    assert is_in_memory(worker.ppid(), secret)


def is_in_memory(pid, text):
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            begin, end = (int(number, 16) for number in line.split()[0].split("-"))
            if " rw-p " in line and "[v" not in line:
                memory.seek(begin)
                if text.encode() in memory.read(end - begin):
                    return True
    return False


async def test_session_outlives_the_server_and_is_adopted_without_it(host, forked):
    order, link, status = await forked.session()
    await forked.kill_server()
    await link.close()
    forked.links.clear()
    (adopted,) = await host.launcher(WORKER_COMMAND).adopt()
    assert adopted.status.session == order.session
    assert adopted.status.processes["worker"] == status.processes["worker"]
    adopted.link.end("logged_off", 0)
    await until_ended(adopted.link)
    await adopted.link.close()


async def test_server_ends_when_its_agent_has_gone(forked):
    """Killed, an agent has no last word: the kernel closes what it had open."""
    await forked.forking.start()
    server = forked.server
    forked.forking._channel[1].close()
    _, alive = await asyncio.to_thread(psutil.wait_procs, [server], patient(PATIENCE_SECONDS))
    assert alive == []


async def test_launch_after_the_server_was_killed_begins_anew_and_the_next_has_another(forked, monkeypatch):
    monkeypatch.setattr(forking_module, "AFTER_FAILURE_SECONDS", 0.0)
    await forked.forking.start()
    killed = await forked.kill_server()
    _, _, first = await forked.session()
    assert forked.forking.pid is None
    _, _, second = await forked.session(slot=1)
    assert forked.server.pid != killed
    sizes = [own_bytes(status.processes["worker"]) for status in (first, second)]
    assert sizes[1] < 0.6 * sizes[0]


async def test_server_that_cannot_run_costs_no_launch(host):
    broken = Forking(WORKER_ENVIRONMENT, (sys.executable, "-c", "raise SystemExit(1)"))
    launcher = host.launcher(forking=broken)
    order = host.order()
    link = await launcher.launch(order, host.start(order))
    try:
        assert (await until_window(link))[0].session == order.session
        assert broken.pid is None
    finally:
        await link.close()
        await broken.aclose()


async def test_worker_dies_with_its_leader_and_nothing_is_left(host, forked):
    order, link, status = await forked.session()
    worker = psutil.Process(status.processes["worker"])
    worker.parent().kill()
    await gone(worker)
    await link.close()
    await forked.launcher.forget(order.session)
    assert host.traces(order) == []


async def test_leader_that_does_not_answer_is_found_by_its_name_and_swept_up(host, forked):
    order, link, status = await forked.session()
    leader = psutil.Process(status.processes["worker"]).parent()
    leader.suspend()
    await link.close()
    await forked.launcher.forget(order.session)
    await gone(leader)
    assert host.traces(order) == []


async def test_after_a_crash_the_next_worker_comes_of_another_server(host, forked):
    order, link, status = await forked.session()
    before = forked.server.pid
    os.kill(status.processes["worker"], signal.SIGSEGV)
    assert (await until_ended(link)).code == "worker_failed"
    await forked.launcher.ended(order.session)
    await forked.session(slot=1)
    assert forked.server.pid != before


async def test_what_is_prepared_ahead_is_forked_too(host, forked):
    async with asyncio.timeout(patient(PATIENCE_SECONDS)):
        while not forked.launcher.ready:
            await forked.launcher.keep_ready(1)
            await asyncio.sleep(0.02)
    assert forked.server.children() == []
    _, link, status = await forked.session()
    assert forked.launcher.ready == 0
    assert own_bytes(status.processes["worker"]) < 20 << 20
    link.end("logged_off", 0)
    await until_told(link, lambda message: getattr(message, "ended", False))

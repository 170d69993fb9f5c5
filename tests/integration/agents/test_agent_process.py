"""The whole agent as its own process, beside a real broker, with real workers."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from portcullis.ids import new_id
from portcullis.model.application import Entitlement
from portcullis.protocol.acts import Act
from tests.support.patience import patient, until
from tests.support.running_broker import running_broker
from tests.support.session_host import PATIENCE_SECONDS, marked


class AgentProcess:
    def __init__(self, host, state):
        self._host, self._state = host, state
        self._process = None

    def start(self, *options, warm=0, stderr=None):
        command = [
            sys.executable,
            "-m",
            "agents",
            "serve",
            "--state",
            self._state,
            "--runtime",
            self._host.runtime,
        ]
        command += [
            "--account-prefix",
            self._host.prefix,
            "--homes",
            self._host.homes,
            "--grace-seconds",
            "0.5",
            "--warm-sessions",
            str(warm),  # what most count is sessions
        ]
        self._process = subprocess.Popen(
            [*map(str, command), "--window-seconds", "20", *options], stderr=stderr
        )

    def end(self, number):
        self._process.send_signal(number)
        return self._process.wait(patient(PATIENCE_SECONDS))


@pytest.fixture
async def site(tmp_path):
    async with running_broker(tmp_path) as site:
        yield site


@pytest.fixture
async def agent(host, site):
    agent = AgentProcess(host, site.host.state)
    agent.start()
    await connected(site)
    yield agent
    agent.end(signal.SIGTERM)


async def snapshot_says(site, is_it):
    """Until `is_it` of the broker's snapshot."""
    changed = asyncio.Event()
    unsubscribe = site.parts.snapshot.subscribe(lambda _: changed.set())
    try:
        async with asyncio.timeout(patient(PATIENCE_SECONDS)):
            while not is_it():
                changed.clear()
                await changed.wait()
    finally:
        unsubscribe()


async def connected(site):
    await snapshot_says(
        site, lambda: site.parts.snapshot.get("site", ("live", "host", site.host.id)) is not None
    )


async def in_state(site, session, *states):
    def is_it():
        found = site.parts.sessions.get(site.tenant, session.id)
        return ("ended" if found is None else found.state) in states

    await snapshot_says(site, is_it)


def application(site, *command):
    return site.publish(command=command, entitlement=Entitlement(users=frozenset({site.secrets.username})))


async def test_each_line_of_agent_leader_and_worker_is_an_object_that_names_the_launch(host, site, tmp_path):
    agent = AgentProcess(host, site.host.state)
    said = tmp_path / "agent.log"
    with said.open("wb") as stderr:
        agent.start("--log-format", "json", "--metrics", "127.0.0.1:0", warm=1, stderr=stderr)
    try:
        await connected(site)
        await until(lambda: "a session is prepared" in said.read_text(), PATIENCE_SECONDS)
        session = await site.launch(await application(site, "xterm"))
        await in_state(site, session, "ready")
        own = (host.runtime / "sessions" / session.id / "session.log").read_text().splitlines()
    finally:
        agent.end(signal.SIGTERM)
    events = [json.loads(line) for line in (*own, *said.read_text().splitlines())]
    names = {"time", "level", "part", "message"}
    assert all(names <= event.keys() for event in events)
    about = [event for event in events if event.get("session") == session.id]
    assert {event["part"] for event in about} >= {"agent", "worker"}
    assert {event.get("reference") for event in about} == {session.reference}


async def test_launched_session_becomes_ready_and_log_off_leaves_nothing(host, site, agent):
    session = await site.launch(await application(site, "xterm"))
    await in_state(site, session, "ready")
    assert len(marked(session.id)) >= 5
    await site.parts.lifecycle.log_off(site.tenant, session.id)
    await in_state(site, session, "ended")
    await until(lambda: not (host.runtime / "sessions" / session.id).exists(), PATIENCE_SECONDS)
    assert marked(session.id) == set()
    assert list(Path("/dev/shm").glob(f"portcullis-{session.id}*")) == []
    assert await site.keys_left("slot", "session", "own") == set()


async def test_agent_that_was_killed_adopts_its_sessions(host, site, agent):
    session = await site.launch(await application(site, "xterm"))
    await in_state(site, session, "ready")
    before = marked(session.id)
    agent.end(signal.SIGKILL)
    assert marked(session.id) == before
    agent.start()
    await site.parts.lifecycle.log_off(site.tenant, session.id)
    await in_state(site, session, "ended")
    assert marked(session.id) == set()


async def test_processes_of_a_session_are_known_to_the_agent_that_adopted_it(host, site, agent):
    session = await site.launch(await application(site, "xterm"))
    await in_state(site, session, "ready")

    async def are_listed():
        act = Act(new_id(), site.tenant, session.id, "processes")
        answer = await site.parts.host_acts.ask(site.host.id, act)
        return {"xterm", "Xvfb"} <= {process.name for process in answer.processes}

    assert await are_listed()
    agent.end(signal.SIGKILL)
    agent.start()
    await until(are_listed, PATIENCE_SECONDS)


async def test_agent_that_is_stopped_leaves_its_sessions_running(host, site, agent):
    session = await site.launch(await application(site, "xterm"))
    await in_state(site, session, "ready")
    before = marked(session.id)
    assert agent.end(signal.SIGTERM) == 0
    assert marked(session.id) == before
    agent.start()
    await connected(site)
    assert site.parts.sessions.get(site.tenant, session.id).state == "ready"


async def test_sessions_are_ended_without_agent_and_broker(host, site, agent):
    session = await site.launch(await application(site, "mousepad"))
    await in_state(site, session, "ready")
    agent.end(signal.SIGTERM)
    command = [
        sys.executable,
        "-m",
        "agents",
        "end-sessions",
        "--runtime",
        str(host.runtime),
        "--grace-seconds",
        "0.5",
    ]
    printed = (
        await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    ).stdout
    assert printed == "1 sessions ended.\n"
    assert marked(session.id) == set() and list((host.runtime / "sessions").iterdir()) == []
    agent.start()
    await in_state(site, session, "ended")


async def test_launch_that_fails_on_the_host_is_explained_by_the_broker(host, site, agent):
    session = await site.launch(await application(site, "no-such-program"))
    await in_state(site, session, "ended")
    trace = await site.parts.traces.get(site.tenant, session.reference)
    assert trace.code == "application_missing"
    assert "no-such-program" in trace.steps[-1].detail


async def test_accounts_are_removed_on_demand(host, site, agent):
    session = await site.launch(await application(site, "xterm"))
    await in_state(site, session, "ready")
    await site.parts.lifecycle.log_off(site.tenant, session.id)
    await in_state(site, session, "ended")
    command = [sys.executable, "-m", "agents", "remove-accounts", "--account-prefix", host.prefix]
    printed = (
        await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    ).stdout
    assert printed.count("removed") == 2
    assert host.prefix not in Path("/etc/passwd").read_text() and list(host.homes.iterdir()) == []


def test_host_that_has_not_joined_is_told_so(tmp_path):
    command = [
        sys.executable,
        "-m",
        "agents",
        "serve",
        "--state",
        str(tmp_path),
        "--runtime",
        str(tmp_path / "run"),
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 1 and "join" in answer.stderr and "Traceback" not in answer.stderr

import asyncio
import os
import signal
from pathlib import Path

import pytest

from agents.linux import leaders
from agents.linux.accounts import user_account_name
from agents.linux.launcher import LinuxLauncher, end_all
from agents.linux.leaders import LeaderConnection
from agents.sessions.manager import Manager, SiteFacts
from agents.sessions.progress import Progress
from agents.sessions.session import TimeLimits
from portcullis.protocol.orders import Desired
from portcullis.protocol.worker_channel import Dial, Gateway
from tests.support.patience import patient, until
from tests.support.session_host import PATIENCE_SECONDS, marked

FACTS = SiteFacts("b" * 16, "c" * 16, "PEM", {})


class Agent:
    """A manager as an agent composes it, and the reports it made."""

    def __init__(self, host, limits=None):
        self.host = host
        self.reports = []
        self._changed = asyncio.Event()
        self.manager = Manager(host.launcher(), FACTS, self._note, limits or TimeLimits(grace_seconds=0.5))

    def _note(self, report):
        self.reports.append(report)
        self._changed.set()

    async def desire(self, *orders):
        await self.manager.apply(Desired(1, orders))

    async def until(self, order, state):
        """The report that says so."""
        async with asyncio.timeout(patient(PATIENCE_SECONDS)):
            while not (found := [r for r in self.reports if (r.session, r.state) == (order.session, state)]):
                self._changed.clear()
                await self._changed.wait()
        return found[-1]


@pytest.fixture
async def agents(host):
    made = []

    async def make(**options):
        agent = Agent(host, **options)
        made.append(agent)
        await agent.manager.start()
        return agent

    yield make
    for agent in made:
        await agent.manager.stop()


async def test_stages_are_reported_in_their_order(host, agents):
    agent, order = await agents(), host.order("xterm")
    await agent.desire(order)
    await agent.until(order, "ready")
    assert [report.stage for report in agent.reports] == ["accepted", "display", "application", "ready"]
    assert {report.tenant for report in agent.reports} == {host.tenant}


async def test_who_comes_before_the_worker_obeys_is_dialled_for_once_it_does(host, agents, caplog):
    agent, order = await agents(), host.order("xterm")
    await agent.desire(order)
    dial = Dial(Gateway("edge", "127.0.0.1:1"), "d" * 64, "")
    agent.manager.find(order.session, order.tenant).send(dial)
    await agent.until(order, "ready")
    assert caplog.messages.count("worker could not dial: unavailable") == 1


async def test_same_list_again_changes_nothing(host, agents):
    agent, order = await agents(), host.order("xterm")
    await agent.desire(order)
    await agent.desire(order)
    await agent.until(order, "ready")
    count, before = len(agent.reports), marked(order.session)
    await agent.desire(host.order("xterm", session=order.session, state="ready"))
    assert len(agent.reports) == count and marked(order.session) == before


async def test_session_that_the_site_forgot_goes_on(host, agents):
    agent, order = await agents(), host.order("xterm")
    await agent.desire(order)
    await agent.until(order, "ready")
    before = marked(order.session)
    await agent.desire()
    assert marked(order.session) == before
    assert [report.state for report in agent.manager.reports()] == ["ready"]


async def test_log_off_leaves_nothing_behind(host, agents):
    agent, order = await agents(), host.order("mousepad")
    await agent.desire(order)
    await agent.until(order, "ready")
    await agent.desire(host.order(session=order.session, state="ending"))
    ended = await agent.until(order, "ended")
    assert ended.code == "logged_off"
    await agent.desire(host.order(session=order.session, state="ending"))
    assert agent.manager.reports() == (ended,)
    await agent.desire()
    assert agent.manager.reports() == () and host.traces(order) == []


async def test_order_to_end_overtakes_the_launch(host, agents):
    agent, order = await agents(), host.order("xterm")
    await agent.desire(order)
    await agent.desire(host.order(session=order.session, state="ending"))
    assert (await agent.until(order, "ended")).code == "logged_off"
    await agent.desire()
    assert host.traces(order) == []


@pytest.mark.parametrize(
    ("command", "code", "exit_status"),
    [
        (("no-such-program",), "application_missing", None),
        (("sh", "-c", "echo broken >&2; exit 7"), "application_exited", 7),
        (("sleep", "4321"), "window_timeout", -signal.SIGTERM),
    ],
)
async def test_start_that_fails_says_why_and_leaves_nothing(host, agents, command, code, exit_status):
    limits = TimeLimits(window_seconds=1, grace_seconds=0.5)
    agent, order = await agents(limits=limits), host.order(*command)
    await agent.desire(order)
    ended = await agent.until(order, "ended")
    assert (ended.code, ended.exit_status) == (code, exit_status)
    assert ended.detail
    await agent.desire()
    assert host.traces(order) == []


async def test_account_of_somebody_else_is_never_used(host, agents):
    await host.accounts.user(host.tenant, host.user_id, "Ada")
    name = user_account_name(host.prefix, host.tenant, host.user_id)
    os.system(f"usermod --comment 'A person' {name}")
    agent, order = await agents(), host.order("xterm")
    await agent.desire(order)
    ended = await agent.until(order, "ended")
    os.system(f"usermod --comment 'Portcullis Ada' {name}")
    assert ended.code == "account_failed" and host.traces(order) == []


async def test_returning_agent_adopts_sessions_as_they_are(host, agents):
    first, order = await agents(), host.order("xterm")
    await first.desire(order)
    ready = await first.until(order, "ready")
    before = marked(order.session)
    await first.manager.stop()
    second = await agents()
    assert (await second.until(order, "ready")) == ready
    await second.desire(host.order("xterm", session=order.session, state="ready"))
    assert marked(order.session) == before
    await second.desire(host.order(session=order.session, state="ending"))
    await second.until(order, "ended")
    await second.desire()
    assert host.traces(order) == []


async def test_session_that_ended_while_no_agent_was_there_is_reported_by_the_next(host, agents):
    first, order = await agents(), host.order("xterm")
    await first.desire(order)
    await first.until(order, "ready")
    await first.manager.stop()
    (xterm,) = [pid for pid in marked(order.session) if Path(f"/proc/{pid}/comm").read_text() == "xterm\n"]
    os.kill(xterm, signal.SIGTERM)
    await until(lambda: (host.folder(order) / "ended.json").exists(), PATIENCE_SECONDS)
    second = await agents()
    assert [(r.session, r.state, r.code) for r in second.manager.reports()] == [
        (order.session, "ended", "application_closed")
    ]
    await second.desire(order)
    assert len(second.manager.reports()) == 1
    await second.desire()
    assert host.traces(order) == []


async def test_killed_leader_is_reported_and_swept_up(host, agents):
    agent, order = await agents(), host.order("xterm")
    await agent.desire(order)
    await agent.until(order, "ready")
    (leader,) = {
        int(Path(f"/proc/{pid}/stat").read_text().split()[3]) for pid in marked(order.session)
    } - marked(order.session)
    os.kill(leader, signal.SIGKILL)
    assert (await agent.until(order, "ended")).code == "worker_failed"
    assert host.traces(order) == []


async def test_program_that_left_only_a_daemon_behind_ends_the_session(host, agents):
    agent = await agents(limits=TimeLimits(closed_seconds=0.2, grace_seconds=0.5))
    order = host.order("bash", "-c", "(setsid sleep 4321 >/dev/null 2>&1 &); exec xterm -e sleep 1")
    await agent.desire(order)
    assert (await agent.until(order, "ended")).code == "application_closed"
    await agent.desire()
    assert host.traces(order) == []


async def test_session_that_should_run_here_and_does_not_is_reported_gone(host, agents):
    agent, order = await agents(), host.order(state="active")
    await agent.desire(order)
    assert (await agent.until(order, "ended")).code == "host_lost"
    assert host.traces(order) == []


async def test_error_that_nobody_foresaw_at_the_launch_ends_the_session_with_a_code(
    host, agents, monkeypatch
):
    async def launch(self, order, start):
        raise ValueError("unforeseen")

    monkeypatch.setattr(LinuxLauncher, "launch", launch)
    agent, order = await agents(), host.order("xterm")
    await agent.desire(order)
    ended = await agent.until(order, "ended")
    assert (ended.code, ended.detail) == ("internal_error", "ValueError: unforeseen")


async def test_error_that_nobody_foresaw_later_ends_the_session_and_what_runs_of_it(
    host, agents, monkeypatch, caplog
):
    agent, order = await agents(), host.order("xterm")
    await agent.desire(order)
    await agent.until(order, "ready")

    def after(self, message):
        raise ValueError("unforeseen")

    monkeypatch.setattr(Progress, "after", after)
    agent.manager.find(order.session, order.tenant).end("logged_off")  # the leader answers
    ended = await agent.until(order, "ended")
    assert ended.code == "internal_error" and "ValueError" in caplog.text
    await agent.desire()
    await until(lambda: host.traces(order) == [])


async def test_session_that_cannot_be_removed_keeps_no_agent_from_its_others(
    host, agents, monkeypatch, caplog
):
    agent, order, other = await agents(), host.order("xterm"), host.order("xterm", slot=1)
    await agent.desire(order, other)
    for started in (order, other):
        await agent.until(started, "ready")
    await agent.manager.stop()
    (host.folder(order) / "leader.sock").unlink()
    with monkeypatch.context() as patched:
        patched.setattr(leaders, "LEADER", Path("/nonexistent"))
        second = await agents()
    assert [report.session for report in second.manager.reports()] == [other.session]
    assert "cannot be removed" in caplog.text
    await second.desire(host.order(session=other.session, slot=1, state="ending"))
    await second.until(other, "ended")
    await second.desire()
    await end_all(host.runtime, 0)
    assert host.traces(order) == host.traces(other) == []


async def test_link_that_closes_is_no_end_of_the_session(host, agents):
    agent, order = await agents(), host.order("xterm")
    await agent.desire(order)
    await agent.until(order, "ready")
    other = await LeaderConnection.open(host.folder(order))  # the newest wins
    while await other.receive() is not None:
        pass  # until the agent is the newest again
    await other.close()
    assert agent.manager.find(order.session, order.tenant).state == "ready" and marked(order.session)
    await agent.desire(host.order(session=order.session, state="ending"))
    assert (await agent.until(order, "ended")).code == "logged_off"
    await agent.desire()
    assert host.traces(order) == []

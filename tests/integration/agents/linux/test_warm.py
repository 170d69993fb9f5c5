import asyncio
import os
import pwd
import re
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from agents.linux import launcher as launcher_module
from agents.linux.launch_line import WORKER_COMMAND
from agents.linux.launcher import end_all
from agents.linux.leaders import session_folders
from portcullis.model.session import Display
from portcullis.protocol.worker_channel import Status, WorkerState
from tests.support.patience import patient, until
from tests.support.session_host import PATIENCE_SECONDS, TINY_WORKER, gone, marked, until_window
from tests.support.told import until_ended, until_told


class Ahead:
    """A launcher with one session prepared ahead, and the links that a test opened."""

    def __init__(self, host):
        self.host = host
        self.links = []

    async def ready(self, worker=TINY_WORKER, count=1):
        self.launcher = self.host.launcher(worker)
        async with asyncio.timeout(patient(PATIENCE_SECONDS)):
            while self.launcher.ready < count:
                await self.launcher.keep_ready(count)
                await asyncio.sleep(0.02)
        return self.launcher

    async def launch(self, *command, **order):
        order = self.host.order(*command, **order)
        link = await self.launcher.launch(order, self.host.start(order))
        self.links.append(link)
        return order, link

    async def abandon(self):
        """What is prepared runs without an agent from now on, as after a crash of it that nobody noticed yet."""
        taken = await self.launcher._warm.take()
        self.links.append(taken.link)

    async def close(self):
        for link in self.links:
            await link.close()
        await self.launcher.keep_ready(0)


@pytest.fixture
async def ahead(host):
    made = Ahead(host)
    yield made
    await made.close()


def display_of(folder):
    """The X server of a folder's session, by the lock of what only the display is told."""
    (found,) = [p for p in psutil.process_iter(["name", "cwd"]) if is_display(p, folder)]
    return found


def is_display(process, folder):
    return process.info["name"] == "Xvfb" and process.info["cwd"] == str(folder / "worker")


def traces_of_warm(host, warm_id):
    """What is left anywhere of a session by the id that it was prepared under."""
    return host.traces(host.order(session=warm_id))


async def test_launch_takes_what_was_prepared_and_bears_the_session_s_name(host, ahead):
    await ahead.ready()
    (prepared,) = host.warm_folders()
    display = display_of(prepared)
    order, link = await ahead.launch("xterm")
    status, _ = await until_window(link)
    assert (status.session, status.processes["display"]) == (order.session, display.pid)
    assert host.warm_folders() == [] and ahead.launcher.ready == 0
    assert list(Path("/dev/shm").glob(f"portcullis-{prepared.name}*")) == []
    assert len(list(Path("/dev/shm").glob(f"portcullis-{order.session}-*/Xvfb_screen0"))) == 1
    link.end("logged_off", 0)
    await until_ended(link)
    await ahead.launcher.forget(order.session)
    assert host.traces(order) == traces_of_warm(host, prepared.name) == []


async def test_what_is_prepared_runs_as_a_worker_account_and_belongs_to_no_user(host, ahead):
    await ahead.ready()
    (folder,) = host.warm_folders()
    worker = pwd.getpwnam(f"{host.prefix}w0")
    running = [psutil.Process(pid) for pid in marked(folder.name)]
    assert len(running) == 2 and display_of(folder).pid in {p.pid for p in running}
    assert {uid for p in running for uid in p.uids()} == {worker.pw_uid}
    assert not (folder / "user").exists()


async def test_next_session_has_a_cookie_and_an_account_of_its_own(host, ahead):
    await ahead.ready(count=2)
    first, link = await ahead.launch("xterm", slot=0)
    status, _ = await until_window(link)
    second, other_link = await ahead.launch("xterm", slot=1)
    other, _ = await until_window(other_link)
    assert status.about["worker"] != other.about["worker"]
    cookies = {(host.folder(order) / "worker/xauthority").read_bytes() for order in (first, second)}
    assert len(cookies) == 2
    assert {(host.folder(o) / "user/xauthority").read_bytes() for o in (first, second)} == cookies


async def test_slot_whose_account_is_prepared_ahead_gets_another(host, ahead):
    await ahead.ready()
    order = host.order("xterm", slot=0)
    start = host.start(order)
    user = await host.accounts.user(order.tenant, order.user_id, order.user_name)
    link = await ahead.launcher._launch_anew(order, start, user, None)
    ahead.links.append(link)
    status, _ = await until_window(link)
    (folder,) = host.warm_folders()
    assert pwd.getpwnam(status.about["worker"]).pw_uid != (folder / "worker").stat().st_uid


def x(host, order, *command):
    """What a client of the session's display prints, with the user's cookie."""
    cookie = host.folder(order) / "user/xauthority"
    display = (host.folder(order) / "display").read_text()
    environment = {"DISPLAY": display, "XAUTHORITY": str(cookie), "PATH": os.environ["PATH"]}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


async def test_size_scale_layout_locale_and_time_zone_are_those_of_the_launch(host, ahead):
    await ahead.ready(WORKER_COMMAND)
    (prepared,) = host.warm_folders()
    server = display_of(prepared)
    display = Display(1600, 1000, 2.0, "de-DE", "de", "Asia/Tokyo")
    order, link = await ahead.launch("xterm", display=display)
    status, _ = await until_window(link)
    assert status.processes["display"] == server.pid
    (host.folder(order) / "display").write_text(status.display)
    information = x(host, order, "xdpyinfo")
    assert "dimensions:    1600x1000 pixels" in information
    assert re.search(r"resolution: +(\S+)", information)[1] == "192x192"
    assert "layout:     de" in x(host, order, "setxkbmap", "-query")
    application = psutil.Process(status.processes["application"]).environ()
    assert application["TZ"] == "Asia/Tokyo" and application["GDK_SCALE"] == "2"
    assert application["PORTCULLIS_SESSION"] == order.session


async def test_display_without_a_cookie_is_refused_after_the_move(host, ahead):
    await ahead.ready()
    order, link = await ahead.launch("xterm")
    status, _ = await until_window(link)
    environment = {"DISPLAY": status.display, "XAUTHORITY": "/dev/null", "PATH": os.environ["PATH"]}
    refused = subprocess.run(["xdpyinfo"], env=environment, capture_output=True, text=True)
    assert refused.returncode != 0 and "unable to open display" in refused.stderr
    (host.folder(order) / "display").write_text(status.display)
    assert "dimensions" in x(host, order, "xdpyinfo")


@pytest.mark.parametrize("victim", ["display", "leader"])
async def test_one_that_breaks_is_noticed_and_leaves_nothing(host, ahead, victim):
    launcher = await ahead.ready()
    (folder,) = host.warm_folders()
    display = display_of(folder)
    killed = display if victim == "display" else display.parent()
    killed.kill()
    await until(lambda: not (launcher.ready or folder.exists() or launcher._workers), PATIENCE_SECONDS)
    assert traces_of_warm(host, folder.name) == []
    order, link = await ahead.launch("xterm")
    assert (await until_window(link))[0].session == order.session


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_one_that_breaks_while_it_is_handed_out_costs_the_launch_nothing(
    host, ahead, number, monkeypatch
):
    """Killed where nobody could notice it yet; or hung, which nobody can."""
    monkeypatch.setattr(launcher_module, "ASSIGN_SECONDS", 0.5)
    launcher = await ahead.ready()
    (folder,) = host.warm_folders()
    display = display_of(folder)
    take = launcher._warm.take

    async def take_and_break():
        taken = await take()
        if taken is not None:
            display.send_signal(number)
        return taken

    monkeypatch.setattr(launcher._warm, "take", take_and_break)
    order, link = await ahead.launch("xterm")
    status, state = await until_window(link)
    assert (status.session, state.windows) == (order.session, 1)
    assert status.processes["display"] != display.pid and not display.is_running()
    assert traces_of_warm(host, folder.name) == []


async def test_command_that_is_missing_is_not_blamed_on_what_was_prepared(host, ahead):
    await ahead.ready()
    _, link = await ahead.launch("no-such-program")
    assert (await until_ended(link)).code == "application_missing"
    assert ahead.launcher.ready == 0


async def test_those_too_many_are_gone_when_keeping_returns(host, ahead):
    launcher = await ahead.ready(count=2)
    names = [folder.name for folder in host.warm_folders()]
    await launcher.keep_ready(1)
    assert launcher.ready == len(host.warm_folders()) == 1
    await launcher.keep_ready(0)
    assert launcher.ready == launcher.ready_memory_bytes == 0
    assert [trace for name in names for trace in traces_of_warm(host, name)] == []


async def test_none_is_begun_while_it_may_not(host, ahead):
    launcher = await ahead.ready()
    await launcher.keep_ready(2, may_begin=False)
    assert launcher.ready == 1 and launcher._warm._preparing.done()


async def test_memory_of_what_is_prepared_is_known(ahead):
    launcher = await ahead.ready()
    assert 1 << 20 < launcher.ready_memory_bytes < 200 << 20


async def test_one_that_cannot_be_prepared_is_not_tried_again_at_once(host, ahead, monkeypatch):
    launcher = ahead.launcher = host.launcher(("/nonexistent",))
    await launcher.keep_ready(1)
    await launcher._warm._preparing
    assert host.warm_folders() == [] and launcher._workers == {}
    first = launcher._warm._preparing
    await launcher.keep_ready(1)
    assert launcher._warm._preparing is first
    monkeypatch.setattr(launcher._warm, "_not_before", 0.0)
    await launcher.keep_ready(1)
    assert launcher._warm._preparing is not first


async def test_it_does_not_outlive_its_agent(host, ahead):
    launcher = await ahead.ready()
    (folder,) = host.warm_folders()
    leader = display_of(folder).parent()
    (session,) = launcher._warm._ready.values()
    await session.link.close()  # as the kernel does when the agent dies
    await gone(leader)
    assert traces_of_warm(host, folder.name) == [] and not folder.exists()


async def test_next_agent_removes_what_a_killed_leader_left(host, ahead):
    await ahead.ready()
    (folder,) = host.warm_folders()
    leader = display_of(folder).parent()
    await ahead.abandon()
    leader.kill()
    await gone(leader)
    assert await host.launcher().adopt() == []
    assert host.warm_folders() == [] and traces_of_warm(host, folder.name) == []


async def test_agent_that_died_between_moving_and_launching_leaves_nothing(host, ahead):
    await ahead.ready()
    (folder,) = host.warm_folders()
    await ahead.abandon()
    (host.runtime / "sessions").mkdir()
    folder.rename(host.runtime / "sessions" / folder.name)
    assert await host.launcher().adopt() == []
    assert session_folders(host.runtime / "sessions") == [] and traces_of_warm(host, folder.name) == []


async def test_ending_everything_ends_what_is_prepared(host, ahead):
    await ahead.ready()
    (folder,) = host.warm_folders()
    await ahead.abandon()
    assert await end_all(host.runtime, 0) == 0
    assert host.warm_folders() == [] and traces_of_warm(host, folder.name) == []


async def test_session_on_what_was_prepared_is_adopted_as_any_other(host, ahead):
    await ahead.ready()
    order, link = await ahead.launch("xterm")
    await until_window(link)
    before = marked(order.session)
    (found,) = await host.launcher().adopt()
    ahead.links.append(found.link)
    await until_told(found.link, lambda message: isinstance(message, WorkerState) and message.windows > 0)
    assert isinstance(found.status, Status) and found.status.session == order.session
    assert marked(order.session) == before


async def test_killed_leader_of_a_session_that_was_prepared_is_swept_up_whole(host, ahead):
    await ahead.ready()
    (folder,) = host.warm_folders()
    order, link = await ahead.launch("bash", "-c", "(setsid sleep 4321 &) ; exec xterm")
    status, _ = await until_window(link)
    leader = psutil.Process(status.processes["application"]).parent()
    leader.kill()
    await gone(leader)
    await ahead.launcher.forget(order.session)
    assert host.traces(order) == traces_of_warm(host, folder.name) == []


async def test_it_stays_out_of_the_way_until_it_is_used(host, ahead):
    await ahead.ready()
    (folder,) = host.warm_folders()
    display = display_of(folder)
    assert display.nice() == 15
    _, link = await ahead.launch("xterm")
    await until_window(link)
    assert display.nice() == 0

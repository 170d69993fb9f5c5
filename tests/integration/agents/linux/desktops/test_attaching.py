"""Sessions on somebody's own display: who is asked, who is let in, and what is left when it is over."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from agents.desktops.rules import FoundDisplay
from agents.linux import groups
from agents.linux.desktops import attachments
from agents.linux.desktops.attachments import DisplayAttachments
from agents.linux.desktops.finding import LocalDisplay, local_displays
from agents.linux.launcher import LinuxLauncher, this_machine
from portcullis.errors import Refused
from portcullis.model.desktops import DesktopTarget
from portcullis.protocol.worker_channel import Status, WorkerState
from tests.support import ordinary_user
from tests.support.attaching_claims import CLAIMS
from tests.support.attaching_desk_x import ALLOW, END, XDesk
from tests.support.patience import until
from tests.support.session_host import until_window
from tests.support.told import until_ended, until_told
from tests.support.workstation import everything_said, workstation

WORKER = (sys.executable, "-I", "-m", "agents.worker")


def launcher_of(host, *allowed, **options):
    limits = groups.Limits(4096, 2048)
    return LinuxLauncher(
        *(host.runtime, host.accounts, groups.detect(), limits, this_machine(), WORKER),
        attachments=DisplayAttachments(allowed or ("ask", "own", "none"), **options),
    )


def order_of(host, desk, user_name="Ada", **target):
    target = DesktopTarget(**{"display": desk.display, **target})
    return replace(host.order(user_name=user_name), command=(), desktop=target)


@contextlib.asynccontextmanager
async def attached(launcher, host, order):
    link = await launcher.launch(order, host.start(order))
    try:
        yield link
    finally:
        link.end("logged_off", 0)
        await until_ended(link)
        await link.close()


async def ended(launcher, host, order):
    """With which code, when nothing else is done."""
    link = await launcher.launch(order, host.start(order))
    try:
        return (await until_ended(link)).code
    finally:
        await link.close()


@pytest.mark.parametrize("name", CLAIMS)
async def test_x_keeps_that(host, desk, name):
    await CLAIMS[name](XDesk(host, desk, WORKER))


async def test_both_processes_are_the_owner_s_and_its_end_ends_none_of_their_programs(host, desk):
    order = order_of(host, desk)
    link = await launcher_of(host).launch(order, host.start(order))
    asked = await until_told(
        link, lambda message: isinstance(message, Status) and "application" in message.processes
    )
    await desk.answer("Ada asks for your screen", *ALLOW)
    await until_told(link, lambda message: isinstance(message, WorkerState) and message.windows > 0)
    await desk.window("Ada can see and use this screen")
    pids = [asked.processes["application"], *_workers(order)]
    assert len(pids) == 2
    assert {psutil.Process(pid).username() for pid in pids} == {desk.user.name}
    looked = await desk.run("cat", f"/proc/{pids[1]}/environ")
    assert "Permission denied" in looked  # nothing of theirs looks into the worker
    before = {process.pid for process in desk.user.all_processes()} - set(pids)
    await desk.click("this screen", *END)
    assert (await until_ended(link)).code == "desktop_ended"
    await link.close()
    assert not await desk.shows("this screen")
    assert {process.pid for process in desk.user.all_processes()} >= before  # all that is theirs goes on


async def test_the_cookie_is_told_to_nobody(host, desk):
    order = order_of(host, desk, consent="none")
    async with attached(launcher_of(host), host, order) as link:
        await until_window(link)
        said = everything_said(host.runtime)
        assert order.session.encode() in said
        assert desk.cookie not in said
        assert desk.cookie.hex().encode() not in said


async def test_nothing_is_left_of_a_session_that_an_agent_found(host, desk):
    order = order_of(host, desk, consent="none", view_only=True)
    link = await launcher_of(host).launch(order, host.start(order))
    await until_window(link)
    await link.close()
    returned = launcher_of(host)
    (adopted,) = await returned.adopt()
    assert adopted.status.session == order.session
    adopted.link.end("logged_off", 0)
    assert (await until_ended(adopted.link)).code == "logged_off"
    await adopted.link.close()
    await returned.forget(order.session)
    assert host.traces(order) == []


async def test_a_worker_that_is_killed_leaves_no_key_pressed(host, desk):
    order = order_of(host, desk, consent="none")
    link = await launcher_of(host).launch(order, host.start(order))
    status, _ = await until_window(link)
    helper = status.processes["application"]
    await desk.run("xdotool", "keydown", "shift")  # by XTEST, as a worker does
    os.kill(helper, signal.SIGSTOP)  # it is slow
    for pid in _workers(order):
        os.kill(pid, signal.SIGKILL)
    await until_told(link, lambda message: isinstance(message, Status) and message.code == "worker_failed")
    os.kill(helper, signal.SIGCONT)
    await until_ended(link)
    await link.close()
    await desk.run("xdotool", "search", "--name", "Terminal", "windowfocus", "--sync", "key", "b", "Return")
    await until(lambda: desk.typed.endswith("b\n"))


async def test_another_account_gains_nothing_by_naming_the_display(host, desk):
    """Its own server, which says that it reads the other's cookie, is shown with its own account's rights."""
    with ordinary_user.made() as stranger:
        done = stranger.run(
            *(sys.executable, "-I", "-m", "agents.linux.desktops"),
            cwd=stranger.home,
        )
        assert done.returncode != 0  # told nothing
        told = f'{{"display": "{desk.display}", "authorities": ["{desk.authority}"], "asks": false}}'
        tried = await asyncio.create_subprocess_exec(
            *stranger.command(sys.executable, "-I", "-m", "agents.linux.desktops"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=stranger.home,
        )
        said, _ = await tried.communicate(told.encode())
        assert (tried.returncode, said.decode().strip()) == (
            13,
            f"display {desk.display} does not let this account in",
        )


async def test_a_forged_authority_lets_nobody_in(host, desk, monkeypatch):
    forged = desk.user.home / "forged"
    kept = desk.authority.read_bytes()
    forged.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    os.chown(forged, desk.user.uid, desk.user.uid)
    launcher, order = launcher_of(host), order_of(host, desk, consent="none")
    found = LocalDisplay(FoundDisplay(desk.display, desk.user.name), str(forged))
    launcher._attachments.find = lambda: [found]
    monkeypatch.setattr(attachments, "authorities_of", lambda display, *_: (display.authority,))
    assert await ended(launcher, host, order) == "desktop_closed"


async def test_a_locked_display_asks_nobody(host, desk):
    lock = desk.start(
        "xprop", "-root", "-f", "_SCREENSAVER_STATUS", "32a", "-set", "_SCREENSAVER_STATUS", "LOCK"
    )
    lock.wait()
    try:
        assert await ended(launcher_of(host), host, order_of(host, desk)) == "desktop_locked"
        own = order_of(host, desk, desk.user.name, consent="own")  # who can open the lock may come
        async with attached(launcher_of(host), host, own) as link:
            await until_window(link)
    finally:
        await desk.run("xprop", "-root", "-remove", "_SCREENSAVER_STATUS")


async def test_a_display_that_gets_locked_ends_who_was_let_in(host, desk):
    order = order_of(host, desk)
    link = await launcher_of(host).launch(order, host.start(order))
    await desk.answer("asks for your screen", *ALLOW)
    await desk.window("Ada can see and use this screen")
    await desk.run(
        "xprop", "-root", "-f", "_SCREENSAVER_STATUS", "32a", "-set", "_SCREENSAVER_STATUS", "LOCK"
    )
    try:
        assert (await until_ended(link)).code == "desktop_locked"
    finally:
        await desk.run("xprop", "-root", "-remove", "_SCREENSAVER_STATUS")
        await link.close()


async def test_a_session_s_own_display_is_nobody_s_desktop(host):
    order = host.order("xterm")
    link = await host.launcher().launch(order, host.start(order))
    status, _ = await until_window(link)
    assert status.display is not None
    assert status.display not in [each.found.name for each in local_displays()]
    link.end("logged_off", 0)
    await until_ended(link)
    await link.close()


async def test_a_display_that_ends_and_one_that_is_not_there(host):
    with workstation() as desk:
        order = order_of(host, desk, consent="none")
        link = await launcher_of(host).launch(order, host.start(order))
        await until_window(link)
        desk.end_server()
        assert (await until_ended(link)).code == "desktop_closed"
        await link.close()
        again = order_of(host, desk, consent="none")
        with pytest.raises(Refused) as refused:
            await launcher_of(host).launch(again, host.start(again))
        assert refused.value.code == "desktop_empty"


async def test_the_agent_says_which_displays_there_are(desk):
    said = subprocess.run(
        (sys.executable, "-m", "agents", "desktops"), capture_output=True, text=True, check=True
    )
    assert [desk.display, "-", desk.user.name] in [line.split() for line in said.stdout.splitlines()]
    claimed = await desk.run(sys.executable, "-m", "agents", "desktops")
    assert [desk.display, "-", desk.user.name] in [
        line.split() for line in claimed.splitlines()
    ]  # their own alone


def _workers(order):
    found = []
    for process in psutil.process_iter(["cmdline"]):
        with contextlib.suppress(psutil.Error):
            is_worker = "agents.worker" in (process.info["cmdline"] or ())
            if is_worker and process.environ().get("PORTCULLIS_SESSION") == order.session:
                found.append(process.pid)
    return found

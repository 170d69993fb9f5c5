"""Sessions on somebody's own display: who was asked, who is connected, and what is left when it is over."""

import asyncio
import sys
from dataclasses import replace

from agents.linux import groups
from agents.linux.desktops.attachments import Attachments
from agents.linux.launcher import LinuxLauncher, this_machine
from portcullis.model.desktops import DesktopTarget
from tests.support.session_host import until_ended, until_window

WORKER = (sys.executable, "-I", "-m", "agents.worker")
QUESTION, SIGN = "asks for your screen", "this screen"
ALLOW, REFUSE, END = (-88, -42), (-228, -42), (-36, 17)


def launcher_of(host, *allowed):
    limits = groups.Limits(4096, 2048)
    attachments = Attachments(allowed or ("ask", "own", "none"))
    return LinuxLauncher(
        *(host.runtime, host.accounts, groups.detect(), limits, this_machine(), WORKER),
        attachments=attachments,
    )


def order_of(host, desk, user_name="Ada", **target):
    return replace(
        host.order(user_name=user_name),
        command=(),
        desktop=DesktopTarget(**{"display": desk.display, **target}),
    )


async def launched(launcher, host, order):
    return await launcher.launch(order, host.start(order))


async def test_whoever_is_there_is_asked_by_name_and_lets_in(host, desk):
    order = order_of(host, desk)
    link = await launched(launcher_of(host), host, order)
    await desk.window(f"Ada {QUESTION}")
    await asyncio.sleep(1)
    await desk.click(QUESTION, *ALLOW)
    status, state = await until_window(link)
    print(status, state)
    await desk.window(f"Ada can see and use {SIGN}")
    await desk.run("import", "-window", "root", "/tmp/sign.png")
    link.end("logged_off", 1)
    assert (await until_ended(link)).code == "logged_off"
    await link.close()

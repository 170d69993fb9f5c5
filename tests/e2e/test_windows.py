"""A Windows host, from its join token to a file in Notepad: browser, gateway, broker, agent, helper and worker, with
the Windows interpreter under Wine as the host.

Wine makes the windows and takes the keys. What it cannot show (services in a session of their own, access lists, locked
screens) stands on the list of docs/windows.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from playwright.async_api import Page, expect

from agents.windows.scene import BACKDROP
from tests.e2e.conftest import OUTPUT, Installation, Visitor
from tests.e2e.portal import Person, picture, sign_in, view, wait_for_session
from tests.support.attaching_desk_windows import PersonAtWindows
from tests.support.patience import patient, until
from tests.support.wine import Wine, wine
from tests.support.wine_worker import hide_pointer
from tests.support.xserver import x_server

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOST = "windows-1"
NOTES, MISSING, DESK = "Windows notes", "Windows program that is not there", "Windows desk"
TYPED = "née 5 € 漢字"
WIDTH, HEIGHT = 1280, 720
LEAST_SHARE = 0.1
"""Of the picture that an application's window has."""
BACKDROP_RGB = tuple(BACKDROP.to_bytes(3, "big"))
CARET_WIDTH, CARET_HEIGHT = 3, 24


@dataclass
class WindowsHost:
    windows: Wine
    installation: Installation
    agent: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        arguments = ("--state", "C:\\agent", "--runtime", "C:\\run")
        self.agent = self.windows.start_python("-m", "agents", "serve", *arguments)
        threading.Thread(target=keep_log, args=(self.agent,), daemon=True).start()

    def kill(self) -> None:
        assert self.agent is not None
        self.agent.kill()
        self.agent.wait()

    @property
    def is_connected(self) -> bool:
        hosts = json.loads(self.installation.cli("get", "hosts", "--json").stdout)
        return any(host["name"] == HOST and host["online"] for host in hosts)

    @property
    def saved(self) -> str:
        data = (self.windows.drive / "notes.txt").read_bytes()
        return data.decode("utf-16-le").removeprefix("\ufeff").strip()

    @property
    def screen(self) -> np.ndarray:
        assert self.windows.x is not None
        return self.windows.x.picture(WIDTH, HEIGHT)


def keep_log(agent: subprocess.Popen[bytes]) -> None:
    """Until the last process that has the pipe is gone: a program of Windows writes to no plain file."""
    assert agent.stderr is not None
    with contextlib.suppress(OSError, ValueError), (OUTPUT / "windows-agent.log").open("ab") as log:
        while data := os.read(agent.stderr.fileno(), 1 << 16):
            log.write(data)
            log.flush()


@pytest.fixture(scope="module")
def host(installation: Installation) -> Iterator[WindowsHost]:
    with x_server(width=WIDTH, height=HEIGHT) as x:
        asyncio.run(x.window_manager())
        with wine(x) as windows:
            token = json.loads(installation.cli("host", "join-token", "--name", HOST, "--json").stdout)
            (windows.drive / "token").write_text(token["token"])
            (windows.drive / "notes.txt").write_bytes("\ufeff".encode("utf-16-le"))
            windows.python(
                *("-m", "agents", "join", "--state", "C:\\agent", "--broker", token["brokers"][0]),
                *("--token-file", "C:\\token", "--name", HOST),
            )
            installation.cli("host", "set", HOST, "--groups", "desks")
            made = WindowsHost(windows, installation)
            made.start()
            hiding = hide_pointer(x)
            yield made
            hiding.disconnect()


@pytest.fixture(scope="module", autouse=True)
def applications(installation: Installation) -> None:
    installation.cli(
        *("apply", "-f", "-"),
        stdin=f"kind: application\nname: {NOTES}\n"
        "command: ['C:\\windows\\notepad.exe', 'C:\\notes.txt']\n"
        "entitled: {groups: [staff]}\n"
        f"---\nkind: application\nname: {MISSING}\n"
        "command: ['C:\\none.exe']\n"
        "entitled: {groups: [staff]}\n"
        f"---\nkind: application\nname: {DESK}\n"
        "desktop: {display: console}\nhost_groups: [desks]\n"
        "entitled: {groups: [staff]}\n",
    )


async def until_same(page: Page, host: WindowsHost, *, is_whole: bool = False) -> None:
    """What the browser shows of the application is what the host's screen holds, in every pixel but those of a caret
    that blinks between two looks; all beside it is backdrop. `is_whole`: of the screen, there is none."""

    async def is_same() -> bool:
        shown = await picture(page)
        if shown.shape != (HEIGHT, WIDTH, 3):
            return False
        is_backdrop = (shown == BACKDROP_RGB).all(axis=2) & (not is_whole)
        differing = (shown != host.screen).any(axis=2) & ~is_backdrop
        rows, columns = np.nonzero(differing)
        is_there = is_whole or LEAST_SHARE < 1 - is_backdrop.mean() < 1
        return bool(is_there and (not rows.size or _is_caret(rows, columns)))

    await until(is_same, 60)


def _is_caret(rows: np.ndarray, columns: np.ndarray) -> bool:
    return bool(np.ptp(rows) < CARET_HEIGHT and np.ptp(columns) < CARET_WIDTH)


async def test_the_key_of_a_windows_host_lies_encrypted(host: WindowsHost) -> None:
    state = host.windows.drive / "agent"
    assert "ENCRYPTED PRIVATE KEY" in (state / "machine.pem").read_text()
    assert (state / "passphrase.dpapi").stat().st_size > 64
    assert json.loads((state / "agent.json").read_text()) == {"slots": 1}


async def test_what_is_typed_in_a_browser_is_in_notepad_s_file_and_the_screen_is_seen_exactly(
    visitor: Visitor, installation: Installation, person: Person, host: WindowsHost
) -> None:
    await until(lambda: host.is_connected, 60)
    page = await visitor.page()
    await sign_in(page, installation.url, person)
    await page.get_by_role("button", name=NOTES, exact=True).click()
    await wait_for_session(page)
    await expect(view(page)).to_be_visible(timeout=patient(60) * 1000)
    await until_same(page, host)

    await page.keyboard.type(TYPED)
    await page.keyboard.press("Control+s")
    await until(lambda: host.saved == TYPED)
    await until_same(page, host)

    host.kill()  # the session goes on, and so does its stream
    await page.keyboard.press("Control+a")
    await page.keyboard.type("still here")
    await page.keyboard.press("Control+s")
    await until(lambda: host.saved == "still here")
    host.start()
    await until(lambda: host.is_connected, 60)

    await page.mouse.move(500, 1)
    await page.get_by_role("button", name="Log off").click()
    await page.get_by_role("dialog").get_by_role("button", name="Log off").click()
    await expect(page.get_by_label("Search applications")).to_be_visible()
    await until(lambda: not list((host.windows.drive / "run/sessions").iterdir()))
    assert not visitor.complaints


async def test_a_program_that_is_not_there_is_said_in_the_page_and_foreseen_by_the_simulation(
    visitor: Visitor, installation: Installation, person: Person, host: WindowsHost
) -> None:
    await until(lambda: host.is_connected, 60)
    page = await visitor.page()
    await sign_in(page, installation.url, person)
    await page.get_by_role("button", name=MISSING, exact=True).click()
    await expect(page.get_by_text("application_missing")).to_be_visible(timeout=patient(60) * 1000)
    asked = ("simulate", "--user", person.username, "--app", MISSING, "--dry-run", "--json")
    told = installation.cli(*asked, check=False).stdout
    assert "application_missing" in told and HOST in told


async def test_whoever_is_at_a_windows_screen_lets_somebody_in_and_ends_it(
    visitor: Visitor, installation: Installation, person: Person, host: WindowsHost
) -> None:
    await until(lambda: host.is_connected, 60)
    sitting = PersonAtWindows(host.windows)
    program = host.windows.start("notepad.exe", "C:\\notes.txt")
    await sitting.xdotool("search", "--sync", "--onlyvisible", "--name", "Notepad", "windowfocus", "--sync")
    page = await visitor.page()
    await sign_in(page, installation.url, person)
    await page.get_by_role("button", name=DESK, exact=True).click()
    await expect(page.get_by_text("Whoever is at that screen is asked")).to_be_visible()
    await sitting.window(f"{person.username} asks for your screen")
    await sitting.choose("allow")
    await expect(view(page)).to_be_visible(timeout=patient(60) * 1000)
    await sitting.window("can see and use this screen")
    await until_same(page, host, is_whole=True)

    async def is_written() -> bool:
        """Tried again: for a second after the person did something nothing from afar is done."""
        await page.keyboard.press("Control+a")
        await page.keyboard.type("from afar")
        await page.keyboard.press("Control+s")
        with contextlib.suppress(TimeoutError):
            await until(lambda: host.saved == "from afar", 5)
        return host.saved == "from afar"

    await until(is_written)
    await sitting.choose("end")
    await expect(page.get_by_text("Whoever is at that desktop ended the connection.")).to_be_visible()
    assert not await sitting.shows("this screen")
    assert program.poll() is None  # what the person has open stays
    program.kill()
    assert not visitor.complaints

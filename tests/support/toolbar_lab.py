"""A user's machine with a window manager and a real browser, which shows the product's own view of a session: toolbar,
menus and dialogs. In the session xev has the keyboard, and writes down each stroke that an application gets.

Keys and pointer of the user are physical ones (XTEST): what window manager and browser keep for themselves, they keep.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xcffib
from playwright.async_api import async_playwright

from tests.support.browser_session import BrowserSession, browser_session
from tests.support.firefox import firefox
from tests.support.hand import Hand
from tests.support.keyboard_lab import CHROMIUM, STARTED_SECONDS
from tests.support.pages import be_patient
from tests.support.patience import until
from tests.support.worker_session import WorkerSession, worker_session
from tests.support.xserver import XServer

SIZE = (1100, 800)
MARK = 135
"""The key of the context menu, which nobody else in these tests presses."""
_SWITCHES = (
    *("--no-sandbox", "--test-type", "--disable-gpu", "--no-first-run", "--no-default-browser-check"),
    *("--password-store=basic", "--start-maximized", "--remote-debugging-port=0", "about:blank"),
)
_HAS_KEYBOARD = "document.hasFocus() && document.activeElement.tagName === 'TEXTAREA'"
_EVENT = re.compile(
    r"Key(Press|Release) event.*?state 0x[0-9a-f]+, keycode \d+ \(keysym 0x[0-9a-f]+, (\w+)\)", re.DOTALL
)
_CORNER = """[
    window.mozInnerScreenX ?? screenX + (outerWidth - innerWidth) / 2,
    window.mozInnerScreenY ?? screenY + outerHeight - innerHeight,
]"""
_PLACE = """([selector, text]) => {
    const named = [...document.querySelectorAll(selector)].filter((each) => !text || each.textContent === text);
    const found = named.find((each) => each.checkVisibility({ visibilityProperty: true }));
    if (!found) return null;
    const { x, y, width, height } = found.getBoundingClientRect();
    const [left, top] = CORNER;
    return [Math.round(left + x + width / 2), Math.round(top + y + height / 2)];
}""".replace("CORNER", _CORNER)
_EDGE = f"{_CORNER}.map((each, axis) => Math.round(each) + [100, 1][axis])"


@dataclass
class ToolbarLab:
    browser: str
    machine: XServer
    remote: XServer
    hand: Hand
    worker: WorkerSession
    site: BrowserSession
    page: Any
    """Playwright's or firefox.py's."""
    _log: Path
    _xcb: xcffib.Connection
    _seen: int = 0

    def strokes(self) -> list[str]:
        """What the application got since `forget`: `+w` went down, `-Control_L` up."""
        return [each for each in self._all()[self._seen :] if each[1:] != "Menu"]

    def _all(self) -> list[str]:
        found = _EVENT.findall(self._log.read_text(errors="replace"))
        return [f"{'+' if kind == 'Press' else '-'}{name}" for kind, name in found]

    def forget(self) -> None:
        self._seen = len(self._all())

    async def until_strokes(self, *strokes: str) -> None:
        """Exactly these, in this order; then they are forgotten."""
        with contextlib.suppress(TimeoutError):
            await until(lambda: self.strokes() == list(strokes))
        assert self.strokes() == list(strokes)
        self.forget()

    def held(self) -> set[int]:
        """The keycodes that the session's display has down."""
        keys = self._xcb.core.QueryKeymap().reply().keys
        return {code for code in range(256) if keys[code // 8] & 1 << code % 8}

    async def until_held(self, *keycodes: int) -> None:
        await until(lambda: self.held() == set(keycodes))

    async def until_true(self, script: str, argument: object = None) -> None:
        """Of the page."""
        await until(lambda: self.page.evaluate(script, argument))

    async def takes_keys(self) -> None:
        """The session has the keyboard, and nothing of what came before is still on its way: a mark comes behind it."""
        await self.click(".display")
        await until(lambda: self.page.evaluate(_HAS_KEYBOARD))
        await self.marked()

    async def marked(self) -> None:
        """What was pressed before has arrived. The mark itself is not among the strokes."""
        self.hand.tap(MARK)
        await until(lambda: self._all()[-1:] == ["-Menu"])

    async def active_window(self) -> str:
        """Of the machine: which one has its keyboard."""
        return (await self.machine.run("xdotool", "getactivewindow", "getwindowname")).strip()

    async def click(self, selector: str, text: str = "") -> None:
        """By the machine's own pointer, in the middle of the first that can be seen, once it rests there."""
        places: list[list[int] | None] = [None]

        async def rests() -> bool:
            places.append(await self.page.evaluate(_PLACE, [selector, text]))
            return places[-1] is not None and places[-1] == places[-2]

        await until(rests)
        x, y = places[-1] or ()
        await self.machine.run("xdotool", "mousemove", str(x), str(y), "click", "1")

    async def press(self, label: str) -> None:
        """A button of the page."""
        await self.click("button", label)

    async def show_toolbar(self) -> None:
        """By the pointer at the top edge: the keyboard stays the application's."""
        place = await self.page.evaluate(_EDGE)
        await self.machine.run("xdotool", "mousemove", *map(str, place))
        await self.until_true("document.querySelector('.toolbar').matches('.shown')")


@contextlib.asynccontextmanager
async def toolbar_lab(folder: Path, browser: str) -> AsyncIterator[ToolbarLab]:
    """`browser`: `Chromium` or `Firefox`, in a window of its own."""
    async with contextlib.AsyncExitStack() as stack:
        machine, remote = (_display(stack, folder, name) for name in ("machine", "remote"))
        await machine.window_manager()
        hand = Hand(machine)
        stack.callback(hand.close)
        worker = await stack.enter_async_context(worker_session(remote))
        site = await stack.enter_async_context(browser_session(worker))
        log = folder / "xev.log"
        with log.open("wb") as written:
            remote.start(
                "stdbuf", "-oL", "xev", "-geometry", "1100x800+0+0", "-event", "keyboard", stdout=written
            )
        window = await remote.window("--name", "Event Tester")
        await remote.run("xdotool", "windowfocus", "--sync", str(window))
        page = await stack.enter_async_context(_page(browser, machine, folder))
        await page.goto(site.view_url)
        await until(lambda: page.evaluate("Boolean(document.querySelector('.toolbar'))"), STARTED_SECONDS)
        xcb = remote.connection()
        stack.callback(xcb.disconnect)
        lab = ToolbarLab(browser, machine, remote, hand, worker, site, page, log, xcb)
        await lab.takes_keys()
        lab.forget()
        yield lab


@contextlib.asynccontextmanager
async def _page(browser: str, machine: XServer, folder: Path) -> AsyncIterator[Any]:
    if browser == "Firefox":
        async with firefox(folder, environment=machine.environment) as running:
            yield await running.page()
        return
    profile = folder / "chromium"
    machine.start(CHROMIUM, *_SWITCHES, f"--user-data-dir={profile}")
    port = profile / "DevToolsActivePort"
    await until(lambda: port.exists() and "\n" in port.read_text(), STARTED_SECONDS)
    async with async_playwright() as playwright:
        # Else Playwright has its pages believe that they have the focus, and full screen stays in the window.
        address = f"http://127.0.0.1:{port.read_text().split()[0]}"
        chromium = await playwright.chromium.connect_over_cdp(address, no_defaults=True)
        context = chromium.contexts[0]
        be_patient(context)
        yield context.pages[0]
        await chromium.close()


def _display(stack: contextlib.AsyncExitStack, folder: Path, name: str) -> XServer:
    (folder / name).mkdir()
    server = XServer(folder / name, *SIZE)
    stack.callback(server.stop)
    return server

"""A user's machine and a session, each a display of its own: physical keys in, an editor's text out.

On the machine: an X keyboard layout, a real browser that shows the session, and a Hand. In the session: the worker, and
a GTK editor (mousepad) or a Qt one (featherpad). What was typed is read from the file that the editor saves, by a
Ctrl+S that goes the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from agents.linux.keyboard_groups import groups_of, parse
from tests.support.browser_session import BrowserSession, browser_session
from tests.support.firefox import firefox
from tests.support.hand import Hand, set_layout
from tests.support.pages import be_patient
from tests.support.patience import patient, until
from tests.support.worker_session import WorkerSession, worker_session
from tests.support.xkb import CAPS_LOCK, MAIN_BLOCK, NUM_LOCK, SHIFT, Keyboard, Stroke
from tests.support.xserver import XServer

CHROMIUM = "/usr/bin/chromium"
EDITORS = {"GTK": "mousepad", "Qt": "featherpad"}
BROWSERS = ("Chromium", "Firefox")
CONTROL, DELETE, ENTER, SPACE = 37, 119, 36, 65
STARTED_SECONDS = 90
SAVED_SECONDS = 20
_MOST_EMPTY_LINES = 3
SIZE = (1100, 800)
_TRIES = 3
PACE_SECONDS = 0.03
"""As people type."""
_UNSEEN = """() => {
    Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
"""For the client the tab is hidden, and no picture comes: it would cost ten times what the keys do."""
_PAGE_ON_SCREEN = """() => [
    window.mozInnerScreenX ?? screenX + (outerWidth - innerWidth) / 2,
    window.mozInnerScreenY ?? screenY + outerHeight - innerHeight,
]"""
_HEAR = """() => {
    if (!("heard" in window)) addEventListener("keydown", ({ key }) => (window.heard = key), true);
    window.heard = "";
}"""
_KEYPAD = (79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 63, 106)
_CAPS_LOCK_KEYSYM = 0xFFE5
_LETTERS_BEHIND_DEAD_KEYS = "aeioucnszyAEO"

Addition = Callable[[XServer], contextlib.AbstractAsyncContextManager[object]]
Unit = tuple[Stroke, ...]
"""Strokes that give a text together: a key, or a dead key and what follows it."""


@dataclass
class Lab:
    browser: str
    machine: XServer
    remote: XServer
    hand: Hand
    worker: WorkerSession
    site: BrowserSession
    page: Any
    """Playwright's or firefox.py's."""
    files: dict[str, Path]
    _program: subprocess.Popen[bytes] | None = None
    _empty_lines: int = 0
    _keyboard: Keyboard = field(default_factory=lambda: Keyboard("us"))

    async def load(self, layout: str, locale: str) -> str:
        """The user's layout on the machine, and what follows from it in the session, whose name it gives."""
        self.hand.load(layout)
        await self._browser_follows(Keyboard(layout))
        script = """async (locale) => {
            const { layoutOf } = await import("/client/app/environment.js");
            const table = await import("/client/app/keyboard_layouts.js");
            return layoutOf(locale, (await navigator.keyboard?.getLayoutMap()) ?? null, table);
        }"""
        chosen = await self.page.evaluate(script, locale)
        groups = ",".join(map(str, groups_of(parse(chosen), locale)))
        set_layout(self.remote, groups)
        return groups

    async def _browser_follows(self, keyboard: Keyboard) -> None:
        """It reads a new layout when it has the time: until then it calls a key by its old name, Ctrl+A Ctrl+Q even."""
        before, self._keyboard = self._keyboard, keyboard
        plain = [Stroke(key) for key in MAIN_BLOCK if not keyboard.is_dead(Stroke(key))]
        changed = [each for each in plain if keyboard.text([each]) not in ("", before.text([each]))]
        if changed and self._program is not None:
            await self.page.evaluate(_HEAR)
            await until(lambda: self._is_called(changed[0], keyboard.text(changed[:1])), STARTED_SECONDS)

    async def _is_called(self, stroke: Stroke, text: str) -> bool:
        self.hand.type([stroke])
        return bool(await self.page.evaluate("heard") == text)

    async def use(self, editor: str) -> None:
        """This editor has the session's keyboard from now on; once, for each editor has a lab of its own."""
        assert self._program is None, "a lab has one editor"
        self.files[editor].write_text("")
        self._program = self.remote.start(EDITORS[editor], str(self.files[editor]))
        await until(lambda: _has_keyboard(self.remote, self.files[editor].name), STARTED_SECONDS)
        await until(lambda: _has_keyboard(self.machine, "drawn"), STARTED_SECONDS)
        # The page takes the browser's keyboard by a click, which falls into the editor's text.
        mouse = getattr(self.page, "mouse", None)
        await (mouse.click(300, 300) if mouse else self.page.click((300, 300)))
        await self.page.evaluate(_UNSEEN)

    async def typed(
        self, editor: str, keyboard: Keyboard, strokes: Sequence[Stroke], pace_seconds: float = 0.0
    ) -> str:
        """What the editor holds after these, and nothing else.

        Empty lines before them, of a number that changes, tell what was saved now from what was saved late.
        """
        self._empty_lines = self._empty_lines % _MOST_EMPTY_LINES + 1
        begin = (
            Stroke(place_of(keyboard, "a"), (CONTROL,)),
            Stroke(DELETE),
            *[Stroke(ENTER)] * self._empty_lines,
        )
        await self.type((*begin, *strokes, Stroke(place_of(keyboard, "s"), (CONTROL,))), pace_seconds)
        with contextlib.suppress(TimeoutError):
            await until(lambda: self._is_saved(editor), SAVED_SECONDS)
        return self.files[editor].read_text().strip("\n")

    async def on_screen(self, x: int, y: int) -> tuple[int, int]:
        """Where a place of the page is on the machine's screen."""
        left, top = await self.page.evaluate(_PAGE_ON_SCREEN)
        return int(left) + x, int(top) + y

    async def type(self, strokes: Sequence[Stroke], pace_seconds: float = PACE_SECONDS) -> None:
        for stroke in strokes:
            self.hand.type([stroke])
            await asyncio.sleep(pace_seconds)

    def _is_saved(self, editor: str) -> bool:
        text = self.files[editor].read_text()
        return len(text) > self._empty_lines and len(text) - len(text.lstrip("\n")) == self._empty_lines

    async def composed(self, editor: str, strokes: Sequence[Stroke], wanted: str) -> str:
        """What arrives in an editor of these strokes of a US keyboard, typed as people do: IBus mixes up a burst.

        Tried anew, as an engine may still be starting.
        """
        for _ in range(_TRIES):
            got = await self.typed(editor, Keyboard("us"), strokes, PACE_SECONDS)
            if got == wanted:
                break
        return got

    async def wrong(self, editor: str, keyboard: Keyboard, units: Sequence[Unit]) -> str:
        """The characters that did not arrive as they should; tried anew, since a map may still be on its way."""
        strokes = [stroke for unit in units for stroke in unit]
        wanted = keyboard.text(strokes)
        for _ in range(_TRIES):
            got = await self.typed(editor, keyboard, strokes)
            if got == wanted:
                return ""
        return difference(wanted, got)


def place_of(keyboard: Keyboard, letter: str) -> int:
    """Where a shortcut's letter is: its key, or in another script the one that is printed beside it."""
    qwerty = {"a": 38, "s": 39, "c": 54, "v": 55, "z": 52, "x": 53}
    return next((key for key in MAIN_BLOCK if keyboard.text([Stroke(key)]) == letter), qwerty[letter])


def units_of(keyboard: Keyboard) -> list[Unit]:
    """Every key on every level, dead keys before a space and before letters, CapsLock, and the keypad with NumLock."""
    return [*main_block(keyboard), *_dead_keys(keyboard), *_caps_lock(keyboard), *_keypad()]


def difference(wanted: str, got: str) -> str:
    """What of `wanted` is not in its place; the longest common text counts as right."""
    matcher = difflib.SequenceMatcher(None, wanted, got, autojunk=False)
    changes = [change for change in matcher.get_opcodes() if change[0] != "equal"]
    return "".join(wanted[first:last] or got[start:end] for _, first, last, start, end in changes)


def main_block(keyboard: Keyboard) -> list[Unit]:
    units: list[Unit] = []
    for stroke in keyboard.strokes():
        unit = (stroke, Stroke(SPACE)) if keyboard.is_dead(stroke) else (stroke,)
        if keyboard.text(unit):
            units.append(unit)
    return units


def _dead_keys(keyboard: Keyboard) -> list[Unit]:
    places = [Stroke(key, held) for held in ((), (SHIFT,)) for key in MAIN_BLOCK]
    letters = [each for each in places if keyboard.text([each]) in tuple(_LETTERS_BEHIND_DEAD_KEYS)]
    dead = {keyboard.keysym(stroke): stroke for stroke in keyboard.strokes() if keyboard.is_dead(stroke)}
    units = [(stroke, letter) for stroke in dead.values() for letter in letters]
    return [unit for unit in units if len(keyboard.text(unit)) == 1]


def _caps_lock(keyboard: Keyboard) -> list[Unit]:
    if keyboard.keysym(Stroke(CAPS_LOCK)) != _CAPS_LOCK_KEYSYM:
        return []
    keys = [Stroke(key, held) for held in ((), (SHIFT,)) for key in (10, 24, 38, 31, 48, 52)]
    between = [stroke for stroke in keys if not keyboard.is_dead(stroke)]
    return [(Stroke(CAPS_LOCK), *between, Stroke(CAPS_LOCK))]


def _keypad() -> list[Unit]:
    return [(Stroke(NUM_LOCK), *map(Stroke, _KEYPAD), Stroke(NUM_LOCK))]


async def _has_keyboard(x: XServer, title: str) -> bool:
    await x.run("xdotool", "search", "--name", title, "windowactivate")
    return title in await x.run("xdotool", "getactivewindow", "getwindowname")


@contextlib.asynccontextmanager
async def keyboard_lab(
    folder: Path, browser: str, *, machine_with: Addition | None = None, remote_with: Addition | None = None
) -> AsyncIterator[Lab]:
    """`browser`: one of BROWSERS, in a window of its own. What is added to a display is there before its programs."""
    async with contextlib.AsyncExitStack() as stack:
        machine, remote = (_display(stack, folder, name) for name in ("machine", "remote"))
        for display, addition in ((machine, machine_with), (remote, remote_with)):
            if addition is not None:
                await stack.enter_async_context(addition(display))
        await asyncio.gather(machine.window_manager(), remote.window_manager())
        hand = Hand(machine)
        stack.callback(hand.close)
        worker = await stack.enter_async_context(worker_session(remote))
        site = await stack.enter_async_context(browser_session(worker))
        files = {editor: remote.folder / f"{program}.txt" for editor, program in EDITORS.items()}
        page = await stack.enter_async_context(_page(browser, machine, folder))
        await page.goto(site.url)
        async with asyncio.timeout(patient(30)):
            while await page.evaluate("document.title") != "drawn":
                await asyncio.sleep(0.02)
        yield Lab(browser, machine, remote, hand, worker, site, page, files)


def _display(stack: contextlib.AsyncExitStack, folder: Path, name: str) -> XServer:
    (folder / name).mkdir()
    server = XServer(folder / name, *SIZE)
    stack.callback(server.stop)
    return server


@contextlib.asynccontextmanager
async def _page(browser: str, machine: XServer, folder: Path) -> AsyncIterator[Any]:
    if browser == "Firefox":
        async with firefox(folder, environment=machine.environment) as running:
            yield await running.page()
        return
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            headless=False,
            args=["--no-sandbox", "--disable-gpu", "--start-maximized"],
            env={**machine.environment},
        )
        context = await chromium.new_context(no_viewport=True)
        be_patient(context)
        yield await context.new_page()
        await chromium.close()

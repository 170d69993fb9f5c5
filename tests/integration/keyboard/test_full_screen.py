"""Keys that browser and window manager keep for themselves, pressed on a user's machine: full screen lends them to the
application, where the browser can lend them; in a window they do what they always do, and nothing of them arrives.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.toolbar_lab import ToolbarLab, toolbar_lab

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONTROL, SHIFT, ALT, META, ESCAPE, TAB, HOME = 37, 50, 64, 133, 9, 23, 110
A, E, N, T, W, SPACE, DELETE, F4, F11, RETURN = 38, 26, 57, 28, 25, 65, 119, 70, 95, 36
PRESSED = (CONTROL, SHIFT, ALT, META, ESCAPE, A)
KEPT = {
    (CONTROL, W): ["+Control_L", "+w", "-w", "-Control_L"],
    (CONTROL, T): ["+Control_L", "+t", "-t", "-Control_L"],
    (CONTROL, N): ["+Control_L", "+n", "-n", "-Control_L"],
    (CONTROL, SHIFT, T): ["+Control_L", "+Shift_L", "+T", "-T", "-Shift_L", "-Control_L"],
    (CONTROL, SHIFT, W): ["+Control_L", "+Shift_L", "+W", "-W", "-Shift_L", "-Control_L"],
    (CONTROL, TAB): ["+Control_L", "+Tab", "-Tab", "-Control_L"],
    (ALT, TAB): ["+Alt_L", "+Tab", "-Tab", "-Alt_L"],
    (ALT, F4): ["+Alt_L", "+F4", "-F4", "-Alt_L"],
    (ALT, SPACE): ["+Alt_L", "+space", "-space", "-Alt_L"],
    (CONTROL, ALT, DELETE): ["+Control_L", "+Alt_L", "+Delete", "-Delete", "-Alt_L", "-Control_L"],
    (META, E): ["+Super_L", "+e", "-e", "-Super_L"],
    (META,): ["+Super_L", "-Super_L"],
    (F11,): ["+F11", "-F11"],
    (ESCAPE,): ["+Escape", "-Escape"],
}
IS_FULL = "document.fullscreenElement !== null && innerHeight === screen.height"
IS_WINDOW = "document.fullscreenElement === null && innerHeight < screen.height"
IS_BROWSERS_FULL_SCREEN = "matchMedia('(display-mode: fullscreen)').matches && innerHeight === screen.height"
FOCUSED = "document.hasFocus() && document.activeElement.tagName === 'TEXTAREA'"
TERMINAL = "another program"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ToolbarLab]:
    async with toolbar_lab(tmp_path_factory.mktemp("lab"), "Chromium") as lab:
        lab.machine.start("xterm", "-T", TERMINAL)
        await lab.machine.window("--name", TERMINAL)
        yield lab


@pytest_asyncio.fixture(loop_scope="module")
async def lab(opened: ToolbarLab) -> AsyncIterator[ToolbarLab]:
    """In a window that has the keyboard, with another one beside it."""
    window = await opened.machine.window("--name", "Text editor")
    await opened.machine.run("xdotool", "windowactivate", "--sync", str(window))
    await opened.takes_keys()
    opened.forget()
    yield opened
    opened.hand.up(*PRESSED)
    await opened.page.evaluate("document.fullscreenElement && document.exitFullscreen()")


async def enter_full_screen(lab: ToolbarLab) -> None:
    lab.hand.tap(CONTROL, ALT, HOME)
    await lab.until_true("document.activeElement.textContent === 'Full screen'")
    lab.hand.tap(RETURN)
    await lab.until_true(IS_FULL)
    await lab.until_true("document.body.textContent.includes('Every key goes to the application now')")
    await lab.until_true(FOCUSED)
    lab.forget()


async def leave_full_screen(lab: ToolbarLab) -> None:
    lab.hand.down(ESCAPE)
    await lab.until_true(IS_WINDOW)
    lab.hand.up(ESCAPE)


async def test_full_screen_lends_the_application_every_key_and_is_left_by_holding_escape(
    lab: ToolbarLab,
) -> None:
    await enter_full_screen(lab)
    pages = len(lab.page.context.pages)
    for chord, strokes in KEPT.items():
        lab.hand.tap(*chord)
        await lab.until_strokes(*strokes)
    assert await lab.page.evaluate(IS_FULL)
    assert await lab.page.evaluate(FOCUSED)
    assert len(lab.page.context.pages) == pages
    assert await lab.active_window() != TERMINAL
    await leave_full_screen(lab)
    await lab.until_held()


async def test_no_key_is_stuck_that_was_held_while_full_screen_ended(lab: ToolbarLab) -> None:
    await enter_full_screen(lab)
    lab.hand.down(A)
    await lab.until_held(A)
    await leave_full_screen(lab)
    lab.hand.up(A)
    await lab.until_held()
    await lab.marked()
    lab.forget()
    lab.hand.tap(A)
    await lab.until_strokes("+a", "-a")


async def test_a_window_gets_nothing_of_the_chords_that_open_and_close_tabs(lab: ToolbarLab) -> None:
    lab.hand.tap(CONTROL, T)
    await lab.until_true("document.visibilityState === 'hidden'")
    lab.hand.tap(CONTROL, TAB)
    await lab.until_true("document.visibilityState === 'visible'")
    lab.hand.tap(CONTROL, TAB)
    await lab.until_true("document.visibilityState === 'hidden'")
    lab.hand.tap(CONTROL, W)
    await lab.until_true("document.visibilityState === 'visible'")
    lab.hand.tap(CONTROL, SHIFT, T)
    await lab.until_true("document.visibilityState === 'hidden'")
    lab.hand.tap(CONTROL, W)
    await lab.until_true("document.visibilityState === 'visible'")
    await only_modifiers_arrived(lab)


async def test_f11_is_the_browsers_own_full_screen(lab: ToolbarLab) -> None:
    lab.hand.tap(F11)
    await lab.until_true(IS_BROWSERS_FULL_SCREEN)
    lab.hand.tap(F11)
    await lab.until_true(IS_WINDOW)
    await lab.marked()
    await lab.until_strokes()


async def only_modifiers_arrived(lab: ToolbarLab) -> None:
    """As many went up as down; and what is typed next is typed."""
    await lab.takes_keys()
    arrived = lab.strokes()
    assert {each[1:] for each in arrived} <= {"Control_L", "Shift_L", "Alt_L"}
    for name in {each[1:] for each in arrived}:
        assert arrived.count(f"+{name}") == arrived.count(f"-{name}")
    await lab.until_held()
    lab.forget()
    lab.hand.tap(W)
    await lab.until_strokes("+w", "-w")

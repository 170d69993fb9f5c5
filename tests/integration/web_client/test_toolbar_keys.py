"""The toolbar's menu of keys, and keys that are held while something else takes the keyboard.

Pressed on a user's machine in real browsers, read back from an application of the session.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.hand import set_layout
from tests.support.patience import until
from tests.support.toolbar_lab import ToolbarLab, toolbar_lab

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONTROL, SHIFT, ALT, ESCAPE, A, B, Q, T, W, X = 37, 50, 64, 9, 38, 56, 24, 28, 25, 53
TERMINAL = "another program"
FOCUSED = "document.hasFocus() && document.activeElement.tagName === 'TEXTAREA'"
ENTRIES = {
    "Ctrl+Alt+Del": ["+Control_L", "+Alt_L", "+Delete", "-Delete", "-Alt_L", "-Control_L"],
    "Alt+Tab": ["+Alt_L", "+Tab", "-Tab", "-Alt_L"],
    "Alt+F4": ["+Alt_L", "+F4", "-F4", "-Alt_L"],
    "Ctrl+W": ["+Control_L", "+w", "-w", "-Control_L"],
    "Ctrl+T": ["+Control_L", "+t", "-t", "-Control_L"],
    "Ctrl+N": ["+Control_L", "+n", "-n", "-Control_L"],
    "Ctrl+Tab": ["+Control_L", "+Tab", "-Tab", "-Control_L"],
    "Ctrl+Shift+T": ["+Control_L", "+Shift_L", "+T", "-T", "-Shift_L", "-Control_L"],
    "Super": ["+Super_L", "-Super_L"],
    "Esc": ["+Escape", "-Escape"],
    "Tab": ["+Tab", "-Tab"],
    "Print": ["+Print", "-Print"],
    **{f"F{number}": [f"+F{number}", f"-F{number}"] for number in range(1, 13)},
}
MODIFIERS = {
    "Ctrl": ["+Control_L", "+x", "-x", "-Control_L"],
    "Alt": ["+Alt_L", "+x", "-x", "-Alt_L"],
    "Shift": ["+Shift_L", "+X", "-X", "-Shift_L"],
    "Super": ["+Super_L", "+x", "-x", "-Super_L"],
}
LABELS = (
    "label => [...document.querySelectorAll(`[aria-label=${label}] .keycap`)].map((each) => each.textContent)"
)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["Chromium", "Firefox"])
async def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ToolbarLab]:
    async with toolbar_lab(tmp_path_factory.mktemp("lab"), request.param) as lab:
        lab.machine.start("xterm", "-T", TERMINAL)
        await lab.machine.window("--name", TERMINAL)
        yield lab


@pytest_asyncio.fixture(loop_scope="module")
async def lab(opened: ToolbarLab) -> AsyncIterator[ToolbarLab]:
    """Its window has the keyboard, nothing is open, nothing held."""
    await activate(opened, "Text editor")
    await opened.takes_keys()
    opened.forget()
    yield opened
    opened.hand.up(CONTROL, SHIFT, ALT, A, B)
    opened.site.may_attach.set()


async def activate(lab: ToolbarLab, title: str) -> None:
    window = await lab.machine.window("--name", title)
    await lab.machine.run("xdotool", "windowactivate", "--sync", str(window))


async def types_once(lab: ToolbarLab) -> None:
    """Nothing is held, and a letter is a letter."""
    await lab.takes_keys()
    await lab.until_held()
    lab.forget()
    lab.hand.tap(B)
    await lab.until_strokes("+b", "-b")


async def hold(lab: ToolbarLab, *keycodes: int) -> None:
    lab.hand.down(*keycodes)
    await lab.until_held(*keycodes)


# --- the menu


async def test_each_entry_of_the_menu_arrives_as_its_keys(lab: ToolbarLab) -> None:
    await lab.show_toolbar()
    await lab.press("Keys")
    told = [*await lab.page.evaluate(LABELS, "Chords"), *await lab.page.evaluate(LABELS, "Keys")]
    assert set(told) >= set(ENTRIES)
    for label, strokes in ENTRIES.items():
        await lab.click("[aria-label=Chords] button, [aria-label=Keys] [aria-label=Keys] button", label)
        await lab.until_strokes(*strokes)
    await lab.press("Keys")
    await types_once(lab)


async def test_each_modifier_of_the_menu_is_held_for_one_key(lab: ToolbarLab) -> None:
    await lab.show_toolbar()
    await lab.press("Keys")
    assert await lab.page.evaluate(LABELS, "Hold") == [*MODIFIERS, "AltGr"]
    for label, strokes in MODIFIERS.items():
        await lab.click("[aria-label=Hold] button", label)
        await lab.until_strokes(*strokes[:1])
        lab.hand.tap(X)
        await lab.until_strokes(*strokes[1:])
    await lab.press("Keys")
    await types_once(lab)


async def test_altgr_of_the_menu_gives_what_the_layout_of_the_session_has_there(lab: ToolbarLab) -> None:
    set_layout(lab.remote, "de")
    try:
        await lab.show_toolbar()
        await lab.press("Keys")
        await lab.click("[aria-label=Hold] button", "AltGr")
        await until(lambda: lab.strokes() == ["+ISO_Level3_Shift"])
        lab.hand.tap(Q)
        await lab.until_strokes("+ISO_Level3_Shift", "+at", "-at", "-ISO_Level3_Shift")
    finally:
        set_layout(lab.remote, "us")
    await lab.press("Keys")
    await types_once(lab)


async def test_a_modifier_that_was_pressed_twice_is_held_for_many_keys_until_the_menu_closes(
    lab: ToolbarLab,
) -> None:
    await lab.show_toolbar()
    await lab.press("Keys")
    for _ in range(2):
        await lab.click("[aria-label=Hold] button", "Shift")
    lab.hand.tap(A)
    lab.hand.tap(X)
    await until(lambda: lab.strokes() == ["+Shift_L", "+A", "-A", "+X", "-X"])
    await lab.press("Keys")
    await lab.until_strokes("+Shift_L", "+A", "-A", "+X", "-X", "-Shift_L")
    await types_once(lab)


# --- held keys


async def test_keys_that_are_held_while_a_question_opens_are_up_behind_it(lab: ToolbarLab) -> None:
    await hold(lab, SHIFT, A)
    await lab.show_toolbar()
    await lab.press("Log off")
    await lab.until_true("document.querySelector('dialog')?.open === true")
    await lab.until_held()
    lab.hand.up(A, SHIFT)
    lab.hand.tap(ESCAPE)
    await lab.until_true(FOCUSED)
    await types_once(lab)


async def test_keys_that_are_held_while_the_menu_opens_stay_the_applications(lab: ToolbarLab) -> None:
    await hold(lab, CONTROL, A)
    await lab.show_toolbar()
    await lab.press("Keys")
    await lab.until_true("document.querySelector('.keys').checkVisibility()")
    assert lab.held() == {CONTROL, A}
    lab.hand.up(A, CONTROL)
    await lab.until_held()
    await lab.press("Keys")
    await types_once(lab)


async def test_keys_that_are_held_while_another_tab_opens_are_up(lab: ToolbarLab) -> None:
    await hold(lab, A)
    lab.hand.tap(CONTROL, T)
    await lab.until_true("document.visibilityState === 'hidden'")
    await lab.until_held()
    lab.hand.up(A)
    lab.hand.tap(CONTROL, W)
    await lab.until_true("document.visibilityState === 'visible'")
    await types_once(lab)


async def test_keys_that_are_held_while_another_window_comes_to_the_front_are_up(lab: ToolbarLab) -> None:
    await hold(lab, CONTROL, SHIFT, A)
    await activate(lab, TERMINAL)
    await lab.until_held()
    lab.hand.up(A, SHIFT, CONTROL)
    await activate(lab, "Text editor")
    await types_once(lab)


async def test_a_modifier_that_is_held_across_a_lost_connection_counts_behind_it(lab: ToolbarLab) -> None:
    await hold(lab, SHIFT)
    await lose_connection(lab)
    lab.hand.tap(B)
    lab.site.may_attach.set()
    await lab.until_strokes("+Shift_L", "+B", "-B")
    lab.hand.up(SHIFT)
    await lab.until_strokes("-Shift_L")
    await types_once(lab)


async def test_a_letter_that_is_held_across_a_lost_connection_goes_on_behind_it(lab: ToolbarLab) -> None:
    await hold(lab, A)
    await lose_connection(lab)
    lab.site.may_attach.set()
    await lab.until_held(A)
    lab.hand.up(A)
    await types_once(lab)


async def lose_connection(lab: ToolbarLab) -> None:
    """Until somebody lets it attach again."""
    lab.site.may_attach.clear()
    lab.site.cut()
    await lab.until_true("document.querySelector('.overlay').matches('.shown')")
    await lab.until_held()
    lab.forget()

"""Keys that are held while something happens to the window or the connection, and keys that overlap."""

import asyncio

import pytest
import pytest_asyncio

from tests.support.patience import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONTROL, SHIFT, A, B, E = 37, 50, 38, 56, 26
CODES = ("ControlLeft", "ShiftLeft", "KeyA")
CONTROL_A = "\x01"
NUMBERS = " ".join(map(str, range(100, 150)))
SHOW = """state => {
    Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
}"""


@pytest_asyncio.fixture(loop_scope="module")
async def holding(desk, seat):
    """A letter and two modifiers are down in X."""
    await seat.down(*CODES)
    await desk.until_held(CONTROL, SHIFT, A)
    await until(lambda: seat.typed == CONTROL_A)
    return seat


async def test_held_keys_are_up_once_the_window_lost_the_focus(desk, holding):
    await holding.leave()
    await desk.until_held()
    await holding.come_back()
    await holding.up(*CODES)
    await holding.types_exactly(CONTROL_A)


async def test_held_keys_are_up_once_the_tab_is_hidden(desk, holding):
    await holding.page.evaluate(SHOW, "hidden")
    await desk.until_held()
    await holding.page.evaluate(SHOW, "visible")
    await holding.up(*CODES)
    await holding.types_exactly(CONTROL_A)


async def test_held_keys_are_up_once_the_connection_is_lost_and_stay_so_when_it_is_back(desk, holding):
    desk.cut()
    await holding.until_state("reconnecting")
    await desk.until_held()
    await holding.up(*CODES)
    desk.site.may_attach.set()
    await holding.until_state("active")
    await holding.types_exactly(CONTROL_A)
    await desk.until_held()


async def test_held_keys_are_up_once_another_window_has_the_session(desk, holding):
    other = await desk.open()
    await holding.until_state("closed:taken_over")
    await desk.until_held()
    await holding.down("KeyA")  # it repeats, in a window that has no session
    await other.types_exactly("")


async def test_letters_that_overlap_arrive_once_each_and_in_order(desk, seat):
    await seat.down("KeyA", "KeyB")
    await desk.until_held(A, B)
    await seat.up("KeyA")
    await desk.until_held(B)
    await seat.up("KeyB")
    await desk.until_held()
    for first, second in ("KeyC", "KeyD"), ("KeyD", "KeyC"), ("KeyC", "KeyD"):
        await seat.down(first, second)
        await seat.up(first, second)
    await seat.types_exactly("abcddccd")


async def test_shift_released_before_its_letter_shifts_that_letter_alone(desk, seat):
    await seat.down("ShiftLeft", "KeyA")
    await seat.up("ShiftLeft")
    await desk.until_held(A)
    await seat.down("KeyB")
    await seat.up("KeyA", "KeyB")
    await seat.types_exactly("Ab")


async def test_what_is_typed_across_two_cuts_arrives_once(desk, seat):
    async def cut():
        await until(lambda: len(seat.typed) >= 20)
        desk.path.cut()
        await until(lambda: len(seat.typed) >= 80)
        desk.path.cut()

    await asyncio.gather(seat.page.keyboard.type(NUMBERS, delay=5), cut())
    await seat.types_exactly(NUMBERS)
    assert await seat.page.evaluate("states.filter(state => state.startsWith('reconnecting')).length") == 2


async def test_dead_key_is_forgotten_when_the_window_loses_the_focus(desk, seat):
    dead = {"key": "Dead", "code": "BracketLeft", "windowsVirtualKeyCode": 219}
    await seat.devtools.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **dead})
    await seat.leave()
    await seat.come_back()
    await seat.down("KeyE")
    await desk.until_held(E)  # as a key: what follows a dead key would come as text
    await seat.up("KeyE")
    await seat.types_exactly("e")

"""What every desktop keeps of `agents/worker/desktop.py`: the same claims for X and for Windows.

A claim is a coroutine over a `Scene`, which holds a real desktop, a real editor with the focus, and a program that
shows windows and tells what was done to them. `judged` tries them one after the other on one scene, the last of which
ends it: on X in pytest's own process (desktop_scene_x.py), for Windows in the Windows interpreter
(desktop_claims_on_windows.py). What became of each is a test of its own.

This module runs in both: it imports nothing of either system, and nothing of pytest.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Protocol

import numpy as np

from agents.worker.damage import Box
from agents.worker.desktop import CursorImage, Desktop, DesktopLost
from portcullis.protocol import messages as m
from tests.support.patience import patient, until

PATIENCE_SECONDS = 15.0
QUIET_SECONDS = 0.6
ANOTHER_SIZE = (1024, 768)
"""Which the display has as well."""
MARK = "copied by nobody else"
TEXT = "Héllo Wörld ß€ ñ Привет 漢字 😀 ~@{}"
RED, GREEN, BLUE = 0xC01020, 0x10C020, 0x2010C0


class Heard:
    """`DesktopListener`, which remembers."""

    def __init__(self) -> None:
        self.damages = 0
        self.sizes: list[tuple[int, int]] = []
        self.cursors: list[CursorImage] = []
        self.window_changes = 0
        self.texts: list[str] = []
        self.covers = 0
        self.is_lost = False

    def damaged(self) -> None:
        self.damages += 1

    def resized(self, width: int, height: int) -> None:
        self.sizes.append((width, height))

    def cursor_changed(self, cursor: CursorImage) -> None:
        self.cursors.append(cursor)

    def windows_changed(self) -> None:
        self.window_changes += 1

    def covered_changed(self) -> None:
        self.covers += 1

    def copied(self, text: str) -> None:
        self.texts.append(text)

    def desktop_lost(self) -> None:
        self.is_lost = True


class Actor(Protocol):
    """A program of the session that does what it is told, and tells what it gets."""

    events: list[dict[str, Any]]

    async def do(self, what: str, **how: Any) -> None:
        """open(id, x, y, width, height, colour, title, managed), colour, title, pointer(hidden), close, copy(text)."""
        ...


class Scene(Protocol):
    desktop: Desktop
    heard: Heard
    actor: Actor

    async def focus_editor(self) -> None: ...

    def pointer(self) -> tuple[int, int]: ...

    async def end_session(self) -> None: ...


Claim = Callable[[Any], Awaitable[None]]
CLAIMS: dict[str, Claim] = {}


def claim(act: Claim) -> Claim:
    CLAIMS[act.__name__] = act
    return act


async def judged(scene: Scene, names: Sequence[str] = ()) -> AsyncIterator[tuple[str, str | None, float]]:
    """Of each claim, or of these: its name, what is wrong with it, and how long it took."""
    for name, act in CLAIMS.items():
        if names and name not in names:
            continue
        began = time.monotonic()
        error = None
        try:
            await act(scene)
        except Exception:  # one that does not hold must not hide the others
            error = traceback.format_exc()
        if not scene.heard.is_lost:
            await scene.actor.do("close", id=1)
        yield name, error, round(time.monotonic() - began, 2)


# --- The picture


@claim
async def the_screen_has_a_size_that_it_may_have(scene: Scene) -> None:
    width, height = scene.desktop.size
    most_width, most_height = scene.desktop.maximum
    assert 64 <= width <= most_width and 64 <= height <= most_height


@claim
async def the_screen_can_be_seen(scene: Scene) -> None:
    assert scene.desktop.covered == ""


@claim
async def a_screen_that_stands_still_is_no_damage(scene: Scene) -> None:
    await settled(scene)
    before = scene.heard.damages
    await asyncio.sleep(QUIET_SECONDS)
    assert scene.heard.damages == before
    assert scene.desktop.take_damage() == []


@claim
async def what_is_drawn_is_told_and_read(scene: Scene) -> None:
    box = Box(301, 203, 97, 61)
    await scene.actor.do("open", id=1, colour=GREEN, **_place(box))
    await shows(scene, box, GREEN)
    await settled(scene)
    before = scene.heard.damages
    await scene.actor.do("colour", id=1, colour=RED)
    await until(lambda: scene.heard.damages > before)
    await damage_of(scene, box)
    assert (pixels_of(scene, box) == RED).all()


@claim
async def little_that_is_drawn_is_little_damage(scene: Scene) -> None:
    box = Box(40, 500, 30, 20)
    await scene.actor.do("open", id=1, colour=GREEN, **_place(box))
    await shows(scene, box, GREEN)
    await settled(scene)
    await scene.actor.do("colour", id=1, colour=BLUE)
    boxes = await damage_of(scene, box)
    width, height = scene.desktop.size
    assert sum(each.pixels for each in boxes) < width * height / 4
    for each in boxes:
        assert each.clipped(width, height) == each


@claim
async def reading_and_viewing_show_the_same(scene: Scene) -> None:
    await settled(scene)
    whole = Box(0, 0, *scene.desktop.size)
    with scene.desktop.still():
        viewed = scene.desktop.view(whole) & np.uint32(0xFFFFFF)
        assert (pixels_of(scene, whole) == viewed).all()
    assert viewed.shape == (whole.height, whole.width)


@claim
async def a_picture_can_be_held_again_and_again(scene: Scene) -> None:
    for _ in range(20):
        with scene.desktop.still():
            scene.desktop.view(Box(0, 0, 8, 8)).copy()


@claim
async def the_newest_picture_is_there_for_who_comes_after_a_long_time(scene: Scene) -> None:
    """Nobody took what was drawn: the worker has no viewer."""
    box = Box(600, 100, 50, 50)
    await scene.actor.do("open", id=1, colour=GREEN, **_place(box))
    for colour in (RED, BLUE, GREEN, RED):
        await scene.actor.do("colour", id=1, colour=colour)
        await asyncio.sleep(QUIET_SECONDS)  # some looks at the screen, whose damage nobody takes
    await scene.actor.do("colour", id=1, colour=BLUE)
    await shows(scene, box, BLUE)


@claim
async def the_listener_knows_of_a_size_when_it_was_arranged(scene: Scene) -> None:
    for size in (ANOTHER_SIZE, scene.desktop.size):
        heard = len(scene.heard.sizes)
        scene.desktop.arrange([Box(0, 0, *size)])
        assert scene.desktop.size == size
        assert scene.heard.sizes[heard:][-1:] == [size]
        assert pixels_of(scene, Box(0, 0, *size)).shape == size[::-1]
        scene.desktop.arrange([Box(0, 0, *size)])
        assert len(scene.heard.sizes) == heard + 1


@claim
async def a_box_of_a_larger_screen_can_still_be_read(scene: Scene) -> None:
    width, height = scene.desktop.size
    outside = Box(width - 10, height - 10, 20, 20)
    assert scene.desktop.view(outside).shape == (20, 20)


# --- Windows


@claim
async def windows_are_counted_and_the_active_one_s_title_is_told_without_control_characters(
    scene: Scene,
) -> None:
    before = await steady(lambda: scene.desktop.windows)
    heard = scene.heard.window_changes
    await scene.actor.do(
        "open", id=1, colour=BLUE, title="First", managed=True, **_place(Box(200, 100, 300, 200))
    )
    await until(lambda: scene.desktop.windows == before + 1)
    await until(lambda: scene.desktop.title == "First")
    assert scene.heard.window_changes > heard
    await scene.actor.do("title", id=1, title="Ti\u0007tle\u202e 漢")
    await until(lambda: scene.desktop.title == "Title 漢")
    await scene.actor.do("close", id=1)
    await until(lambda: scene.desktop.windows == before)


# --- Keys and text


@claim
async def text_arrives_exactly(scene: Scene) -> None:
    same(await after(scene, m.CommittedText(0, TEXT)), TEXT)


@claim
async def characters_of_keys_arrive_exactly(scene: Scene) -> None:
    inputs = [each for character in TEXT for each in _stroke("", character)]
    same(await after(scene, *inputs), TEXT)


@claim
async def lines_and_tabs_arrive(scene: Scene) -> None:
    keys = [*_stroke("KeyA", "a"), *_stroke("Enter", "Enter"), *_stroke("Tab", "Tab"), *_stroke("KeyB", "b")]
    same(await after(scene, *keys, m.CommittedText(0, "\nc\td")), "a\n\tb\nc\td")


@claim
async def shift_and_keys_of_their_places_arrive(scene: Scene) -> None:
    shift = m.Key(0, True, m.SHIFT, 0, "ShiftLeft", "Shift")
    end = m.Key(0, False, 0, 0, "ShiftLeft", "Shift")
    keys = [
        shift,
        *_stroke("KeyA", "A", m.SHIFT),
        *_stroke("Digit1", "!", m.SHIFT),
        end,
        *_stroke("KeyB", "b"),
    ]
    same(await after(scene, *keys), "A!b")


@claim
async def characters_of_alt_graph_arrive(scene: Scene) -> None:
    held = m.Key(0, True, m.ALT_GRAPH, 0, "AltRight", "AltGraph")
    end = m.Key(0, False, 0, 0, "AltRight", "AltGraph")
    keys = [
        held,
        *_stroke("KeyE", "€", m.ALT_GRAPH),
        *_stroke("KeyQ", "@", m.ALT_GRAPH),
        end,
        *_stroke("KeyC", "c"),
    ]
    same(await after(scene, *keys), "€@c")


@claim
async def a_key_that_repeats_is_typed_each_time(scene: Scene) -> None:
    down = m.Key(0, True, 0, 0, "KeyX", "x")
    same(
        await after(scene, down, down, down, m.Key(0, False, 0, 0, "KeyX", "x"), *_stroke("KeyY", "y")),
        "xxxy",
    )


@claim
async def caps_lock_follows_the_browser_s(scene: Scene) -> None:
    keys = [*_stroke("KeyA", "A", locks=m.CAPS_LOCK), *_stroke("KeyB", "b")]
    text = await after(scene, *keys, m.CommittedText(0, "Cd"), *_stroke("KeyE", "E", locks=m.CAPS_LOCK))
    same(text, "AbCdE")


@claim
async def the_keypad_gives_what_the_browser_says(scene: Scene) -> None:
    keys = [
        *_stroke("Numpad5", "5", locks=m.NUM_LOCK),
        *_stroke("Numpad6", "6"),
        *_stroke("NumpadAdd", "+"),
        *_stroke("NumpadDivide", "/"),
        *_stroke("Numpad4", "ArrowLeft"),
        *_stroke("Numpad7", "7", locks=m.NUM_LOCK),
        *_stroke("Numpad1", "End"),
        *_stroke("NumpadDecimal", "."),
        *_stroke("NumpadEnter", "Enter"),
        *_stroke("KeyZ", "z"),
    ]
    same(await after(scene, *keys), "56+7/.\nz")


@claim
async def named_keys_do_what_they_are_named_for(scene: Scene) -> None:
    keys = [m.CommittedText(0, "abc"), *_stroke("Home", "Home"), *_stroke("Delete", "Delete")]
    keys += [*_stroke("ArrowRight", "ArrowRight"), *_stroke("KeyX", "x"), *_stroke("End", "End")]
    keys += [*_stroke("Backspace", "Backspace"), *_stroke("KeyY", "y")]
    same(await after(scene, *keys), "bxy")


@claim
async def nothing_stays_down_when_a_client_goes(scene: Scene) -> None:
    keys = [m.Key(0, True, m.SHIFT, 0, "ShiftLeft", "Shift"), m.Key(0, True, m.SHIFT, 0, "KeyA", "A")]
    same(await after(scene, *keys, m.ReleaseAll(0), *_stroke("KeyB", "b")), "Ab")


@claim
async def a_release_that_was_lost_heals(scene: Scene) -> None:
    keys = [m.Key(0, True, m.CONTROL, 0, "ControlLeft", "Control")]
    same(await after(scene, *keys, *_stroke("KeyS", "s"), *_stroke("KeyT", "t")), "st")


@claim
async def a_shortcut_of_another_script_is_the_letter_beside_it(scene: Scene) -> None:
    await after(scene, m.CommittedText(0, "copy me"))
    heard = len(scene.heard.texts)
    send(scene, *_chord("KeyA", "ф"), *_chord("KeyC", "с"))
    await until(lambda: len(scene.heard.texts) > heard)
    assert scene.heard.texts[-1] == "copy me"


@claim
async def many_foreign_characters_arrive_in_order(scene: Scene) -> None:
    text = "".join(chr(0x4E00 + number) for number in range(120)) + "abc"
    same(await after(scene, m.CommittedText(0, text)), text)


# --- Pointer


@claim
async def the_pointer_goes_where_it_is_said(scene: Scene) -> None:
    for x, y in ((1, 1), (333, 207), (scene.desktop.size[0] - 1, scene.desktop.size[1] - 1), (400, 300)):
        send(scene, m.Pointer(0, x, y, 0, 0))
        await until(lambda place=(x, y): scene.pointer() == place)
    send(scene, m.Pointer(0, 65535, 65535, 0, 0))
    await until(lambda: scene.pointer() == (scene.desktop.size[0] - 1, scene.desktop.size[1] - 1))


@claim
async def buttons_are_pressed_and_released_where_they_are_said(scene: Scene) -> None:
    box = Box(700, 300, 200, 200)
    await scene.actor.do("open", id=1, colour=GREEN, **_place(box))
    await shows(scene, box, GREEN)
    for bit in (1, 2, 4):
        scene.actor.events.clear()
        send(
            scene,
            m.Pointer(0, 750, 350, bit, 0),
            m.Pointer(0, 760, 350, bit, 0),
            m.Pointer(0, 760, 350, 0, 0),
        )
        wanted = [{"button": bit, "down": True}, {"button": bit, "down": False}]
        await until(lambda wanted=wanted: [each for each in scene.actor.events if "button" in each] == wanted)


@claim
async def the_wheel_turns_as_the_browser_says(scene: Scene) -> None:
    box = Box(700, 300, 200, 200)
    await scene.actor.do("open", id=1, colour=GREEN, **_place(box))
    await shows(scene, box, GREEN)
    for dx, dy in ((0, 120), (0, -240), (120, 0), (-120, 0)):
        scene.actor.events.clear()
        send(scene, m.Wheel(0, 750, 350, dx, dy, 0))
        await until(lambda turn=(dx, dy): _turned(scene) == turn)


@claim
async def the_pointer_has_a_picture(scene: Scene) -> None:
    send(scene, m.Pointer(0, 400, 300, 0, 0))
    await until(lambda: scene.desktop.cursor.width > 0)
    cursor = scene.desktop.cursor
    assert len(cursor.rgba) == cursor.width * cursor.height * 4
    assert 0 <= cursor.hot_x < cursor.width and 0 <= cursor.hot_y < cursor.height
    assert cursor.serial != 0


# --- Clipboard


@claim
async def what_is_offered_is_pasted_and_not_heard_of_again(scene: Scene) -> None:
    heard = len(scene.heard.texts)
    scene.desktop.offer("one ä 漢😀\ntwo")
    await asyncio.sleep(QUIET_SECONDS)
    assert len(scene.heard.texts) == heard
    same(await after(scene, *_chord("KeyV", "v"), offers=["one ä 漢😀\ntwo"]), "one ä 漢😀\ntwo")


@claim
async def the_newest_offer_counts(scene: Scene) -> None:
    offers = [f"offer {number}" for number in range(20)]
    same(await after(scene, *_chord("KeyV", "v"), offers=offers), "offer 19")


@claim
async def what_is_copied_is_told_each_time(scene: Scene) -> None:
    for text in ("same", "same", "lines\nof 漢字 😀\n", "same"):
        heard = len(scene.heard.texts)
        await scene.actor.do("copy", text=text)
        await until(lambda heard=heard: len(scene.heard.texts) > heard)
        assert scene.heard.texts[heard:] == [text]


@claim
async def the_longest_text_is_told_and_a_longer_one_goes_nowhere(scene: Scene) -> None:
    longest = "x" * m.MAXIMUM_CLIPBOARD_BYTES
    heard = len(scene.heard.texts)
    await scene.actor.do("copy", text=longest + "x")
    await scene.actor.do("copy", text=longest)
    await until(lambda: len(scene.heard.texts) > heard)
    assert scene.heard.texts[heard] == longest
    await scene.actor.do("copy", text="short")
    await until(lambda: scene.heard.texts[-1] == "short")
    assert all(len(text) <= len(longest) for text in scene.heard.texts)


# --- The end: it comes last


@claim
async def a_desktop_that_is_gone_is_told_and_raised(scene: Scene) -> None:
    await scene.end_session()
    await until(lambda: scene.heard.is_lost)
    for act in (
        scene.desktop.take_damage,
        lambda: list(scene.desktop.apply(m.Pointer(0, 1, 1, 0, 0))),
        lambda: scene.desktop.offer("x"),
    ):
        try:
            act()
        except DesktopLost:
            continue
        raise AssertionError("a desktop that is gone takes what is asked of it")


# --- What they are made of


def send(scene: Scene, *messages: m.Input) -> None:
    for message in messages:
        for _ in scene.desktop.apply(message):
            pass


async def after(scene: Scene, *messages: m.Input, offers: Sequence[str] = ()) -> str:
    """What is in the editor after these: read back by selecting all of it and copying."""
    await scene.focus_editor()
    await apply(scene, m.ReleaseAll(0), *_chord("KeyA", "a"), *_stroke("Delete", "Delete"))
    # What was copied before has been told once this is.
    await scene.actor.do("copy", text=MARK)
    await until(lambda: scene.heard.texts[-1:] == [MARK])
    for offer in offers:
        scene.desktop.offer(offer)
    await apply(scene, *messages)
    heard = len(scene.heard.texts)
    async with asyncio.timeout(patient(PATIENCE_SECONDS)):
        while len(scene.heard.texts) == heard:  # what is pasted may come later, and then comes whole
            await apply(scene, *_chord("KeyA", "a"), *_chord("KeyC", "c"))
            with contextlib.suppress(TimeoutError):
                await until(lambda: len(scene.heard.texts) > heard, 2)
    return scene.heard.texts[-1]


def same(found: object, wanted: object) -> None:
    """Says what was found, also where pytest does not look on."""
    assert found == wanted, f"{found!r} instead of {wanted!r}"


async def apply(scene: Scene, *messages: m.Input) -> None:
    """As the worker does: with the pauses that are asked for."""
    for message in messages:
        for seconds in scene.desktop.apply(message):
            await asyncio.sleep(seconds)


async def steady(value: Callable[[], int]) -> int:
    """Once it has been the same for longer than it may take to be found out."""
    last, since = value(), asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() - since < 1.5:
        await asyncio.sleep(0.05)
        if value() != last:
            last, since = value(), asyncio.get_running_loop().time()
    return last


async def shows(scene: Scene, box: Box, colour: int) -> None:
    def is_shown() -> bool:
        scene.desktop.take_damage()
        return bool((pixels_of(scene, box) == colour).all())

    await until(is_shown)


async def damage_of(scene: Scene, box: Box) -> list[Box]:
    """All that is told until it covers the box: a window may be painted in two steps."""
    boxes: list[Box] = []

    def is_whole() -> bool:
        boxes.extend(scene.desktop.take_damage())
        return _is_covered(box, boxes)

    await until(is_whole)
    return boxes


async def settled(scene: Scene) -> None:
    """Nothing was drawn for a while."""
    quiet_since = asyncio.get_running_loop().time()
    async with asyncio.timeout(patient(PATIENCE_SECONDS)):
        while asyncio.get_running_loop().time() - quiet_since < QUIET_SECONDS:
            if scene.desktop.take_damage():
                quiet_since = asyncio.get_running_loop().time()
            await asyncio.sleep(0.02)


def pixels_of(scene: Scene, box: Box) -> Any:
    into = np.empty((box.height, box.width), np.uint32)
    scene.desktop.read(box, into)
    return into


def _stroke(code: str, text: str, modifiers: int = 0, locks: int = 0) -> list[m.Input]:
    return [m.Key(0, down, modifiers, locks, code, text) for down in (True, False)]


def _chord(code: str, text: str) -> list[m.Input]:
    control = ("ControlLeft", "Control")
    return [
        m.Key(0, True, m.CONTROL, 0, *control),
        *_stroke(code, text, m.CONTROL),
        m.Key(0, False, 0, 0, *control),
    ]


def _place(box: Box) -> dict[str, int]:
    return {"x": box.x, "y": box.y, "width": box.width, "height": box.height}


def _is_covered(box: Box, boxes: list[Box]) -> bool:
    parts = [box]
    for each in boxes:
        parts = [rest for part in parts for rest in part.without(each)]
    return not parts


def _turned(scene: Scene) -> tuple[int, int]:
    turns = [each["wheel"] for each in scene.actor.events if "wheel" in each]
    return sum(turn[0] for turn in turns), sum(turn[1] for turn in turns)

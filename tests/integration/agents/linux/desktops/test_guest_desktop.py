"""The worker's desktop on a display that is somebody's: what is seen and done there, and what is left as it was."""

import asyncio
import contextlib
import subprocess

import numpy as np
import pytest

from agents.linux.desktops.connection import QUESTION, atom
from agents.linux.desktops.desktop import attach_desktop
from agents.worker.damage import Box
from agents.worker.desktop import DesktopLost
from portcullis.clock import SystemClock
from portcullis.protocol import messages as m
from portcullis.protocol.worker_channel import Prepare
from tests.support.patience import until
from tests.support.workstation import workstation
from tests.support.xserver import x_server

SIZE = (800, 600)
TEXT = "Grüße, 3 € für ß und 漢字; ~/[]{}|\\@ пока"


class Listener:
    def __init__(self):
        self.sizes, self.copies, self.is_damaged, self.is_lost = [], [], False, False

    def damaged(self):
        self.is_damaged = True

    def resized(self, width, height):
        self.sizes.append((width, height))

    def cursor_changed(self, cursor): ...

    def windows_changed(self): ...

    def covered_changed(self): ...

    def copied(self, text):
        self.copies.append(text)

    def desktop_lost(self):
        self.is_lost = True


@contextlib.contextmanager
def attached(x, *, view_only=False, display=None):
    prepare = Prepare(
        1, 1, display=display or x.display, xauthority=str(x.xauthority), attached=True, view_only=view_only
    )
    listener = Listener()
    desktop = attach_desktop(prepare, listener, SystemClock())
    try:
        yield desktop, listener
    finally:
        if not listener.is_lost:
            desktop.close()


@pytest.fixture(scope="module")
def x():
    with x_server(width=SIZE[0], height=SIZE[1], shared_memory=True) as server:
        yield server


async def do(desktop, *messages):
    """Once nobody is at the devices, which a server that has just begun says of them as well."""
    await until(lambda: not desktop._person.is_there)
    desktop._person_looked_at = float("-inf")
    await do_now(desktop, *messages)


async def do_now(desktop, *messages):
    for message in messages:
        for wait in desktop.apply(message):
            await asyncio.sleep(wait)


def everything(desktop):
    pixels = np.empty(SIZE[::-1], np.uint32)
    desktop.read(Box(0, 0, *SIZE), pixels)
    return pixels


@contextlib.contextmanager
def terminal(x, tmp_path):
    """A window that writes what is typed into it to a file; it has the keyboard."""
    path = tmp_path / "typed"
    program = x.start(
        "xterm", "-u8", "-e", "sh", "-c", f"stty -echo -icanon; touch {path}; exec cat > {path}"
    )
    subprocess.run(
        ["xdotool", "search", "--sync", "--onlyvisible", "--class", "xterm", "windowfocus", "--sync"],
        env=x.environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield path
    finally:
        program.kill()
        program.wait()


@pytest.mark.parametrize("shared_memory", [True, False])
async def test_pixels_are_those_of_the_display(shared_memory):
    with (
        x_server(width=SIZE[0], height=SIZE[1], shared_memory=shared_memory) as x,
        attached(x) as (desktop, listener),
    ):
        assert desktop.size == desktop.maximum == SIZE
        assert desktop._reader.is_shared is shared_memory
        listener.is_damaged = False
        await x.run("xsetroot", "-mod", "7", "5", "-fg", "#c04010", "-bg", "#1060a0")
        await until(lambda: listener.is_damaged)
        assert desktop.take_damage() == [Box(0, 0, *SIZE)]
        red, green, blue = (x.picture(*SIZE)[..., each].astype(np.uint32) for each in range(3))
        expected = red << 16 | green << 8 | blue
        seen = everything(desktop)
        outside = np.ones_like(seen, bool)
        pointer = slice(SIZE[1] // 2 - 20, SIZE[1] // 2 + 20), slice(SIZE[0] // 2 - 20, SIZE[0] // 2 + 20)
        outside[pointer] = (
            False  # Xvfb draws the pointer into its file, and into no picture that it gives away
        )
        assert (seen[outside] == expected[outside]).all()
        assert len(np.unique(seen)) == 2
        part = Box(13, 17, 101, 57)
        assert (desktop.view(part) & 0xFFFFFF == seen[17:74, 13:114]).all()


async def test_text_arrives_whatever_the_layout_and_the_keyboard_is_left_as_it_was(x, tmp_path):
    subprocess.run(["setxkbmap", "de,ru"], env=x.environment, check=True)
    words = ["xkbcomp", x.display, "-"]

    def state():
        found = [
            subprocess.run(each, env=x.environment, capture_output=True) for each in (words, ["xset", "q"])
        ]
        return [each.stdout for each in found]

    before = state()
    with terminal(x, tmp_path) as typed, attached(x) as (desktop, _):
        await do(desktop, m.CommittedText(1, TEXT))
        await until(lambda: typed.read_text() == TEXT)
        await do(desktop, m.Key(2, True, m.SHIFT, 0, "ShiftLeft", "Shift"))
        await do(desktop, m.Key(3, True, m.SHIFT, m.CAPS_LOCK, "KeyQ", "Q"))
        await until(lambda: typed.read_text() == TEXT + "Q")
    assert state() == before  # layouts, group, locks, auto-repeat, and no modifier is held


async def test_a_held_key_does_not_repeat_by_itself(x, tmp_path):
    with terminal(x, tmp_path) as typed, attached(x) as (desktop, _):
        await do(desktop, m.Key(1, True, 0, 0, "KeyA", "a"))
        assert _held_keys(x) == []
        await do(desktop, m.Key(2, False, 0, 0, "KeyA", "a"), m.CommittedText(3, "b"))
        await until(lambda: typed.read_text() == "ab")


async def test_pasted_and_copied_text(x):
    with attached(x) as (desktop, listener):
        desktop.offer("from afar €")
        assert await x.run("xclip", "-selection", "clipboard", "-o") == "from afar €"
        x.start("sh", "-c", "printf 'from the desk' | xclip -selection clipboard -i -quiet")
        await until(lambda: listener.copies == ["from the desk"])


async def test_view_only_neither_types_nor_pastes(x, tmp_path):
    with terminal(x, tmp_path) as typed:
        with attached(x, view_only=True) as (desktop, _):
            await do(desktop, m.CommittedText(1, "no"), m.Pointer(2, 5, 5, 1, 0))
            desktop.offer("no")
        assert (await x.run("xclip", "-selection", "clipboard", "-o")) != "no"
        with attached(x) as (desktop, _):
            await do(desktop, m.CommittedText(1, "yes"))
            await until(lambda: typed.read_text() == "yes")


async def test_while_a_question_stands_nobody_answers_it_from_afar(x, tmp_path):
    with terminal(x, tmp_path) as typed, attached(x) as (desktop, _):
        asking = x.connection()
        root, window = asking.get_setup().roots[0].root, asking.generate_id()
        asking.core.CreateWindow(0, window, root, -9, -9, 1, 1, 0, 2, 0, 0, [])
        asking.core.SetSelectionOwner(window, atom(asking, QUESTION), 0)
        asking.core.GetInputFocus().reply()
        await until(lambda: desktop._is_asking)
        await do(desktop, m.CommittedText(1, "no"))
        asking.disconnect()
        await until(lambda: not desktop._is_asking)
        await do(desktop, m.CommittedText(2, "yes"))
        await until(lambda: typed.read_text() == "yes")


async def test_the_person_s_monitors_stay_and_their_changes_are_followed():
    with x_server(width=800, height=600, shared_memory=True) as x, attached(x) as (desktop, listener):
        desktop.arrange([Box(0, 0, 640, 480)])
        assert desktop.size == SIZE
        assert listener.sizes == []
        await x.run(
            "xrandr", "--newmode", "small", "20", *["640", "640", "640", "640", "480", "480", "480", "480"]
        )
        await x.run("xrandr", "--addmode", "screen", "small")
        await x.run("xrandr", "--output", "screen", "--mode", "small")
        await until(lambda: listener.sizes == [(640, 480)])
        pixels = np.empty((480, 640), np.uint32)
        desktop.read(Box(0, 0, 640, 480), pixels)
        outside = np.ones((600, 800), np.uint32)
        desktop.read(Box(0, 0, 800, 600), outside)  # asked before the news: no error, and nothing of it
        assert not outside.any()


async def test_what_comes_from_afar_waits_for_the_person(x, tmp_path):
    """In a server whose devices are another's windows, XTEST on the outer one is the person's own hand."""
    with (
        x_server(width=1000, height=800) as outer,
        _nested(outer) as inner,
        terminal(inner, tmp_path) as typed,
        attached(inner) as (desktop, _),
    ):
        await until(lambda: not desktop._person.is_there)
        await outer.run("xdotool", "mousemove", "300", "300", "mousemove", "310", "310")
        await until(lambda: desktop._person.is_there)
        desktop._person_looked_at = float("-inf")
        await do_now(desktop, m.CommittedText(1, "no"))
        await do(desktop, m.CommittedText(2, "yes"))
        assert not desktop._person.is_there  # what we make ourselves is nobody's hand
        await until(lambda: typed.read_text() == "yes")


async def test_another_account_s_server_is_not_trusted():
    with workstation() as desk:
        prepare = Prepare(1, 1, display=desk.display, xauthority=str(desk.authority), attached=True)
        with pytest.raises(DesktopLost):  # these tests are root, and no account's server may pose as its own
            attach_desktop(prepare, Listener(), SystemClock())


@contextlib.contextmanager
def _nested(outer):
    """An X server in a window of another."""
    made = object.__new__(type(outer))
    made.folder, made.xauthority = outer.folder, outer.folder / "of the inner"
    made._programs, made.variables = [], {}
    made._write_cookie("")
    words = ("Xephyr", "-screen", "900x700", "-displayfd", "1", "-noreset", "-auth", str(made.xauthority))
    program = subprocess.Popen(
        words, env=outer.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        made.display = f":{program.stdout.readline().strip().decode()}"
        yield made
    finally:
        program.terminate()
        program.wait()
        program.stdout.close()


def _held_keys(x):
    connection = x.connection()
    held = [key for key in connection.core.QueryKeymap().reply().keys if key]
    connection.disconnect()
    return held

"""An application's windows by Windows.Graphics.Capture, each by itself, as far as it can be tried without Windows:
against the package's calls. What it really shows is in the list of docs/windows.md.
"""

import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from agents.windows import application_capture
from agents.windows.application_capture import VisibleParts, blend, ways
from agents.windows.capture import open_backend
from agents.windows.scene import BACKDROP, Shown
from agents.windows.uncapturable import Uncapturable
from agents.worker.damage import Box

SCREEN = Box(0, 0, 8, 6)
RED, BLUE, GREEN = 0xFFFF0000, 0xFF0000FF, 0xFF00FF00


class WindowsCapture:
    """The class of `windows-capture` 2.0, of one window."""

    made: dict
    refuses: set

    def __init__(self, cursor_capture, draw_border, window_hwnd):
        if window_hwnd in self.refuses:
            raise RuntimeError("this window cannot be captured")
        self.is_stopped = False
        self.made[window_hwnd] = self

    def start_free_threaded(self):
        return self

    def stop(self):
        self.is_stopped = True

    def arrive(self, colour, width, height):
        pixels = np.full((height, width), colour, np.uint32).view(np.uint8).reshape(height, width, 4)
        frame = SimpleNamespace(frame_buffer=pixels)
        thread = threading.Thread(target=self.frame_handler, args=(frame, None))
        thread.start()
        thread.join()


@pytest.fixture
def package(monkeypatch):
    class Fresh(WindowsCapture):
        made = {}  # noqa: RUF012
        refuses = set()  # noqa: RUF012

    monkeypatch.setitem(sys.modules, "windows_capture", SimpleNamespace(WindowsCapture=Fresh))
    return Fresh


class Screen:
    """By GDI; each window of it is what its number says."""

    def __init__(self, on_news):
        self.copied = []

    def copy(self, screen, part):
        self.copied.append(part)
        return np.full((screen.height, screen.width), GREEN, np.uint32)

    def close(self):
        pass


@pytest.fixture
def stack(monkeypatch):
    monkeypatch.setattr(application_capture, "virtual_screen", lambda: SCREEN)
    monkeypatch.setattr(application_capture, "GdiCapture", Screen)
    monkeypatch.setattr(application_capture, "dwmapi", lambda: SimpleNamespace(DwmFlush=lambda: 0))
    return []


def shown(window, x, y, width, height, is_ours=True):
    whole = Box(x, y, width, height)
    return Shown(window, is_ours, (whole.shared(SCREEN),), (x, y))


def opened(stack):
    return open_backend(lambda: None, ways(lambda screen: list(stack)))


def test_before_there_is_a_window_all_is_backdrop(package, stack):
    backend, first = opened(stack)
    assert backend.name == "Windows.Graphics.Capture, each window"
    assert (first == BACKDROP).all()
    assert backend.grab(0) is None


def test_windows_are_painted_in_their_order_whatever_of_others_lies_over_them(package, stack):
    backend, _ = opened(stack)
    stack += [shown(9, 0, 0, 8, 6, is_ours=False), shown(2, 3, 2, 2, 2), shown(1, 1, 1, 4, 3)]
    backend.grab(0)
    package.made[1].arrive(RED, 4, 3)
    package.made[2].arrive(BLUE, 2, 2)
    picture = backend.grab(0)
    wanted = np.full((6, 8), BACKDROP, np.uint32)
    wanted[1:4, 1:5] = RED
    wanted[2:4, 3:5] = BLUE
    assert (picture == wanted).all()
    assert 9 not in package.made and backend.grab(0) is None


def test_window_that_moved_is_painted_where_it_is_and_one_that_closed_is_not(package, stack):
    backend, _ = opened(stack)
    stack.append(shown(1, 0, 0, 3, 2))
    backend.grab(0)
    package.made[1].arrive(RED, 3, 2)
    backend.grab(0)
    stack[0] = shown(1, -1, -1, 3, 2)
    picture = backend.grab(0)
    assert (picture[:1, :2] == RED).all() and (picture == RED).sum() == 2
    stack.clear()
    assert (backend.grab(0) == BACKDROP).all()
    assert package.made[1].is_stopped


def test_window_that_cannot_be_captured_is_copied_from_the_screen(package, stack):
    backend, _ = opened(stack)
    stack.append(shown(1, 0, 0, 3, 2))
    backend.grab(0)
    package.made[1].arrive(RED, 3, 2)
    backend.grab(0)
    package.refuses.add(2)
    stack.insert(0, shown(2, 2, 1, 3, 2))
    backend.grab(0)
    picture = backend.grab(0)
    assert (picture[1:3, 2:5] == GREEN).all() and (picture[0, :3] == RED).all()
    assert (picture == GREEN).sum() == 6


def test_where_the_first_window_cannot_be_captured_the_screen_is_copied_for_good(package, stack):
    made = ways(lambda screen: list(stack))
    backend, _ = open_backend(lambda: None, made)
    stack.append(shown(1, 0, 0, 3, 2))
    package.refuses.add(1)
    with pytest.raises(Uncapturable, match="cannot be captured"):
        backend.grab(0)
    backend, picture = open_backend(lambda: None, made)
    assert isinstance(backend, VisibleParts) and (picture == GREEN).sum() == 6
    package.refuses.clear()
    assert isinstance(open_backend(lambda: None, made)[0], VisibleParts)


def test_without_the_package_the_screen_is_copied(stack, monkeypatch):
    monkeypatch.setitem(sys.modules, "windows_capture", None)
    stack += [shown(9, 4, 0, 4, 6, is_ours=False), shown(1, 2, 0, 4, 6)]
    backend, picture = opened(stack)
    assert isinstance(backend, VisibleParts)
    assert (picture[:, 2:4] == GREEN).all() and (picture == GREEN).sum() == 12
    assert (picture[:, 4:] == BACKDROP).all()


def test_what_changes_while_the_screen_is_copied_is_shown_by_neither(stack, monkeypatch):
    mine, theirs = shown(1, 0, 0, 8, 6), shown(9, 4, 0, 4, 6, is_ours=False)
    stacks = iter([[mine]] * 3 + [[theirs, mine]])
    backend = VisibleParts(lambda screen: next(stacks))
    assert (backend.grab(0) == GREEN).all()
    picture = backend.grab(0)
    assert (picture[:, 4:] == BACKDROP).all() and (picture[:, :4] == GREEN).all()


def test_translucent_pixels_let_what_is_below_through():
    below = np.array([[0x00FF0000, 0x000000FF, 0x00102030]], np.uint32)
    above = np.array([[0xFF00FF00, 0x00000000, 0x80404040]], np.uint32)
    blend(below, above)
    assert [value & 0xFFFFFF for value in below[0].tolist()] == [0x00FF00, 0x0000FF, 0x485058]

"""Windows.Graphics.Capture and DXGI duplication, as far as they can be tried without Windows: against the packages'
calls. What those show is in the list of docs/windows.md.
"""

import sys
import threading
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from agents.windows import duplication, graphics_capture
from agents.windows.duplication import Duplication
from agents.windows.graphics_capture import GraphicsCapture
from agents.windows.uncapturable import Uncapturable
from agents.worker.damage import Box


@pytest.fixture(autouse=True)
def screen(monkeypatch):
    for module in (graphics_capture, duplication):
        monkeypatch.setattr(module, "monitor_count", lambda: 1)
        monkeypatch.setattr(module, "virtual_screen", lambda: Box(0, 0, 4, 2))


def bgra(value, width=4, height=2):
    return np.full((height, width, 4), value, np.uint8)


class WindowsCapture:
    """The class of `windows-capture` 2.0: handlers are set, frames arrive on a thread of its own."""

    refuses_no_border = False
    made: ClassVar[list] = []

    def __init__(self, cursor_capture, draw_border, monitor_index):
        if self.refuses_no_border and draw_border is False:
            raise RuntimeError("toggling the border is unsupported")
        self.options = (cursor_capture, draw_border, monitor_index)
        self.is_stopped = False
        self.made.append(self)

    def start_free_threaded(self):
        return self

    def stop(self):
        self.is_stopped = True

    def arrive(self, value):
        frame = SimpleNamespace(frame_buffer=bgra(value))
        thread = threading.Thread(target=self.frame_handler, args=(frame, None))
        thread.start()
        thread.join()


@pytest.fixture
def windows_capture(monkeypatch):
    class Fresh(WindowsCapture):
        made: ClassVar[list] = []

    monkeypatch.setitem(sys.modules, "windows_capture", SimpleNamespace(WindowsCapture=Fresh))
    return Fresh


def test_newest_frame_is_given_once_and_told_when_it_arrives(windows_capture):
    news = []
    capture = GraphicsCapture(lambda: news.append(1))
    (made,) = windows_capture.made
    assert made.options == (False, False, 1)
    made.arrive(1)
    made.arrive(2)
    assert (capture.grab(0) == 0x02020202).all()
    assert capture.grab(0) is None
    assert len(news) == 2
    capture.close()
    assert made.is_stopped


def test_border_stays_where_windows_insists_on_it(windows_capture):
    windows_capture.refuses_no_border = True
    GraphicsCapture()
    assert [made.options[1] for made in windows_capture.made] == [None]


def test_capture_that_was_closed_is_of_no_use(windows_capture):
    capture = GraphicsCapture()
    windows_capture.made[0].closed_handler()
    with pytest.raises(Uncapturable, match="ended"):
        capture.grab(0)


def test_picture_of_another_size_than_the_screen_s_is_none(windows_capture, monkeypatch):
    capture = GraphicsCapture()
    windows_capture.made[0].arrive(1)
    monkeypatch.setattr(graphics_capture, "virtual_screen", lambda: Box(0, 0, 5, 5))
    with pytest.raises(Uncapturable, match="size"):
        capture.grab(0)


@pytest.mark.parametrize("way", [GraphicsCapture, Duplication])
def test_way_without_its_package_is_not_taken(way, monkeypatch):
    monkeypatch.setitem(sys.modules, "windows_capture", None)
    monkeypatch.setitem(sys.modules, "dxcam", None)
    with pytest.raises(Uncapturable, match="cannot be used"):
        way()


@pytest.mark.parametrize(("way", "module"), [(GraphicsCapture, graphics_capture), (Duplication, duplication)])
def test_several_monitors_are_not_shown_by_a_way_that_shows_one(way, module, monkeypatch):
    monkeypatch.setattr(module, "monitor_count", lambda: 2)
    with pytest.raises(Uncapturable, match="one monitor"):
        way()


def test_duplication_waits_for_a_frame_and_tells_of_its_end(monkeypatch):
    frames = [None, None, bgra(7)]
    released = []

    def grab():
        if not frames:
            raise OSError("access lost")
        return frames.pop(0)

    camera = SimpleNamespace(grab=grab, release=lambda: released.append(1))
    monkeypatch.setitem(sys.modules, "dxcam", SimpleNamespace(create=lambda **options: camera))
    way = Duplication()
    assert way.grab(0) is None
    assert (way.grab(5) == 0x07070707).all()
    with pytest.raises(Uncapturable, match="access lost"):
        way.grab(0)
    way.close()
    assert released == [1]

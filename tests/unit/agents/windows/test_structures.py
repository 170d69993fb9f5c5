"""Sizes and offsets as on 64-bit Windows, on whatever machine this runs."""

import ctypes

import pytest

from agents.windows import structures as s


@pytest.mark.parametrize(
    ("structure", "size"),
    [
        (s.Point, 8),
        (s.Rect, 16),
        (s.MouseInput, 32),
        (s.KeyboardInput, 24),
        (s.InputRecord, 40),
        (s.BitmapInfoHeader, 40),
        (s.BitmapInfo, 52),
        (s.Bitmap, 32),
        (s.CursorInfo, 24),
        (s.IconInfo, 32),
        (s.DisplayMode, 220),
        (s.Message, 48),
        (s.KeyboardHook, 24),
        (s.MouseHook, 32),
        (s.MessageSource, 8),
        (s.WindowClass, 72),
        (s.GuiThread, 72),
        (s.ProcessIds, 8 + 8 * 1024),
    ],
)
def test_structure_has_the_size_that_windows_expects(structure, size):
    assert ctypes.sizeof(structure) == size


@pytest.mark.parametrize(
    ("structure", "field", "offset"),
    [
        (s.MouseInput, "extra", 24),
        (s.KeyboardInput, "scan", 2),
        (s.KeyboardInput, "flags", 4),
        (s.KeyboardInput, "extra", 16),
        (s.InputRecord, "any", 8),
        (s.BitmapInfoHeader, "bit_count", 14),
        (s.Bitmap, "bits", 24),
        (s.CursorInfo, "cursor", 8),
        (s.IconInfo, "mask", 16),
        (s.IconInfo, "colour", 24),
        (s.DisplayMode, "size", 68),
        (s.DisplayMode, "fields", 72),
        (s.DisplayMode, "form_name", 102),
        (s.DisplayMode, "width", 172),
        (s.DisplayMode, "height", 176),
        (s.Message, "wparam", 16),
        (s.KeyboardHook, "extra", 16),
        (s.MouseHook, "data", 8),
        (s.MouseHook, "time", 16),
        (s.MouseHook, "extra", 24),
        (s.MessageSource, "origin", 4),
        (s.Message, "point", 36),
        (s.WindowClass, "procedure", 8),
        (s.WindowClass, "class_name", 64),
        (s.GuiThread, "capture", 24),
        (s.ProcessIds, "ids", 8),
        (s.SessionInfo, "session", 8),
        (s.SessionInfo, "state", 12),
        (s.SessionInfo, "flags", 16),
    ],
)
def test_field_lies_where_windows_expects_it(structure, field, offset):
    assert getattr(structure, field).offset == offset


def test_a_wide_character_has_two_bytes():
    assert ctypes.sizeof(s.WCHAR) == 2
    assert ctypes.sizeof(s.LONG) == ctypes.sizeof(s.DWORD) == 4
    assert ctypes.sizeof(s.LPARAM) == ctypes.sizeof(s.WPARAM) == ctypes.sizeof(s.HANDLE) == 8

"""Run by the Windows interpreter: `python windows_film.py WIDTH HEIGHT RATE [JOB]`, a window without a frame at the
screen's corner that shows so many pictures a second (0: one that stays), each with its number, and answers keys; in the
job object of that name, if one is given.

The number stands in a row of squares along the upper edge, black for 0 and white for 1, the lowest bit first. A square
behind them turns from black to white, or back, with each key that goes down. `number_of` and `answer_of` read
them from a picture of any system.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time

import numpy as np

from agents.windows.job import Job

SQUARE, BITS, ANSWER = 16, 16, 48


def number_of(picture: np.ndarray) -> int:
    """Of an RGB picture as its viewer has it."""
    row = picture[SQUARE // 2, SQUARE // 2 : SQUARE * BITS : SQUARE, 1]
    return sum(1 << bit for bit, level in enumerate(row) if level > 127)


def answer_of(picture: np.ndarray) -> bool:
    return bool(picture[ANSWER // 2, SQUARE * BITS + ANSWER // 2, 1] > 127)


class Film:
    def __init__(self, width: int, height: int) -> None:
        import win32api
        import win32con
        import win32gui

        self._size = width, height
        self._numbers = np.zeros((SQUARE, SQUARE * BITS), np.uint32)
        self._answer = np.zeros((ANSWER, ANSWER), np.uint32)
        y, x = np.mgrid[0:height, 0 : 2 * width]
        waves = [128 + 90 * np.sin((x * a + y * b) / 40) for a, b in ((1, 2), (2, 1), (1, 1))]
        red, green, blue = (wave.astype(np.uint32) for wave in waves)
        self._scene = (red << 16) | (green << 8) | blue
        self._shown = 0
        kind = win32gui.WNDCLASS()
        kind.lpszClassName = "PortcullisFilm"
        kind.hInstance = win32api.GetModuleHandle(None)
        kind.lpfnWndProc = {
            win32con.WM_KEYDOWN: self._on_key,
            win32con.WM_PAINT: self._on_paint,
            win32con.WM_DESTROY: lambda *_: win32gui.PostQuitMessage(0),
        }
        win32gui.RegisterClass(kind)
        style = win32con.WS_POPUP | win32con.WS_VISIBLE
        self._window = win32gui.CreateWindowEx(
            win32con.WS_EX_APPWINDOW,
            kind.lpszClassName,
            "Film",
            style,
            0,
            0,
            width,
            height,
            0,
            0,
            kind.hInstance,
            None,
        )
        win32gui.SetForegroundWindow(self._window)
        win32gui.SetFocus(self._window)
        self._context = win32gui.GetDC(self._window)

    def show(self) -> None:
        self._shown += 1
        bits = [0xFFFFFF * (self._shown >> bit & 1) for bit in range(BITS)]
        self._numbers[:] = np.repeat(np.array(bits, np.uint32), SQUARE)
        self._paint()

    def run(self, rate: float) -> None:
        import win32con
        import win32event
        import win32gui

        due = time.monotonic()
        while not win32gui.PumpWaitingMessages():
            if rate and time.monotonic() >= due:
                self.show()
                due = max(due + 1 / rate, time.monotonic())
            wait = max(0, round((due - time.monotonic()) * 1000)) if rate else win32event.INFINITE
            win32event.MsgWaitForMultipleObjects([], False, wait, win32con.QS_ALLINPUT)

    def _on_key(self, *_: object) -> int:
        self._answer ^= 0xFFFFFF
        self._blit(self._answer, SQUARE * BITS, 0)
        return 0

    def _on_paint(self, window: int, message: int, first: int, second: int) -> int:
        import win32gui

        self._paint()
        return int(win32gui.DefWindowProc(window, message, first, second))

    def _paint(self) -> None:
        width, _ = self._size
        at = 7 * self._shown % width
        self._blit(self._scene, 0, 0, at, width)
        self._blit(self._numbers, 0, 0)
        self._blit(self._answer, SQUARE * BITS, 0)

    def _blit(self, pixels: np.ndarray, x: int, y: int, at: int = 0, width: int = 0) -> None:
        rows, columns = pixels.shape
        head = np.array([40, columns, -rows, 1 | 32 << 16, 0, 0, 0, 0, 0, 0], np.int32)
        ctypes.windll.gdi32.SetDIBitsToDevice(
            ctypes.c_void_p(self._context),
            *(x, y, width or columns, rows, at, 0, 0, rows),
            ctypes.c_void_p(pixels.ctypes.data),
            ctypes.c_void_p(head.ctypes.data),
            0,
        )


if __name__ == "__main__":
    for job in sys.argv[4:]:
        Job(job).take_pid(os.getpid())
    Film(int(sys.argv[1]), int(sys.argv[2])).run(float(sys.argv[3]))

"""The desktop of a Windows session, by GDI and SendInput, under Wine: it keeps what every desktop keeps."""

import contextlib
import json

import numpy as np
import pytest

from tests.support.desktop_claims import CLAIMS, TEXT
from tests.support.xserver import until

RUN_SECONDS = 150


@pytest.fixture(scope="module")
def report(windows):
    done = windows.python("-m", "tests.support.desktop_claims_on_windows", timeout=RUN_SECONDS, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    errors = {line["claim"]: line["error"] for line in lines}
    left = f"it was not tried:\n{done.stderr[-2000:]}"
    return {name: errors.get(name, left) for name in CLAIMS}


@pytest.mark.parametrize("name", CLAIMS)
def test_desktop_of_windows_keeps_that(report, name):
    assert report[name] is None, report[name]


async def test_notepad_has_what_was_typed_the_picture_is_the_screen_s_and_nothing_stays_when_it_is_closed(
    windows, windows_display, tmp_path
):
    probe = windows.start_python("-m", "tests.support.windows_desktop_probe", windows.path(tmp_path))
    picture = tmp_path / "picture.npy"

    def is_written() -> bool:
        assert probe.poll() is None, probe.stderr.read().decode()
        with contextlib.suppress(FileNotFoundError, ValueError, EOFError):
            return np.load(picture).shape == (800, 1280)
        return False

    await until(is_written, 60)
    seen = np.load(picture).view(np.uint8).reshape(800, 1280, 4)[..., 2::-1]
    differing = (seen != windows_display.picture(1280, 800)).any(axis=2)
    probe.stdin.write(b"\n")
    probe.stdin.flush()
    found = json.loads(probe.stdout.readline())
    probe.wait(20)
    assert found["text"] == TEXT
    differing[-32:, -32:] = False  # Xvfb paints the pointer into its memory
    assert not differing.any(), f"{differing.sum()} pixels, in {np.argwhere(differing)[[0, -1]]}"
    assert (found["left"], found["window"]) == ([], False)

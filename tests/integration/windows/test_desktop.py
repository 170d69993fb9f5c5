"""The desktop of a Windows session, by GDI and SendInput, under Wine: it keeps what every desktop keeps."""

import asyncio
import contextlib
import json

import numpy as np
import pytest

from tests.support.desktop_claims import ANOTHER_SIZE, CLAIMS, TEXT
from tests.support.patience import patient, until
from tests.support.wine import wine
from tests.support.xserver import x_server

RUN_SECONDS = 100


@pytest.fixture(scope="module")
def told():
    """What the Windows interpreter says of the claims, on a display that has another size as well."""
    with x_server(width=1280, height=800) as x:
        asyncio.run(x.window_manager())
        asyncio.run(offer_size(x, *ANOTHER_SIZE))
        with wine(x) as windows:
            done = windows.python(
                "-m", "tests.support.desktop_claims_on_windows", timeout=patient(RUN_SECONDS), check=False
            )
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")], done.stderr


async def offer_size(x, width, height):
    timing = [str(side) for side in (width, height) for _ in range(4)]
    await x.run("xrandr", "--newmode", "another", "60", *timing)
    await x.run("xrandr", "--addmode", "screen", "another")


@pytest.fixture
def report(told):
    lines, log = told
    errors = {line["claim"]: line["error"] for line in lines if "claim" in line}
    return {name: errors.get(name, f"it was not tried:\n{log[-2000:]}") for name in CLAIMS}


@pytest.mark.parametrize("name", CLAIMS)
def test_desktop_of_windows_keeps_that(report, name):
    assert report[name] is None, report[name]


def test_size_of_the_display_is_given_back(told):
    lines, log = told
    assert {"size_given_back": True} in lines, log


def test_cursors_of_windows_are_read_as_they_are(windows):
    done = windows.python("-m", "tests.support.windows_cursor_probe")
    arrow, bar, own = (json.loads(line) for line in done.stdout.splitlines())
    assert (arrow["hot"], arrow["size"]) == ([0, 0], [32, 32])
    assert bar["hot"] != [0, 0]
    assert 0 < arrow["opaque"] < 32 * 32 / 2
    assert arrow["serial"] != bar["serial"]
    assert own["hot"] == [2, 1]
    row = [[0, 0, 0, 0]] * 4 + [[255] * 4] * 2 + [[0, 0, 0, 255]] * 2
    assert own["first"] == row


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
    said = probe.stdout.readline()
    probe.wait(patient(20))
    assert said, probe.stderr.read().decode()
    found = json.loads(said)
    assert found["text"] == TEXT
    differing[-32:, -32:] = False  # Xvfb paints the pointer into its memory
    assert not differing.any(), f"{differing.sum()} pixels, in {np.argwhere(differing)[[0, -1]]}"
    assert (found["left"], found["window"]) == ([], False)

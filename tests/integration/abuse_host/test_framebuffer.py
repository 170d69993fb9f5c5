"""Xvfb has every page of its framebuffer before it draws: a tmpfs that is full later is no SIGBUS."""

import os
import subprocess
from pathlib import Path

import pytest
import xcffib
import xcffib.xproto as xp

from agents.linux import display


@pytest.fixture
def small(tmp_path):
    """A tmpfs with room for one framebuffer and little more."""
    megabytes = display.FRAMEBUFFER_BYTES // 1_000_000 + 2
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(tmp_path)], check=True)
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def fill(folder: Path) -> None:
    with pytest.raises(OSError, match="No space left"), (folder / "full").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))


def test_display_draws_every_pixel_on_a_tmpfs_that_is_full(small):
    reading, writing = os.pipe()
    command = [*display.command(96), "-fbdir", str(small), "-displayfd", str(writing)]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        name = f":{pipe.readline().decode().strip()}"
    fill(small)
    x = xcffib.connect(name)
    root, context = x.get_setup().roots[0].root, x.generate_id()
    x.core.CreateGC(context, root, xp.GC.Foreground, [0x123456])
    whole = xp.RECTANGLE.synthetic(0, 0, display.MAXIMUM_WIDTH, display.MAXIMUM_HEIGHT)
    x.core.PolyFillRectangle(root, context, 1, [whole])
    x.core.GetInputFocus().reply()
    x.disconnect()
    assert server.poll() is None
    seen = (small / "Xvfb_screen0").read_bytes()
    assert seen.count(b"\x56\x34\x12") == display.MAXIMUM_WIDTH * display.MAXIMUM_HEIGHT
    server.terminate()
    server.wait()

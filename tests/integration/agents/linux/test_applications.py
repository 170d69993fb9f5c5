"""GTK, Qt and Chromium draw across the two accounts, under the real worker (decision 0004)."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import numpy as np
import psutil
import pytest

from agents.linux.launch_line import WORKER_COMMAND
from portcullis.model.session import Display
from tests.support.framebuffer import read_framebuffer
from tests.support.patience import patient
from tests.support.session_host import PATIENCE_SECONDS, processes, until_window

SIZE = (1024, 768)
LOOKS = 6  # in turn, 0.1 s apart, that must not differ


@pytest.fixture
async def launch(host):
    links = []

    async def launch(*command, ratio=1.0):
        if shutil.which(command[0]) is None:
            pytest.fail(f"{command[0]} is not installed")
        order = host.order(*command, display=Display(*SIZE, device_pixel_ratio=ratio))
        link = await host.launcher(WORKER_COMMAND).launch(order, host.start(order))
        links.append(link)
        status, _ = await until_window(link)
        return order, status

    yield launch
    for link in links:
        await link.close()


def picture(order):
    folder = next(Path("/dev/shm").glob(f"portcullis-{order.session}-*"))
    return read_framebuffer(folder / "Xvfb_screen0", *SIZE)


async def drawn(order, is_drawn):
    """The picture of which `is_drawn` holds, once it rests: toolkits lay out more than once before they do."""
    looks = []
    async with asyncio.timeout(patient(PATIENCE_SECONDS)):
        while len(looks) < LOOKS or not is_drawn(looks[-1]):
            await asyncio.sleep(0.1)
            seen = picture(order)
            is_resting = (
                bool(looks) and float(np.mean(np.any(seen != looks[0], axis=2))) < 0.001
            )  # but the caret
            looks = [*looks, seen] if is_resting else [seen]
    return looks[-1]


def share_of(seen, colour):
    return float(np.mean(np.all(seen == colour, axis=2)))


@pytest.mark.parametrize("command", ["mousepad", "featherpad"], ids=["gtk", "qt"])
async def test_editor_fills_the_view_without_a_frame(launch, command):
    """White paper, a menu with text in it above, and nothing of the bare screen's black at the edges."""
    order, _ = await launch(command)
    seen = await drawn(order, lambda seen: share_of(seen, (255, 255, 255)) > 0.8)
    edges = [seen[:1], seen[-1:], seen[:, :1], seen[:, -1:]]
    assert max(share_of(edge, (0, 0, 0)) for edge in edges) < 0.1
    assert len(np.unique(seen[:24].reshape(-1, 3), axis=0)) > 10


@pytest.mark.parametrize("command", ["mousepad", "featherpad"], ids=["gtk", "qt"])
async def test_text_is_twice_as_large_at_twice_the_pixel_ratio(launch, command):
    def menu_height(seen):
        """Rows from the top to where the paper begins, at the middle of the view."""
        column = np.all(seen[:, SIZE[0] - 200] == 255, axis=1)
        return next((row for row in range(len(column) - 100) if column[row : row + 100].all()), 0)

    heights = []
    for ratio in (1.0, 2.0):
        order, _ = await launch(command, ratio=ratio)
        seen = await drawn(
            order, lambda seen: share_of(seen, (255, 255, 255)) > 0.6 and menu_height(seen) > 10
        )
        heights.append(menu_height(seen))
    assert 1.7 < heights[1] / heights[0] < 2.3


async def test_pointer_leaves_no_pixel_in_the_framebuffer(host, launch):
    order, status = await launch("mousepad")
    await drawn(order, lambda seen: share_of(seen, (255, 255, 255)) > 0.8)
    environment = {
        "DISPLAY": status.display,
        "XAUTHORITY": str(host.folder(order) / "worker" / "xauthority"),
        "PATH": "/usr/bin:/bin",
    }
    places = []
    for place in ("300", "500"):  # over plain paper, where nothing is highlighted
        subprocess.run(["xdotool", "mousemove", "--sync", place, place], env=environment, check=True)
        x, y = int(place), int(place)
        places.append(picture(order)[y - 40 : y + 40, x - 40 : x + 40])
    assert all(np.all(place == 255) for place in places)


async def test_chromium_takes_the_pixel_ratio(launch):
    """The page is painted in a colour that says what ratio it sees."""
    page = "data:text/html,<body><script>document.body.style.background=`rgb(42,0,${devicePixelRatio*50})`</script>"
    order, _ = await launch("chromium", "--no-first-run", f"--app={page}", ratio=2.5)
    seen = await drawn(order, lambda seen: share_of(seen[:, :, :2], (42, 0)) > 0.8)
    assert share_of(seen, (42, 0, 125)) > 0.8


async def test_chromium_draws_and_keeps_its_sandbox(launch, tmp_path):
    page = "data:text/html,<body style='background:rgb(42,127,213)'>"
    order, status = await launch("chromium", "--no-first-run", f"--app={page}")
    await drawn(order, lambda seen: share_of(seen, (42, 127, 213)) > 0.8)
    mine = [p for p in processes() if p.info["username"] == status.about["user"]]
    renderers = [p for p in mine if "--type=renderer" in (p.info["cmdline"] or ())]
    assert renderers
    for renderer in renderers:
        assert Path(f"/proc/{renderer.pid}/ns/user").readlink() != Path("/proc/self/ns/user").readlink()
        assert "--no-sandbox" not in psutil.Process(status.processes["application"]).cmdline()
        assert "Seccomp:\t2" in Path(f"/proc/{renderer.pid}/status").read_text()
    segments = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    uid = str(mine[0].info["uids"].real)
    assert [line for line in segments if uid in line and int(line[2]) & 0o006] == []

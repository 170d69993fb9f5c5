"""Several monitors of one session: what X tells applications and a real window manager of them."""

import pytest

from agents.linux import window_manager
from agents.linux.environment import Scale
from portcullis.protocol import messages as m
from tests.support.patience import until

SIDE_BY_SIDE = (m.Monitor(0, 0, 1000, 700), m.Monitor(1000, 0, 800, 600))


async def listed(x) -> list[str]:
    """Of each monitor its WIDTHxHEIGHT+X+Y, the primary one first."""
    lines = (await x.run("xrandr", "--listmonitors")).splitlines()[1:]
    places = []
    for line in lines:
        size, _, place = line.split()[2].partition("+")
        width, height = (side.split("/")[0] for side in size.split("x"))
        places.append(f"{width}x{height}+{place}")
    return places


async def are(x, expected: list[str]) -> bool:
    return await listed(x) == expected


async def arranged(client, *monitors: m.Monitor) -> m.Resized:
    client.messages.clear()
    client.send(m.Monitors(100, monitors))
    return await client.receive(m.Resized)


async def test_the_display_holds_all_monitors_and_tells_applications_of_each(x, session):
    client = await session.attach_drawn()
    assert m.FEATURE_MONITORS & (await client.receive(m.Features)).features
    resized = await arranged(client, *SIDE_BY_SIDE)
    assert (resized.width, resized.height) == (1800, 700)
    await until(lambda: are(x, ["1000x700+0+0", "800x600+1000+0"]))
    await session.until_drawn(client)


async def test_one_monitor_again_leaves_none_behind(x, session):
    client = await session.attach_drawn()
    await arranged(client, *SIDE_BY_SIDE)
    client.messages.clear()
    client.send(m.Resize(900, 650, 100))
    await client.receive(m.Resized)
    await until(lambda: are(x, ["900x650+0+0"]))


async def test_monitors_may_change_places_without_another_size(x, session):
    client = await session.attach_drawn()
    await arranged(client, *SIDE_BY_SIDE)
    resized = await arranged(client, m.Monitor(800, 0, 1000, 700), m.Monitor(0, 100, 800, 600))
    assert (resized.width, resized.height) == (1800, 700)
    await until(lambda: are(x, ["1000x700+800+0", "800x600+0+100"]))


@pytest.mark.parametrize(
    ("monitors", "size", "expected"),
    [
        ([(300, 50, 500, 400), (800, 50, 500, 400)], (1000, 400), ["500x400+0+0", "500x400+500+0"]),
        ([(0, 0, 1500, 900), (1500, 0, 1500, 900)], (1920, 900), ["1500x900+0+0", "420x900+1500+0"]),
        ([(0, 0, 1000, 900), (60000, 60000, 100, 100)], (1000, 900), ["1000x900+0+0"]),
        ([(5, 5, 16384, 16384)], (1920, 1200), ["1920x1200+0+0"]),
        ([(0, 60000, 100, 100), (60000, 0, 100, 100)], (1920, 1200), ["1920x1200+0+0"]),
    ],
    ids=["not at the corner", "wider than the display", "one far outside", "one, enormous", "all outside"],
)
async def test_what_the_display_cannot_hold_is_cut_off(x, session, monitors, size, expected):
    client = await session.attach_drawn()
    resized = await arranged(client, *(m.Monitor(*box) for box in monitors))
    assert (resized.width, resized.height) == size
    await until(lambda: are(x, expected))
    await session.until_drawn(client)


async def test_windows_fill_one_monitor_and_go_to_the_next_by_a_key(x, session, tmp_path):
    for name, text in window_manager.files(tmp_path, Scale(1.0, 1, 96)).items():
        (tmp_path / name).write_text(text)
    x.start("openbox", "--sm-disable", "--config-file", str(tmp_path / window_manager.CONFIGURATION_FILE))
    await until(x._has_manager)
    client = await session.attach_drawn()
    await arranged(client, *SIDE_BY_SIDE)
    x.start("xterm", "-e", "cat")
    window = await x.window("--class", "xterm")

    async def place() -> str:
        shell = await x.run("xdotool", "getwindowgeometry", "--shell", str(window))
        values = dict(line.split("=") for line in shell.splitlines())
        return "{WIDTH}x{HEIGHT}+{X}+{Y}".format(**values)

    async def fills(one: str) -> bool:
        return await place() == one

    await until(lambda: fills("1000x700+0+0"))
    for monitor in ("800x600+1000+0", "1000x700+0+0"):
        client.send(
            m.Key(client.next_input(), True, m.META | m.SHIFT, 0, "ArrowRight", "ArrowRight"),
            m.Key(client.next_input(), False, 0, 0, "ArrowRight", "ArrowRight"),
        )
        await until(lambda monitor=monitor: fills(monitor))

"""What is installed, as a real process without rights tells it: of hostile files, too, and pictures that want much."""

from __future__ import annotations

import asyncio
import io
import os
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

from agents.discovery import WAITING
from agents.linux.discovery.host import Discovery
from portcullis.ids import new_id
from portcullis.protocol.discovery import ICON_BYTES, ICON_SIDE, MAXIMUM_APPLICATIONS, Discover, Discovered
from tests.support.pictures import SIGNATURE, chunk, png

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">{}</svg>'
CIRCLE = '<circle cx="32" cy="32" r="30" fill="#00ff00"/>'


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that anybody may read."""
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(parent.stat().st_mode | 0o055)
    (tmp_path / "share/applications").mkdir(parents=True)
    return tmp_path / "share"


def entry(data: Path, name: str, **values: str) -> None:
    keys = {"Type": "Application", "Name": name, "Exec": "sh %f", "Icon": name, **values}
    text = "".join(f"{key}={value}\n" for key, value in keys.items())
    (data / f"applications/{name}.desktop").write_text(f"[Desktop Entry]\n{text}")


def icon(data: Path, name: str, content: bytes | str) -> None:
    path = data / "pixmaps" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


async def asked(data: Path, *icons: str, locale: str = "") -> Discovered:
    wanted = tuple(f"{name}.desktop" for name in icons)
    return await Discovery([data], seconds=60).answer(Discover(new_id(), locale, icons=wanted))


async def drawn(data: Path, *names: str) -> dict[str, bytes]:
    for name in names:
        entry(data, name)
    answer = await asked(data, *names)
    assert answer.outcome == "done"
    return {picture.id.removesuffix(".desktop"): picture.png for picture in answer.icons}


async def test_what_is_installed_is_told_in_the_language_that_is_asked_for(data: Path) -> None:
    entry(data, "editor", **{"Name[de]": "Schreiber"})
    entry(data, "hidden", NoDisplay="true")
    answer = await asked(data, locale="de-AT")
    assert [(each.id, each.name, each.command) for each in answer.applications] == [
        ("editor.desktop", "Schreiber", ("sh",))
    ]
    assert (answer.outcome, answer.next, answer.left_out) == ("done", "", 0)


async def test_icons_are_small_pngs_whatever_they_were(data: Path) -> None:
    noise = Image.frombytes("RGB", (512, 512), os.urandom(512 * 512 * 3))
    large = io.BytesIO()
    noise.save(large, "PNG")
    icon(data, "plain.png", png(512, 512, 90))
    icon(data, "noise.png", large.getvalue())
    icon(data, "drawn.svg", SVG.format(CIRCLE))
    icon(data, "old.xpm", '/* XPM */\nstatic char *x[] = {\n"1 1 1 1",\n"a c #ff0000",\n"a"};\n')
    found = await drawn(data, "plain", "noise", "drawn", "old")
    assert set(found) == {"plain", "noise", "drawn", "old"}
    for content in found.values():
        assert 0 < len(content) <= ICON_BYTES
        with Image.open(io.BytesIO(content)) as image:
            assert image.format == "PNG" and max(image.size) <= ICON_SIDE
    with Image.open(io.BytesIO(found["drawn"])) as image:
        assert image.getpixel((ICON_SIDE // 2, ICON_SIDE // 2)) == (0, 255, 0, 255)


async def test_pictures_that_mean_ill_are_none_and_take_no_other_along(data: Path) -> None:
    bomb = zlib.compress(bytes(4 * 30_000 * 1000), 9)
    header = (30_000).to_bytes(4) * 2 + b"\x08\x06\0\0\0"
    icon(data, "bomb.png", SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", bomb) + chunk(b"IEND"))
    icon(data, "broken.png", png()[:40])
    icon(data, "lies.png", "<html>no picture</html>")
    icon(data, "text.png", SIGNATURE + chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(100_000_000))))
    uses = "".join(f'<g id="a{n}"><use href="#a{n - 1}"/><use href="#a{n - 1}"/></g>' for n in range(1, 60))
    icon(data, "uses.svg", SVG.format(f'<g id="a0">{CIRCLE}</g>{uses}'))
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    icon(
        data, "laughs.svg", f'<!DOCTYPE svg [<!ENTITY e0 "ha">{entities}]>' + SVG.format("<text>&e11;</text>")
    )
    icon(data, "good.png", png(32, 32, 7))
    found = await drawn(data, "bomb", "broken", "lies", "text", "laughs", "good", "uses")
    assert found["good"]
    assert {name for name, content in found.items() if content} <= {"good", "text", "uses", "laughs"}


async def test_an_svg_takes_nothing_from_elsewhere(data: Path) -> None:
    icon(data, "secret.png", png(64, 64, 255))
    uri = (data / "pixmaps/secret.png").as_uri()
    icon(data, "thief.svg", SVG.format(f'<image href="{uri}" width="64" height="64"/>'))
    found = await drawn(data, "thief")
    with Image.open(io.BytesIO(found["thief"])) as image:
        assert image.convert("RGBA").getextrema()[3] == (0, 0), "nothing is drawn"


async def test_files_that_are_not_everybodys_are_not_shown(data: Path) -> None:
    icon(data, "private.png", png())
    (data / "pixmaps/private.png").chmod(0o600)
    entry(data, "private")
    entry(data, "mine")
    (data / "applications/mine.desktop").chmod(0o600)
    answer = await asked(data)
    icons = (await asked(data, "private")).icons
    if os.geteuid() == 0:
        assert [each.id for each in answer.applications] == ["private.desktop"]
        assert [each.png for each in icons] == [b""]
    else:
        assert len(answer.applications) == 2 and icons[0].png


async def test_links_in_circles_pipes_and_devices_end(data: Path) -> None:
    folder = data / "applications"
    (folder / "again").symlink_to(folder)
    (folder / "loop.desktop").symlink_to("loop.desktop")
    (folder / "zero.desktop").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.desktop")
    os.mkfifo(folder / "pipe.png")
    entry(data, "pipe2", Icon=str(folder / "pipe.png"))
    assert [each.id for each in (await asked(data)).applications] == ["pipe2.desktop"]
    assert [each.png for each in (await asked(data, "pipe2")).icons] == [b""]


async def test_more_than_a_host_tells_is_counted_and_comes_in_pages(data: Path) -> None:
    for number in range(MAXIMUM_APPLICATIONS + 3):
        entry(data, f"{number:05}")
    discovery = Discovery([data], seconds=60)
    found, after = [], ""
    while True:
        answer = await discovery.answer(Discover(new_id(), after=after))
        assert (answer.outcome, answer.left_out) == ("done", 3)
        found += [each.id for each in answer.applications]
        if not (after := answer.next):
            break
    assert found == sorted(set(found)) and len(found) == MAXIMUM_APPLICATIONS


async def test_a_look_that_takes_too_long_is_killed_with_what_it_started(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = (
        "import os, subprocess, sys\n"
        f"child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        f"open({str(pid_file)!r}, 'w').write(str(child.pid))\n"
        "sys.stdout.write('{\"id\"'); sys.stdout.flush(); child.wait()\n"
    )
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents[:2]:
        parent.chmod(parent.stat().st_mode | 0o055)
    answer = await Discovery([tmp_path], (sys.executable, "-c", script), seconds=3).answer(Discover(new_id()))
    assert answer.outcome == "failed"
    sleeping = Path(f"/proc/{pid_file.read_text()}/stat")
    for _ in range(500):
        if not sleeping.exists() or sleeping.read_text().rpartition(")")[2].split()[0] == "Z":
            break
        await asyncio.sleep(0.01)
    else:
        pytest.fail("what it started lives on")


@pytest.mark.parametrize(
    "said",
    [
        "",
        "x" * (2 << 20),
        '{"left_out": "many"}\n',
        '["a"]\n7\nnull\n{"id": 7}\n{"id": "a", "name": "b", "command": []}\n',
        "[" * 100_000 + "\n",
    ],
)
async def test_nonsense_of_the_process_is_left_out(said: str) -> None:
    command = (sys.executable, "-c", f"import sys; sys.stdin.read(); sys.stdout.write({said!r})")
    if len(said) > 1000:
        command = (
            sys.executable,
            "-c",
            f"import sys; sys.stdin.read(); sys.stdout.write({said[0]!r} * {len(said)})",
        )
    answer = await Discovery([], command).answer(Discover(new_id()))
    assert answer.outcome in ("done", "failed") and answer.applications == ()


async def test_a_host_that_is_asked_too_much_says_so(data: Path) -> None:
    entry(data, "editor")
    discovery = Discovery([data], seconds=60)
    questions = [discovery.answer(Discover(new_id())) for _ in range(WAITING + 2)]
    outcomes = [answer.outcome for answer in await asyncio.gather(*questions)]
    assert sorted(outcomes) == ["busy", "busy", *["done"] * WAITING]

"""What a Windows host has in its start menu, as the agent's own look tells it: of links that lead nowhere, too."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.start_menu import make_links
from tests.support.wine import Wine

ASK = """
import asyncio, json, sys
from agents.windows.discovery.host import Discovery
from portcullis.protocol.discovery import Discover

async def main(asked):
    discovery = Discovery(asked["folders"], seconds=asked.get("seconds", 60))
    answer = await discovery.answer(Discover("0" * 16, icons=tuple(asked.get("icons", ()))))
    print(json.dumps(answer.to_json()))

asyncio.run(main(json.load(sys.stdin)))
"""
NOTEPAD = r"C:\windows\notepad.exe"
SHELL = r"C:\windows\system32\shell32.dll"


@pytest.fixture(scope="module")
def menus(windows: Wine) -> Iterator[tuple[Path, Path]]:
    """Of the machine, and of a user."""
    machine, user = windows.drive / "machine menu", windows.drive / "menu of user"
    windows_icon = windows.drive / "square.ico"
    Image.new("RGBA", (256, 256), (255, 0, 0, 255)).save(windows_icon, "ICO", sizes=[(256, 256), (32, 32)])
    bomb = windows.drive / "bomb.ico"
    bomb.write_bytes(b"\0\0\1\0\1\0" + b"\xff" * 40)
    make_links(
        windows,
        [
            {
                "path": machine / "Accessories/Notepad.lnk",
                "target": NOTEPAD,
                "arguments": r'/a "b c" d\e',
                "comment": "Writes texts",
                "folder": r"C:\windows",
                "icon": [SHELL, 3],
            },
            {"path": machine / "Square.lnk", "target": NOTEPAD, "icon": [windows.path(windows_icon), 0]},
            {"path": machine / "Bomb.lnk", "target": NOTEPAD, "icon": [windows.path(bomb), 0]},
            {"path": machine / "Far icon.lnk", "target": NOTEPAD, "icon": [r"\\10.0.0.9\share\x.dll", 0]},
            {"path": machine / "Nowhere.lnk", "target": r"C:\windows\gone.exe"},
            {"path": machine / "Far.lnk", "target": r"\\10.0.0.9\share\program.exe"},
            {"path": machine / "Text.lnk", "target": r"C:\windows\win.ini"},
            {"path": user / "Grüße 漢字.lnk", "target": NOTEPAD},
            {"path": user / "Square.lnk", "target": NOTEPAD},
        ],
    )
    (machine / "Damaged.lnk").write_bytes(b"L\0\0\0" + bytes(range(200)))
    (machine / "Empty.lnk").write_bytes(b"")
    (machine / "Large.lnk").write_bytes(bytes(1 << 20))
    (machine / "Folder.lnk").mkdir()
    (machine / "again").symlink_to(machine)
    (machine / "turned\u202egpj.lnk").write_bytes((machine / "Square.lnk").read_bytes())
    yield machine, user


def ask(windows: Wine, folders: dict[str, str], *icons: str, seconds: float = 60) -> dict[str, Any]:
    asked = {"folders": folders, "icons": icons, "seconds": seconds}
    told = windows.python("-c", ASK, stdin=json.dumps(asked).encode()).stdout
    answer: dict[str, Any] = json.loads(told)
    return answer


async def test_links_that_start_a_program_are_told_and_no_others(
    windows: Wine, menus: tuple[Path, Path]
) -> None:
    machine, user = map(windows.path, menus)
    answer = await asyncio.to_thread(ask, windows, {"machine": machine, "user": user})
    assert answer["outcome"] == "done"
    assert [each["id"] for each in answer["applications"]] == [
        "machine/Accessories/Notepad.lnk",
        "machine/Bomb.lnk",
        "machine/Far icon.lnk",
        "machine/Square.lnk",
        "user/Grüße 漢字.lnk",
    ]
    first = answer["applications"][0]
    assert (first["name"], first["comment"], first["categories"]) == (
        "Notepad",
        "Writes texts",
        ["Accessories"],
    )
    assert first["command"] == [NOTEPAD, "/a", "b c", r"d\e"]
    assert first["working_directory"] == r"C:\windows" and first["icon"]


async def test_icons_are_small_pngs_of_programs_and_icon_files(
    windows: Wine, menus: tuple[Path, Path]
) -> None:
    wanted = (
        "machine/Accessories/Notepad.lnk",
        "machine/Square.lnk",
        "machine/Bomb.lnk",
        "machine/Nowhere.lnk",
    )
    answer = await asyncio.to_thread(ask, windows, {"machine": windows.path(menus[0])}, *wanted)
    found = {each["id"]: base64.b64decode(each["png"]) for each in answer["icons"]}
    assert set(found) == set(wanted[:3]) and not found["machine/Bomb.lnk"]
    with Image.open(io.BytesIO(found["machine/Square.lnk"])) as image:
        assert (image.format, image.size, image.getpixel((64, 64))) == ("PNG", (128, 128), (255, 0, 0, 255))
    with Image.open(io.BytesIO(found["machine/Accessories/Notepad.lnk"])) as image:
        assert max(image.size) <= 128 and len(image.convert("RGB").getcolors(1 << 14) or ()) > 8


async def test_a_look_that_takes_too_long_is_ended(windows: Wine, menus: tuple[Path, Path]) -> None:
    answer = await asyncio.to_thread(ask, windows, {"machine": windows.path(menus[0])}, seconds=0.05)
    assert answer["outcome"] == "failed"


async def test_the_menus_of_this_machine_are_known(windows: Wine) -> None:
    code = "from agents.windows.discovery.host import menus; import json; print(json.dumps(menus()))"
    told = json.loads((await asyncio.to_thread(windows.python, "-c", code)).stdout)
    assert told["machine"] == r"C:\ProgramData\Microsoft\Windows\Start Menu\Programs"
    assert told["user"].startswith("C:\\users\\") and told["user"].endswith("\\Start Menu\\Programs")

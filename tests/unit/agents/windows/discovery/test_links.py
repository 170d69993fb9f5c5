"""What a link may start: programs on disks of this machine."""

from __future__ import annotations

import pytest

from agents.windows.discovery.links import command_of

NOTEPAD = r"C:\Windows\notepad.exe"


def test_programs_and_scripts_get_their_arguments_and_snap_ins_their_program() -> None:
    assert command_of(NOTEPAD, '/p "a b.txt"') == (NOTEPAD, "/p", "a b.txt")
    assert command_of(r"D:\tools\run it.CMD", "x") == (r"D:\tools\run it.CMD", "x")
    assert command_of(r"C:\Windows\system32\services.msc", "") == (
        "mmc.exe",
        r"C:\Windows\system32\services.msc",
    )


@pytest.mark.parametrize(
    "target",
    [
        "",
        "notepad.exe",
        r"\\server\share\program.exe",
        r"\\?\C:\Windows\notepad.exe",
        r"\\.\pipe\x.exe",
        r"C:notepad.exe",
        r"C:\Windows\..\notepad.exe",
        r"C:\Windows\notepad.exe:stream.exe|",
        "C:\\Windows\\note\x07pad.exe",
        r"C:\readme.txt",
        r"C:\Windows\system32\Bubbles.scr",
        r"C:\Program Files\x\unins000.exe",
        r"C:\Program Files\x\Uninstall.exe",
        r"C:\Windows\system32\msiexec.exe",
        "::{20D04FE0-3AEA-1069-A2D8-08002B30309D}",
        "C:\\" + "a" * 2000 + ".exe",
    ],
)
def test_what_is_elsewhere_is_no_program_or_takes_one_away_is_left_out(target: str) -> None:
    assert command_of(target, "") == ()


def test_arguments_without_end_are_left_out() -> None:
    assert command_of(NOTEPAD, "x" * 5000) == ()

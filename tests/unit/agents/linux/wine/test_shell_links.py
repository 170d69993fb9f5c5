"""Shell links: what Windows and Wine write is read, what is damaged is refused, and nothing else comes out."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.linux.wine.shell_links import ShellLink, read_link

CLASS = bytes.fromhex("0114020000000000c000000000000046")


def link(
    path: str = "C:\\App\\app.exe", arguments: str = "", ids: bytes = b"", is_wide: bool = False
) -> bytes:
    flags = 2 | (32 | 128 if arguments else 0) | (1 if ids else 0)
    data = struct.pack("<I", 0x4C) + CLASS + struct.pack("<I", flags) + bytes(0x4C - 24)
    data += struct.pack("<H", len(ids)) + ids if ids else b""
    plain = path.encode("cp1252", "replace") + b"\0"
    header = 0x24 if is_wide else 0x1C
    wide = path.encode("utf-16-le") + b"\0\0" if is_wide else b""
    offsets = struct.pack("<IIIII", 1, 0, header, 0, header + len(plain) - 1)
    if is_wide:
        offsets += struct.pack("<II", header + len(plain), 0)
    info = struct.pack("<I", header) + offsets + plain + wide
    data += struct.pack("<I", len(info) + 4) + info
    return data + (struct.pack("<H", len(arguments)) + arguments.encode("utf-16-le") if arguments else b"")


def test_path_and_arguments_are_read() -> None:
    assert read_link(link(arguments="/new é")) == ShellLink("C:\\App\\app.exe", "/new é")
    assert read_link(link(ids=b"\x01\x02\0\0")).path == "C:\\App\\app.exe"
    assert read_link(link("C:\\漢字\\a.exe", is_wide=True)).path == "C:\\漢字\\a.exe"


@pytest.mark.parametrize("data", [b"", b"MZ" * 100, link()[:60], link(arguments="abc")[:-2]])
def test_what_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"shell link|cut short"):
        read_link(data)


@given(st.binary(max_size=300), st.integers(0, 120))
def test_damage_is_refused_or_read_and_nothing_else(noise: bytes, at: int) -> None:
    damaged = link(arguments="x")[:at] + noise + link(arguments="x")[at + len(noise) :]
    try:
        assert isinstance(read_link(damaged), ShellLink)
    except ValueError:
        pass

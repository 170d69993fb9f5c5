from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path

import pytest

from portcullis.cli.icons import MAXIMUM_BYTES, IconError, content_type_of, load


def png() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0\xff\0\0")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_a_file_beside_the_document_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())
    icon = load("a.png", tmp_path)
    assert icon.content_type == "image/png"
    assert base64.b64decode(icon.to_json()["data"]) == png()


def test_a_document_may_hold_its_icon() -> None:
    text = base64.b64encode(png()).decode()
    icon = load(f"data:image/png;base64,{text[:20]}\n  {text[20:]}", Path())
    assert (icon.content_type, icon.data) == ("image/png", png())


@pytest.mark.parametrize(
    "url",
    [
        "data:",
        "data:image/png;base64,",
        "data:image/png;base64,AAA",
        "data:image/png;base64,%%%%",
        "data:text/html;base64,AAAA",
        f"data:image/svg+xml;base64,{base64.b64encode(png()).decode()}",
        "data:image/png;base64," + "A" * 60_000,
    ],
)
def test_what_a_document_holds_is_an_icon_or_refused(url: str) -> None:
    with pytest.raises(IconError, match="data:image/png"):
        load(url, Path())


def test_a_name_is_found_in_this_machines_themes() -> None:
    icon = load("mousepad", Path())
    assert len(icon.data) <= MAXIMUM_BYTES
    assert content_type_of(icon.data) == icon.content_type


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("no-such-icon-anywhere", None, "an icon or application that this machine has"),
        ("gone.png", None, "a readable file"),
        ("./folder", None, "a readable file"),
        ("a\0.png", None, "a readable file"),
        ("big.png", b"\x89PNG\r\n\x1a\n" + bytes(MAXIMUM_BYTES), "a file of at most 32 KB"),
        ("text.png", b"hello", "a PNG or SVG file"),
        ("empty.svg", b"", "a PNG or SVG file"),
        ("page.svg", b"<html><svg/></html>", "a PNG or SVG file"),
    ],
)
def test_what_is_no_icon_is_named(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    (tmp_path / "folder").mkdir()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(IconError, match=message):
        load(name, tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"<svg/>", b'<?xml version="1.0"?>\n<svg/>', b"\xef\xbb\xbf<svg/>", b"<!-- made by hand --><svg/>"],
)
def test_an_svg_is_known_by_its_content(content: bytes) -> None:
    assert content_type_of(content) == "image/svg+xml"

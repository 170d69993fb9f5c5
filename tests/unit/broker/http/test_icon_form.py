"""Icons: what they say they are, small enough, and nothing in them that acts."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.http.admin.icon_form import MAXIMUM_ICON_BYTES, parse_icon
from portcullis.errors import InvalidInput
from tests.support.pictures import SIGNATURE, chunk, png


def _svg(inside: str = "", attributes: str = "", before: str = "") -> bytes:
    return f'{before}<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{inside}</svg>'.encode()


def _is_accepted(content_type: str, data: bytes) -> bool:
    try:
        return parse_icon(content_type, data, lambda field: f"icon.{field}").data == data
    except InvalidInput as error:
        assert error.field == "icon.data"
        return False


@pytest.mark.parametrize(
    ("data", "accepted"),
    [
        (png(1, 1), True),
        (png(1024, 1024), True),
        (png(1, 1, size=(0, 1)), False),
        (png(1025, 16), False),
        (png(1, 1, size=(2**31, 2**31)), False),
        (png(16, 16, size=(16, 17)), False),
        (png(16, 16, size=(16, 15)), False),
        (png(16, 16)[:20], False),
        (png(16, 16)[:-1], False),
        (png(16, 16).replace(b"IHDR", b"IHDX"), False),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, False),
        (b"GIF89a" + b"\0" * 40, False),
        (b"<svg/>", False),
        (b"", False),
        (png(16, 16) + b"\0" * MAXIMUM_ICON_BYTES, False),
    ],
)
def test_a_png_has_its_signature_and_an_ordinary_size(data: bytes, accepted: bool) -> None:
    assert _is_accepted("image/png", data) is accepted


DOCTYPE = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
BOMB = '<!DOCTYPE s [<!ENTITY a "xxxxxxxxxx"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "data",
    [
        _svg(),
        _svg('<path style="fill:url(#g)"/>', before='<?xml version="1.0" encoding="UTF-8"?>'),
        _svg(before=DOCTYPE),
        _svg("<style>.a{fill:red}</style>"),
        _svg('<use xlink:href="#a"/>', 'xmlns:xlink="http://www.w3.org/1999/xlink"'),
        _svg(f'<image href="data:image/png;base64,{base64.b64encode(png(4, 4)).decode()}"/>'),
        _svg('<g id="a"><path/></g>' + '<use href="#a"/>' * 100),
    ],
)
def test_inert_pictures_are_accepted(data: bytes) -> None:
    assert _is_accepted("image/svg+xml", data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not xml",
        b"<svg/>",
        b"<html xmlns='http://www.w3.org/1999/xhtml'/>",
        _svg()[:-3],
        _svg("<script>alert(1)</script>"),
        _svg('<x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>'),
        _svg("<foreignObject/>"),
        _svg(attributes='onload="alert(1)"'),
        _svg('<a href="javascript:alert(1)"/>'),
        _svg('<set attributeName="href" to="javascript:alert(1)"/>'),
        _svg('<a href=" https://elsewhere.example/"/>'),
        _svg('<image href="data:image/svg+xml;base64,AAAA"/>'),
        _svg('<image href="data:image/png;base64,AAAA"/>'),
        _svg(f'<image href="data:image/png;base64,{base64.b64encode(png(1025, 1)).decode()}"/>'),
        _svg('<g id="a"><use href="#a"/></g>'),
        _svg(
            '<pattern id="a"><path fill="url(#b)"/></pattern><pattern id="b"><path fill="url(#a)"/></pattern>'
        ),
        _svg("".join(f'<g id="a{n}"><use href="#a{n - 1}"/><use href="#a{n - 1}"/></g>' for n in range(40))),
        _svg("<g>" * 100 + "</g>" * 100),
        _svg('<path style="fill:url(https://elsewhere.example/x)"/>'),
        _svg("<style>@import 'https://elsewhere.example/x';</style>"),
        _svg(before='<?xml-stylesheet href="https://elsewhere.example/x"?>'),
        _svg("&b;", before=BOMB),
        _svg().decode().encode("utf-16"),
        _svg("\0"),
        b"\xff" + _svg(),
    ],
)
def test_pictures_that_act_or_reach_out_are_refused(data: bytes) -> None:
    assert not _is_accepted("image/svg+xml", data)


def test_what_makes_no_picture_of_a_png_is_left_out() -> None:
    plain = png(3, 2)
    comment = chunk(b"tEXt", b"Comment\0<script>alert(1)</script>")
    at = len(SIGNATURE) + 25
    sent = plain[:at] + comment + plain[at:] + b"<script>alert(2)</script>"
    assert parse_icon("image/png", sent, str).data == plain


def test_a_png_that_was_written_anew_stays_as_it_is() -> None:
    plain = png(3, 2)
    body = plain[len(SIGNATURE) + 25 + 8 : -12 - 4]
    parts = chunk(b"IDAT", body[:5]) + chunk(b"IDAT", body[5:])
    once = parse_icon("image/png", plain[: len(SIGNATURE) + 25] + parts + chunk(b"IEND"), str).data
    assert once == plain
    assert parse_icon("image/png", once, str).data == once


@pytest.mark.parametrize(
    "odd",
    [
        chunk(b"IDAT", b"\0"),
        chunk(b"QQQQ", b"critical"),
        chunk(b"IHDR", bytes(13)),
        chunk(b"tEXt", b"x")[:-1] + b"\0",
        b"\xff\xff\xff\xffIDAT",
    ],
)
def test_a_png_of_odd_chunks_is_refused(odd: bytes) -> None:
    plain = png(3, 2)
    at = len(SIGNATURE) + 25
    assert not _is_accepted("image/png", plain[:at] + odd + plain[at:])


@given(st.sampled_from(["image/png", "image/svg+xml"]), st.binary(max_size=64))
def test_no_bytes_raise_anything_else(content_type: str, data: bytes) -> None:
    assert _is_accepted(content_type, data) in (True, False)

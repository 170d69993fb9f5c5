"""What a host says of what it has installed: pages, bounds, and what makes no sense."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.errors import ProtocolError
from portcullis.protocol.channel import MAXIMUM_FROM_AGENT_BYTES, encode, parse_from_agent, parse_from_broker
from portcullis.protocol.discovery import (
    ICON_BYTES,
    MAXIMUM_ICONS,
    PAGE_APPLICATIONS,
    Discover,
    Discovered,
    Installed,
    Picture,
    page_of,
)

ID = "0123456789abcdef"
EDITOR = Installed(
    *("editor.desktop", "Editor", ("mousepad", "--x"), "Edits", ("Utility",), ("text/plain",), ("text",)),
    *("Mousepad", "/opt", True, True),
)


def test_messages_come_back_as_they_were() -> None:
    question = Discover(ID, "de-AT", "a.desktop", ("b.desktop",))
    answer = Discovered(ID, "done", (EDITOR,), "z.desktop", 3, (Picture("b.desktop", b"\x89PNG"),))
    assert parse_from_broker(encode(question)) == question
    assert parse_from_agent(encode(answer)) == answer


def test_a_list_comes_in_pages_that_miss_and_repeat_nothing() -> None:
    everything = [
        replace(EDITOR, id=f"{n:04}.desktop", comment="ß" * 512) for n in range(2 * PAGE_APPLICATIONS + 7)
    ]
    found: list[Installed] = []
    after, pages = "", 0
    while True:
        page = page_of(Discover(ID, after=after), everything, 5)
        assert len(encode(page).encode()) < MAXIMUM_FROM_AGENT_BYTES
        assert parse_from_agent(encode(page)) == page
        found += page.applications
        pages += 1
        if not page.next:
            break
        after = page.next
    assert found == everything
    assert pages >= 3


def test_the_largest_answer_of_icons_fits_into_a_message() -> None:
    icons = tuple(Picture(f"{n}.desktop", bytes(ICON_BYTES)) for n in range(MAXIMUM_ICONS))
    text = encode(Discovered(ID, "done", icons=icons))
    assert len(text) < MAXIMUM_FROM_AGENT_BYTES
    assert parse_from_agent(text) == Discovered(ID, "done", icons=icons)


def test_one_application_may_be_larger_than_a_page() -> None:
    large = replace(EDITOR, command=tuple("x" * 4096 for _ in range(64)), mime_types=("m" * 128,) * 64)
    page = page_of(Discover(ID), [large, large.__class__("z.desktop", "Z", ("z",))])
    assert page.applications[0] == large


@pytest.mark.parametrize(
    "changed",
    [
        {"id": ""},
        {"id": "a\u202eb"},
        {"name": "two\nlines"},
        {"name": "x" * 513},
        {"name": 7},
        {"command": []},
        {"command": ["\0"]},
        {"command": ["x"] * 65},
        {"comment": "\x1b[31m"},
        {"categories": ["x" * 129]},
        {"categories": "Utility"},
        {"terminal": "yes"},
    ],
)
def test_an_application_that_makes_no_sense_is_left_out(changed: dict[str, Any]) -> None:
    said = Discovered(ID, "done", (EDITOR,)).to_json()
    said["applications"].append({**EDITOR.to_json(), **changed})
    parsed = parse_from_agent(json.dumps(said))
    assert isinstance(parsed, Discovered) and parsed.applications == (EDITOR,)


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "x"},
        {"outcome": "splendid"},
        {"applications": [{}] * 501},
        {"icons": [{"id": "a", "png": "A" * 50_000}]},
    ],
)
def test_an_answer_beyond_its_bounds_is_an_error(changed: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        parse_from_agent(json.dumps({**Discovered(ID, "done").to_json(), **changed}))


def test_a_picture_that_is_no_base64_is_none() -> None:
    said = {**Discovered(ID, "done").to_json(), "icons": [{"id": "a", "png": "%%%"}]}
    parsed = parse_from_agent(json.dumps(said))
    assert isinstance(parsed, Discovered) and parsed.icons == (Picture("a", b""),)


@given(
    st.dictionaries(
        st.sampled_from(list(EDITOR.to_json())), st.none() | st.integers() | st.text() | st.lists(st.text())
    )
)
def test_no_application_raises(changed: dict[str, Any]) -> None:
    said = {**Discovered(ID, "done").to_json(), "applications": [{**EDITOR.to_json(), **changed}]}
    parsed = parse_from_agent(json.dumps(said))
    assert isinstance(parsed, Discovered) and len(parsed.applications) <= 1

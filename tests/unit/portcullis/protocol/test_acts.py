"""Acts on sessions as they travel, and texts as they may be shown."""

from __future__ import annotations

import pytest

from portcullis.errors import ProtocolError
from portcullis.protocol.acts import LONGEST_TEXT, MAXIMUM_PROCESSES, Act, Acted, Process, clean_text
from portcullis.protocol.channel import encode, parse_from_agent, parse_from_broker

ID, TENANT, SESSION = "1" * 16, "2" * 16, "3" * 16


@pytest.mark.parametrize("kind", ["disconnect", "tell", "processes"])
def test_an_act_comes_back_as_it_was(kind: str) -> None:
    act = Act(ID, TENANT, SESSION, kind, "Bitte speichern 漢字 😀")  # type: ignore[arg-type]
    assert parse_from_broker(encode(act)) == act


def test_an_act_of_a_later_version_is_ignored() -> None:
    text = encode(Act(ID, TENANT, SESSION, "tell")).replace('"tell"', '"sing"')
    assert parse_from_broker(text) is None


def test_an_answer_holds_so_many_processes_and_no_more() -> None:
    process = Process(1, "sh", "/bin/sh", 0.5, 1, 0.0)
    found = parse_from_agent(encode(Acted(ID, "done", (process,) * (MAXIMUM_PROCESSES + 9))))
    assert isinstance(found, Acted) and found.processes == (process,) * MAXIMUM_PROCESSES


@pytest.mark.parametrize(
    "change", [('"done"', '"maybe"'), ('"pid":1', '"pid":-1'), ('"cpu_seconds":0.5', '"cpu_seconds":"x"')]
)
def test_a_malformed_answer_is_an_error(change: tuple[str, str]) -> None:
    text = encode(Acted(ID, "done", (Process(1, "sh", "", 0.5, 1, 0.0),)))
    assert change[0] in text
    with pytest.raises(ProtocolError):
        parse_from_agent(text.replace(*change))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  Save now,\nplease \t", "Save now, please"),
        ("a\u202eb\u2066c\x00d\x1b[31m", "abcd[31m"),
        ("漢字 😀", "漢字 😀"),
        ("x" * (LONGEST_TEXT + 50), "x" * LONGEST_TEXT),
        ("\u200f\n", ""),
    ],
)
def test_a_text_is_shown_as_one_paragraph_without_tricks(text: str, shown: str) -> None:
    assert clean_text(text) == shown

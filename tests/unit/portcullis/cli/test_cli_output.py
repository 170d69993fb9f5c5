from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.cli.changing import path_of
from portcullis.cli.documents import spell
from portcullis.cli.output import moment, safe, table, width
from portcullis.cli.qr import draw, modules
from portcullis.cli.reading import explanation, host_state, session_state


def test_columns_stand_under_their_headings() -> None:
    assert table(("NAME", "STATE"), [("Text editor", True), ("表計算", None), ("x", ["a", "b"])]) == (
        "NAME         STATE\n"
        "Text editor  yes\n"
        "表計算       -\n"
        "x            a, b"
    )  # fmt: skip


@given(st.text())
def test_nothing_printed_can_drive_a_terminal(text: str) -> None:
    assert safe(text).isprintable()


def test_printable_text_is_left_alone() -> None:
    assert safe("Tabelle – 表計算") == "Tabelle – 表計算"
    assert safe("a\x1b[2J\nb") == "a\\x1b[2J\\nb"


def test_wide_and_combining_characters_are_measured() -> None:
    assert width("表") == 2
    assert width("e\u0301") == 1


@pytest.mark.parametrize("value", [None, True, "now", float("nan"), float("inf"), 1e300])
def test_what_is_no_time_is_not_shown_as_one(value: object) -> None:
    assert moment(value) is None


def test_a_code_has_its_quiet_zone_and_all_modules() -> None:
    rows = modules("otpauth://totp/x?secret=ABC")
    drawn = draw("otpauth://totp/x?secret=ABC", "utf-8").splitlines()
    assert not any(rows[0]) and not any(rows[-1])
    assert len(drawn) == (len(rows) + 1) // 2
    assert {len(line) for line in drawn} == {len(rows)}
    dark = {"█": (False, False), "▀": (False, True), "▄": (True, False), " ": (True, True)}
    upper = [[dark[c][0] for c in line] for line in drawn]
    assert upper == rows[::2]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", None, "no-such"])
def test_a_terminal_without_blocks_gets_ascii(encoding: str | None) -> None:
    drawn = draw("x", encoding)
    assert set(drawn) <= {"#", " ", "\n"}
    assert len(drawn.splitlines()) == len(modules("x"))


paths = st.lists(
    st.from_regex(r"[a-zA-Z_]{1,8}", fullmatch=True) | st.integers(0, 99), min_size=1, max_size=4
).filter(lambda path: isinstance(path[0], str))


@given(paths)
def test_a_field_that_the_service_names_is_found_again(path: list[str | int]) -> None:
    assert path_of(spell(tuple(path))) == tuple(path)


@pytest.mark.parametrize(
    ("item", "state"),
    [
        ({"online": True}, "online"),
        ({"online": False}, "offline"),
        ({"online": True, "draining": True}, "draining"),
        ({"online": True, "draining": True, "revoked": True}, "revoked"),
        ({}, "offline"),
    ],
)
def test_a_host_has_one_state(item: dict[str, object], state: str) -> None:
    assert host_state(item) == state


def test_a_trace_reads_from_the_outcome_to_its_steps() -> None:
    trace = {
        "reference": "7f3a",
        "time": 0,
        "user": "demo",
        "application": "Text editor",
        "code": "host_full",
        "message": "Every place is taken.",
        "steps": [
            {"step": "entitlement", "outcome": "passed", "detail": "by user"},
            {"step": "hosts", "outcome": "failed", "detail": "alpha: 20 of 20\x1b[2J"},
        ],
    }
    lines = explanation(trace).splitlines()
    assert lines[3] == "  outcome      Every place is taken. [host_full]"
    assert lines[6].split() == ["ok", "entitlement", "by", "user"]
    assert lines[7].startswith("FAILED  hosts")
    assert "\x1b" not in explanation(trace)


def test_a_trace_without_steps_reads_as_well() -> None:
    outcome, _, remedy = explanation({"code": "not_entitled"}).partition("\n\nWhat to do:\n")
    assert outcome.endswith("[not_entitled]")
    assert "under `entitled`" in remedy


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ({"state": "pending", "position": 3}, "waiting, position 3"),
        ({"state": "pending", "position": None}, "pending"),
        ({"state": "active"}, "active"),
    ],
)
def test_a_session_that_waits_in_line_says_where(item: dict[str, object], text: str) -> None:
    assert session_state(item) == text

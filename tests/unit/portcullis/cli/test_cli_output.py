from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.cli.changing import path_of
from portcullis.cli.documents import spell
from portcullis.cli.explaining import explanation, parse_age, parse_time, simulation
from portcullis.cli.output import moment, safe, table, width
from portcullis.cli.qr import draw, modules
from portcullis.cli.reading import host_state, session_state
from portcullis.errors import InvalidInput


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


def test_an_explanation_ends_with_the_present_and_what_was_changed() -> None:
    change = {"time": 0, "author": "root", "kind": "application", "name": "Files\x1b[2J", "action": "change"}
    fields = [{"field": "entitled.groups", "from": [], "to": ["staff", "sales"]}]
    now = {"verdict": "launches", "message": "Files starts on h1.", "code": ""}
    text = explanation({"code": "not_entitled", "now": now, "changes": [{**change, "fields": fields}]})
    told = text.partition("The same launch now: ")[2]
    assert told.startswith("LAUNCHES. Files starts on h1.\n\nWhat was changed since:\n")
    assert "entitled.groups: - to staff, sales" in told and "\x1b" not in text


def test_a_simulation_reads_from_the_verdict_to_the_remedy() -> None:
    step = {"step": "quota", "outcome": "skipped", "detail": "not asked"}
    said = {
        "user": "ann",
        "application": "Files",
        "verdict": "refused",
        "code": "no_host",
        "message": "No host.",
    }
    lines = simulation({**said, "steps": [step], "remedy": "Add one."}).splitlines()
    assert lines[0] == "ann launches Files: REFUSED. No host. [no_host]"
    assert lines[3].split() == ["skipped", "quota", "not", "asked"]
    assert lines[-2:] == ["What to do:", "  Add one."]


def test_times_are_read_as_dates_or_as_numbers() -> None:
    assert parse_time("1763985600") == parse_time("2025-11-24T12:00:00+00:00") == 1763985600
    assert (parse_age("none"), parse_age("7.5")) == (None, 7.5)
    for parse, text in ((parse_time, "noon"), (parse_time, "2025-99-01"), (parse_age, "soon")):
        with pytest.raises(InvalidInput):
            parse(text)


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

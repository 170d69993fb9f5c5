"""A log line is one line, whatever is logged."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.ids import new_secret
from portcullis.logs import LineFormatter, configure, ids


def line(message: str, *arguments: object, extra: dict[str, Any] | None = None, exc_info: Any = None) -> str:
    record = logging.LogRecord("name", logging.WARNING, "file", 1, message, arguments, exc_info)
    record.__dict__.update(extra or {})
    return LineFormatter("broker").format(record)


@pytest.fixture
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_has_time_level_part_message_and_ids() -> None:
    shown = line("session %s", "started", extra=ids(session="s1", host="h1", absent=None))
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warning broker session started session=s1 host=h1", shown
    )


@given(st.text(max_size=50))
def test_nothing_logged_forges_a_line(text: str) -> None:
    shown = line("%s", text, extra=ids(name=text))
    assert shown.isprintable()
    assert len(shown.splitlines()) == 1


@pytest.mark.parametrize("text", ["\n", "\r", "\x1b[2J", "\u2028", "\x85", "\0", "\u202e", "\x7f"])
def test_control_characters_are_spelled_out(text: str) -> None:
    shown = line(f"a{text}b")
    assert text not in shown
    assert "\\" in shown


@given(st.text('ab\n\\=" ', max_size=8), st.text('ab\n\\=" ', max_size=8))
def test_a_value_cannot_pose_as_another_field(one: str, other: str) -> None:
    """What a value holds stays one field: two events that differ read differently."""
    if one != other:
        assert line("m", extra=ids(user=one)) != line("m", extra=ids(user=other))


def test_a_value_with_blanks_is_one_field() -> None:
    shown = line("m", extra=ids(user='x role="administrator"', path="a\\b", session="s"))
    assert shown.endswith(r' m user="x role=\"administrator\"" path="a\\b" session=s')


def test_a_secret_shows_its_kind_alone() -> None:
    secret = new_secret("login", "0" * 16)
    shown = line("login %s", secret, extra=ids(login=secret))
    assert secret.text.rsplit("_", 1)[1] not in shown
    assert "login_0000000000000000_…" in shown


def test_an_exception_follows_its_line() -> None:
    try:
        raise ValueError("why")
    except ValueError:
        shown = line("failed", exc_info=sys.exc_info())
    first, *rest = shown.splitlines()
    assert first.endswith("failed")
    assert rest[0].startswith("Traceback")
    assert rest[-1] == "ValueError: why"


@pytest.mark.usefixtures("_logging_as_before")
def test_configuring_twice_writes_each_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure("broker")
    configure("gateway", "warning")
    logging.getLogger("any.module").warning("seen", extra=ids(n=1))
    logging.getLogger("any.module").info("not seen")
    assert re.fullmatch(r"\S+ warning gateway seen n=1\n", capsys.readouterr().err)

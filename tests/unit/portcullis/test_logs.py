"""A log line is one line, whatever is logged."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.errors import InvalidInput
from portcullis.ids import new_secret
from portcullis.logs import (
    JsonFormatter,
    LineFormatter,
    belong_to,
    bound,
    configure,
    ids,
    without_secrets,
)
from portcullis.tasks import spawn


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


def as_json(
    message: str, *arguments: object, extra: dict[str, Any] | None = None, exc_info: Any = None
) -> Any:
    record = logging.LogRecord("a.module", logging.INFO, "file", 1, message, arguments, exc_info)
    record.__dict__.update(extra or {})
    return json.loads(JsonFormatter("gateway").format(record))


def test_an_event_as_json_has_its_ids_beside_the_rest() -> None:
    event = as_json("stream %s", "runs", extra=ids(session="s1", e=3, host=None))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event.pop("time"))
    assert event == {
        "level": "info",
        "part": "gateway",
        "message": "stream runs",
        "logger": "a.module",
        "session": "s1",
        "e": 3,
    }


@given(st.text(max_size=50))
def test_an_event_as_json_is_one_line_whatever_is_logged(text: str) -> None:
    record = logging.LogRecord("name", logging.INFO, "file", 1, "%s", (text,), None)
    record.__dict__.update(ids(name=text))
    line = JsonFormatter("broker").format(record)
    assert line.isascii() and len(line.splitlines()) == 1
    assert json.loads(line)["message"] == without_secrets(text)


def test_an_id_cannot_pose_as_a_field_of_the_event() -> None:
    event = as_json("m", extra=ids(level="error", part="broker", exception="x"))
    assert (event["level"], event["part"], event["level_"], event["part_"]) == (
        "info",
        "gateway",
        "error",
        "broker",
    )
    assert event["exception_"] == "x"


def test_an_exception_stands_in_its_event() -> None:
    try:
        raise ValueError("why")
    except ValueError:
        event = as_json("failed", exc_info=sys.exc_info())
    assert event["exception"].endswith("ValueError: why")


def test_bound_ids_are_in_every_line_inside_and_in_none_after() -> None:
    with bound(session="s1", reference=None):
        with bound(connection="c1"):
            assert line("m", extra=ids(code="x")).endswith("broker m code=x session=s1 connection=c1")
        assert line("m").endswith("broker m session=s1")
    assert line("m").endswith("broker m")


def test_what_a_call_says_holds_against_what_is_bound() -> None:
    with bound(session="outer"):
        assert line("m", extra=ids(session="inner")).endswith("m session=inner")


async def test_two_tasks_do_not_see_each_others_ids() -> None:
    both = asyncio.Barrier(2)

    async def work(name: str) -> str:
        with bound(session=name):
            await both.wait()
            return await spawn(nested(), name="nested")

    async def nested() -> str:
        await asyncio.sleep(0)
        return line("m")

    one, other = await asyncio.gather(spawn(work("s1"), name="one"), spawn(work("s2"), name="other"))
    assert one.endswith(" session=s1")
    assert other.endswith(" session=s2")


def test_callbacks_carry_what_was_bound_when_they_were_asked_for() -> None:
    loop = asyncio.new_event_loop()
    lines: list[str] = []
    with bound(session="s1"):
        loop.call_soon(lambda: (lines.append(line("m")), loop.stop()))
    loop.run_forever()
    loop.close()
    assert lines[0].endswith(" session=s1")


@pytest.mark.usefixtures("_logging_as_before")
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_process_can_belong_to_a_session(capsys: pytest.CaptureFixture[str], form: str) -> None:
    configure("worker", form=form)
    belong_to(session="s1", reference="")
    logging.getLogger("any.module").info("seen")
    shown = capsys.readouterr().err
    assert ("session=s1" if form == "text" else '"session": "s1"') in shown
    assert "reference" not in shown


@pytest.mark.parametrize("kind", ["api", "login", "ticket", "join", "enrol"])
@pytest.mark.parametrize("form", [LineFormatter, JsonFormatter])
def test_a_bearer_secret_in_an_exception_is_cut(kind: str, form: Any) -> None:
    secret = f"{kind}_{'1' * 16}_{'ab' * 32}"
    try:
        raise ValueError(f"bad token {secret}")
    except ValueError:
        record = logging.LogRecord("n", logging.ERROR, "f", 1, "failed: %s", (secret,), sys.exc_info())
    record.__dict__.update(ids(token=secret))
    shown = form("broker").format(record)
    assert "ab" * 8 not in shown
    assert f"{kind}_{'1' * 16}_" in shown


@pytest.mark.parametrize(("level", "form"), [("loud", "text"), ("info", "xml")])
def test_a_level_or_form_that_there_is_not_is_refused(level: str, form: str) -> None:
    with pytest.raises(InvalidInput):
        configure("broker", level, form)

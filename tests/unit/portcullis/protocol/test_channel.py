"""The control channel's codec: what one side writes the other reads; nothing malformed or unbounded gets in."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.errors import ProtocolError
from portcullis.model.session import Display
from portcullis.model.stream_figures import StreamFigures
from portcullis.protocol.channel import (
    MAXIMUM_FROM_AGENT_BYTES,
    Cut,
    FromAgent,
    FromBroker,
    encode,
    parse_from_agent,
    parse_from_broker,
)
from portcullis.protocol.checks import Check, Checked, CheckResult
from portcullis.protocol.directory import Directory, GatewayEntry, Welcome
from portcullis.protocol.orders import MAXIMUM_SLOTS, Desired, Order, encode_desired, encode_order
from portcullis.protocol.reports import Heartbeat, Hello, Report

REPORT = Report("0123456789abcdef", "fedcba9876543210", "ended", "display", "display_failed", "no tmpfs", -9)
ORDER = Order(
    session="0123456789abcdef",
    tenant="fedcba9876543210",
    user_id="00112233445566aa",
    user_name="Zoë",
    slot=3,
    state="pending",
    application_id="aa00112233445566",
    application_name="Text editor",
    command=("mousepad", "--new"),
    environment={"LANG": "de_DE.UTF-8"},
    display=Display(1920, 1080, 1.5, "de-DE", "de", "Europe/Berlin"),
)
DIRECTORY = Directory({"k1": "A" * 43}, (GatewayEntry("gw", "127.0.0.1:8443"),))
FROM_AGENT: list[FromAgent] = [
    REPORT,
    Hello("0.1.0", 20, "0123456789abcdef", (REPORT,)),
    Hello("0.2.0", 20, "0123456789abcdef", starting_limit=12),
    Hello("0.2.0", 20, "0123456789abcdef", features=frozenset({"check"})),
    Checked(
        "0123456789abcdef", (CheckResult("command", "failed", "xterm: not found", "application_missing"),)
    ),
    Heartbeat(0.25, 2**34),
    Heartbeat(0.25, 2**34, unused={"5" * 16: 1800}),
    Heartbeat(
        0.25, 2**34, {"5" * 16: StreamFigures(12.5, 30.0, 41.0, 24.5, 90_000.0, 3.0, 70, "tiles", "network")}
    ),
]
FROM_BROKER: list[FromBroker] = [
    Welcome("host-1", "0123456789abcdef", 1763676000.5, DIRECTORY),
    DIRECTORY,
    Desired(7, (ORDER,)),
    Cut("fedcba9876543210", "ab" * 32, "signed_out"),
    Check("0123456789abcdef", "fedcba9876543210", "00112233445566aa", "Zoë", ("xterm", "-e"), {"A": "b"}),
]


@pytest.mark.parametrize("message", FROM_AGENT, ids=lambda message: type(message).__name__)
def test_what_an_agent_writes_a_broker_reads(message: FromAgent) -> None:
    assert parse_from_agent(encode(message)) == message


@pytest.mark.parametrize("message", FROM_BROKER, ids=lambda message: type(message).__name__)
def test_what_a_broker_writes_an_agent_reads(message: FromBroker) -> None:
    assert parse_from_broker(encode(message)) == message


@pytest.mark.parametrize(
    "orders", [(), (ORDER,), (ORDER, replace(ORDER, user_name='"Zoë", \\ 李', state="ending"))]
)
def test_orders_encoded_one_by_one_are_the_same_message(orders: tuple[Order, ...]) -> None:
    assert encode_desired(7, map(encode_order, orders)) == encode(Desired(7, orders))


def test_results_of_a_dry_run_that_make_no_sense_are_left_out_and_the_rest_counts() -> None:
    good = {"what": "command", "outcome": "passed", "detail": "there"}
    results = [
        *({**good, "outcome": "perhaps"}, {**good, "detail": "x" * 1025}, {**good, "what": 7}, {}, good),
        {**good, "outcome": "failed", "code": "code_of_a_later_version"},
    ]
    read = parse_from_agent(json.dumps({"type": "checked", "id": "0" * 16, "results": results}))
    there = CheckResult("command", "passed", "there")
    assert read == Checked("0" * 16, (there, CheckResult("command", "failed", "there")))


@pytest.mark.parametrize("results", [[1], "passed", [{}] * 33, {"what": "command"}])
def test_an_answer_to_a_dry_run_that_is_no_list_of_results_is_refused(results: object) -> None:
    with pytest.raises(ProtocolError):
        parse_from_agent(json.dumps({"type": "checked", "id": "0" * 16, "results": results}))


def test_unknown_message_types_are_skipped() -> None:
    assert parse_from_agent('{"type": "weather", "sky": "blue"}') is None
    assert parse_from_broker('{"type": "weather"}') is None


def test_unknown_fields_are_ignored() -> None:
    text = json.dumps({**Heartbeat(1.0, 5).to_json(), "temperature": 40})
    assert parse_from_agent(text) == Heartbeat(1.0, 5)


def test_an_unknown_reason_code_of_a_newer_agent_is_read_as_the_general_one() -> None:
    report = parse_from_agent(json.dumps({**REPORT.to_json(), "code": "meteor_strike"}))
    assert isinstance(report, Report)
    assert report.code == "session_ended"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"hello"',
        "{",
        "{}",
        '{"type": 1}',
        '{"type": "heartbeat"}',
        "[" * 100_000,
        '{"type": "heartbeat", "load": NaN, "memory_available_bytes": 1}',
        '{"type": "heartbeat", "load": 1e999, "memory_available_bytes": 1}',
        '{"type": "heartbeat", "load": true, "memory_available_bytes": 1}',
        '{"type": "heartbeat", "load": 1, "memory_available_bytes": 1.5}',
        '{"type": "heartbeat", "load": 1, "memory_available_bytes": -1}',
    ],
)
def test_malformed_text_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        parse_from_agent(text)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("session", "0123456789ABCDEF"),
        ("session", "0123456789abcdef\n"),
        ("session", "../../etc/passwd"),
        ("tenant", None),
        ("state", "pending"),
        ("state", "ending"),
        ("state", "flying"),
        ("state", ["ready"]),
        ("stage", "lunch"),
        ("code", 7),
        ("detail", "x" * 1025),
        ("detail", "a\0b"),
        ("detail", "\ud800"),
        ("exit_status", 2**31),
        ("exit_status", "0"),
        ("exit_status", True),
    ],
)
def test_a_report_with_a_wrong_field_is_refused_by_its_name(field: str, value: Any) -> None:
    with pytest.raises(ProtocolError, match=field):
        parse_from_agent(json.dumps({**REPORT.to_json(), field: value}))


@pytest.mark.parametrize("field", ["session", "tenant", "state", "stage"])
def test_a_report_without_a_field_is_refused(field: str) -> None:
    data = REPORT.to_json()
    del data[field]
    with pytest.raises(ProtocolError, match=field):
        parse_from_agent(json.dumps(data))


def test_a_hello_has_bounds() -> None:
    hello = Hello("1", 4, "0123456789abcdef").to_json()
    for slots in (0, MAXIMUM_SLOTS + 1, -1):
        with pytest.raises(ProtocolError, match="slots"):
            parse_from_agent(json.dumps({**hello, "slots": slots}))
    with pytest.raises(ProtocolError, match="sessions"):
        parse_from_agent(json.dumps({**hello, "sessions": [{}] * (2 * MAXIMUM_SLOTS + 1)}))


@pytest.mark.parametrize(
    ("said", "meant"),
    [({}, "accounts"), ({"isolation": "none"}, "none"), ({"isolation": "of a later version"}, "none")],
)
def test_a_host_that_is_not_known_to_have_walls_has_none(said: dict[str, str], meant: str) -> None:
    hello = Hello("1", 4, "0123456789abcdef").to_json()
    del hello["isolation"]
    parsed = parse_from_agent(json.dumps({**hello, **said}))
    assert isinstance(parsed, Hello) and parsed.isolation == meant


def test_an_error_deep_inside_names_its_place() -> None:
    hello = Hello("1", 4, "0123456789abcdef", (REPORT, REPORT)).to_json()
    hello["sessions"][1]["state"] = "gone"
    with pytest.raises(ProtocolError, match=r"sessions\[1\]\.state"):
        parse_from_agent(json.dumps(hello))


def test_a_message_over_its_limit_is_refused_unparsed() -> None:
    text = json.dumps({"type": "weather", "sky": "x" * MAXIMUM_FROM_AGENT_BYTES})
    with pytest.raises(ProtocolError, match="longer"):
        parse_from_agent(text)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists))
def test_no_value_of_a_field_raises_anything_but_protocol_errors(value: Any) -> None:
    for message, parse in [(m, parse_from_agent) for m in FROM_AGENT] + [
        (m, parse_from_broker) for m in FROM_BROKER
    ]:
        for field in message.to_json():
            try:
                parsed = parse(json.dumps({**message.to_json(), field: value}))
            except ProtocolError:
                continue
            assert parsed is None or parse(encode(parsed)) == parsed


@pytest.mark.parametrize(("said", "means"), [(None, 4), (1, 1), (12, 12), (10**6, MAXIMUM_SLOTS)])
def test_an_agent_starts_as_many_at_once_as_it_says_or_four(said: int | None, means: int) -> None:
    hello = {**Hello("0.1.0", 20, "0123456789abcdef").to_json(), "starting_limit": said}
    if said is None:
        del hello["starting_limit"]
    parsed = parse_from_agent(json.dumps(hello))
    assert isinstance(parsed, Hello) and parsed.starting_limit == means


@pytest.mark.parametrize("said", [0, -1, 1.5, "4", True])
def test_a_malformed_starting_limit_is_refused(said: object) -> None:
    hello = {**Hello("0.1.0", 20, "0123456789abcdef").to_json(), "starting_limit": said}
    with pytest.raises(ProtocolError):
        parse_from_agent(json.dumps(hello))


def test_figures_that_make_no_sense_are_left_out_and_the_heartbeat_counts() -> None:
    good = StreamFigures(limit="host").to_json()
    sessions = {
        "5" * 16: good,
        "6" * 16: {**good, "quality": 101},
        "7" * 16: {**good, "echo_p95_ms": -1},
        "8" * 16: {**good, "encoder": "\x1b[31m"},
        "9" * 16: "fast",
        "x": good,
        "a" * 16: {**good, "limit": "weather", "later": 1},
    }
    text = json.dumps({"type": "heartbeat", "load": 1, "memory_available_bytes": 5, "sessions": sessions})
    heard = parse_from_agent(text)
    assert isinstance(heard, Heartbeat)
    assert heard.sessions == {"5" * 16: StreamFigures(limit="host"), "a" * 16: StreamFigures(limit="none")}


def test_times_without_use_that_make_no_sense_are_left_out() -> None:
    unused = {"5" * 16: 90, "6" * 16: -1, "7" * 16: 1.5, "8" * 16: True, "9" * 16: 2**31, "x": 90}
    text = json.dumps({"type": "heartbeat", "load": 1, "memory_available_bytes": 5, "unused": unused})
    heard = parse_from_agent(text)
    assert isinstance(heard, Heartbeat)
    assert heard.unused == {"5" * 16: 90}

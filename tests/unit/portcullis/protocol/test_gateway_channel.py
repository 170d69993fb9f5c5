import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.errors import ProtocolError
from portcullis.protocol.gateway_channel import (
    MAXIMUM_FROM_BROKER_BYTES,
    Hello,
    Site,
    State,
    encode,
    parse_from_broker,
    parse_from_gateway,
)
from portcullis.protocol.revoked import Revocations

SITE = Site(
    1763676000.5, "b" * 16, ("b1:8443",), {"k1": "key"}, ("https://a.example",), ("https://a.example",), True, True
)  # fmt: skip
STATE = State(3, ("0" * 16,), True, 0.25)
HELLO = Hello("0.2.0", "0123456789abcdef")


@pytest.mark.parametrize("message", [HELLO, STATE])
def test_what_a_gateway_says_is_read_as_it_was_said(message):
    assert parse_from_gateway(encode(message)) == message


@pytest.mark.parametrize("message", [SITE, Revocations(("one", "two"))])
def test_what_a_broker_says_is_read_as_it_was_said(message):
    assert parse_from_broker(encode(message)) == message


def test_what_an_older_side_does_not_say_has_its_default():
    said = SITE.to_json()
    del said["draining"], said["gateway_draining"]
    read = parse_from_broker(json.dumps(said))
    assert (read.draining, read.gateway_draining) == (False, False)


def test_messages_and_fields_of_a_later_version_are_skipped():
    assert parse_from_broker('{"type": "weather"}') is None
    assert parse_from_gateway('{"type": "weather"}') is None
    assert parse_from_gateway(json.dumps({**STATE.to_json(), "mood": "good"})) == STATE


@pytest.mark.parametrize(
    "change",
    [
        {"time": "now"},
        {"brokers": "b1:8443"},
        {"brokers": ["x" * 301]},
        {"brokers": ["b:1"] * 65},
        {"grant_keys": {"k": 7}},
        {"public_origins": ["https://a.example"] * 257},
        {"gateways": [None]},
        {"draining": 1},
        {"gateway_draining": "yes"},
    ],
)
def test_a_site_out_of_bounds_is_refused_whole(change):
    with pytest.raises(ProtocolError):
        parse_from_broker(json.dumps({**SITE.to_json(), **change}))


@pytest.mark.parametrize(
    "change",
    [{"streams": -1}, {"hosts": ["0" * 17]}, {"hosts": 3}, {"load": float("nan")}, {"draining": None}],
)
def test_a_state_out_of_bounds_is_refused(change):
    with pytest.raises(ProtocolError):
        parse_from_gateway(json.dumps({**STATE.to_json(), **change}))


def test_a_message_that_is_too_long_is_refused_unread():
    with pytest.raises(ProtocolError):
        parse_from_broker(" " * MAXIMUM_FROM_BROKER_BYTES + encode(SITE))


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data):
    for parse in (parse_from_broker, parse_from_gateway):
        try:
            assert parse(data) is None
        except ProtocolError:
            pass

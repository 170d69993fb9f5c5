import json

import pytest

from portcullis.errors import ProtocolError
from portcullis.model.stream_figures import StreamFigures
from portcullis.protocol import worker_channel as channel

START = channel.Start(
    session="5e55",
    tenant="7e4a",
    host="405e",
    site="517e",
    width=800,
    height=600,
    ca="PEM",
    grant_keys={"k1": "AAAA"},
    device_pixel_ratio=1.5,
)


@pytest.mark.parametrize(
    "message",
    [
        START,
        channel.Dial(channel.Gateway("edge", "127.0.0.1:1"), "ab" * 32, "grant.v1.x"),
        channel.GrantKeys({"k2": "BBBB"}),
        channel.Cut("login", "signed_out"),
        channel.Leave("0123456789abcdef"),
        channel.Closing(4410, "session_ended"),
    ],
)
def test_line_to_the_worker_survives_the_way(message):
    line = channel.encode(message)
    assert line.endswith(b"\n") and json.loads(line)["to"] == "worker"
    assert channel.decode_to_worker(line.rstrip(b"\n")) == message
    assert channel.decode_from_leader(line) is None


@pytest.mark.parametrize(
    "message",
    [
        channel.WorkerState(1, 0, 3),
        channel.DialFailed("ab", "host_unreachable"),
        channel.Unused(1800),
        StreamFigures(12.5, 30.0, 41.0, 24.5, 90_000.0, 3.0, 70, "tiles + VP8", "client"),
    ],
)
def test_line_of_the_worker_survives_the_way(message):
    line = channel.encode(message)
    assert json.loads(line)["from"] == "worker"
    assert channel.decode_from_leader(line) == message
    assert channel.decode_to_worker(line) is None


def test_unknown_types_and_fields_of_another_release_are_ignored():
    assert channel.decode_to_worker(b'{"to": "worker", "type": "sing"}') is None
    assert channel.decode_from_leader(b'{"from": "worker", "type": "sing"}') is None
    line = b'{"to": "worker", "type": "cut", "login": "l", "code": "signed_out", "tune": 1}'
    assert channel.decode_to_worker(line) == channel.Cut("l", "signed_out")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"to": "worker", "type": "cut", "login": "l"}',
        b'{"to": "worker", "type": "cut", "login": 5, "code": "signed_out"}',
        b'{"to": "worker", "type": "closing", "code": true, "reason": "x"}',
        b'{"to": "worker", "type": "dial", "gateway": "edge", "rendezvous": "r", "grant": "g"}',
    ],
)
def test_malformed_line_to_the_worker_is_refused(line):
    with pytest.raises(ProtocolError):
        channel.decode_to_worker(line)


def test_status_of_the_leader_is_read():
    line = channel.encode_line(
        {"type": "status", "session": "s", "stage": "display", "display": ":7", "ended": False}
    )
    assert channel.decode_from_leader(line) == channel.Status("s", "display", ":7")


def test_lines_are_cut_wherever_the_bytes_break():
    whole = b'{"a":1}\n{"b":2}\n{"c"'
    buffer = channel.LineBuffer()
    lines = [line for index in range(len(whole)) for line in buffer.feed(whole[index : index + 1])]
    assert lines == [b'{"a":1}', b'{"b":2}']
    assert buffer.feed(b":3}\n") == [b'{"c":3}']


def test_endless_line_is_refused_both_ways():
    buffer = channel.LineBuffer()
    with pytest.raises(ProtocolError):
        for _ in range(20):
            buffer.feed(b"x" * 100_000)
    with pytest.raises(ProtocolError):
        channel.encode(channel.GrantKeys({"k": "x" * (1 << 20)}))

import json

import pytest

from agents.linux.leader.lines import Peer, parse
from agents.linux.leader.output import MAXIMUM_LOG_BYTES, Output, SessionLog


@pytest.fixture
def log(tmp_path):
    return SessionLog(tmp_path / "session.log")


def test_last_five_lines_are_kept_however_the_bytes_break(log):
    output = Output(log, "application")
    for byte in b"".join(b"line %d\n" % n for n in range(8)) + b"cut off":
        output.feed(bytes([byte]))
    assert output.last_lines() == "line 4 | line 5 | line 6 | line 7 | cut off"


def test_endless_line_is_bounded(log):
    output = Output(log, "application")
    for _ in range(1000):
        output.feed(b"x" * 10_000)
    assert len(output.last_lines()) <= 200


def test_full_log_begins_anew(log, tmp_path):
    output = Output(log, "application")
    for n in range(3 * MAXIMUM_LOG_BYTES // 100):
        output.feed(b"%d " % n + b"x" * 90 + b"\n")
    assert 0 < (tmp_path / "session.log").stat().st_size <= MAXIMUM_LOG_BYTES
    assert (tmp_path / "session.log").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_malformed_line_is_nobodys(line):
    assert parse(line) == {}


def test_peer_that_does_not_read_is_given_up():
    import socket

    ours, theirs = socket.socketpair()
    with ours, theirs:
        peer = Peer(ours)
        with pytest.raises(OSError, match="does not read"):
            for _ in range(100):
                peer.send(b"x" * (1 << 18))


LAUNCH = {
    "session": "5" * 16,
    "about": {"reference": "L-1"},
    "worker": {"command": ["python", "-m", "agents.worker"]},
}


def test_the_leaders_lines_name_session_and_launch(log, tmp_path):
    log.belong_to(LAUNCH)
    log.write("leader", "display ended with 1")
    log.write("application", "hello")
    leader, application = (tmp_path / "session.log").read_text().splitlines()
    assert leader.endswith(f"Z leader: display ended with 1 session={'5' * 16} reference=L-1")
    assert application.endswith("Z application: hello")


def test_lines_have_the_form_of_the_workers(log, tmp_path):
    """A worker's own line is passed on; what an application prints cannot pose as one."""
    worker = {"command": ["python", "--log-format", "json"]}
    log.belong_to({**LAUNCH, "worker": worker})
    log.write("worker", '{"part": "worker", "message": "m"}')
    log.write("application", '{"part": "worker", "message": "forged"}')
    own, forged = map(json.loads, (tmp_path / "session.log").read_text().splitlines())
    assert own == {"part": "worker", "message": "m"}
    assert (forged["part"], forged["session"], forged["reference"]) == ("application", "5" * 16, "L-1")


@pytest.mark.parametrize("size", [10, 5_000, 50_000])
def test_every_line_is_an_object_however_long_the_worker_writes(log, tmp_path, size):
    log.take_form({"worker": {"command": ["--log-format", "json"]}})
    output = Output(log, "worker")
    output.feed(b'a line of Python itself\n{"message": "' + b"x" * size + b'"}\n{"cut\n')
    events = [json.loads(line) for line in (tmp_path / "session.log").read_text().splitlines()]
    assert [event["message"][:2] for event in events] == ["a ", "xx" if size < 8_000 else '{"', '{"']

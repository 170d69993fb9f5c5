"""What is made of a leader's lines, whole or not, on Linux and on Windows."""

import asyncio
import json
import logging

import pytest

from agents.linux.leaders import LeaderConnection
from agents.windows.leaders import HelperConnection
from portcullis.protocol.worker_channel import Status, Tell, encode_line

SESSION, OTHER = "a" * 16, "b" * 16
KINDS = (LeaderConnection, HelperConnection)


class Written:
    """The writer's end of a stream."""

    def __init__(self):
        self.lines = []
        self.closing = False

    def write(self, line):
        self.lines.append(json.loads(line))

    def is_closing(self):
        return self.closing


def link(kind, *lines):
    reader = asyncio.StreamReader()
    reader.feed_data(b"".join(lines))
    reader.feed_eof()
    return kind(SESSION, reader, Written())


def status(stage):
    return encode_line({"type": "status", "session": SESSION, "stage": stage})


@pytest.mark.parametrize("kind", KINDS)
async def test_lines_that_are_none_or_of_later_versions_are_passed_over(kind):
    later = encode_line({"type": "sings"}), encode_line({"from": "worker", "type": "sings"})
    said = link(kind, b"nonsense\n", *later, status("display"), b"[]\n", status("application"))
    assert [(await said.receive()).stage for _ in range(2)] == ["display", "application"]
    assert await said.receive() is None


@pytest.mark.parametrize("kind", KINDS)
async def test_a_line_that_breaks_off_is_the_end(kind):
    assert await link(kind, status("display")[:-1]).receive() is None


@pytest.mark.parametrize("kind", KINDS)
async def test_who_was_prepared_ahead_is_known_by_its_session_from_the_launch_on(kind):
    said = link(kind)
    said.launch({"session": OTHER, "home": "/"})
    said.end("logged_off", 2.0, "by hand")
    said.send(Tell("show"))
    assert said.session == OTHER
    assert [line["type"] for line in said._writer.lines[:2]] == ["launch", "end"]
    assert said._writer.lines[1] == {
        "type": "end", "code": "logged_off", "grace_seconds": 2.0, "detail": "by hand",
    }  # fmt: skip
    said._writer.closing = True
    said.end("logged_off", 0)
    assert len(said._writer.lines) == 3


async def test_what_is_taken_back_is_received_again_first():
    said = link(LeaderConnection, status("display"), status("application"))
    said.unread([await said.receive()])
    assert [(await said.receive()).stage for _ in range(2)] == ["display", "application"]


async def test_what_a_session_prints_stands_in_the_service_s_log_and_cannot_forge_a_line(caplog):
    caplog.set_level(logging.INFO, logger="agents.windows.leaders")
    printed = encode_line({"type": "log", "part": "worker", "text": "fine\nERROR forged"})
    said = link(HelperConnection, printed, status("display"))
    assert isinstance(await said.receive(), Status)
    assert [record.getMessage() for record in caplog.records] == ["worker: fine ERROR forged"]

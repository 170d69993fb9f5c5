"""Broken messages of every type, in both directions; the JavaScript codec reads the same ones (tests/web)."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.errors import ProtocolError
from portcullis.protocol import messages as m
from portcullis.protocol.wire import HEADER_BYTES
from tests.support.wire_mutants import PATH, bases, document, mutants, outcome
from tests.support.wire_vectors import vectors

VALID = {v["name"]: bytes.fromhex(v["hex"]) for v in vectors() if "messages" in v}


def body_length(data: bytes) -> int:
    return struct.unpack_from("<I", data, 4)[0]


ALONE = {name: data for name, data in VALID.items() if len(data) == HEADER_BYTES + body_length(data)}


def test_the_file_of_outcomes_is_what_this_codec_says():
    assert PATH.read_text() == document()
    outcomes = " ".join(json.loads(PATH.read_text())["outcomes"]).split()
    assert 0.2 < outcomes.count("-") / len(outcomes) < 0.9  # both kinds are tried


@pytest.mark.parametrize("name", ALONE)
def test_a_message_cut_at_any_byte_is_refused(name):
    data = ALONE[name]
    for cut in range(len(data)):
        with pytest.raises(ProtocolError):
            m.decode(data[:cut])


@pytest.mark.parametrize("cls", m.MESSAGES, ids=lambda cls: cls.__name__)
def test_a_body_of_its_maximum_may_carry_later_fields_and_one_byte_more_is_refused(cls):
    data = next(data for data in ALONE.values() if data[0] == cls.TYPE)
    body = data[HEADER_BYTES:].ljust(cls.MAXIMUM_BODY, b"\0")
    head = data[:4] + struct.pack("<I", cls.MAXIMUM_BODY)
    if cls is not m.Frame:  # 32 MiB: as large as a WebSocket message
        assert m.decode(head + body) == m.decode(data)
    with pytest.raises(ProtocolError):
        m.decode(data[:4] + struct.pack("<I", cls.MAXIMUM_BODY + 1) + body + b"\0")


@given(st.lists(st.sampled_from(sorted(VALID)), min_size=1, max_size=6))
def test_messages_repeated_and_in_any_order_are_read_as_they_come(names):
    together = b"".join(VALID[name] for name in names)
    assert m.decode(together) == [message for name in names for message in m.decode(VALID[name])]


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_any_two_mutants_glued_together_are_messages_or_a_protocol_error(one, other):
    made = mutants(400)
    assert len(outcome(made[one % len(made)] + made[other % len(made)])) in (1, 8)


@pytest.mark.parametrize("cls", m.MESSAGES, ids=lambda cls: cls.__name__)
def test_a_worker_refuses_what_is_not_a_clients_without_looking_at_it(cls):
    if cls in m.FROM_CLIENT:
        data = next(data for data in ALONE.values() if data[0] == cls.TYPE)
        assert m.decode(data, m.FROM_CLIENT) == m.decode(data)
    else:
        with pytest.raises(ProtocolError, match="not for this side"):
            m.decode(struct.pack("<BBHI", cls.TYPE, 0, 0, 1) + b"\xff", m.FROM_CLIENT)


def test_every_type_is_among_what_is_mutated():
    assert {data[0] for data in bases()} >= {cls.TYPE for cls in m.MESSAGES}

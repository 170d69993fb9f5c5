"""The vectors that Python and JavaScript share say what the Python codec does."""

import json

import pytest

from portcullis.errors import ProtocolError
from portcullis.protocol import messages as m
from tests.support import wire_vectors

VECTORS = json.loads(wire_vectors.PATH.read_text(encoding="utf-8"))
VALID = [vector for vector in VECTORS if "messages" in vector]
INVALID = [vector for vector in VECTORS if "error" in vector]


def test_the_file_is_what_the_generator_makes():
    assert wire_vectors.vectors() == VECTORS, "run python -m tests.support.wire_vectors"


@pytest.mark.parametrize("vector", VALID, ids=lambda vector: vector["name"])
def test_valid_vector_decodes_to_its_messages(vector):
    decoded = m.decode(bytes.fromhex(vector["hex"]))
    assert [wire_vectors.to_json(message) for message in decoded] == vector["messages"]


@pytest.mark.parametrize("vector", INVALID, ids=lambda vector: vector["name"])
def test_invalid_vector_is_refused(vector):
    with pytest.raises(ProtocolError) as refusal:
        m.decode(bytes.fromhex(vector["hex"]))
    assert refusal.value.code == vector["error"]


def test_every_message_and_operation_has_a_vector():
    shown = {message["message"] for vector in VALID for message in vector["messages"]}
    operations = {
        operation["operation"]
        for vector in VALID
        for message in vector["messages"]
        if message["message"] == "FRAME"
        for operation in message["operations"]
    }
    assert shown == set(wire_vectors.NAMES.values())
    assert operations >= set(wire_vectors.OPERATION_NAMES.values())
    assert set(wire_vectors.NAMES) == set(m.MESSAGES)

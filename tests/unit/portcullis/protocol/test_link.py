import json

import pytest

from portcullis.errors import ProtocolError
from portcullis.protocol import link
from portcullis.protocol.link import Attach, AttachAccepted, AttachRefused, Hello, Leave

ID = "0123456789abcdef"
ATTACH = Attach(ID, "1" * 16, "2" * 16, "a" * 64, "grant.v1.k.p.s")


@pytest.mark.parametrize("message", [Hello("edge-1"), ATTACH, Leave(ID, "1" * 16, "2" * 16)])
def test_an_agent_reads_what_a_gateway_writes(message):
    assert link.parse_from_gateway(link.encode(message)) == message


@pytest.mark.parametrize("message", [AttachAccepted(ID), AttachRefused(ID, "taken_over")])
def test_a_gateway_reads_what_an_agent_writes(message):
    assert link.parse_from_agent(link.encode(message)) == message


def test_an_unknown_type_is_skipped_both_ways():
    text = json.dumps({"type": "surprise", "x": 1})
    assert link.parse_from_agent(text) is None
    assert link.parse_from_gateway(text) is None


def test_unknown_fields_are_ignored():
    text = json.dumps({**AttachAccepted(ID).to_json(), "later": True})
    assert link.parse_from_agent(text) == AttachAccepted(ID)


def test_an_unknown_refusal_counts_as_an_unreachable_host():
    text = json.dumps({"type": "attach_refused", "request": ID, "code": "on_fire"})
    assert link.parse_from_agent(text) == AttachRefused(ID, "host_unreachable")


@pytest.mark.parametrize(
    "change",
    [
        {"request": "XYZ"},
        {"session": "../../../etc"},
        {"tenant": None},
        {"rendezvous": "a" * 63},
        {"rendezvous": "A" * 64},
        {"grant": "g" * 3073},
        {"grant": 1},
        {"kind": "files"},
    ],
)
def test_a_malformed_attach_is_a_protocol_error(change):
    with pytest.raises(ProtocolError):
        link.parse_from_gateway(json.dumps({**ATTACH.to_json(), **change}))


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", '{"type": 1}', "{}", "[" * 5000, '{"type":"attach_accepted"}']
)
def test_garbage_is_a_protocol_error(text):
    with pytest.raises(ProtocolError):
        link.parse_from_agent(text)


def test_a_message_over_the_bound_is_refused_unread():
    with pytest.raises(ProtocolError):
        link.parse_from_agent(json.dumps({"type": "surprise", "pad": "x" * link.MAXIMUM_MESSAGE_BYTES}))


def test_secrets_of_an_attach_do_not_show_in_its_repr():
    assert "a" * 64 not in repr(ATTACH)
    assert "grant.v1" not in repr(ATTACH)

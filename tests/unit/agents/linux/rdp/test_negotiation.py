"""What a server's first answer says of its security."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.linux.rdp import negotiation

CONFIRM = bytes((14, 0xD0, 0, 0, 0, 0, 0))
TLS, NLA, PLAIN = (CONFIRM + bytes((2, 0, 8, 0, chosen, 0, 0, 0)) for chosen in (1, 2, 0))
NLA_REQUIRED = CONFIRM + bytes((3, 0, 8, 0, 5, 0, 0, 0))


def test_the_request_is_as_the_protocol_has_it():
    assert negotiation.request("negotiate").hex() == "030000130ee000000000000100080003000000"
    assert negotiation.request("tls")[-4:] == b"\x01\0\0\0"


def test_a_server_has_what_is_asked_for_or_not():
    fits = {
        ("negotiate", TLS): True, ("negotiate", NLA): True, ("negotiate", PLAIN): False, ("negotiate", CONFIRM): False,
        ("nla", NLA): True, ("nla", TLS): False, ("nla", PLAIN): False,
        ("tls", TLS): True, ("tls", NLA_REQUIRED): False, ("tls", PLAIN): False,
    }  # fmt: skip
    assert {case: negotiation.is_fit(*case) for case in fits} == fits


def test_the_length_of_an_answer_is_bounded():
    assert negotiation.length_of(b"\x03\0\0\x13") == 15
    for header in (b"HTTP", b"SSH-", b"\x03\0\xff\xff", b"\x03\0\0\x04", b"\x16\x03\x01\0"):
        with pytest.raises(negotiation.NotRdp):
            negotiation.length_of(header)


@given(st.sampled_from(["negotiate", "nla", "tls"]), st.binary(max_size=64))
def test_no_answer_raises_anything_else(security, answer):
    try:
        assert negotiation.is_fit(security, answer) in (True, False)
    except negotiation.NotRdp:
        assert len(answer) < 7 or answer[1] & 0xF0 != 0xD0 or answer[7] not in (2, 3)

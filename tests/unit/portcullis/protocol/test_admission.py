import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Opcode
from websockets.protocol import Protocol, Side, State

from portcullis.errors import ProtocolError
from portcullis.protocol import admission
from portcullis.protocol.admission import AdmissionReader, admitted_frame, close_frame
from portcullis.protocol.messages import AdmitGrant, Admitted, AdmitTicket, Ping, decode, encode

UNKNOWN = struct.pack("<BBHI", 0xF0, 0, 0, 0)
TICKET = AdmitTicket("ticket_0123456789abcdef_" + "ab" * 32)


def masked(payload: bytes, opcode: int = 0x82, key: bytes = b"\x01\x7f\x80\xfe") -> bytes:
    body = bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))
    if len(payload) < 126:
        head = bytes((opcode, 0x80 | len(payload)))
    elif len(payload) < 65536:
        head = struct.pack(">BBH", opcode, 0x80 | 126, len(payload))
    else:
        head = struct.pack(">BBQ", opcode, 0x80 | 127, len(payload))
    return head + key + body


def read(data: bytes) -> object:
    return AdmissionReader().feed(data)


@pytest.mark.parametrize("message", [TICKET, AdmitGrant("grant.v1." + "x" * 3000), AdmitTicket("")])
def test_a_frame_of_a_real_client_is_read(message):
    client = Protocol(Side.CLIENT, state=State.OPEN)
    client.send_binary(encode(message))
    assert read(b"".join(client.data_to_send())) == message


@given(cuts=st.lists(st.integers(0, 400), max_size=8), rest=st.binary(max_size=64))
def test_portions_do_not_matter_and_bytes_behind_are_kept(cuts, rest):
    message = AdmitGrant("g" * 300)
    data = masked(encode(message)) + rest
    places = [0, *sorted(cut for cut in cuts if cut <= len(data)), len(data)]
    reader = AdmissionReader()
    answers, fed = [], 0
    for start, end in itertools.pairwise(places):
        answers.append(reader.feed(data[start:end]))
        fed = end
        if answers[-1] is not None:
            break
    assert answers[-1] == message
    assert reader.rest + data[fed:] == rest


def test_byte_by_byte_is_read_at_the_last_byte():
    reader = AdmissionReader()
    data = masked(encode(TICKET))
    answers = [reader.feed(data[i : i + 1]) for i in range(len(data))]
    assert answers[-1] == TICKET
    assert set(answers[:-1]) == {None}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(masked(encode(TICKET), opcode=0x81), id="text"),
        pytest.param(masked(encode(TICKET), opcode=0x02), id="fragment"),
        pytest.param(masked(encode(TICKET), opcode=0xC2), id="compressed"),
        pytest.param(masked(encode(TICKET), opcode=0xA2), id="reserved bit 2"),
        pytest.param(masked(encode(TICKET), opcode=0x80), id="continuation"),
        pytest.param(masked(b"", opcode=0x89), id="ping"),
        pytest.param(masked(b"\x03\xe8", opcode=0x88), id="close"),
        pytest.param(bytes((0x82, 8)), id="unmasked"),
        pytest.param(masked(b"x" * 4097), id="one byte too large"),
        pytest.param(masked(b"x" * 65536)[:2], id="64 bit length"),
        pytest.param(b"\x82\xfe\x00\x7d", id="length not minimal"),
        pytest.param(masked(b""), id="empty"),
        pytest.param(masked(encode(TICKET)[:-1]), id="cut short"),
        pytest.param(masked(encode(TICKET, TICKET)), id="two messages"),
        pytest.param(
            masked(encode(TICKET) + struct.pack("<BBHI", 0xF0, 0, 0, 0)), id="an unknown one behind"
        ),
        pytest.param(masked(struct.pack("<BBHI", 0xF0, 0, 0, 0)), id="unknown type"),
        pytest.param(masked(encode(Ping(1))), id="another message"),
        pytest.param(masked(encode(Admitted("x"))), id="the gateway's own"),
        pytest.param(masked(struct.pack("<BBHIH", 1, 0, 0, 259, 257) + b"x" * 257), id="ticket too long"),
        pytest.param(masked(struct.pack("<BBHIH", 1, 0, 0, 3, 1) + b"\xff"), id="not UTF-8"),
    ],
)
def test_anything_but_one_admission_in_one_masked_binary_frame_is_refused(data):
    with pytest.raises(ProtocolError) as caught:
        read(data)
    assert caught.value.code == "protocol_error"


@pytest.mark.parametrize("opening", [b"\x81", b"\x88", b"\x82\x05", b"\x82\xff", b"\x82\xfe\x10\x01"])
def test_a_wrong_frame_is_refused_at_its_first_wrong_byte(opening):
    with pytest.raises(ProtocolError):
        read(opening)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_protocol_error(data):
    try:
        answer = read(data)
    except ProtocolError:
        return
    assert answer is None or isinstance(answer, AdmitTicket | AdmitGrant)


def test_largest_frame_is_accepted_with_the_bytes_behind_it():
    reader = AdmissionReader()
    body = struct.pack("<H", 3072) + b"g" * 3072
    body += b"\0" * (admission.MAXIMUM_PAYLOAD_BYTES - 8 - len(body))  # a later version's fields
    assert reader.feed(masked(struct.pack("<BBHI", 2, 0, 0, len(body)) + body) + b"next") == AdmitGrant(
        "g" * 3072
    )
    assert reader.rest == b"next"


@pytest.mark.parametrize("grant", ["short", "g" * 3072])
def test_a_real_client_reads_admitted(grant):
    client = Protocol(Side.CLIENT, state=State.OPEN)
    client.receive_data(admitted_frame(grant))
    frames = client.events_received()
    assert [frame.opcode for frame in frames] == [Opcode.BINARY]
    assert decode(frames[0].data) == [Admitted(grant)]


@pytest.mark.parametrize(("code", "number"), [("ticket_refused", 4401), ("too_many_connections", 4429)])
def test_a_real_client_reads_the_close_code(code, number):
    client = Protocol(Side.CLIENT, state=State.OPEN)
    client.receive_data(close_frame(code))
    client.receive_eof()
    assert (client.close_code, client.close_reason) == (number, code)

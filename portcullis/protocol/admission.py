"""Admission (docs/protocol.md 2): the one frame of a browser that a gateway reads, the few that it writes.

`AdmissionReader` takes bytes as they arrive, in any portions, and answers with the message of the first frame
as soon as that is complete; bytes behind it are kept for the worker. What cannot become a valid frame is
refused at the first wrong byte: nobody can make a gateway wait or hold more than one small frame. No I/O.
"""

from __future__ import annotations

import struct

from portcullis.errors import ProtocolError
from portcullis.protocol.closing import close_code
from portcullis.protocol.messages import AdmitGrant, Admitted, AdmitTicket, decode, encode
from portcullis.protocol.wire import split

SUBPROTOCOL = "portcullis.v1"
TIMEOUT_SECONDS = 5.0
MAXIMUM_PAYLOAD_BYTES = 4096

_FINAL_BINARY = 0x82
_FINAL_CLOSE = 0x88
_MASKED = 0x80
_LENGTH_16 = 126
_KEY_BYTES = 4

Admission = AdmitTicket | AdmitGrant


class AdmissionReader:
    """The state between two arrivals. After `feed` has answered or raised, it must not be fed again."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.rest = b""
        """What arrived behind the first frame; set when `feed` answers."""

    def feed(self, data: bytes) -> Admission | None:
        """The admission, or None while its frame is incomplete. Raises ProtocolError."""
        self._buffer += data
        self._check_opening()
        head_bytes, payload_bytes = self._measure()
        end = head_bytes + payload_bytes
        if head_bytes == 0 or len(self._buffer) < end:
            return None
        key = bytes(self._buffer[head_bytes - _KEY_BYTES : head_bytes])
        payload = _unmask(bytes(self._buffer[head_bytes:end]), key)
        self.rest = bytes(self._buffer[end:])
        self._buffer.clear()
        return parse_admission(payload)

    def _check_opening(self) -> None:
        if self._buffer[:1] and self._buffer[0] != _FINAL_BINARY:
            raise ProtocolError("the first frame must be one binary message")
        if self._buffer[1:2] and not self._buffer[1] & _MASKED:
            raise ProtocolError("a client masks its frames")

    def _measure(self) -> tuple[int, int]:
        """(bytes of the head, bytes of the payload); a head of 0 bytes is not there yet."""
        if len(self._buffer) < 2:
            return 0, 0
        length = self._buffer[1] & ~_MASKED
        if length < _LENGTH_16:
            return 2 + _KEY_BYTES, length
        if length > _LENGTH_16:
            raise ProtocolError("the first frame is too large")
        if len(self._buffer) < 4:
            return 0, 0
        length = int.from_bytes(self._buffer[2:4], "big")
        if not _LENGTH_16 <= length <= MAXIMUM_PAYLOAD_BYTES:
            raise ProtocolError("the first frame is too large or its length is not minimal")
        return 4 + _KEY_BYTES, length


def parse_admission(payload: bytes) -> Admission:
    """The one message of the first frame's payload. Raises ProtocolError."""
    messages = decode(payload)
    if sum(1 for _ in split(payload)) != 1 or len(messages) != 1:
        raise ProtocolError("the first frame holds exactly one admission")
    if not isinstance(messages[0], AdmitTicket | AdmitGrant):
        raise ProtocolError("the first frame holds a ticket or a grant")
    return messages[0]


def admitted_frame(grant: str) -> bytes:
    """What a gateway sends before it copies bytes: ADMITTED as an unmasked server frame."""
    return _server_frame(_FINAL_BINARY, encode(Admitted(grant)))


def close_frame(code: str) -> bytes:
    """The Close frame of a refusal: the close code of the reason code `code`, with that as its text."""
    return _server_frame(_FINAL_CLOSE, struct.pack(">H", close_code(code)) + code.encode("ascii"))


def _server_frame(opening: int, payload: bytes) -> bytes:
    if len(payload) < _LENGTH_16:
        return bytes((opening, len(payload))) + payload
    return struct.pack(">BBH", opening, _LENGTH_16, len(payload)) + payload


def _unmask(payload: bytes, key: bytes) -> bytes:
    repeated = (key * (len(payload) // _KEY_BYTES + 1))[: len(payload)]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return mixed.to_bytes(len(payload), "big")

"""The first exchange of RDP, in which both sides say which security they have (MS-RDPBCGR 2.2.1.1 and 2.2.1.2). Pure.

The host asks before it starts FreeRDP: one answer tells a server that is no RDP server, or that hangs, or that lacks
the security that was asked for, from one that does not accept a password.
"""

from __future__ import annotations

import struct

from portcullis.model.rdp import Security

TLS, NLA = 1, 2
_WANTED: dict[Security, int] = {"negotiate": TLS | NLA, "nla": TLS | NLA, "tls": TLS}
_HEADER = struct.Struct(">BBH")
_NEGOTIATION = struct.Struct("<BBHI")
_REQUEST, _RESPONSE, _FAILURE = 1, 2, 3
_CONNECTION_CONFIRM = 0xD0
_X224_BYTES = 7
MAXIMUM_BYTES = 512


class NotRdp(Exception):
    """What answers speaks something else."""


def request(security: Security) -> bytes:
    negotiation = _NEGOTIATION.pack(_REQUEST, 0, _NEGOTIATION.size, _WANTED[security])
    x224 = struct.pack(">BBHHB", _X224_BYTES - 1 + len(negotiation), 0xE0, 0, 0, 0) + negotiation
    return _HEADER.pack(3, 0, _HEADER.size + len(x224)) + x224


def length_of(header: bytes) -> int:
    """Of what follows the four bytes that an answer begins with. Raises NotRdp."""
    version, _, length = _HEADER.unpack(header)
    if version != 3 or not _HEADER.size + _X224_BYTES <= length <= MAXIMUM_BYTES:
        raise NotRdp
    return int(length - _HEADER.size)


def is_fit(security: Security, answer: bytes) -> bool:
    """Whether the server takes the security that was asked for; `answer` without its header. Raises NotRdp."""
    if len(answer) < _X224_BYTES or answer[1] & 0xF0 != _CONNECTION_CONFIRM:
        raise NotRdp
    rest = answer[_X224_BYTES:]
    if len(rest) < _NEGOTIATION.size:
        return False  # a server of before TLS
    kind, _, _, chosen = _NEGOTIATION.unpack(rest[: _NEGOTIATION.size])
    if kind == _FAILURE:
        return False
    if kind != _RESPONSE:
        raise NotRdp
    return bool(chosen & (NLA if security == "nla" else _WANTED[security]))

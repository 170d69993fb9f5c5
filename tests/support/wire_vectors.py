"""The test vectors of the wire, read by the Python and the JavaScript tests (tests/vectors/wire.json).

`python -m tests.support.wire_vectors` writes the file anew; a unit test says when it is stale. A valid vector
holds `messages`: the values that its bytes decode to, unknown types skipped; bytes stand as hex. An invalid
one holds `error`, the code that its bytes are refused with.
"""

from __future__ import annotations

import json
import struct
from dataclasses import fields
from pathlib import Path
from typing import Any

from portcullis.protocol import messages as m
from portcullis.protocol import operations as o

PATH = Path(__file__).parent.parent / "vectors" / "wire.json"

NAMES: dict[type[m.Message], str] = {
    m.AdmitTicket: "ADMIT_TICKET",
    m.AdmitGrant: "ADMIT_GRANT",
    m.Admitted: "ADMITTED",
    m.Challenge: "CHALLENGE",
    m.Proof: "PROOF",
    m.Welcome: "WELCOME",
    m.GrantRenewal: "GRANT",
    m.Closing: "CLOSING",
    m.Ping: "PING",
    m.Pong: "PONG",
    m.Visibility: "VISIBILITY",
    m.Capabilities: "CAPABILITIES",
    m.Features: "FEATURES",
    m.Frame: "FRAME",
    m.Resized: "RESIZED",
    m.Cursor: "CURSOR",
    m.CursorUse: "CURSOR_USE",
    m.Title: "TITLE",
    m.Notice: "NOTICE",
    m.Covered: "COVERED",
    m.SmallFrame: "SMALL_FRAME",
    m.Acknowledge: "ACK",
    m.Resize: "RESIZE",
    m.Refresh: "REFRESH",
    m.Monitors: "MONITORS",
    m.WatchQuality: "WATCH_QUALITY",
    m.Quality: "QUALITY",
    m.ViewReport: "VIEW_REPORT",
    m.Key: "KEY",
    m.CommittedText: "TEXT",
    m.Pointer: "POINTER",
    m.Wheel: "WHEEL",
    m.ReleaseAll: "RELEASE_ALL",
    m.InputAcknowledge: "INPUT_ACK",
    m.ClipboardText: "CLIPBOARD_TEXT",
}
OPERATION_NAMES: dict[type[o.Operation], str] = {
    o.TileZstd: "TILE_ZSTD",
    o.Fill: "FILL",
    o.Move: "MOVE",
    o.CachePut: "CACHE_PUT",
    o.CacheDraw: "CACHE_DRAW",
    o.VideoConfig: "VIDEO_CONFIG",
    o.Video: "VIDEO",
    o.VideoEnd: "VIDEO_END",
    o.TileJpeg: "TILE_JPEG",
    o.TileColumns: "TILE_COLUMNS",
    o.TileGrey: "TILE_GREY",
    o.TilePalette: "TILE_PALETTE",
}

NONCE = bytes(range(32))
SIGNATURE = bytes(range(64, 128))
# zstd frames of 2x1 pixels (255, 0, 0), (0, 0, 255), made once: another zstd version may choose other bytes.
TILE = bytes.fromhex("28b52ffd2006310000ff00000000ff")
GRANT = "grant.v1.kid.payload.signature"


def to_json(message: m.Message) -> dict[str, Any]:
    return {"type": message.TYPE, "message": NAMES[type(message)], **_fields(message)}


def vectors() -> list[dict[str, Any]]:
    valid = [
        {"name": name, "hex": m.encode(*values).hex(), "messages": [to_json(v) for v in values]}
        for name, values in _valid().items()
    ]
    tolerated = [
        {"name": name, "hex": data.hex(), "messages": [to_json(v) for v in values]}
        for name, (data, values) in _tolerated().items()
    ]
    invalid = [
        {"name": name, "hex": data.hex(), "error": "protocol_error"} for name, data in _invalid().items()
    ]
    return valid + tolerated + invalid


def _valid() -> dict[str, list[m.Message]]:
    return {**_of_a_stream(), **_frames(), **_small_frames(), **_of_a_display(), **_of_a_person()}


def _of_a_stream() -> dict[str, list[m.Message]]:
    return {
        "admit by ticket": [m.AdmitTicket("ticket_0123456789abcdef_" + "5a" * 32)],
        "admit by grant": [m.AdmitGrant(GRANT)],
        "admitted": [m.Admitted(GRANT)],
        "challenge": [m.Challenge(1, 1, NONCE)],
        "proof of a first attach": [m.Proof(1, 0, SIGNATURE)],
        "proof of a resume": [m.Proof(1, 0xFFFFFFFF, SIGNATURE)],
        "welcome": [m.Welcome(1, 7, 2, 1280, 720, 3840, 2160, 7, 99)],
        "renewed grant": [m.GrantRenewal(GRANT)],
        "closing": [m.Closing(4409, "taken_over")],
        "ping": [m.Ping(17)],
        "pong": [m.Pong(17)],
        "visible": [m.Visibility(True)],
        "hidden": [m.Visibility(False)],
    }


def _frames() -> dict[str, list[m.Message]]:
    return {
        "frame without operations": [m.Frame(1, 0, 0, ())],
        "frame with a fill": [m.Frame(2, 5, 123456789012, (o.Fill(0, 0, 1280, 720, 255, 128, 0),))],
        "frame with a tile": [m.Frame(3, 5, 2**53 - 1, (o.TileZstd(64, 128, 2, 1, TILE),))],
        "frame with both and a kind of the future": [
            m.Frame(
                4,
                6,
                7,
                (
                    o.TileZstd(0, 0, 2, 1, TILE),
                    o.UnknownOperation(0x7F, b"\x01\x02"),
                    o.Fill(1, 2, 3, 4, 5, 6, 7),
                ),
            )
        ],
        "frame with a scroll": [m.Frame(5, 6, 7, (o.Move(0, 0, 1280, 696, 0, 24),))],
        "frame with a cached tile and its use": [
            m.Frame(6, 6, 7, (o.CachePut(8, 8, 2, 1, 4095, TILE), o.CacheDraw(20, 8, 4095)))
        ],
        "frame with a stream's begin": [
            m.Frame(
                7,
                6,
                7,
                (
                    o.VideoConfig(3, o.BT601, 10, 20, 639, 359, 640, 360, "avc1.640020"),
                    o.Video(3, True, b"\0\0\0\1unit"),
                ),
            )
        ],
        "frame of a stream": [m.Frame(8, 6, 7, (o.Video(3, False, b"\0\0\0\1unit"),))],
        "frame with a stream's end": [m.Frame(9, 6, 7, (o.TileZstd(10, 20, 2, 1, TILE), o.VideoEnd(3)))],
        "frame with a photograph": [m.Frame(10, 6, 7, (o.TileJpeg(0, 0, 2, 1, b"\xff\xd8jpeg"),))],
        "frame with a tile of columns": [
            m.Frame(11, 6, 7, (o.TileColumns(0, 0, 2, 1, 1, 18, TILE),)),
        ],
        "frame with a tile of greys": [
            m.Frame(12, 6, 7, (o.TileGrey(0, 0, 2, 1, 1, 18, TILE),)),
        ],
        "frame with a tile of palettes": [
            m.Frame(13, 6, 7, (o.TilePalette(0, 0, 2, 1, 1, 18, 4, 16, TILE),)),
        ],
    }


def _small_frames() -> dict[str, list[m.Message]]:
    return {
        "small frame without operations": [m.SmallFrame(1, 0, ())],
        "small frame of a kept letter": [m.SmallFrame(127, 128, (o.CacheDraw(800, 600, 27),))],
        "small frame of every operation it may have": [
            m.SmallFrame(
                2**32 - 1,
                2**32 - 1,
                (
                    o.TileZstd(127, 128, 2, 1, TILE),
                    o.Fill(65535, 65535, 65535, 65535, 255, 128, 0),
                    o.Move(0, 0, 1280, 696, 0, 24),
                    o.CachePut(8, 8, 2, 1, 4095, TILE),
                    o.CacheDraw(20, 8, 4095),
                    o.TileColumns(0, 0, 2, 1, 255, 1, TILE),
                    o.TileGrey(0, 0, 2, 1, 1, 1, TILE),
                    o.TilePalette(0, 0, 2, 1, 18, 1, 8, 1, TILE),
                ),
            )
        ],
    }


def _of_a_display() -> dict[str, list[m.Message]]:
    return {
        "capabilities": [m.Capabilities(0b11111111110, o.VIDEO_H264 | o.VIDEO_VP8)],
        "features": [m.Features(m.FEATURE_MONITORS | m.FEATURE_QUALITY)],
        "two monitors": [m.Monitors(200, (m.Monitor(0, 0, 1920, 1080), m.Monitor(1920, 120, 1280, 720)))],
        "quality is watched": [m.WatchQuality(True)],
        "quality": [m.Quality(42_000, 1_500, 700, 85, 130, m.LIMIT_NETWORK, "tiles + H.264 4:4:4")],
        "a view's report": [m.ViewReport(10_000, 598, 1_250_000, 5_400, 9_100, 1_200)],
        "resized": [m.Resized(1603, 917)],
        "cursor of one pixel": [m.Cursor(3, 0, 0, 1, 1, b"\xff\x00\x00\x80")],
        "cursor of 2x3 pixels": [m.Cursor(4, 1, 2, 2, 3, bytes(range(24)))],
        "use a cursor": [m.CursorUse(4)],
        "hide the cursor": [m.CursorUse(0)],
        "title": [m.Title("Größe 漢字 😀 – Mousepad")],
        "empty title": [m.Title("")],
        "notice": [m.Notice("Bitte speichern 漢字 😀: wir starten um 18 Uhr neu.")],
        "the screen is locked": [m.Covered("locked")],
        "the screen can be seen": [m.Covered("")],
    }


def _of_a_person() -> dict[str, list[m.Message]]:
    return {
        "acknowledge": [m.Acknowledge(3, 2500)],
        "resize": [m.Resize(1920, 1080, 200)],
        "smallest resize": [m.Resize(1, 1, 100)],
        "largest resize": [m.Resize(16384, 16384, 100)],
        "refresh": [m.Refresh()],
        "key down": [m.Key(1, True, m.SHIFT, m.NUM_LOCK, "KeyA", "A")],
        "key up": [m.Key(2, False, 0, 0, "Enter", "Enter")],
        "key of a character beyond the basic plane": [m.Key(3, True, m.ALT_GRAPH, 0, "", "😀")],
        "text": [m.CommittedText(4, "Привет 漢字")],
        "longest text": [m.CommittedText(5, "x" * 4096)],
        "pointer": [m.Pointer(6, 639, 359, 0b10011, m.CONTROL | m.ALT)],
        "wheel up and left": [m.Wheel(7, 10, 20, -120, -32768, 0)],
        "release all": [m.ReleaseAll(8)],
        "input acknowledged": [m.InputAcknowledge(8)],
        "clipboard": [m.ClipboardText(1, "one\ntwo\n")],
        "empty clipboard": [m.ClipboardText(2, "")],
        "several messages": [
            m.Key(9, True, 0, 0, "KeyB", "b"),
            m.Key(10, False, 0, 0, "KeyB", "b"),
            m.Acknowledge(4, 1000),
        ],
    }


def _tolerated() -> dict[str, tuple[bytes, list[m.Message]]]:
    ping = m.Ping(5)
    frame = m.Frame(9, 0, 0, (o.Fill(1, 1, 1, 1, 1, 1, 1),))
    frame_body = frame.encode_body()
    operation = o.Fill(1, 1, 1, 1, 1, 1, 1).encode_body() + b"later"
    return {
        "an unknown type alone": (_framed(0xF0, b"private"), []),
        "an unknown type between known ones": (
            m.encode(ping) + _framed(0x90, b"\0" * 9) + m.encode(ping),
            [ping, ping],
        ),
        "flags and reserved bits are ignored": (
            struct.pack("<BBHII", 0x15, 0xFF, 0xFFFF, 4, 5),
            [ping],
        ),
        "fields of a later version behind a body": (_framed(0x15, b"\5\0\0\0later"), [ping]),
        "fields of a later version behind a frame's operations": (
            _framed(0x20, frame_body + b"later"),
            [frame],
        ),
        "fields of a later version behind an operation": (
            _framed(0x20, struct.pack("<IIQH", 9, 0, 0, 1) + _framed(2, operation)),
            [frame],
        ),
    }


def _invalid() -> dict[str, bytes]:
    tile = struct.pack("<HHHH", 0, 0, 1, 1)
    head = struct.pack("<IIQH", 1, 0, 0, 1)

    def indexed(depth: int, palettes: int) -> bytes:
        return struct.pack("<HHHHBBBB", 0, 0, 1, 1, 1, 1, depth, palettes) + b"x"

    return {
        "empty": b"",
        "half a header": b"\x15\0\0",
        "a body shorter than its length": _framed(0x15, b"\1\0\0\0")[:-1],
        "a length of four gigabytes": struct.pack("<BBHI", 0x15, 0, 0, 0xFFFFFFFF),
        "an unknown type that reaches beyond the end": struct.pack("<BBHI", 0xF0, 0, 0, 1),
        "bytes behind the last message": m.encode(m.Ping(1)) + b"\0",
        "a body that ends inside a field": _framed(0x15, b"\1\0\0"),
        "too many messages": m.encode(m.Ping(1)) * 1025,
        "a ticket longer than 256": _framed(0x01, _string16(b"t" * 257)),
        "a grant longer than 3072": _framed(0x13, _string16(b"g" * 3073)),
        "a string that reaches beyond its body": _framed(0x13, b"\x05\x00abcd"),
        "a string that is not UTF-8": _framed(0x24, _string16(b"\xff\xfe")),
        "a string with a surrogate": _framed(0x24, _string16(b"\xed\xa0\x80")),
        "a string with an overlong zero": _framed(0x24, _string16(b"\xc0\x80")),
        "a proof without its whole signature": _framed(0x11, struct.pack("<BI", 1, 0) + b"s" * 63),
        "a reason longer than 64": _framed(0x14, struct.pack("<H", 4400) + _string16(b"r" * 65)),
        "a visibility of two": _framed(0x17, b"\2"),
        "a key that is half down": _framed(0x30, struct.pack("<IBBB", 1, 2, 0, 0) + b"\0\0"),
        "a key code longer than 32": _framed(0x30, struct.pack("<IBBB", 1, 1, 0, 0) + b"\x21" + b"c" * 33),
        "a key text longer than 32": _framed(0x30, struct.pack("<IBBB", 1, 1, 0, 0) + b"\0\x21" + b"t" * 33),
        "a text longer than 4096": _framed(0x31, struct.pack("<I", 1) + _string16(b"x" * 4097)),
        "a title longer than 1024": _framed(0x24, _string16(b"x" * 1025)),
        "a resize to nothing": _framed(0x29, struct.pack("<HHH", 0, 100, 100)),
        "a resize beyond 16384": _framed(0x29, struct.pack("<HHH", 100, 16385, 100)),
        "a cursor without width": _framed(0x22, struct.pack("<IHHHH", 1, 0, 0, 0, 1)),
        "a cursor of 129 pixels": _framed(0x22, struct.pack("<IHHHH", 1, 0, 0, 129, 1) + b"\0" * 516),
        "a cursor without its last pixel": _framed(0x22, struct.pack("<IHHHH", 1, 0, 0, 2, 1) + b"\0" * 7),
        "a frame with fewer operations than it counts": _framed(0x20, head),
        "an operation that reaches beyond its frame": _framed(
            0x20, head + struct.pack("<BBHI", 2, 0, 0, 99) + tile + b"\0\0\0"
        ),
        "a tile without data": _framed(0x20, head + _framed(1, tile)),
        "a tile without width": _framed(0x20, head + _framed(1, struct.pack("<HHHH", 0, 0, 0, 1) + b"x")),
        "a cached tile of more pixels than a slot takes": _framed(
            0x20, head + _framed(4, struct.pack("<HHHHH", 0, 0, 129, 128, 0) + b"x")
        ),
        "a slot beyond the last": _framed(0x20, head + _framed(5, struct.pack("<HHH", 0, 0, 4096))),
        "a stream beyond the last": _framed(0x20, head + _framed(8, b"\x10")),
        "a stream of no known colours": _framed(
            0x20, head + _framed(6, struct.pack("<BBHHHHHHB", 0, 3, 0, 0, 1, 1, 1, 1, 3) + b"vp8")
        ),
        "a stream whose box is larger than its pictures": _framed(
            0x20, head + _framed(6, struct.pack("<BBHHHHHHB", 0, 1, 0, 0, 2, 1, 1, 1, 3) + b"vp8")
        ),
        "a codec's name longer than 32": _framed(
            0x20, head + _framed(6, struct.pack("<BBHHHHHHB", 0, 1, 0, 0, 1, 1, 1, 1, 33) + b"c" * 33)
        ),
        "a picture that is half a key": _framed(0x20, head + _framed(7, b"\0\2x")),
        "a picture without data": _framed(0x20, head + _framed(7, b"\0\1")),
        "strips of no rows": _framed(
            0x20, head + _framed(10, struct.pack("<HHHHBB", 0, 0, 1, 1, 1, 0) + b"x")
        ),
        "indexes of three bits": _framed(0x20, head + _framed(12, indexed(3, 1))),
        "indexes of no palette": _framed(0x20, head + _framed(12, indexed(8, 0))),
        "indexes of seventeen palettes": _framed(0x20, head + _framed(12, indexed(8, 17))),
        "indexes without data": _framed(0x20, head + _framed(12, indexed(8, 1)[:-1])),
        "small indexes of three bits": _framed(0x25, b"\1\0\1\x0c\0\0\1\1\1\1\3\1\1x"),
        "small indexes of seventeen palettes": _framed(0x25, b"\1\0\1\x0c\0\0\1\1\1\1\1\x11\1x"),
        "a small frame with a stream": _framed(0x25, b"\1\0\1\x08\0"),
        "a small frame with a kind of the future": _framed(0x25, b"\1\0\1\x7f\0"),
        "a small frame of more operations than it may have": _framed(0x25, b"\1\0\x80\1" + b"\5\0\0\0" * 128),
        "a small frame with fewer operations than it counts": _framed(0x25, b"\1\0\2\5\0\0\0"),
        "a varint of six bytes": _framed(0x25, b"\x80\x80\x80\x80\x80\1\0\0"),
        "a varint beyond 32 bits": _framed(0x25, b"\xff\xff\xff\xff\x10\0\0"),
        "a varint that does not end": _framed(0x25, b"\1\x80"),
        "a varint beyond its field": _framed(0x25, b"\1\0\1\5\0\0\x80\x20"),
        "small data that reach beyond their frame": _framed(0x25, b"\1\0\1\1\0\0\1\1\2x"),
        "small data of no bytes": _framed(0x25, b"\1\0\1\1\0\0\1\1\0"),
        "no monitor": _framed(0x2B, struct.pack("<HB", 100, 0)),
        "nine monitors": _framed(0x2B, struct.pack("<HB", 100, 9) + struct.pack("<HHHH", 0, 0, 1, 1) * 9),
        "a monitor without width": _framed(0x2B, struct.pack("<HBHHHH", 100, 1, 0, 0, 0, 1)),
        "a fill without its colour": _framed(0x20, head + _framed(2, tile + b"\0\0")),
        "a message larger than its type may be": _framed(0x15, b"\1\0\0\0" + b"\0" * 65536),
        "a clipboard that reaches beyond its body": _framed(0x40, struct.pack("<II", 1, 1 << 20)),
    }


def _framed(kind: int, body: bytes) -> bytes:
    return struct.pack("<BBHI", kind, 0, 0, len(body)) + body


def _string16(data: bytes) -> bytes:
    return struct.pack("<H", len(data)) + data


def _fields(value: m.Body) -> dict[str, Any]:
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [_fields(item) if isinstance(item, m.Monitor) else _operation(item) for item in value]
    return value


def _operation(operation: o.AnyOperation) -> dict[str, Any]:
    if isinstance(operation, o.UnknownOperation):
        return {"kind": operation.kind, "operation": None, "body": operation.body.hex()}
    return {
        "kind": operation.KIND,
        "operation": OPERATION_NAMES[type(operation)],
        **_fields(operation),
    }


if __name__ == "__main__":
    PATH.write_text(json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

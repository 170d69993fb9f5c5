"""A viewer of the wire: draws FRAMEs into an array as docs/protocol.md 1.2 says, and refuses whatever breaks its rules.

    viewer = Viewer(width, height)
    viewer.take(payload)                  # a WebSocket message: WELCOME and RESIZED give the size, FRAMEs are drawn
    assert (viewer.picture == screen).all()
    assert viewer.drawn["video"] and viewer.bytes["tile_zstd"]

It reads operations by itself (struct, Pillow, PyAV), not through the product's codec, so that the two check each other.
Everything that a real client could not draw raises BadFrame. PyAV is imported when the first video comes.
"""

from __future__ import annotations

import io
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import zstandard
from PIL import Image

WELCOME, FRAME, RESIZED, SMALL_FRAME = 0x12, 0x20, 0x21, 0x25
CACHE_SLOTS = 4096
CACHE_TILE_PIXELS = 16384
CACHE_PIXELS = 8 << 20
STREAMS = 16
MOST_PALETTES = 16

_HEAD = struct.Struct("<BBHI")
_COLOUR_SPACES = {1: "ITU601", 2: "ITU709"}


class BadFrame(AssertionError):
    """The worker sent what no client can draw."""


@dataclass
class Video:
    """A stream: where it is shown, and its decoder."""

    box: tuple[int, int, int, int]
    coded: tuple[int, int]
    codec: str
    colour: int
    decoder: Any
    needs_key: bool = True


class Viewer:
    """`picture` is (height, width, RGB). `drawn` and `bytes` count operations by name."""

    def __init__(self, width: int = 0, height: int = 0) -> None:
        self.picture = np.zeros((height, width, 3), np.uint8)
        self.drawn: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()
        self.frames = 0
        self.sequence = 0
        self.last_input = 0
        self.captured_us = 0
        self.streams: dict[int, Video] = {}
        self.pictures = 0
        """Decoded from videos."""
        self._slots: dict[int, np.ndarray] = {}
        """The least recently used first."""

    def resize(self, width: int, height: int) -> None:
        """Contents are undefined until drawn: noise that no test takes for a picture."""
        self.picture = np.full((height, width, 3), 0xA7, np.uint8)
        self.picture[::2, ::3] = 0x31

    def sent_capabilities(self) -> None:
        """What the client has forgotten when it sent CAPABILITIES, and the worker when it took them."""
        self._slots.clear()

    def take(self, payload: bytes) -> None:
        """A WebSocket message of the worker."""
        for kind, body in framed(payload):
            if kind == WELCOME:
                self.resize(*struct.unpack_from("<HH", body, 9))
                self._slots.clear()
                self.streams.clear()
            elif kind == RESIZED:
                self.resize(*struct.unpack_from("<HH", body))
            elif kind == FRAME:
                self.draw_frame(body)
            elif kind == SMALL_FRAME:
                self.draw_small_frame(body)

    def draw_frame(self, body: bytes) -> None:
        sequence, self.last_input, self.captured_us, count = struct.unpack_from("<IIQH", body)
        _expect(sequence == self.sequence + 1, f"frame {sequence} after {self.sequence}")
        self.sequence = sequence
        operations = list(framed(body[18:]))
        _expect(len(operations) == count, f"{len(operations)} operations where {count} are stated")
        self.draw(operations)
        self.frames += 1

    def draw_small_frame(self, body: bytes) -> None:
        reader = iter(body)
        sequence, self.last_input, count = _varint(reader), _varint(reader), _varint(reader)
        _expect(sequence == self.sequence + 1, f"frame {sequence} after {self.sequence}")
        self.sequence = sequence
        _expect(count <= 127, f"{count} operations in a small frame")
        self.draw([_lengthened(reader) for _ in range(count)])
        _expect(not bytes(reader), "bytes behind a small frame's operations")
        self.frames += 1

    def draw(self, operations: Iterable[bytes | tuple[int, bytes]]) -> None:
        """Whole operations as the encoder made them, or pairs of kind and body."""
        for operation in operations:
            pairs = framed(operation) if isinstance(operation, bytes) else (operation,)
            for kind, body in pairs:
                _expect(kind in _DRAWING, f"an operation of kind {kind:#x}")
                name, draw = _DRAWING[kind]
                draw(self, body)
                self.drawn[name] += 1
                self.bytes[name] += _HEAD.size + len(body)

    @property
    def total_bytes(self) -> int:
        return sum(self.bytes.values())

    def differing(self, screen: np.ndarray) -> int:
        """Pixels that are others than those of `screen`: RGB like `picture`, or 0x00RRGGBB a pixel."""
        return int((self.picture != rgb(screen)).any(axis=2).sum())

    # --- Operations

    def _tile_zstd(self, body: bytes) -> None:
        box, data = _boxed(body)
        self._area(box)[...] = _raw(data, box[2], box[3], 3)

    def _fill(self, body: bytes) -> None:
        box, data = _boxed(body)
        self._area(box)[...] = np.frombuffer(data, np.uint8, 3)

    def _move(self, body: bytes) -> None:
        box, data = _boxed(body)
        source = (*struct.unpack_from("<HH", data), box[2], box[3])
        self._area(box)[...] = self._area(source).copy()

    def _cache_put(self, body: bytes) -> None:
        box, data = _boxed(body)
        (slot,) = struct.unpack_from("<H", data)
        _expect(slot < CACHE_SLOTS, f"slot {slot}")
        _expect(box[2] * box[3] <= CACHE_TILE_PIXELS, f"a tile of {box[2]}x{box[3]} in the cache")
        self._slots.pop(slot, None)
        self._slots[slot] = _raw(data[2:], box[2], box[3], 3)
        self._area(box)[...] = self._slots[slot]
        while sum(tile.shape[0] * tile.shape[1] for tile in self._slots.values()) > CACHE_PIXELS:
            self._slots.pop(next(iter(self._slots)))

    def _cache_draw(self, body: bytes) -> None:
        x, y, slot = struct.unpack_from("<HHH", body)
        _expect(slot in self._slots, f"slot {slot} is empty")
        tile = self._slots[slot] = self._slots.pop(slot)
        self._area((x, y, tile.shape[1], tile.shape[0]))[...] = tile

    def _tile_jpeg(self, body: bytes) -> None:
        box, data = _boxed(body)
        with Image.open(io.BytesIO(data)) as image:
            _expect(image.format == "JPEG" and image.size == box[2:], f"a JPEG of {image.size} for {box}")
            _expect("progressive" not in image.info, "a JPEG that is not baseline")
            self._area(box)[...] = np.asarray(image.convert("RGB"))

    def _tile_columns(self, body: bytes) -> None:
        box, data = _boxed(body)
        first, rows = data[:2]
        _expect(first > 0 and rows > 0, "a strip of no rows")
        self._in_strips(box, first, rows, _raw(data[2:], box[2], box[3], 3).reshape(-1, 3))

    def _tile_grey(self, body: bytes) -> None:
        box, data = _boxed(body)
        first, rows = data[:2]
        _expect(first > 0 and rows > 0, "a strip of no rows")
        greys = _raw(data[2:], box[2], box[3], 1).reshape(-1)
        self._in_strips(box, first, rows, np.repeat(greys[:, None], 3, axis=1))

    def _tile_palette(self, body: bytes) -> None:
        box, data = _boxed(body)
        first, rows, depth, count = data[:4]
        _expect(first > 0 and rows > 0, "a strip of no rows")
        _expect(depth in (1, 2, 4, 8) and 1 <= count <= MOST_PALETTES, f"{count} palettes, {depth} bits")
        tops = [0, *range(first, box[3], rows)]
        heights = [end - top for top, end in zip(tops, [*tops[1:], box[3]], strict=True)]
        a_column = [-(-height * depth // 8) for height in heights]
        numbers_at = 3 * count << depth
        start = numbers_at + (len(tops) if count > 1 else 0)
        raw = _decompressed(data[4:], start + box[2] * sum(a_column))
        palettes = np.frombuffer(raw, np.uint8, numbers_at).reshape(count, -1, 3)
        for at, (top, height, size) in enumerate(zip(tops, heights, a_column, strict=True)):
            number = raw[numbers_at + at] if count > 1 else 0
            _expect(number < count, f"palette {number} of {count}")
            columns = np.frombuffer(raw, np.uint8, box[2] * size, start).reshape(box[2], size)
            bits = np.unpackbits(columns, axis=1, bitorder="little").reshape(box[2], -1, depth)
            indexes = np.packbits(bits, axis=2, bitorder="little")[:, :height, 0]
            strip = (box[0], box[1] + top, box[2], height)
            self._area(strip)[...] = palettes[number][indexes.T]
            start += columns.size

    def _in_strips(self, box: tuple[int, ...], first: int, rows: int, pixels: np.ndarray) -> None:
        area, y, height = self._area(box), 0, first
        while y < box[3]:
            strip = area[y : y + height]
            start = y * box[2]
            columns = pixels[start : start + strip.shape[0] * box[2]].reshape(box[2], -1, 3)
            strip[...] = columns.transpose(1, 0, 2)
            y, height = y + height, rows

    def _video_config(self, body: bytes) -> None:
        stream, colour, *numbers, length = struct.unpack_from("<BBHHHHHHB", body)
        box, coded = tuple(numbers[:4]), tuple(numbers[4:])
        codec = body[15 : 15 + length].decode("ascii")
        self._area(box)
        _expect(stream < STREAMS and colour in _COLOUR_SPACES, f"stream {stream}, colour {colour}")
        _expect(coded[0] >= box[2] and coded[1] >= box[3], f"{coded} pictures for {box}")
        before = self.streams.get(stream)
        if before is not None and (before.codec, before.coded) == (codec, coded):
            before.box, before.colour = box, colour
            return
        self.streams[stream] = Video(box, coded, codec, colour, _open_decoder(codec))

    def _video(self, body: bytes) -> None:
        stream, flags = body[0], body[1]
        _expect(stream in self.streams, f"stream {stream} has no configuration")
        video = self.streams[stream]
        _expect(bool(flags & 1) or not video.needs_key, "a stream does not begin with a key frame")
        video.needs_key = False
        picture = _decode(video, body[2:])
        _expect((picture.width, picture.height) == video.coded, "a picture of another size")
        area = self._area(video.box)
        area[...] = _picture_rgb(picture, video.colour)[: area.shape[0], : area.shape[1]]
        self.pictures += 1

    def _video_end(self, body: bytes) -> None:
        _expect(body[0] in self.streams, f"stream {body[0]} ends twice")
        del self.streams[body[0]]

    def _area(self, box: tuple[int, ...]) -> np.ndarray:
        x, y, width, height = box
        _expect(width > 0 and height > 0, f"an empty box {box}")
        inside = x + width <= self.picture.shape[1] and y + height <= self.picture.shape[0]
        _expect(inside, f"{box} on a display of {self.picture.shape[1]}x{self.picture.shape[0]}")
        return self.picture[y : y + height, x : x + width]


_DRAWING: dict[int, tuple[str, Callable[[Viewer, bytes], None]]] = {
    0x01: ("tile_zstd", Viewer._tile_zstd),
    0x02: ("fill", Viewer._fill),
    0x03: ("move", Viewer._move),
    0x04: ("cache_put", Viewer._cache_put),
    0x05: ("cache_draw", Viewer._cache_draw),
    0x06: ("video_config", Viewer._video_config),
    0x07: ("video", Viewer._video),
    0x08: ("video_end", Viewer._video_end),
    0x09: ("tile_jpeg", Viewer._tile_jpeg),
    0x0A: ("tile_columns", Viewer._tile_columns),
    0x0B: ("tile_grey", Viewer._tile_grey),
    0x0C: ("tile_palette", Viewer._tile_palette),
}


_SMALL = {
    **{0x01: "HHHH*", 0x02: "HHHHBBB", 0x03: "HHHHHH", 0x04: "HHHHH*", 0x05: "HHH"},
    **{0x0A: "HHHHBB*", 0x0B: "HHHHBB*", 0x0C: "HHHHBBBB*"},
}


def _lengthened(reader: Iterator[int]) -> tuple[int, bytes]:
    """A small frame's operation as a FRAME has it."""
    kind = next(reader)
    _expect(kind in _SMALL, f"an operation of kind {kind:#x} in a small frame")
    form = _SMALL[kind].rstrip("*")
    body = struct.pack("<" + form, *(_varint(reader) for _ in form))
    if _SMALL[kind].endswith("*"):
        body += bytes(next(reader) for _ in range(_varint(reader)))
    return kind, body


def _varint(reader: Iterator[int]) -> int:
    value = 0
    for position in range(5):
        byte = next(reader)
        value |= (byte & 0x7F) << 7 * position
        if byte < 0x80:
            break
    _expect(byte < 0x80 and value < 2**32, "a varint beyond 32 bits")
    return value


def framed(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and body of each message, or operation, in `data`."""
    start = 0
    while start < len(data):
        kind, _flags, _reserved, length = _HEAD.unpack_from(data, start)
        start += _HEAD.size
        _expect(start + length <= len(data), "a length reaches beyond its message")
        yield kind, data[start : start + length]
        start += length


def rgb(screen: np.ndarray) -> np.ndarray:
    """0x00RRGGBB a pixel -> (height, width, RGB); what is RGB already stays."""
    if screen.ndim == 3:
        return screen
    planes = np.ascontiguousarray(screen).view(np.uint8).reshape(*screen.shape, 4)
    return planes[..., 2::-1]


def psnr(picture: np.ndarray, screen: np.ndarray) -> float:
    """Of two RGB pictures, in dB; infinite when they are equal."""
    error = float(np.square(picture.astype(np.int16) - screen.astype(np.int16), dtype=np.float64).mean())
    return float("inf") if error == 0 else 10 * float(np.log10(255 * 255 / error))


def _boxed(body: bytes) -> tuple[tuple[int, int, int, int], bytes]:
    return struct.unpack_from("<HHHH", body), body[8:]


def _raw(data: bytes, width: int, height: int, depth: int) -> np.ndarray:
    pixels = _decompressed(data, width * height * depth)
    return np.frombuffer(pixels, np.uint8).reshape(height, width, depth)


def _decompressed(data: bytes, size: int) -> bytes:
    content = zstandard.ZstdDecompressor().decompress(data, max_output_size=size)
    _expect(len(content) == size, f"{len(content)} bytes where there are {size}")
    return content


def _open_decoder(codec: str) -> Any:
    import av

    names = {"avc1": "h264", "vp8": "vp8", "vp09": "vp9"}
    _expect(codec.split(".")[0] in names, f"codec {codec!r}")
    decoder = av.CodecContext.create(names[codec.split(".")[0]], "r")
    decoder.thread_count = 1
    decoder.flags |= av.codec.context.Flags.low_delay
    return decoder


def _decode(video: Video, unit: bytes) -> Any:
    """Exactly one picture for one access unit, as a client needs it that waits for each."""
    import av

    try:
        pictures = video.decoder.decode(av.Packet(unit))
    except av.error.FFmpegError as exc:
        raise BadFrame(f"a picture cannot be decoded: {exc}") from exc
    _expect(len(pictures) == 1, f"{len(pictures)} pictures of one access unit")
    return pictures[0]


def _picture_rgb(picture: Any, colour: int) -> np.ndarray:
    return picture.to_ndarray(
        format="rgb24",
        src_colorspace=_COLOUR_SPACES[colour],
        src_color_range="MPEG",
        dst_colorspace="DEFAULT",
        dst_color_range="JPEG",
    )


def _expect(condition: object, message: str) -> None:
    if not condition:
        raise BadFrame(message)

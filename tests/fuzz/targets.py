"""One function a parser: it takes any bytes and may raise nothing but what that parser's contract allows.

`python -m tests.fuzz TARGET` runs one under atheris (coverage guided); a corpus entry that once broke one stands in
tests/vectors/fuzz/<target>/, and every normal run tries it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from asyncio import events
from collections.abc import Callable, Iterator

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agents.linux.cursor import cursor_image
from agents.linux.leader.lines import parse as parse_leader_line
from agents.linux.windows import _decoded
from agents.worker.stream import Stream
from agents.worker.window_titles import MAXIMUM_TITLE_BYTES, clean_title
from broker.http.body import parse_object
from gateway.api_proxy import is_plain_path
from gateway.origins import parse_origin
from portcullis.errors import InvalidInput, ProtocolError, Refused
from portcullis.ids import parse_secret
from portcullis.protocol import admission, channel, link, messages, wire, worker_channel
from portcullis.protocol.fields import Fields
from portcullis.tickets import _grant_message, from_base64url, to_base64url, verify_grant
from tests.fuzz.seeds import KID, valid
from tests.fuzz.twisted import twisted

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def target_wire(data: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        assert sum(wire.HEADER_BYTES + len(body) for _, body in wire.split(data)) == len(data)


def target_messages(data: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        read = messages.decode(data)
        assert not read or messages.decode(messages.encode(*read)) == read
        assert messages.decode(data, messages.FROM_CLIENT) == read


def target_admission(data: bytes) -> None:
    """As a whole and byte by byte: both come to the same."""
    assert _admitted(data, len(data) or 1) == _admitted(data, 1)


def _admitted(data: bytes, portion: int) -> object:
    reader = admission.AdmissionReader()
    try:
        for start in range(0, len(data), portion):
            found = reader.feed(data[start : start + portion])
            if found is not None:
                return found
    except ProtocolError:
        return "refused"
    return None


def _with_twisted(target: str, data: bytes) -> Iterator[bytes]:
    """The bytes themselves, and a valid object that they twist."""
    yield data
    if data:
        objects = [each for each in valid(target) if each.startswith(b"{")]
        yield twisted(objects[data[0] % len(objects)], data[1:])


def target_link(data: bytes) -> None:
    for each in _with_twisted("link", data):
        _link(each)


def _link(data: bytes) -> None:
    for parse in (link.parse_from_agent, link.parse_from_gateway):
        with contextlib.suppress(ProtocolError):
            message = parse(data)
            assert message is None or parse(link.encode(message)) == message


def target_channel(data: bytes) -> None:
    for each in _with_twisted("channel", data):
        _channel(each)


def _channel(data: bytes) -> None:
    for parse in (channel.parse_from_agent, channel.parse_from_broker):
        with contextlib.suppress(ProtocolError):
            message = parse(data)
            assert message is None or parse(channel.encode(message)) == message


def target_worker_channel(data: bytes) -> None:
    for each in _with_twisted("worker_channel", data):
        _worker_channel(each)


def _worker_channel(data: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        lines = worker_channel.LineBuffer().feed(data + b"\n")
        assert b"\n".join(lines) == data
    with contextlib.suppress(ProtocolError):
        order = worker_channel.decode_to_worker(data)
        if order is not None:
            json.dumps(worker_channel.body(order), allow_nan=False, default=dict)
            keys = getattr(order, "grant_keys", {})
            assert all(isinstance(key, str) for key in keys.values())
            assert worker_channel.decode_to_worker(worker_channel.encode(order)) == order
    with contextlib.suppress(ProtocolError):
        said = worker_channel.decode_from_leader(data)
        if said is not None and not isinstance(said, worker_channel.Status):
            assert worker_channel.decode_from_leader(worker_channel.encode(said)) == said


def target_fields(data: bytes) -> None:
    for each in _with_twisted("fields", data):
        _fields(each)


def _fields(data: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        fields = Fields.parse(data, 1 << 16)
        reads: tuple[Callable[[str], object], ...] = (
            lambda name: fields.text(name, 100),
            lambda name: fields.id(name),
            lambda name: fields.hash(name),
            lambda name: fields.integer(name, -(2**31), 2**63),
            lambda name: fields.number(name, 0, 1e11),
            lambda name: fields.texts(name, 10, 100),
            lambda name: fields.text_map(name, 10, 100),
            lambda name: fields.choice(name, {"one", "two"}),
            lambda name: fields.items(name, 10, lambda each: each.optional_integer("n", 0, 9)),
        )
        for number, read in enumerate(reads):
            with contextlib.suppress(ProtocolError):
                json.dumps(read("abcdefghi"[number]), allow_nan=False).encode()


def target_tickets(data: bytes) -> None:
    """As a grant's text, as a signed payload, and as the other texts that carry a right."""
    text = data.decode("latin-1")
    keys = {KID: KEY.public_key()}
    for grant in (text, *map(_signed, _with_twisted("tickets", data))):
        with contextlib.suppress(Refused):
            verified = verify_grant(grant, keys, 0)
            assert verified.expires > 0
            json.dumps(verified.to_json(), allow_nan=False)
    with contextlib.suppress(ValueError):
        assert to_base64url(from_base64url(text)) == text
    for kind in ("api", "login", "ticket", "join"):
        secret = parse_secret(text, kind)
        assert secret is None or secret.text == text


def _signed(payload: bytes) -> str:
    signature = to_base64url(KEY.sign(_grant_message(KID, payload)))
    return f"grant.v1.{KID}.{to_base64url(payload)}.{signature}"


def target_leader_lines(data: bytes) -> None:
    for line in data.split(b"\n"):
        assert isinstance(parse_leader_line(line), dict)


def target_x_properties(data: bytes) -> None:
    """What an application may put into a window's title and into its cursor."""
    for kind in (31, 0):  # STRING, and anything else
        title = clean_title(_decoded(kind, data))
        assert len(title.encode()) <= MAXIMUM_TITLE_BYTES
        messages.encode(messages.Title(title))
    if len(data) > 4:
        height, hot_x, hot_y = 1 + data[0], data[1] * 3, data[2] * 5
        width = len(data[4:]) // 4 // height
        argb = np.frombuffer(data[4 : 4 + width * height * 4], np.uint32).reshape(height, width)
        image = cursor_image(1, hot_x, hot_y, argb)
        if image.serial:
            messages.encode(
                messages.Cursor(1, image.hot_x, image.hot_y, image.width, image.height, image.rgba)
            )


def target_stream(data: bytes) -> None:
    """The worker's end: the rest of the gateway's answer, then WebSocket frames, in portions of any size."""
    events._set_running_loop(_LOOP)
    try:
        stream = Stream("gate", "0" * 64, KID)
        transport = _Transport()
        stream.connection_made(transport)
        receiver = _Receiver(stream)
        stream.data_received(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" if data[:1] != b"H" else b"")
        stream.start(receiver)
        size = 1 + (data[0] if data else 0)
        for start in range(1, len(data), size):
            if not transport.is_lost:
                stream.data_received(data[start : start + size])
        stream.connection_lost(None)
        assert receiver.is_lost
        if stream.opened.done():
            stream.opened.exception()
        stream.opened.cancel()
    finally:
        events._set_running_loop(None)


_LOOP = asyncio.new_event_loop()


class _Transport(asyncio.Transport):
    """Takes what is written; a socket option is nobody's."""

    def __init__(self) -> None:
        super().__init__({"socket": self})
        self.is_lost = False

    def setsockopt(self, *option: object) -> None:
        pass

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.is_lost

    def is_closing(self) -> bool:
        return self.is_lost

    def close(self) -> None:
        self.is_lost = True

    abort = close


class _Receiver:
    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.is_lost = False

    def received(self, payload: bytes) -> None:
        try:
            messages.decode(payload, messages.FROM_CLIENT)
        except ProtocolError as error:
            self.broke_protocol(error)

    def broke_protocol(self, error: ProtocolError) -> None:
        self._stream.close(4400, error.code)

    def writable(self) -> None:
        pass

    def lost(self) -> None:
        self.is_lost = True


def target_http(data: bytes) -> None:
    """What a gateway and a broker read of a request by themselves: path, origin, body."""
    text = data.decode("latin-1")
    if is_plain_path(text):
        assert "//" not in text.partition("?")[0] and "/../" not in text
    with contextlib.suppress(InvalidInput):
        origin = parse_origin(text)
        assert parse_origin(origin) == origin
    with contextlib.suppress(Refused):
        json.dumps(parse_object(data), allow_nan=False).encode()


TARGETS: dict[str, Callable[[bytes], None]] = {
    name.removeprefix("target_"): function
    for name, function in list(globals().items())
    if name.startswith("target_")
}

"""Where fuzzing begins: valid inputs of every parser, and what once broke one (tests/vectors/fuzz)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from portcullis.model.session import Display
from portcullis.protocol import admission, channel, directory, link, orders, reports, worker_channel
from portcullis.protocol.messages import AdmitGrant, AdmitTicket, encode
from tests.support.stream_client import mask_frame
from tests.support.wire_vectors import vectors

FOUND = Path(__file__).parent.parent / "vectors" / "fuzz"
KID = "0123456789abcdef"
HASH = "ab" * 32


def found(target: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((FOUND / target).glob("*"))]


def seeds(target: str) -> list[bytes]:
    return [*valid(target), *found(target)]


@cache
def valid(target: str) -> list[bytes]:
    wire = [bytes.fromhex(vector["hex"]) for vector in vectors()]
    match target:
        case "wire" | "messages":
            return [data for data in wire if len(data) < 400]
        case "admission":
            payloads = (encode(AdmitTicket("t" * 90)), encode(AdmitGrant("g" * 300)))
            return [*map(mask_frame, payloads), admission.admitted_frame("g"), b"\x82\x84abcd1234"]
        case "link":
            attach = link.Attach(KID, KID, KID, HASH, "grant")
            said = (
                link.Hello("edge"),
                attach,
                link.AttachAccepted(KID),
                link.AttachRefused(KID, "taken_over"),
            )
            return [link.encode(message).encode() for message in said]
        case "channel":
            return [channel.encode(message).encode() for message in _channel()]
        case "worker_channel" | "leader_lines":
            return [worker_channel.encode(message) for message in _lines()] + [
                b'{"type":"status","session":"1","stage":"accepted","processes":{"display":1}}'
            ]
        case "fields":
            values = ["text", KID, HASH, 1, 2.5, ["one"], {"key": "value"}, "one", [{"n": 1}]]
            return [json.dumps(dict(zip("abcdefghi", values, strict=True))).encode()]
        case "tickets":
            grant = {"tenant": KID, "user": KID, "login": HASH, "session": KID, "host": KID, "e": 1}
            rest = {"channels": ["display"], "client_key": "BA", "issued": 1, "expires": 2e9}
            return [json.dumps({**grant, **rest}).encode(), f"ticket_{KID}_{HASH}".encode()]
        case "x_properties":
            return ["Größe 漢字 \u202eevil\x1b[0m".encode(), bytes(range(64)) * 4]
        case "stream":
            frames = b"".join(mask_frame(data) for data in wire[:6])
            return [b"\xff" + frames, b"\0" + mask_frame(b"x", 9) + mask_frame(b"\x03\xe8", 8)]
        case "http":
            return [b"/api/v1/x%20y?z=1", b"http://localhost:8080", b'{"a": [1, 2.5, "x"]}']
    raise LookupError(target)


def _channel() -> list[channel.FromAgent | channel.FromBroker]:
    order = orders.Order(
        KID, KID, KID, "ann", 0, "pending", KID, "Editor", ("xterm",), {"A": "b"}, Display()
    )  # fmt: skip
    report = reports.Report(KID, KID, "ready", "ready", None, "line", 0)
    site = directory.Directory({KID: "key"}, (directory.GatewayEntry("edge", "127.0.0.1:1"),))
    return [
        reports.Hello("1", 4, KID, (report,)),
        reports.Heartbeat(0.5, 1 << 30),
        directory.Welcome("desk", KID, 1.0, site),
        site,
        orders.Desired(1, (order,)),
        channel.Cut(KID, HASH, "signed_out"),
    ]


def _lines() -> list[worker_channel.ToWorker | worker_channel.FromWorker]:
    return [
        worker_channel.Start(KID, KID, KID, KID, 800, 600, "PEM", {KID: "key"}),
        worker_channel.Dial(worker_channel.Gateway("edge", "127.0.0.1:1"), HASH, "grant"),
        worker_channel.GrantKeys({KID: "key"}),
        worker_channel.Cut(HASH, "signed_out"),
        worker_channel.Closing(4410, "session_ended"),
        worker_channel.WorkerState(1, 1, 2),
        worker_channel.DialFailed(HASH, "host_unreachable"),
    ]

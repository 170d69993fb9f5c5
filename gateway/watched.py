"""What those who watch this gateway see: the readings of its metrics, taken when somebody asks."""

from __future__ import annotations

from typing import Protocol

from gateway.brokers import Brokers
from gateway.links import Links
from gateway.listener import Listener
from gateway.stream_counts import StreamCounts
from gateway.streams import Streams
from portcullis import metrics as table
from portcullis.measuring import Metrics


class Watched(Protocol):
    """The parts of the gateway that are asked."""

    brokers: Brokers
    links: Links
    streams: Streams
    public: Listener
    inner: Listener


def offer_readings(metrics: Metrics, gateway: Watched, counts: StreamCounts) -> None:
    listeners = {"public": gateway.public, "inner": gateway.inner}
    metrics.read(
        table.CONNECTIONS, lambda: {(name,): listener.gate.total for name, listener in listeners.items()}
    )
    metrics.read(
        table.CONNECTIONS_REFUSED,
        lambda: {
            (name, reason): listener.gate.refused[reason]
            for name, listener in listeners.items()
            for reason in ("full", "client_full")
        },
    )
    metrics.read(table.STREAMS, lambda: counts.live)
    metrics.read(table.STREAMS_ADMITTED, lambda: counts.admitted)
    metrics.read(
        table.STREAMS_REFUSED,
        lambda: {
            **{(code,): 0.0 for code in table.STREAM_REFUSALS},
            **{(code,): number for code, number in counts.refused.items()},
        },
    )
    metrics.read(
        table.STREAM_BYTES,
        lambda: {("to_browser",): counts.to_browser_bytes, ("to_worker",): counts.to_worker_bytes},
    )
    metrics.read(table.SPLICE_BUFFER, lambda: gateway.streams.waiting_bytes)
    metrics.read(table.LINKS, lambda: len(gateway.links.hosts))
    metrics.read(table.REGISTERED, lambda: gateway.brokers.live)

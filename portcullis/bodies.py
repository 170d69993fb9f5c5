"""Bodies of HTTP answers, read whole and within a bound.

`StreamReader.read(n)` answers with what has arrived: of an answer that comes in several pieces, the first.
"""

from __future__ import annotations

from typing import Protocol


class Body(Protocol):
    """`aiohttp.StreamReader`."""

    async def readany(self) -> bytes: ...


async def read_bounded(body: Body, bound: int) -> bytes:
    """All of it; of one that is longer than `bound` more than that, and not much."""
    raw = bytearray()
    while len(raw) <= bound and (piece := await body.readany()):
        raw += piece
    return bytes(raw)

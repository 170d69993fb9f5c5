"""Requests that no client of ours sends, and what each is answered with (tests/vectors/http/requests.json).

`send` holds the bytes as Latin-1, with `{host}`, `{name}`, `{port}`, `{origin}` and repetitions as `{y*8200}`; braces
of the request itself stand twice. `public` lists the statuses that a gateway's public listener answers with, one after
the other; an empty list: it ends the connection without a word.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from pathlib import Path

from tests.support.patience import patient

PATH = Path(__file__).parent.parent / "vectors" / "http" / "requests.json"
_PLACE = re.compile(r"\{\{|\}\}|\{([a-zA-Z]+)(?:\*([0-9]+))?\}")


@dataclass(frozen=True, slots=True)
class Case:
    group: str
    name: str
    send: str
    public: tuple[int, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.group}: {self.name}"

    def data(self, name: str, port: int) -> bytes:
        host = f"{name}:{port}"
        values = {
            "host": host,
            "HOST": host.upper(),
            "name": name,
            "port": str(port),
            "origin": f"http://{host}",
        }

        def fill(place: re.Match[str]) -> str:
            if place[1] is None:
                return place[0][0]
            return place[1] * int(place[2]) if place[2] else values[place[1]]

        return _PLACE.sub(fill, self.send).encode("latin-1")


def cases() -> list[Case]:
    return [
        Case(each["group"], each["name"], each["send"], tuple(each.get("public", ())))
        for each in json.loads(PATH.read_text())
    ]


async def answers(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes
) -> list[tuple[int, bytes]]:
    """Status and head of each answer until the connection is quiet or ends."""
    writer.write(data)
    received = bytearray()
    try:
        async with asyncio.timeout(patient(10)):
            while portion := await reader.read(1 << 16):
                received += portion
                if not _is_open(received):
                    break
    except (ConnectionError, TimeoutError):
        pass
    return _heads(bytes(received))


def _is_open(received: bytearray) -> bool:
    """Whether more may follow: not behind the first answer of a connection that is kept."""
    head, end, rest = bytes(received).partition(b"\r\n\r\n")
    if not end or b"\r\nconnection: close" in head.lower():
        return True
    length = re.search(rb"\r\ncontent-length: ([0-9]+)", head.lower())
    return length is not None and len(rest) < int(length[1])


def _heads(received: bytes) -> list[tuple[int, bytes]]:
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: ([0-9]+)", head.lower())
        size = int(length[1]) if length else 0
        found.append((int(head.split(b" ", 2)[1]), head + b"\r\n\r\n" + rest[:size]))
        received = rest[size:]
    return found

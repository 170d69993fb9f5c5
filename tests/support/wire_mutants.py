"""Thousands of broken wire messages that both codecs must judge alike (tests/vectors/wire_mutants.json).

A mutant is made from the vectors of wire.json by a seeded generator that is written the same way in Python and in
JavaScript (tests/web/mutants.js); the file holds the outcome of each: `-` where it is refused, else the hash of what it
decodes to. `python -m tests.support.wire_mutants` writes it anew; a unit test says when it is stale.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from portcullis.errors import ProtocolError
from portcullis.protocol import messages as m
from tests.support.wire_vectors import to_json, vectors

PATH = Path(__file__).parent.parent / "vectors" / "wire_mutants.json"
SEED = 20261121
COUNT = 4000
LONGEST_BASE_BYTES = 400
LARGEST_EXACT = 2**53 - 1
"""JavaScript's numbers: beyond it an u64 counts as this."""

_BYTES = (0, 1, 0x7F, 0x80, 0xFF)
_LENGTHS = (0, 1, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def bases() -> list[bytes]:
    found = (bytes.fromhex(vector["hex"]) for vector in vectors() if "messages" in vector)
    return [base for base in found if len(base) <= LONGEST_BASE_BYTES]


def generator(seed: int) -> Callable[[], int]:
    """mulberry32."""

    def draw() -> int:
        nonlocal seed
        seed = (seed + 0x6D2B79F5) & 0xFFFFFFFF
        t = _imul(seed ^ (seed >> 15), 1 | seed)
        t = ((t + _imul(t ^ (t >> 7), 61 | t)) & 0xFFFFFFFF) ^ t
        return t ^ (t >> 14)

    return draw


def mutants(count: int = COUNT) -> list[bytes]:
    draw, originals = generator(SEED), bases()
    made = []
    for number in range(count):
        data = originals[number % len(originals)]
        for _ in range(1 + draw() % 3):
            data = _mutated(data, draw, originals)
        made.append(data)
    return made


def outcome(data: bytes) -> str:
    try:
        messages = m.decode(data)
    except ProtocolError:
        return "-"
    text = json.dumps(
        [_canonical(to_json(message)) for message in messages],
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    return f"{_fnv1a(text.encode()):08x}"


def _canonical(value: dict[str, Any]) -> dict[str, Any]:
    if "captured_us" in value:
        value["captured_us"] = min(value["captured_us"], LARGEST_EXACT)
    return value


def _mutated(data: bytes, draw: Callable[[], int], originals: list[bytes]) -> bytes:
    kind, at = draw() % 8, draw() % (len(data) + 1)
    if kind == 0:
        bit = 1 << draw() % 8
        return data if at == len(data) else data[:at] + bytes((data[at] ^ bit,)) + data[at + 1 :]
    if kind == 1:
        value = _BYTES[draw() % len(_BYTES)]
        return data if at == len(data) else data[:at] + bytes((value,)) + data[at + 1 :]
    if kind == 2:
        return data[:at]
    if kind == 3:
        return data[:at] + data[at + draw() % 9 :]
    if kind == 4:
        return data[:at] + data[at : at + draw() % 17] + data[at:]
    if kind == 5:
        length = _LENGTHS[draw() % len(_LENGTHS)].to_bytes(4, "little")
        return data if at + 4 > len(data) else data[:at] + length + data[at + 4 :]
    other = originals[draw() % len(originals)]
    return data + other if kind == 6 else other + data


def _imul(a: int, b: int) -> int:
    return (a * b) & 0xFFFFFFFF


def _fnv1a(data: bytes) -> int:
    value = 0x811C9DC5
    for byte in data:
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def document() -> str:
    outcomes = [outcome(data) for data in mutants()]
    lines = [" ".join(outcomes[start : start + 12]) for start in range(0, len(outcomes), 12)]
    return json.dumps({"seed": SEED, "count": COUNT, "outcomes": lines}, indent=0) + "\n"


if __name__ == "__main__":
    PATH.write_text(document(), encoding="utf-8")

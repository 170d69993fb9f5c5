"""The intent record of a change that takes more than one transaction: what is to be done, and how far it got. Pure.

`t/<tid>/change/current` says that a change is under way (there is one at a time) and how many items are done;
`t/<tid>/change-items/<id>` holds the items, packed. Both are put in one transaction, before anything else is: from
then on the change ends whole, whoever carries it on.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broker.grid.keys import Path

CURRENT: Path = ("change", "current")
MAXIMUM_PACKED_BYTES = 1_400_000
"""Of the packed items: the record has to go into one transaction."""
MAXIMUM_ITEMS_BYTES = 64 << 20
"""Unpacked: what no honest record exceeds."""


@dataclass(frozen=True, slots=True)
class Intent:
    id: str
    done: int
    total: int
    author: str
    reason: str
    started: float

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "done": self.done,
            "total": self.total,
            "author": self.author,
            "reason": self.reason,
            "started": self.started,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Intent:
        return cls(
            data["id"],
            data.get("done", 0),
            data.get("total", 0),
            data.get("author", "system"),
            data.get("reason", ""),
            data.get("started", 0.0),
        )


def items_path(id: str) -> Path:
    return ("change-items", id)


def packed(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    text = json.dumps(items, separators=(",", ":")).encode()
    return {"packed": base64.b64encode(zlib.compress(text, 6)).decode()}


def unpacked(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    inflater = zlib.decompressobj()
    text = inflater.decompress(base64.b64decode(value["packed"]), MAXIMUM_ITEMS_BYTES)
    items: list[dict[str, Any]] = json.loads(text)
    return items

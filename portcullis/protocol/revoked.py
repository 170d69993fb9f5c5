"""Revocations as brokers tell them to agents and gateways, and gateways to brokers (docs/protocol.md 4 and 6).

Signed texts (`portcullis.revocations`): whoever receives them verifies them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from portcullis.protocol.fields import Fields
from portcullis.revocations import MAXIMUM_REVOCATION_BYTES

MAXIMUM_REVOCATIONS = 256
"""In one message; more are told in several."""
_MAXIMUM_CHARACTERS = 2 * MAXIMUM_REVOCATION_BYTES
"""One that is too long for this version is refused by itself: it does not end the channel."""


@dataclass(frozen=True, slots=True)
class Revocations:
    """A gateway passes on what one broker said to the others: they may not reach each other, nor the grid."""

    revocations: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"type": "revocations", "revocations": list(self.revocations)}


def read_revocations(fields: Fields) -> Revocations:
    return Revocations(fields.texts("revocations", MAXIMUM_REVOCATIONS, _MAXIMUM_CHARACTERS))


def revocation_messages(texts: Sequence[str]) -> list[Revocations]:
    """As many messages as their bound takes."""
    starts = range(0, len(texts), MAXIMUM_REVOCATIONS)
    return [Revocations(tuple(texts[start : start + MAXIMUM_REVOCATIONS])) for start in starts]

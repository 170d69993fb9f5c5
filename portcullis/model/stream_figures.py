"""What a session's stream was like, as its worker says every ten seconds while its view is visible.

It passes through worker, agent and brokers, and is shown to administrators. Echo times are the client's word; nothing
is decided by any of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

Limit = Literal["none", "network", "host", "client"]
LIMITS: tuple[str, ...] = get_args(Limit)
BAD_ECHO_MS = 150.0
BAD_QUALITY = 40
_LARGEST = 1e12
_ENCODER_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class StreamFigures:
    echo_median_ms: float = 0.0
    echo_p95_ms: float = 0.0
    """From key press to pixel, as the client says; 0: nothing was typed."""
    round_trip_ms: float = 0.0
    frames_per_second: float = 0.0
    bytes_per_second: float = 0.0
    encoding_ms: float = 0.0
    """Mean time from a look at the screen to its frame."""
    quality: int = 100
    """Percent: 100 when nothing is given up."""
    encoder: str = ""
    """Such as `tiles + H.264 4:4:4`."""
    limit: str = "none"
    """What holds it up most: `network`, `host`, `client`, or `none`."""

    @property
    def is_bad(self) -> bool:
        """A user would complain."""
        return self.limit != "none" and (self.echo_p95_ms > BAD_ECHO_MS or self.quality < BAD_QUALITY)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> StreamFigures | None:
        """None for what makes no sense. A limit of a later version counts as none."""
        if not isinstance(data, Mapping):
            return None
        numbers = {name: data.get(name, 0.0) for name in _NUMBERS}
        quality, encoder, limit = data.get("quality", 100), data.get("encoder", ""), data.get("limit", "none")
        if not all(_is_number(value) for value in numbers.values()):
            return None
        if type(quality) is not int or not 0 <= quality <= 100:
            return None
        if not isinstance(encoder, str) or len(encoder) > _ENCODER_CHARACTERS or not encoder.isprintable():
            return None
        limit = limit if isinstance(limit, str) and limit in LIMITS else "none"
        floats = {name: float(value) for name, value in numbers.items()}
        return cls(**floats, quality=quality, encoder=encoder, limit=limit)


_NUMBERS = (
    "echo_median_ms",
    "echo_p95_ms",
    "round_trip_ms",
    "frames_per_second",
    "bytes_per_second",
    "encoding_ms",
)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= _LARGEST  # NaN fails every comparison

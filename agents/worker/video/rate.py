"""Which quantiser a picture gets. Pure: what was sent and when, in; a quantiser of H.264 (0-51), out.

Pictures have one quality, not one size: as long as the rate allows, each gets the quantiser that `quality` asks for. A
bucket bounds the rate. It leaks at that rate and holds what leaks in 0.4 s; the fuller it is, the less a picture may
have. The quantiser then rises at once, and falls again a step a picture, so that the quality does not pump.
"""

from __future__ import annotations

import math

_FULL_HD = 1920 * 1080
_BYTES_PER_SECOND = 6_000_000 / 8
"""Of 1920x1080 at the best quality. A film with grain would need a third of it more, plain motion needs less."""
_SMALLEST_PIXELS = 128 * 1024
_WORST_SHARE = 1 / 8
"""Of the rate, at quality 0."""
_BUCKET_SECONDS = 0.4
_SHARE_OF_ROOM = 0.25
"""Of what the bucket still holds, for one picture."""
_LONGEST_INTERVAL, _SHORTEST_INTERVAL = 0.25, 1 / 120
_STEPS_OF_HALF = 6.0
"""So many quantisers more halve the bytes: the scale of H.264 is made so, and pictures follow it closely enough."""

_BEST, _FINEST, _WORSE = 22.0, 20.0, 12
"""Of 1920x1080, of small regions, and what the worst quality adds."""
_FINER_A_HALF = 1.7
"""A picture of half the pixels holds as many edges: it has to be so much finer for the same decibels."""
_FULL_COLOUR_COARSER = 3
"""4:4:4 has the same decibels so much coarser: 4:2:0 loses them by halving the colours."""
_KEY_COARSER = 2
"""A key frame is shown for one picture only and is ten times the size of another: the pictures behind it mend it."""
COARSEST = 38
"""Beyond it pictures get no smaller: blocks no longer find themselves in the picture before. A link that cannot carry
this gets fewer pictures, which is up to pacing."""


class Rate:
    def __init__(self, pixels: int, now: float, *, full_colour: bool = False, coarser: float = 0.0) -> None:
        """`coarser`: by so many quantisers this encoder has the same decibels."""
        share = max(pixels, _SMALLEST_PIXELS) / _FULL_HD
        best = _BEST + coarser + (_FULL_COLOUR_COARSER if full_colour else 0)
        self._best = max(_FINEST, best + _FINER_A_HALF * math.log2(share))
        self._full_rate = _BYTES_PER_SECOND * share ** (0.3 if share < 1 else 0.75)
        self._debt = 0.0
        self._at = now
        self._interval = 1 / 60
        self._quantiser = self._best
        self._weights: dict[bool, float] = {}
        """Key frame or not -> bytes of the last such picture, had its quantiser been 0."""

    def bytes_per_second(self, quality: float) -> float:
        return float(self._full_rate * _WORST_SHARE ** (1 - quality))

    def quantiser(self, quality: float, *, is_key: bool, now: float) -> int:
        """Of the picture that is taken now."""
        rate = self.bytes_per_second(quality)
        elapsed = max(0.0, now - self._at)
        self._at = now
        self._debt = max(0.0, self._debt - elapsed * rate)
        self._interval = min(_LONGEST_INTERVAL, max(_SHORTEST_INTERVAL, elapsed))
        wanted = self._best + _WORSE * (1 - quality) + (_KEY_COARSER if is_key else 0)
        room = max(0.0, rate * _BUCKET_SECONDS - self._debt)
        bounded = max(wanted, self._fitting(rate * self._interval + room * _SHARE_OF_ROOM, is_key))
        if not is_key:
            bounded = max(bounded, min(self._quantiser - 1, COARSEST))
            self._quantiser = bounded
        return min(COARSEST, math.ceil(bounded - 0.25))

    def sent(self, size: int, quantiser: int, *, is_key: bool) -> None:
        self._debt += size
        self._weights[is_key] = size * 2 ** (quantiser / _STEPS_OF_HALF)

    def _fitting(self, size: float, is_key: bool) -> float:
        weight = self._weights.get(is_key, 0.0)
        if is_key or weight <= size:  # one key frame says little of the next, which comes much later
            return 0.0
        return _STEPS_OF_HALF * math.log2(weight / size)

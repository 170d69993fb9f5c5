"""Which of a viewer's slots keeps which pixels, and what is worth keeping. Pure: pixels in, a slot out.

Worth it at once are letters, carets and small icons; of larger tiles those that come a second time, or a spinner
would push out the alphabet. Both sides drop what was used least recently once there are too many pixels, by the same
rule and without a word (docs/protocol.md 1.2).

Contents are known by a Poly1305 tag under a key of this cache's own, not by a copy: a universal hash, so that nobody
without the key finds two tiles with one tag, at 13 GB/s.
"""

from __future__ import annotations

import secrets
import struct
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from cryptography.hazmat.primitives.poly1305 import Poly1305

from agents.worker.damage import Pixels
from portcullis.protocol.operations import CACHE_PIXELS, CACHE_SLOTS, MAXIMUM_CACHED_PIXELS

ALWAYS_KEPT_PIXELS = 1024
_REMEMBERED = 4096
_SIZE = struct.Struct("<HH")


@dataclass(frozen=True, slots=True)
class Place:
    slot: int
    is_kept: bool
    """The viewer has it: to be drawn. Else it is to be put there."""


class TileCache:
    def __init__(self, slots: int = CACHE_SLOTS, pixels: int = CACHE_PIXELS) -> None:
        self._maximum_slots = slots
        self._maximum_pixels = pixels
        self._key = secrets.token_bytes(32)
        self.forget()

    def forget(self) -> None:
        """The viewer keeps nothing."""
        self._kept: OrderedDict[bytes, tuple[int, int]] = OrderedDict()
        """Content -> its slot and pixels, the least recently used first."""
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        """Large contents that came once."""
        self._free: list[int] = []
        self._unused = 0
        self.pixels = 0

    def place(self, pixels: Pixels) -> Place | None:
        """Where the viewer has it, or is to keep it; None where it is not worth it."""
        if pixels.size > MAXIMUM_CACHED_PIXELS:
            return None
        content = self._content(pixels)
        kept = self._kept.get(content)
        if kept is not None:
            self._kept.move_to_end(content)
            return Place(kept[0], True)
        if pixels.size > ALWAYS_KEPT_PIXELS and not self._came_before(content):
            return None
        slot = self._make_room(pixels.size)
        self._kept[content] = slot, pixels.size
        self.pixels += pixels.size
        return Place(slot, False)

    def _content(self, pixels: Pixels) -> bytes:
        size = _SIZE.pack(*pixels.shape)
        return Poly1305.generate_tag(self._key, size + np.ascontiguousarray(pixels).tobytes())

    def _came_before(self, content: bytes) -> bool:
        if content in self._seen:
            del self._seen[content]
            return True
        self._seen[content] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return False

    def _make_room(self, size: int) -> int:
        while self._kept and (
            self.pixels + size > self._maximum_pixels or len(self._kept) >= self._maximum_slots
        ):
            _, (slot, pixels) = self._kept.popitem(last=False)
            self.pixels -= pixels
            self._free.append(slot)
        if self._free:
            return self._free.pop()
        self._unused += 1
        return self._unused - 1

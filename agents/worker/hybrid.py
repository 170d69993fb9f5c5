"""One viewer's picture: what of it has to be sent, and which way each part goes.

What was drawn inside of a region goes through its stream, the rest through tiles; a region that came to rest is given
back to the tiles, which make it exact. Two threads work on it at most: one has the tiles (`encode`, `refine`), the
other the streams (`film`); all that decides which part is whose runs on the event loop. So a small change beside a
video is sent while the video's picture is being encoded.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import reduce
from itertools import product

from agents.worker.damage import Box, Pixels, outside
from agents.worker.encoder import Encoded, FrameEncoder
from agents.worker.motion import MINIMUM_GAIN_PIXELS
from agents.worker.region_video import NoVideo, RegionVideo
from agents.worker.regions import HOT_CHANGES, HOT_SECONDS, REST_SECONDS, Region, Regions
from agents.worker.video.contract import Still, VideoEncoder, VideoFailed, open_encoder
from portcullis.protocol.messages import Capabilities
from portcullis.protocol.operations import Video, VideoConfig, VideoEnd, operation_bytes

log = logging.getLogger(__name__)

ON_THE_SPOT_PIXELS = 64 * 1024
"""A thread's hop would cost more than the work."""
_LOOK_ON_THE_SPOT_PIXELS = 512 * 1024
"""To find out whether it is little that changed: 0.1 ms."""
_REFINED_PIXELS = 64 * 1024
"""In one step: 1.5 ms."""
_MOST_PENDING = 64
_LONGEST_SECONDS = 3.0
"""For four changes, where the path is so slow that each of them comes in pieces."""
_STREAM_OPERATIONS = 1 << VideoConfig.KIND | 1 << Video.KIND | 1 << VideoEnd.KIND


@dataclass(frozen=True, slots=True)
class Shot:
    """What came of the regions that `film` looked at."""

    operations: list[bytes] = field(default_factory=list)
    streams: list[int] = field(default_factory=list)
    """Those of which there is a picture among the operations."""
    changes: list[tuple[Region, Box]] = field(default_factory=list)
    failed: list[Region] = field(default_factory=list)


class HybridPicture:
    """For one size of the display and one CAPABILITIES; `ending`: streams that the client still has from before."""

    def __init__(
        self,
        read: Callable[[Box, Pixels], None],
        view: Callable[[Box], Pixels],
        size: tuple[int, int],
        capabilities: Capabilities,
        allowed: frozenset[str],
        ending: Iterable[int] = (),
        still: Still = nullcontext,
    ) -> None:
        self._view = view
        self._still = still
        self._video = capabilities.video
        self._allowed = allowed
        draws = capabilities.operations
        self._has_video = bool(
            draws & _STREAM_OPERATIONS == _STREAM_OPERATIONS and capabilities.video and allowed
        )
        self._is_plain = draws == 0
        self._encoder = FrameEncoder(read, *size, draws)
        self._regions = Regions(*size)
        self._videos: dict[int, RegionVideo] = {}
        self._ending = list(ending)
        self.streams = set(self._ending)
        """What the client has."""
        self.pending: list[Box] = []
        """What has to be looked at, outside of regions."""
        self._fresh: list[Box] = []
        """What of it was drawn since the last look; the rest waits for its turn."""
        self._looked: list[Box] = []
        """What had been drawn when the tiles that are being encoded were taken."""
        self._held_up: deque[float] = deque(maxlen=HOT_CHANGES + 2)
        """The last looks, as far as none of them could show all there was."""
        self._is_filming = False
        self._is_closed = False

    # --- What has to be done

    @property
    def is_filming(self) -> bool:
        return self._is_filming

    @property
    def has_regions(self) -> bool:
        return bool(self._regions.live)

    @property
    def has_damaged_region(self) -> bool:
        return any(region.is_damaged and not region.is_over for region in self._regions.live)

    @property
    def encoder(self) -> str:
        """What draws it now, as users read it."""
        videos = list(self._videos.values())  # a thread may add one meanwhile
        return " + ".join(["tiles", *sorted({video.name for video in videos if video.name})])

    def forget(self) -> None:
        """The viewer's picture is unknown: all of it has to be sent. Not while one of the threads works."""
        for region in list(self._regions.live):
            self._end(region, math.inf)
        self.pending = [self._encoder.forget()]
        self._fresh = []

    def drawn(self, boxes: list[Box]) -> None:
        if self._is_plain:
            self.pending += [reduce(Box.joined, boxes)] if boxes else []
            return
        self._regions.drawn(boxes)
        self._fresh += self._regions.outside(boxes)
        # What waits already keeps its turn: it is looked at when that comes.
        self.pending += outside(self._fresh, self.pending)
        if len(self.pending) > _MOST_PENDING:
            self.pending = self._regions.outside([reduce(Box.joined, self.pending)])

    def rest(self) -> None:
        """Nothing was drawn for a while, and nobody works on it."""
        self._encoder.rest()

    def calm_at(self) -> float | None:
        """When a region may be at rest, or something can be made exact."""
        times = [region.rests_at() for region in self._regions.live]
        refined_at = self._encoder.refinement.due_at()
        return min(times if refined_at is None else [*times, refined_at], default=None)

    # --- Tiles

    def is_small(self) -> bool:
        """Whether what is pending can be encoded at once."""
        pixels = sum(box.pixels for box in self.pending)
        if ON_THE_SPOT_PIXELS < pixels <= _LOOK_ON_THE_SPOT_PIXELS and not self._is_plain:
            differing = self._encoder.differing(self.pending)
            pixels = sum(box.pixels for box in differing)
            self.pending = self._in_one_piece(differing)
        return pixels <= ON_THE_SPOT_PIXELS

    def _in_one_piece(self, differing: list[Box]) -> list[Box]:
        """As far as it may have moved: a scroll is found in the whole, and not in the tiles that it changed."""
        if sum(box.pixels for box in differing) < MINIMUM_GAIN_PIXELS:
            return differing
        whole = reduce(Box.joined, differing)
        # What the encoder knows of a region's inside is not what the viewer sees there: nothing may be moved out of it.
        is_apart = all(whole.shared(box) is None for box in self._regions.boxes)
        return [whole] if is_apart and whole.pixels <= _LOOK_ON_THE_SPOT_PIXELS else differing

    @property
    def has_fresh(self) -> bool:
        """Something was drawn since the last look."""
        return bool(self._fresh)

    def take_pending(self, is_echo: bool = False) -> list[Box]:
        """`is_echo`: what was drawn since the last look alone, if that is not all: the rest follows."""
        boxes, self.pending = self.pending, []
        if is_echo and self._fresh:
            near = [any(box.shared(fresh) is not None for fresh in self._fresh) for box in boxes]
            self.pending = [box for box, is_near in zip(boxes, near, strict=True) if not is_near]
            boxes = [box for box, is_near in zip(boxes, near, strict=True) if is_near]
        self._looked, self._fresh = self._fresh, []
        return boxes

    def encode(self, boxes: list[Box], budget_bytes: int, now: float, quality: float) -> Encoded:
        return self._encoder.encode(
            boxes, budget_bytes, now, self._looked if self._has_video else (), quality
        )

    def encoded(self, encoded: Encoded, now: float, is_held_up: bool = False) -> list[bytes]:
        """The frame's operations. `is_held_up`: the path takes fewer frames than there are pictures."""
        self.pending = encoded.rest + self.pending
        pairs = product(encoded.photographs, self._looked if self._has_video else ())
        photographs = [part for photo, fresh in pairs if (part := photo.shared(fresh)) is not None]
        if not (encoded.rest or is_held_up):
            self._held_up.clear()
        self._held_up.append(now)
        if photographs:
            within = max(HOT_SECONDS, min(_LONGEST_SECONDS, now - self._held_up[0]))
            self._regions.photographs(photographs, now, within)
            self._give_away()
            self._regions.drawn(self.pending)
            self.pending = self._regions.outside(self.pending)
            self._fresh = self._regions.outside(self._fresh)
        return self._with_ends(encoded.operations)

    # --- Streams

    def take_damaged(self) -> list[tuple[Region, Box]]:
        """The regions to be filmed: until `filmed` they stay."""
        self._is_filming = True
        damaged = [
            (region, region.box) for region in self._regions.live if region.is_damaged and not region.is_over
        ]
        for region, _ in damaged:
            region.is_damaged = False
        return damaged

    def film(self, damaged: list[tuple[Region, Box]], quality: float) -> Shot:
        shot = Shot()
        for region, box in damaged:
            video = self._videos.get(region.stream)
            if video is None:
                video = RegionVideo(region.stream, self._view, self._open, self._still)
                self._videos[region.stream] = video
            try:
                picture = video.take(box, quality)
            except (NoVideo, VideoFailed) as exc:
                log.warning("a region goes on without video: %s", exc or "there is no encoder")
                shot.failed.append(region)
                continue
            shot.operations.extend(picture.operations)
            if picture.changed is not None:
                shot.changes.append((region, picture.changed))
                shot.streams.append(region.stream)
        return shot

    def filmed(self, shot: Shot, now: float, *, is_dropped: bool) -> list[bytes]:
        """The frame's operations; none when nothing changed, or when they are not sent."""
        self._is_filming = False
        if self._is_closed:
            self._close_videos()
        if is_dropped:
            return []
        for region, box in shot.changes:
            region.changed(box, now)
        for region in shot.failed:
            self._has_video = False
            region.is_over = True
        operations = self._with_ends(shot.operations)
        self.streams.update(shot.streams)
        return operations

    def _open(self, width: int, height: int) -> VideoEncoder | None:
        return open_encoder(width, height, self._video, allowed=self._allowed)

    # --- Rest

    def settle(self, now: float) -> list[bytes]:
        """The operations that end what came to rest. Not while one of the threads works."""
        self.end_rested(now)
        return self._with_ends([])

    def end_rested(self, now: float) -> None:
        """Gives what came to rest back to the tiles; the next frame tells. Not while one of the threads works."""
        for region in list(self._regions.live):
            if now >= region.rests_at():
                self._end(region, now - REST_SECONDS)
        self._give_away()

    def shrink(self, now: float) -> None:
        """Gives back what stands still of regions that are too large. Not while one of the threads works."""
        for region in self._regions.live:
            used = region.smaller(now)
            if used is not None:
                before = region.box
                self._regions.shrink(region, used, now)
                for part in before.without(region.box):
                    self._encoder.takes_back(part, now)

    def take_coarse(self, now: float) -> list[Box]:
        return self._regions.outside(self._encoder.refinement.take(now, _REFINED_PIXELS))

    def refine(self, boxes: list[Box], budget_bytes: int, now: float) -> Encoded:
        return self._encoder.refine(boxes, budget_bytes, now)

    def close(self) -> None:
        self._is_closed = True
        if not self._is_filming:
            self._close_videos()

    def _end(self, region: Region, changed_at: float) -> None:
        self._regions.end(region)
        self._encoder.takes_back(region.box, changed_at)
        video = self._videos.pop(region.stream, None)
        if video is not None:
            video.close()
        if region.stream in self.streams:
            self._ending.append(region.stream)

    def _give_away(self) -> None:
        for region in self._regions.live:
            self._encoder.gives_away(region.box)

    def _with_ends(self, operations: list[bytes]) -> list[bytes]:
        ends = [operation_bytes(VideoEnd(stream)) for stream in self._ending]
        self.streams.difference_update(self._ending)
        self._ending.clear()
        return ends + operations

    def _close_videos(self) -> None:
        for video in self._videos.values():
            video.close()
        self._videos.clear()

"""The frames of one viewer: decides when to look at the damage, has it encoded, sends what differs.

A small box is encoded on the spot: a thread's hop would cost more than the work. A large one, and a video's picture,
go to a thread, one at a time, where numpy and the codecs let go of the interpreter, so that input never waits behind
them. No encoded frame is ever queued: damage gathers until pacing allows the next frame, which shows the newest pixels.
An echo comes first, then what else changed, then videos; what was sent coarsely is made exact when nothing of these
waits.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TypeVar

from agents.worker.damage import Box
from agents.worker.desktop import Desktop
from agents.worker.encoder import Encoded
from agents.worker.flow import Flow
from agents.worker.hybrid import HybridPicture, Shot
from agents.worker.memory import give_back
from agents.worker.quality import Effort
from agents.worker.regions import Region
from portcullis.clock import Clock
from portcullis.errors import ProtocolError
from portcullis.protocol.messages import Capabilities, frame_payload
from portcullis.protocol.small_frames import CAPABILITY as SMALL_FRAMES
from portcullis.protocol.small_frames import small_frame_payload

T = TypeVar("T")

REST_SECONDS = 5.0
"""Without a frame: then memory is given back."""
INTERVAL_SECONDS = 1 / 75
"""Between two looks. Shorter than an application's sixtieth: of what draws on time, every picture is caught."""
ECHO_INTERVAL_SECONDS = 0.002
"""Between two looks while input waits for its echo, or a picture for its rest: a letter that is painted in two steps
must not wait for long between them."""
ECHO_SECONDS = 0.15
"""What input does not change within this, it is not waited for: it may well change nothing."""


class Frames:
    """`send` gets the payload of each FRAME and the last input sequence that it states."""

    def __init__(
        self,
        desktop: Desktop,
        executor: Executor,
        clock: Clock,
        send: Callable[[bytes, int], None],
        codecs: frozenset[str] = frozenset(),
        round_trip: float | None = None,
    ) -> None:
        """`codecs`: what the host allows for video. `round_trip`: what the handshake took."""
        self._desktop = desktop
        self._executor = executor
        self._clock = clock
        self._send = send
        self._codecs = codecs
        self.flow = Flow(round_trip)
        self._capabilities = Capabilities(0, 0)
        self._picture = self._new_picture(frozenset())
        self._is_damaged = True
        self._is_held = False
        self._is_visible = True
        self._is_unknown = True
        """The viewer's picture has to be sent whole; what is being encoded for it is dropped."""
        self._is_changed = False
        """It has another size, or is drawn by other operations."""
        self._is_encoding = False
        """A thread has the tiles."""
        self._has_failed = False
        """The last time that one had them."""
        self._is_closed = False
        self._echo_until: float | None = None
        self._sequence = 0
        self._last_input = 0
        self._told_input = 0
        self._looked_at = self._filmed_at = -math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._sent_at = -math.inf
        self._rest_timer: asyncio.TimerHandle | None = None

    def hold(self) -> None:
        """Nothing is sent until `release`: there is nothing to see yet."""
        self._is_held = True

    def release(self) -> None:
        self._is_held = False
        self._step()

    def damaged(self) -> None:
        self._is_damaged = True
        self._step()

    def acknowledged(self, sequence: int, drawn_after: float = 0.0) -> None:
        """`drawn_after`: seconds from its arrival. Raises ProtocolError for a frame that was not sent."""
        if sequence > self._sequence:
            raise ProtocolError("a frame is acknowledged that was not sent")
        self.flow.acknowledged(sequence, drawn_after, self._clock.monotonic())
        self._step()

    def input_applied(self, sequence: int) -> None:
        self._last_input = sequence
        self._echo_until = self._clock.monotonic() + ECHO_SECONDS

    def show(self, is_visible: bool) -> None:
        """A hidden view gets nothing at all; shown again, what differs by then, at once."""
        if self._is_visible and not is_visible:
            self.flow.interrupted()
        self._is_visible = is_visible
        self._step()

    @property
    def is_visible(self) -> bool:
        return self._is_visible

    @property
    def encoder(self) -> str:
        """Between the screen and the client, as users read it."""
        return ", ".join(filter(None, (self._desktop.capture, self._picture.encoder)))

    def draw_with(self, capabilities: Capabilities) -> None:
        """What the client draws from the next frame on, which is a full one."""
        self._capabilities = capabilities
        self._is_changed = True
        self.refresh()

    def resized(self) -> None:
        """The display has another size from here on."""
        self._is_changed = True
        self.refresh()

    def refresh(self) -> None:
        """The next frame is a full one. Not before what came together with this is known: it may change it."""
        self._is_unknown = True
        self._call_at(0.0, 0.0)

    def close(self) -> None:
        self._is_closed = True
        self._picture.close()
        for timer in (self._timer, self._rest_timer):
            if timer is not None:
                timer.cancel()

    # --- When. Each answers when to be asked again; None: something else will call.

    def _step(self) -> None:
        """Do what may be done now; arrange that this is called when more may be done."""
        if self._is_closed or self._is_held or not self._is_visible:
            return
        now = self._clock.monotonic()
        # In this order: a look tells which regions have to be filmed, and that nothing is calm.
        nexts = (self._look(now), self._film(now), self._calm(now))
        self._call_at(min((at for at in nexts if at is not None), default=None), now)

    def _call_at(self, at: float | None, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if at is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, at - now), self._step)

    def _look(self, now: float) -> float | None:
        picture = self._picture
        if not self._has_to_look():
            return None
        # What did not fit the last frame belongs to the same picture: it does not wait a whole interval.
        is_echo = self._waits_for_echo(now)
        is_soon = is_echo or bool(picture.pending)
        at = self._looked_at + (ECHO_INTERVAL_SECONDS if is_soon else INTERVAL_SECONDS)
        if at > now:
            return at
        if not self.flow.may_send(now, urgent=is_echo):
            return None
        self._looked_at = now
        self._take_damage()
        if not self._is_encoding:
            self._take_tiles(now)
        # Another picture than before, perhaps: the viewer's may have changed.
        return now + ECHO_INTERVAL_SECONDS if self._picture.pending and not self._is_encoding else None

    def _has_to_look(self) -> bool:
        picture = self._picture
        if self._is_unknown:
            return not (self._is_encoding or picture.is_filming)
        if self._is_encoding:
            return self._is_damaged and picture.has_regions
        return self._is_damaged or bool(picture.pending)

    def _film(self, now: float) -> float | None:
        picture = self._picture
        if self._is_unknown or picture.is_filming or not picture.has_damaged_region:
            return None
        effort = self.flow.effort(now)
        at = self._filmed_at + _interval(effort)
        if at > now:
            return at
        if not self.flow.may_send(now):
            return None
        self._filmed_at = now
        if not self._is_encoding:
            # Where a picture takes longer to encode than the time between two, no other moment comes.
            picture.end_rested(now)
            picture.shrink(now)
        damaged = picture.take_damaged()
        stamp = self._stamp(now)
        self._in_thread(
            lambda: picture.film(damaged, effort.video_quality),
            lambda done: self._filmed(picture, damaged, done, stamp),
        )
        return None

    def _calm(self, now: float) -> float | None:
        """Nothing new is to be shown: what came to rest ends, and what is coarse is made exact."""
        picture = self._picture
        if self._is_unknown or self._is_damaged or picture.pending or self._is_encoding:
            return None
        at = picture.calm_at()
        if at is None or at == math.inf:
            return None
        if self._waits_for_echo(now):
            return self._echo_until
        if at > now:
            return at
        if not self.flow.may_send(now, is_wanted=False):
            return None
        stamp = self._stamp(now)
        if not picture.is_filming:
            self._send_frame(picture.settle(now), stamp)
        if picture.has_regions and not self.flow.effort(now).refines:
            return None if picture.is_filming else now + INTERVAL_SECONDS
        if coarse := picture.take_coarse(now):
            self._is_encoding = True
            budget = self.flow.budget_bytes
            self._in_thread(
                lambda: picture.refine(coarse, budget, now), lambda done: self._encoded(picture, done, stamp)
            )
            return None
        at = picture.calm_at()
        return None if at is None or at == math.inf else max(at, now + INTERVAL_SECONDS)

    def _waits_for_echo(self, now: float) -> bool:
        return self._echo_until is not None and now < self._echo_until

    # --- What

    def _take_damage(self) -> None:
        if self._is_damaged:
            self._is_damaged = False
            self._picture.drawn(self._desktop.take_damage())
        if self._is_unknown:
            self._is_unknown = False
            if self._is_changed:
                self._is_changed = False
                self._picture.close()
                self._picture = self._new_picture(self._picture.streams)
            self._picture.forget()

    def _take_tiles(self, now: float) -> None:
        picture, budget, stamp = self._picture, self.flow.budget_bytes, self._stamp(now)
        if not picture.pending:
            return
        quality, is_echo = self.flow.effort(now).video_quality, self._waits_for_echo(now)
        # The rest of a picture, which may well take long, is no answer to a key.
        stamp = replace(stamp, is_answer=picture.has_fresh)
        if picture.is_small():
            encoded = picture.encode(picture.take_pending(is_echo), budget, now, quality)
            self._send_frame(picture.encoded(encoded, now, self.flow.is_held_up(now)), stamp)
            return
        boxes = picture.take_pending(is_echo)
        self._is_encoding = True
        self._in_thread(
            lambda: picture.encode(boxes, budget, now, quality),
            lambda done: self._encoded(picture, done, stamp),
        )

    def _in_thread(self, work: Callable[[], T], finish: Callable[[asyncio.Future[T]], None]) -> None:
        future = asyncio.get_running_loop().run_in_executor(self._executor, work)
        # What waits for the thread when the session ends is never done.
        future.add_done_callback(lambda done: None if done.cancelled() else finish(done))

    def _encoded(self, picture: HybridPicture, done: asyncio.Future[Encoded], stamp: _Stamp) -> None:
        self._is_encoding = False
        if done.exception() is not None and not self._has_failed:
            # What was being encoded is nobody's now. If all of it fails as well, nothing is to be gained.
            self.refresh()
        self._has_failed = done.exception() is not None
        encoded = done.result()  # or it is logged; a display that is gone ends the session
        if not (self._is_closed or self._is_unknown):
            self._send_frame(picture.encoded(encoded, stamp.at, self.flow.is_held_up(stamp.at)), stamp)
        self._step()

    def _filmed(
        self,
        picture: HybridPicture,
        damaged: list[tuple[Region, Box]],
        done: asyncio.Future[Shot],
        stamp: _Stamp,
    ) -> None:
        has_failed = done.exception() is not None
        is_dropped = self._is_closed or self._is_unknown
        # Whatever it was, it may well come again: its regions go on without video.
        shot = Shot(failed=[region for region, _ in damaged]) if has_failed else done.result()
        self._send_frame(picture.filmed(shot, stamp.at, is_dropped=is_dropped), stamp)
        if has_failed:
            done.result()  # to be logged; a display that is gone ends the session
        self._step()

    def _stamp(self, now: float) -> _Stamp:
        return _Stamp(now, self._last_input)

    def _new_picture(self, streams: Collection[int]) -> HybridPicture:
        desktop = self._desktop
        return HybridPicture(
            desktop.read,
            desktop.view,
            desktop.size,
            self._capabilities,
            self._codecs,
            streams,
            desktop.still,
        )

    def _send_frame(self, operations: list[bytes], stamp: _Stamp) -> None:
        if not operations:
            return
        self._sequence += 1
        # A video's picture, taken before, follows the echo that was sent while it was encoded.
        self._told_input = max(self._told_input, stamp.last_input)
        payload = self._payload(operations, stamp)
        self.flow.sent(self._sequence, len(payload), stamp.at, self._clock.monotonic())
        if stamp.last_input == self._last_input and stamp.is_answer:
            self._echo_until = None
        self._send(payload, self._told_input)
        self._sent_at = self._clock.monotonic()
        if self._rest_timer is None:
            self._rest_in(REST_SECONDS)

    def _rest_in(self, seconds: float) -> None:
        self._rest_timer = asyncio.get_running_loop().call_later(seconds, self._rest)

    def _rest(self) -> None:
        """A picture that stands still takes 11 MB less at 1920x1080."""
        self._rest_timer = None
        is_busy = self._is_encoding or self._picture.is_filming
        left = REST_SECONDS if is_busy else self._sent_at + REST_SECONDS - self._clock.monotonic()
        if left > 0:
            self._rest_in(left)
        else:
            self._picture.rest()
            give_back()

    def _payload(self, operations: list[bytes], stamp: _Stamp) -> bytes:
        if self._capabilities.operations & SMALL_FRAMES:
            small = small_frame_payload(self._sequence, self._told_input, operations)
            if small is not None:
                return small
        return frame_payload(self._sequence, self._told_input, int(stamp.at * 1_000_000), operations)


def _interval(effort: Effort) -> float:
    """Between two pictures of a video. A little less than it should be: the application keeps a time of its own."""
    return INTERVAL_SECONDS if effort.frames_per_second >= 60 else 0.9 / effort.frames_per_second


@dataclass(frozen=True, slots=True)
class _Stamp:
    """When the screen was looked at, and the last input applied before."""

    at: float
    last_input: int
    is_answer: bool = True
    """It may show what the input did."""

"""The frames of one viewer: decides when to look at the damage, has it encoded, sends what differs.

A small box is encoded on the spot: a thread's hop would cost more than the work. A large one goes to a thread, one at a
time, where numpy and zstd let go of the interpreter, so that input never waits behind it. No encoded frame is ever
queued: damage gathers until pacing allows the next frame, which shows the newest pixels.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

from agents.worker.damage import Box
from agents.worker.desktop import Desktop
from agents.worker.encoder import Encoded, FrameEncoder
from agents.worker.pacing import Pacing
from portcullis.clock import Clock
from portcullis.errors import ProtocolError
from portcullis.protocol.messages import Capabilities, frame_payload

_ON_THE_SPOT_PIXELS = 64 * 1024


class Frames:
    """`send` gets the payload of each FRAME and the last input sequence that it states."""

    def __init__(
        self, desktop: Desktop, executor: Executor, clock: Clock, send: Callable[[bytes, int], None]
    ) -> None:
        self._desktop = desktop
        self._executor = executor
        self._clock = clock
        self._send = send
        self._pacing = Pacing()
        self._encoder = FrameEncoder(desktop.read, *desktop.size)
        self._capabilities = Capabilities(0, 0)
        self._pending: list[Box] = []
        self._is_damaged = True
        self._is_held = False
        self._is_visible = True
        self._is_unknown = True
        """The viewer's picture has to be sent whole."""
        self._is_encoding = False
        self._is_closed = False
        self._waits_for_echo = False
        self._sequence = 0
        self._last_input = 0
        self._timer: asyncio.TimerHandle | None = None

    def hold(self) -> None:
        """Nothing is sent until `release`: there is nothing to see yet."""
        self._is_held = True

    def release(self) -> None:
        self._is_held = False
        self._step()

    def damaged(self) -> None:
        self._is_damaged = True
        self._step()

    def acknowledged(self, sequence: int) -> None:
        """Raises ProtocolError for a frame that was not sent."""
        if sequence > self._sequence:
            raise ProtocolError("a frame is acknowledged that was not sent")
        self._pacing.acknowledged(sequence, self._clock.monotonic())
        self._step()

    def input_applied(self, sequence: int) -> None:
        self._last_input = sequence
        self._waits_for_echo = True

    def show(self, is_visible: bool) -> None:
        self._is_visible = is_visible
        self._step()

    def draw_with(self, capabilities: Capabilities) -> None:
        """What the client draws from the next frame on, which is a full one."""
        self._capabilities = capabilities
        self.refresh()

    def draw_with(self, capabilities: Capabilities) -> None:
        """What the client draws from here on. What it draws beside tiles and fills is not sent."""
        self.refresh()

    def refresh(self) -> None:
        """The next frame is a full one."""
        self._is_unknown = True
        self._step()

    def resized(self) -> None:
        """The display has another size from here on; a frame that is being encoded is dropped."""
        self._encoder = FrameEncoder(self._desktop.read, *self._desktop.size)
        self._pending = []
        self.refresh()

    def close(self) -> None:
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _step(self) -> None:
        """Take the next frame if there may be one; else arrange that this is called when there may."""
        if self._is_closed or self._is_held or self._is_encoding or not self._is_visible:
            return
        if not (self._is_unknown or self._is_damaged or self._pending):
            return
        now = self._clock.monotonic()
        # What did not fit the last frame belongs to the same picture: it does not wait a whole interval.
        at = self._pacing.may_send_at(now, self._waits_for_echo or bool(self._pending))
        if at is None:
            return  # the next acknowledgement calls
        if at > now:
            self._call_in(at - now)
        else:
            self._take(now)

    def _call_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._step)

    def _take(self, now: float) -> None:
        boxes = self._take_boxes()
        encoder, last_input, budget = self._encoder, self._last_input, self._pacing.budget_bytes
        captured_us = int(now * 1_000_000)
        if sum(box.pixels for box in boxes) <= _ON_THE_SPOT_PIXELS:
            self._finish(encoder, encoder.encode(boxes, budget), last_input, captured_us)
            return
        self._is_encoding = True
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._executor, encoder.encode, boxes, budget)
        future.add_done_callback(lambda done: self._encoded(done, encoder, last_input, captured_us))

    def _take_boxes(self) -> list[Box]:
        damage = self._desktop.take_damage()
        self._is_damaged = False
        boxes, self._pending = self._pending, []
        if self._is_unknown:
            self._is_unknown = False
            return [self._encoder.forget()]
        return boxes if damage is None else [*boxes, damage]

    def _encoded(
        self, done: asyncio.Future[Encoded], encoder: FrameEncoder, last_input: int, captured_us: int
    ) -> None:
        self._is_encoding = False
        if not self._is_closed:
            self._finish(encoder, done.result(), last_input, captured_us)

    def _finish(self, encoder: FrameEncoder, encoded: Encoded, last_input: int, captured_us: int) -> None:
        if encoder is self._encoder:
            self._pending += encoded.rest
            if encoded.operations:
                self._send_frame(encoded, last_input, captured_us)
        self._step()

    def _send_frame(self, encoded: Encoded, last_input: int, captured_us: int) -> None:
        self._sequence += 1
        payload = frame_payload(self._sequence, last_input, captured_us, encoded.operations)
        self._pacing.sent(self._sequence, len(payload), self._clock.monotonic())
        if last_input == self._last_input:
            self._waits_for_echo = False
        self._send(payload, last_input)

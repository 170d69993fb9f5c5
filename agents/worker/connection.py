"""One attached client: the handshake, then its channels (docs/protocol.md 1).

What a connection may do stands in its grant, which is verified here, offline, and again with every renewal; the session
and its other connections are the worker's (`Owner`). A client that breaks the protocol loses its connection and nothing
else.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Protocol

from agents.worker.arbiter import Arbiter, is_renewal
from agents.worker.damage import Box
from agents.worker.desktop import CursorImage, Desktop
from agents.worker.frames import Frames
from agents.worker.inputs import MANY, InputQueue
from agents.worker.outbox import Outbox
from agents.worker.stream import Stream
from agents.worker.watching import Watch
from portcullis.clock import Clock
from portcullis.errors import ProtocolError, Refused
from portcullis.logs import ids
from portcullis.model.stream_figures import StreamFigures
from portcullis.protocol import messages as m
from portcullis.protocol.closing import close_code
from portcullis.tickets import Grant, attach_message, is_signed_by

log = logging.getLogger(__name__)

LOWEST_VERSION = HIGHEST_VERSION = 1
FEATURES = m.FEATURE_MONITORS | m.FEATURE_QUALITY
PROOF_SECONDS = 5.0
INPUT_ACKNOWLEDGE_SECONDS = 0.05
INPUT_PAUSE_SECONDS = 0.4
"""Between two acknowledgements: while somebody types, the next key's frame tells of the last one's release.
A client doubts a connection on which nothing follows input for 1.2 s."""
RESIZE_SECONDS = 0.1
"""Between two resizes: applications lay out anew for each."""
MAXIMUM_INPUT_GAP = 1 << 16
"""Who lost more input than it keeps leaves a gap. A wrong number far ahead would make all that follows look applied."""
_EXPIRY_CHECK_SECONDS = 60.0
"""The wall clock may be set meanwhile."""

_PERMISSIONS = {
    "input": m.PERMIT_INPUT,
    "clipboard_in": m.PERMIT_CLIPBOARD_IN,
    "clipboard_out": m.PERMIT_CLIPBOARD_OUT,
}


class Owner(Protocol):
    """The worker, as a connection sees it."""

    arbiter: Arbiter
    desktop: Desktop
    inputs: InputQueue
    executor: Executor
    clock: Clock
    codecs: frozenset[str]
    """What the host allows for video."""
    has_shown: bool
    """There was a window. Before, no viewer sees anything, and no input is applied."""
    notices: deque[str]
    """What the user is to be told."""
    host_load: Callable[[], float]
    """Of what all cores of the machine can do; it may raise OSError."""

    def verify(self, grant: str) -> Grant:
        """Raises Refused("grant_refused")."""
        ...

    def attached(self, connection: Connection, *, is_resume: bool) -> None:
        """It proved its key: it replaces whoever was attached. What a resume had sent before still counts."""
        ...

    def detached(self, connection: Connection) -> None:
        """Its stream is gone."""
        ...

    def used(self) -> None:
        """Somebody typed or pointed."""
        ...


class Connection:
    def __init__(self, owner: Owner, stream: Stream, grant_text: str, id: str = "") -> None:
        """`id`: the one of its `dial`."""
        self.id = id
        self._owner = owner
        self._stream = stream
        self._grant_text = grant_text
        self._grant: Grant | None = None
        self._nonce = secrets.token_bytes(32)
        self._frames: Frames | None = None
        self._watch: Watch | None = None
        self._challenged_at = 0.0
        self._outbox = Outbox(stream.send, lambda: stream.is_writable)
        self._is_closing = False
        self._is_paused = False
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._input_acknowledged = 0
        self._input_acknowledged_at = -math.inf
        self._wanted_monitors: list[Box] = []
        self._last_copied = ""

    def start(self) -> None:
        try:
            self._grant = self._owner.verify(self._grant_text)
            self._owner.arbiter.check(self._grant)
        except Refused as exc:
            self._stream.start(self)
            self.close(exc.code)
            return
        self._challenged_at = self._owner.clock.monotonic()
        self._send(m.Challenge(LOWEST_VERSION, HIGHEST_VERSION, self._nonce))
        self._later("proof", PROOF_SECONDS, lambda: self.close("proof_timeout"))
        self._stream.start(self)

    @property
    def login(self) -> str | None:
        return None if self._grant is None else self._grant.login

    @property
    def grant(self) -> Grant | None:
        return self._grant

    @property
    def allowed(self) -> frozenset[str]:
        """The channels that it may use now."""
        return frozenset() if self._grant is None else self._owner.arbiter.allowed(self._grant)

    @property
    def is_closing(self) -> bool:
        return self._is_closing

    def figures(self) -> StreamFigures | None:
        """Of the stream; None before WELCOME and while the view is hidden."""
        return None if self._watch is None else self._watch.figures()

    def close(self, code: str, number: int | None = None) -> None:
        """Tell the client why, and close. `code`: a reason code of docs/protocol.md 1.6."""
        if self._is_closing:
            return
        self._is_closing = True
        self._stop_channels()
        number = close_code(code) if number is None else number
        log.info("connection closes: %s", code, extra=self._ids())
        self._send(m.Closing(number, code))
        self._stream.close(number, code)

    # --- The desktop's news

    def shown(self) -> None:
        """The first window is there."""
        if self._frames is not None:
            self._frames.release()

    def damaged(self) -> None:
        if self._frames is not None:
            self._frames.damaged()

    def resized(self, width: int, height: int) -> None:
        if self._frames is not None:
            self._send(m.Resized(width, height))
            self._frames.resized()

    def cursor_changed(self, cursor: CursorImage) -> None:
        if self._frames is not None:
            self._outbox.cursor(cursor)

    def title_changed(self, title: str) -> None:
        if self._frames is not None:
            self._outbox.title(title)

    def covered_changed(self, reason: str) -> None:
        """Why the screen cannot be seen now; empty: it can."""
        if self._frames is not None:
            self._send(m.Covered(reason))

    def notice(self, text: str) -> bool:
        """Whether somebody is there to read it."""
        if self._frames is None:
            return False
        self._outbox.notice(text)
        return True

    def copied(self, text: str) -> None:
        if self._frames is not None and self._permits("clipboard_out"):
            self._last_copied = text
            self._outbox.clipboard(text)

    def input_applied(self, sequence: int) -> None:
        if self._frames is not None:
            self._frames.input_applied(sequence)
            if "input" not in self._timers:
                self._later("input", INPUT_ACKNOWLEDGE_SECONDS, self._acknowledge_input)
        if self._is_paused and len(self._owner.inputs) < MANY // 2:
            self._is_paused = False
            self._stream.resume_reading()

    # --- The stream's news

    def received(self, payload: bytes) -> None:
        if self._is_closing:
            return
        try:
            for message in m.decode(payload, m.FROM_CLIENT):
                self._take(message)
        except ProtocolError as exc:
            self.broke_protocol(exc)
        except Refused as exc:
            self.close(exc.code)

    def broke_protocol(self, error: ProtocolError) -> None:
        log.info("a client broke the protocol: %s", error.message, extra=self._ids())
        self.close(error.code)

    def writable(self) -> None:
        if not self._is_closing:
            self._outbox.flush()

    def lost(self) -> None:
        self._is_closing = True
        self._stop_channels()
        self._owner.detached(self)

    def _stop_channels(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        if self._frames is not None:
            self._frames.close()
            self._frames = None

    def _take(self, message: m.Message) -> None:
        if self._is_closing:
            return
        if self._frames is None:
            self._prove(message)
        elif isinstance(message, m.Input):
            self._take_input(message)
        else:
            handler = _HANDLERS.get(type(message))
            if handler is None:
                raise ProtocolError(f"a client does not send {type(message).__name__}")
            handler(self, message)

    # --- Handshake

    def _prove(self, message: m.Message) -> None:
        grant = self._grant
        if not isinstance(message, m.Proof) or grant is None:
            raise ProtocolError("nothing but a proof is accepted before WELCOME")
        if not LOWEST_VERSION <= message.version <= HIGHEST_VERSION:
            raise ProtocolError("the client speaks another version", "version_unsupported")
        proved = attach_message(
            self._nonce,
            self._grant_text,
            message.version,
            message.last_acknowledged,
            grant.session,
            grant.e,
        )
        if not is_signed_by(grant.client_key, message.signature, proved):
            raise Refused("proof_refused")
        self._admit(self._owner.verify(self._grant_text), message.version)

    def _admit(self, grant: Grant, version: int) -> None:
        owner = self._owner
        admission = owner.arbiter.admit(grant)
        self._timers.pop("proof").cancel()
        owner.attached(self, is_resume=admission.r > 0)
        self._input_acknowledged = owner.arbiter.last_input
        allowed = owner.arbiter.allowed(grant)
        permissions = sum(bit for channel, bit in _PERMISSIONS.items() if channel in allowed)
        self._send(
            m.Welcome(
                version,
                admission.e,
                admission.r,
                *owner.desktop.size,
                *owner.desktop.maximum,
                permissions,
                owner.arbiter.last_input,
            ),
            m.Features(FEATURES),
        )
        log.info("client attached", extra=self._ids(e=admission.e, r=admission.r))
        self._watch_expiry()
        self._open_channels()

    def _open_channels(self) -> None:
        owner, desktop = self._owner, self._owner.desktop
        round_trip = owner.clock.monotonic() - self._challenged_at
        self._frames = Frames(
            desktop, owner.executor, owner.clock, self._send_frame, owner.codecs, round_trip
        )
        self._watch = Watch(self._frames, owner.clock, self._send, owner.host_load)
        self._outbox.cursor(desktop.cursor)
        self._outbox.title(desktop.title)
        if desktop.covered:
            self._send(m.Covered(desktop.covered))
        while owner.notices:
            self._outbox.notice(owner.notices.popleft())
        if not self._owner.has_shown:
            self._frames.hold()
        self._frames.refresh()

    def _watch_expiry(self) -> None:
        assert self._grant is not None
        remaining = self._grant.expires - self._owner.clock.now()
        if remaining <= 0:
            self.close("grant_refused")
        else:
            self._later("expiry", min(remaining, _EXPIRY_CHECK_SECONDS), self._watch_expiry)

    # --- Messages

    def _take_renewal(self, message: m.GrantRenewal) -> None:
        assert self._grant is not None
        renewed = self._owner.verify(message.grant)
        if not is_renewal(self._grant, renewed):
            raise Refused("grant_refused")
        if (code := self._owner.arbiter.revoked(renewed)) is not None:
            raise Refused(code)
        self._grant, self._grant_text = renewed, message.grant
        self._watch_expiry()

    def _take_ping(self, message: m.Ping) -> None:
        self._send(m.Pong(message.id))

    def _take_visibility(self, message: m.Visibility) -> None:
        assert self._frames is not None
        self._frames.show(message.visible)

    def _take_capabilities(self, message: m.Capabilities) -> None:
        assert self._frames is not None
        self._frames.draw_with(message)

    def _take_acknowledge(self, message: m.Acknowledge) -> None:
        assert self._frames is not None
        self._frames.acknowledged(message.sequence, message.drawn_after_us / 1_000_000)

    def _take_refresh(self, message: m.Refresh) -> None:
        assert self._frames is not None
        self._frames.refresh()

    def _take_watch_quality(self, message: m.WatchQuality) -> None:
        assert self._watch is not None
        self._watch.watch(message.on)

    def _take_view_report(self, message: m.ViewReport) -> None:
        assert self._watch is not None
        self._watch.reported(message)

    def _take_resize(self, message: m.Resize) -> None:
        """The first at once, of those that follow quickly the newest."""
        self._arrange([Box(0, 0, message.width, message.height)])

    def _take_monitors(self, message: m.Monitors) -> None:
        self._arrange([Box(one.x, one.y, one.width, one.height) for one in message.monitors])

    def _arrange(self, monitors: list[Box]) -> None:
        self._wanted_monitors = monitors
        if "resize" not in self._timers:
            self._resize()

    def _resize(self) -> None:
        self._timers.pop("resize", None)
        if not self._wanted_monitors:
            return
        wanted, self._wanted_monitors = self._wanted_monitors, []
        before = self._owner.desktop.size
        self._owner.desktop.arrange(wanted)
        if self._owner.desktop.size == before:
            self._send(m.Resized(*before))  # the answer that the client waits for
        self._later("resize", RESIZE_SECONDS, self._resize)

    def _take_clipboard(self, message: m.ClipboardText) -> None:
        # What comes back from where it was just sent must not take the selection from its application.
        if self._permits("clipboard_in") and message.text != self._last_copied:
            self._last_copied = ""
            self._owner.desktop.offer(message.text)

    def _take_input(self, message: m.Input) -> None:
        arbiter = self._owner.arbiter
        if message.sequence <= arbiter.last_input:
            return
        if message.sequence - arbiter.last_input > MAXIMUM_INPUT_GAP:
            raise ProtocolError("an input's sequence is far ahead")
        arbiter.last_input = message.sequence
        if not isinstance(message, m.ReleaseAll):  # the page sends that by itself
            self._owner.used()
        if self._permits("input") and self._owner.has_shown:
            self._owner.inputs.put(message)
        else:
            self.input_applied(message.sequence)
        if len(self._owner.inputs) > MANY and not self._is_paused:
            self._is_paused = True
            self._stream.pause_reading()

    def _acknowledge_input(self) -> None:
        self._timers.pop("input", None)
        last = self._owner.arbiter.last_input
        if last <= self._input_acknowledged:
            return
        wait = self._input_acknowledged_at + INPUT_PAUSE_SECONDS - self._owner.clock.monotonic()
        if wait > 0:
            self._later("input", wait, self._acknowledge_input)
            return
        self._note_acknowledged(last)
        self._send(m.InputAcknowledge(last))

    def _send_frame(self, payload: bytes, last_input: int) -> None:
        if last_input > self._input_acknowledged:
            self._note_acknowledged(last_input)
        self._stream.send(payload)

    def _note_acknowledged(self, last_input: int) -> None:
        self._input_acknowledged = last_input
        self._input_acknowledged_at = self._owner.clock.monotonic()

    def _send(self, *messages: m.Message) -> None:
        self._stream.send(m.encode(*messages))

    def _permits(self, channel: str) -> bool:
        return channel in self.allowed

    def _later(self, name: str, seconds: float, call: Callable[[], None]) -> None:
        if name in self._timers:
            self._timers[name].cancel()
        self._timers[name] = asyncio.get_running_loop().call_later(seconds, call)

    def _ids(self, **more: object) -> dict[str, Any]:
        grant = self._grant
        return ids(session=grant and grant.session, user=grant and grant.user, **more)


_HANDLERS: dict[type[m.Message], Callable[[Connection, Any], None]] = {
    m.GrantRenewal: Connection._take_renewal,
    m.Ping: Connection._take_ping,
    m.Visibility: Connection._take_visibility,
    m.Capabilities: Connection._take_capabilities,
    m.Acknowledge: Connection._take_acknowledge,
    m.Refresh: Connection._take_refresh,
    m.Resize: Connection._take_resize,
    m.Monitors: Connection._take_monitors,
    m.WatchQuality: Connection._take_watch_quality,
    m.ViewReport: Connection._take_view_report,
    m.ClipboardText: Connection._take_clipboard,
}

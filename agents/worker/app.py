"""The worker process: lines of the agent on one side, the desktop and its viewers on the other.

One event loop; the display's events, streams and lines all arrive on it. One thread more encodes large frames.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

from agents.backend import Backend
from agents.worker.arbiter import Arbiter
from agents.worker.connection import Connection
from agents.worker.desktop import CursorImage, Desktop, DesktopLost
from agents.worker.dial import Dialler
from agents.worker.inputs import InputQueue
from agents.worker.memory import give_back
from agents.worker.outbox import KEPT_NOTICES
from portcullis.clock import Clock, SiteClock
from portcullis.errors import PortcullisError, ProtocolError, Refused
from portcullis.logs import belong_to, bound, ids
from portcullis.protocol.messages import ReleaseAll
from portcullis.protocol.worker_channel import (
    Closing,
    Cut,
    Dial,
    DialFailed,
    Fence,
    FromWorker,
    GrantKeys,
    Leave,
    LineBuffer,
    Prepare,
    Prepared,
    Revoke,
    Start,
    Tell,
    ToWorker,
    Unused,
    WorkerState,
    decode_to_worker,
    encode,
)
from portcullis.revocations import RevocationBook
from portcullis.tasks import cancel_and_wait, spawn
from portcullis.tickets import Grant, verify_grant, verifying_keys

log = logging.getLogger(__name__)

_READ_BYTES = 64 << 10
_MAXIMUM_WAITING = 8
"""Dials and streams that have not proved their key yet."""
_MAXIMUM_CLOSING = 64
"""Streams that have been told to go and are heard out for a moment."""
_CLOSE_SECONDS = 2.0
FIGURES_SECONDS = 10.0
NARROWED = "What may be copied between this application and your device was changed by an administrator."


class WorkerFailed(Exception):
    """The worker cannot go on; its message is the log's one line."""


class Worker:
    """Runs one session's streams until it is told to close or its display is gone."""

    desktop: Desktop

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, backend: Backend, clock: Clock
    ) -> None:
        """`reader` and `writer`: of the leader's lines."""
        self._site_clock = SiteClock(clock)
        self.clock: Clock = self._site_clock
        self.executor: Executor = ThreadPoolExecutor(1, "encoder")
        self.codecs: frozenset[str] = frozenset()
        """What the host allows for video."""
        self._reader, self._writer = reader, writer
        self._backend = backend
        self.host_load = backend.load
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._attached: Connection | None = None
        self.notices: deque[str] = deque(maxlen=KEPT_NOTICES)
        """What the user is told once somebody attaches."""
        self._waiting: set[Connection] = set()
        self._dials: set[asyncio.Task[None]] = set()
        self._dialling = 0
        self._told: WorkerState | None = None
        self._is_prepared = False
        self._is_ready = False
        self.has_shown = False
        self._used_at = clock.monotonic()
        self._idle = asyncio.Event()
        """Set while there is no connection."""
        self._idle.set()

    async def run(self) -> None:
        """Returns when it was told to close. Raises WorkerFailed."""
        self._loop.set_exception_handler(self._unhandled)
        lines = spawn(self._read(self._reader), name="lines of the agent")
        lines.add_done_callback(lambda _: self._fail("the leader is gone"))
        self._figures_timer = self._loop.call_later(FIGURES_SECONDS, self._tell_figures)
        try:
            await self._over
        finally:
            self._figures_timer.cancel()
            await cancel_and_wait(lines, *self._dials)
            await self._close()

    # --- What connections use (`connection.Owner`)

    def verify(self, grant: str) -> Grant:
        return verify_grant(grant, self._grant_keys, self.clock.now())

    def attached(self, connection: Connection, *, is_resume: bool) -> None:
        self._waiting.discard(connection)
        before, self._attached = self._attached, connection
        if before is not None:
            before.close("taken_over")
            self._waiting.add(before)  # until its stream is gone
        if not is_resume:
            self.used()
            self.inputs.drop()
        if before is not None or not is_resume:  # what was dropped may have been the release of who left
            self._release_all()
        self._tell_state()

    def detached(self, connection: Connection) -> None:
        self._waiting.discard(connection)
        if connection is self._attached:
            self._attached = None
            self._release_all()
            self._tell_state()
            give_back()
        if not self._connections():
            self._idle.set()

    def used(self) -> None:
        self._used_at = self.clock.monotonic()

    def _release_all(self) -> None:
        self.inputs.put(ReleaseAll(0))

    def _input_applied(self, sequence: int) -> None:
        if self._attached is not None and sequence:
            self._attached.input_applied(sequence)

    # --- The desktop's news (`desktop.DesktopListener`)

    def damaged(self) -> None:
        if self._attached is not None:
            self._attached.damaged()

    def resized(self, width: int, height: int) -> None:
        if self._attached is not None:
            self._attached.resized(width, height)

    def cursor_changed(self, cursor: CursorImage) -> None:
        if self._attached is not None:
            self._attached.cursor_changed(cursor)

    def windows_changed(self) -> None:
        if not self._is_ready:
            return
        is_first = not self.has_shown and self.desktop.windows > 0
        self.has_shown |= is_first
        self._tell_state()
        if self._attached is not None:
            self._attached.title_changed(self.desktop.title)
            if is_first:
                self._attached.shown()

    def covered_changed(self) -> None:
        if self._attached is not None:
            self._attached.covered_changed(self.desktop.covered)

    def copied(self, text: str) -> None:
        if self._attached is not None:
            self._attached.copied(text)

    def desktop_lost(self) -> None:
        self._fail("the display is gone")

    # --- The agent's lines

    async def _read(self, reader: asyncio.StreamReader) -> None:
        lines = LineBuffer()
        try:
            while data := await reader.read(_READ_BYTES):
                for line in lines.feed(data):
                    await self._obey(decode_to_worker(line))
        except ProtocolError as exc:
            self._fail(f"the agent's line is malformed: {exc.message}")
        except (DesktopLost, OSError) as exc:
            self._fail(str(exc) or "the display is gone")

    async def _obey(self, order: ToWorker | None) -> None:
        if isinstance(order, Start):
            await self._start(order)
        elif isinstance(order, Prepare):
            await self._prepare(order)
            self._tell(Prepared())
        elif not self._is_ready:
            log.warning("a line before start is ignored")
        elif isinstance(order, Dial):
            self._dial(order)
        elif isinstance(order, GrantKeys):
            self._site_clock.base = order.clock or self._site_clock.base
            self._take_keys(_read_keys(order.grant_keys))
            self._dialler.trust(order.ca)
        elif isinstance(order, Cut):
            self._cut(order)
        elif isinstance(order, Revoke):
            self._revoke(order)
        elif isinstance(order, Fence):
            for connection in self._connections():
                connection.close(order.code)
        elif isinstance(order, Leave):
            for connection in self._connections():
                if connection.id == order.connection:
                    connection.close("gateway_draining")
        elif isinstance(order, Tell):
            if self._attached is None or not self._attached.notice(order.text):
                self.notices.append(order.text)
        elif isinstance(order, Closing):
            self._end(order)

    async def _start(self, start: Start) -> None:
        if self._is_ready:
            return
        belong_to(session=start.session, reference=start.reference)
        self._session = start.session
        self.codecs = frozenset(filter(None, start.video.split(",")))
        self._grant_keys = _read_keys(start.grant_keys)
        self._site_clock.base = start.clock
        self._dialler = Dialler(start.ca, start.site, start.session)
        self._book = RevocationBook(lambda: self._grant_keys, self._site_clock)
        self.arbiter = Arbiter(start.session, start.host, start.tenant, self._book)
        prepare = Prepare.of(start)
        await self._prepare(prepare)
        await self.desktop.suit(prepare)
        self._is_ready = True
        self.used()  # it may have been prepared long ago
        log.info("display is ready", extra=ids(display=start.display))
        self.windows_changed()  # there may be one already, where the display is somebody's own

    async def _prepare(self, prepare: Prepare) -> None:
        if self._is_prepared:
            return
        self.desktop = await self._backend.open_desktop(prepare, self, self.clock)
        self.inputs = InputQueue(self.desktop.apply, self._input_applied)
        self._is_prepared = True
        give_back()

    def _dial(self, order: Dial) -> None:
        closing = sum(connection.is_closing for connection in self._waiting)
        waiting = self._dialling + len(self._waiting) - closing
        if waiting >= _MAXIMUM_WAITING or closing >= _MAXIMUM_CLOSING:
            self._tell(DialFailed(order.rendezvous, "too_many_connections"))
            return
        self._dialling += 1
        with bound(connection=order.connection or None):
            task = spawn(self._attach(order), name="dial")
        self._dials.add(task)
        task.add_done_callback(self._dials.discard)

    async def _attach(self, order: Dial) -> None:
        try:
            stream = await self._dialler.dial(order)
        except PortcullisError as exc:
            log.warning("dialling failed: %s", exc, extra=ids(gateway=order.gateway.name))
            self._tell(DialFailed(order.rendezvous, exc.code))
            return
        finally:
            self._dialling -= 1
        connection = Connection(self, stream, order.grant, order.connection)
        self._waiting.add(connection)
        self._idle.clear()
        connection.start()

    def _cut(self, order: Cut) -> None:
        self.arbiter.cut(order.login, order.code)
        for connection in self._connections():
            if connection.login == order.login:
                connection.close(order.code)

    def _revoke(self, order: Revoke) -> None:
        before = self._attached and self._attached.allowed
        for text in order.revocations:
            try:
                self._book.add(text)
            except Refused as exc:
                log.warning("a revocation is not taken: %s", exc.code)
        for connection in self._connections():
            code = connection.grant and self.arbiter.revoked(connection.grant)
            if code:
                connection.close(code)
        if self._attached is not None and self._attached.allowed != before:
            self._attached.notice(NARROWED)

    def _take_keys(self, keys: dict[str, Any]) -> None:
        """What a key signed that the site has given up is worth nothing any more, also where it was accepted before."""
        self._grant_keys = keys
        for connection in self._connections():
            if connection.grant is not None and connection.grant.kid not in keys:
                connection.close("grant_refused")

    def _end(self, order: Closing) -> None:
        self.arbiter.end(order.reason)
        for connection in self._connections():
            connection.close(order.reason, order.code)
        if not self._over.done():
            self._over.set_result(None)

    def _connections(self) -> list[Connection]:
        return [*self._waiting, *([self._attached] if self._attached is not None else [])]

    # --- Telling the agent

    def _tell_state(self) -> None:
        """A client that waits for the first window is not told of: its session is not active, but starting."""
        windows, connections, e = self.desktop.windows, int(self._attached is not None), self.arbiter.e
        if not self.has_shown:
            connections = e = 0
        state = WorkerState(windows, connections, e, words=1)
        if state != self._told:
            self._told = state
            self._tell(state)

    def _tell_figures(self) -> None:
        self._figures_timer = self._loop.call_later(FIGURES_SECONDS, self._tell_figures)
        figures = None if self._attached is None else self._attached.figures()
        if figures is not None:
            self._tell(figures)
        if self._is_ready:
            self._tell(Unused(int(self.clock.monotonic() - self._used_at)))

    def _tell(self, message: FromWorker | Prepared) -> None:
        self._writer.write(encode(message))

    # --- The end

    def _fail(self, reason: str) -> None:
        if not self._over.done():
            self._over.set_exception(WorkerFailed(reason))

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A callback's error. The display's end shows in whichever callback speaks to it first."""
        if isinstance(context.get("exception"), DesktopLost):
            self.desktop_lost()
        else:
            loop.default_exception_handler(context)

    async def _close(self) -> None:
        for connection in self._connections():
            connection.close("session_ended")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._idle.wait()
        self.executor.shutdown(wait=True, cancel_futures=True)
        if self._is_prepared:
            self.inputs.close()
            self.desktop.close()
        self._writer.close()


def _read_keys(keys: Mapping[str, str]) -> dict[str, Any]:
    try:
        return dict(verifying_keys(keys))
    except ValueError as exc:
        raise ProtocolError("a grant key is malformed") from exc

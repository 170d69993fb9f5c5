"""One live session: an application, and somebody who types into it without a pause.

Every key has a sequence number. What is not acknowledged is kept, and sent again after a resume from where the worker
says it stopped: so does the page. A stream that breaks or falls silent is resumed with the grant, at once and through
the next gateway, then with growing waits. Concurrency: one task keeps the stream, one types.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from portcullis.drill.person import Person
from portcullis.drill.stream import Stream, StreamClosed, open_stream
from portcullis.errors import PortcullisError, Refused, Unavailable
from portcullis.protocol import messages as m
from portcullis.tasks import cancel_and_wait, spawn
from portcullis.tickets import GRANT_RENEWAL_SECONDS, from_base64url

KEYS_A_SECOND = 5.0
LOOK_SECONDS = 0.25
PING_SECONDS = 2.0
INPUT_SECONDS = 1.2
SILENCE_SECONDS = 10.0
"""As web_client/core/upkeep.js has them."""
WAITS_SECONDS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
MAXIMUM_UNACKNOWLEDGED = 4096
DISPLAY = {
    "width": 800,
    "height": 500,
    "device_pixel_ratio": 1,
    "locale": "en-US",
    "layout": "us",
    "time_zone": "UTC",
}
FINAL = frozenset({4401, 4403, 4405, 4409, 4410, 4411})
"""Close codes after which the same grant does not help."""


@dataclass(slots=True)
class Typed:
    character: str
    sequence: int
    """Of the key's release, its second message."""
    at: float
    applied_at: float | None = None

    def waited(self, until: float) -> float:
        return (self.applied_at or until) - self.at


@dataclass
class LiveSession:
    person: Person
    application: str
    mark: str
    """Typed first: what is found on the host begins with it."""
    session: str = ""
    host: str = ""
    typed: list[Typed] = field(default_factory=list)
    losses: list[tuple[float, str]] = field(default_factory=list)
    """When the stream was lost, and why."""
    attached: list[tuple[float, str]] = field(default_factory=list)
    """When it stood again, and by which gateway."""
    ended: StreamClosed | None = None
    """Why it is over for good."""
    gateway: str = ""

    def __post_init__(self) -> None:
        self._characters = characters()
        self._grant = ""
        self._e = 0
        self._stream: Stream | None = None
        self._sequence = 0
        self._outbox: deque[m.Key] = deque()
        self._unapplied: deque[Typed] = deque()
        self._keeper: asyncio.Task[None] | None = None
        self._typist: asyncio.Task[None] | None = None
        self._types = asyncio.Event()

    @property
    def text(self) -> str:
        """All that was typed."""
        return "".join(each.character for each in self.typed)

    async def start(self) -> None:
        """Launch, attach, and type the mark. Raises PortcullisError, StreamClosed, TimeoutError."""
        made = await self.person.expect(
            200, 201, "POST", "/api/v1/sessions", {"application": self.application, "display": DISPLAY}
        )
        self.session = str(made["session"]["id"])
        self.host = str(made["session"]["host"])
        await until_ready(self.person, self.session)
        await self._attach_by_ticket()
        for character in self.mark:
            self._type(character)
        self._keeper = spawn(self._keep(), name=f"drill-keeper-{self.mark}")
        self._typist = spawn(self._type_on(), name=f"drill-typist-{self.mark}")

    def go_on(self) -> None:
        self._types.set()

    async def pause(self, seconds: float) -> bool:
        """Stop typing; whether all that was typed is acknowledged by then."""
        self._types.clear()
        deadline = time.monotonic() + seconds
        while self._unapplied and self.ended is None:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.05)
        return self.ended is None

    async def stop(self) -> None:
        await cancel_and_wait(self._typist, self._keeper)
        if self._stream is not None:
            await self._stream.drop()
            self._stream = None

    async def log_off(self) -> None:
        with contextlib.suppress(PortcullisError):
            await self.person.answered("DELETE", f"/api/v1/sessions/{self.session}", seconds=5)

    async def _type_on(self) -> None:
        while self.ended is None:
            await self._types.wait()
            if len(self._outbox) < MAXIMUM_UNACKNOWLEDGED - 2:
                self._type(next(self._characters))
            await asyncio.sleep(1 / KEYS_A_SECOND)

    def _type(self, character: str) -> None:
        code = f"Digit{character}" if character.isdigit() else f"Key{character.upper()}"
        for down in (True, False):
            self._sequence += 1
            key = m.Key(self._sequence, down, 0, 0, code, character)
            self._outbox.append(key)
            if self._stream is not None:
                self._stream.send(key)
        entry = Typed(character, self._sequence, time.monotonic())
        self.typed.append(entry)
        self._unapplied.append(entry)

    def _hear(self, message: m.Message) -> None:
        match message:
            case m.InputAcknowledge() | m.Frame():
                self._applied(message.last_input)

    def _applied(self, sequence: int) -> None:
        now = time.monotonic()
        while self._outbox and self._outbox[0].sequence <= sequence:
            self._outbox.popleft()
        while self._unapplied and self._unapplied[0].sequence <= sequence:
            self._unapplied.popleft().applied_at = now

    async def _keep(self) -> None:
        renewal = time.monotonic() + GRANT_RENEWAL_SECONDS
        while True:
            assert self._stream is not None
            closed = await self._until_lost(self._stream, renewal)
            self.losses.append((time.monotonic(), str(closed)))
            await self._stream.drop()
            self._stream = None
            if closed.code in FINAL or not await self._resume():
                self.ended = self.ended or closed
                return
            renewal = time.monotonic() + GRANT_RENEWAL_SECONDS

    async def _until_lost(self, stream: Stream, renewal: float) -> StreamClosed:
        """Also when it falls silent: a network that vanished closes nothing. Silence, of input too, first raises a
        doubt: a gateway that answers nothing else is given up, one that does is given more time."""
        loop = asyncio.get_running_loop()
        pinged = 0.0
        for ping in itertools.count(1):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    return await stream.until_closed()
            heard, now = stream.heard_at, loop.time()
            if now - heard > PING_SECONDS + SILENCE_SECONDS:
                break
            if now - max(heard, pinged) > PING_SECONDS:
                pinged = now
                stream.send(m.Ping(ping))
            doubtful = self._is_doubtful(now - heard) and not await self.person.lives(self.gateway)
            if doubtful and stream.heard_at == heard:
                break
            if time.monotonic() > renewal:
                renewal = time.monotonic() + GRANT_RENEWAL_SECONDS
                await self._renew(stream)
        return StreamClosed(1006, "silent")

    def _is_doubtful(self, silent_seconds: float) -> bool:
        waits = time.monotonic() - self._unapplied[0].at if self._unapplied else 0.0
        return silent_seconds > 2 * PING_SECONDS or min(waits, silent_seconds) > INPUT_SECONDS

    async def _renew(self, stream: Stream) -> None:
        path = f"/api/v1/sessions/{self.session}/grant"
        with contextlib.suppress(PortcullisError):  # the one at hand holds for half an hour
            answer = await self.person.answered("POST", path, {"e": self._e}, seconds=10)
            if answer.status == 200:
                self._grant = str(answer.body["grant"])
                stream.send(m.GrantRenewal(self._grant))

    async def _attach_by_ticket(self) -> None:
        """Tries until the session's worker is there."""
        path = f"/api/v1/sessions/{self.session}/ticket"
        ticket = await self.person.expect(200, 201, "POST", path, {})
        await self._open(self.person.urls[0], m.AdmitTicket(str(ticket["ticket"])))

    async def _resume(self) -> bool:
        """With the grant, until it stands; False when the session refuses it for good."""
        urls = [url for url in self.person.urls if url != self.gateway] + [self.gateway]
        waits: Iterator[float] = itertools.chain(WAITS_SECONDS, itertools.repeat(WAITS_SECONDS[-1]))
        for url, wait in zip(itertools.cycle(urls), waits, strict=False):
            await asyncio.sleep(wait)
            try:
                await self._open(url, m.AdmitGrant(self._grant))
            except StreamClosed as exc:
                if exc.code in FINAL:
                    self.ended = exc
                    return False
            except (OSError, TimeoutError):
                continue
            else:
                return True
        raise AssertionError  # cycle never ends

    async def _open(self, url: str, admission: m.Message) -> None:
        stream, self._grant = await open_stream(url, admission, self._hear)
        try:
            self._e = grant_epoch(self._grant)
            welcome = await stream.prove(self._grant, self.person.key, self.session, self._e)
        except BaseException:
            await stream.drop()
            raise
        self._applied(welcome.last_input)
        self._stream = stream
        self.gateway = url
        self.attached.append((time.monotonic(), url))
        for key in self._outbox:
            stream.send(key)


def characters() -> Iterator[str]:
    """`00000`, `00001`, ... with a letter between, so that each place of the text is like no other near it."""
    for number in itertools.count():
        yield from f"{number % 100000:05d}{'abcdefghijklmnopqrstuvwxyz'[number % 26]}"


def grant_epoch(grant: str) -> int:
    """`e`, as it stands in the grant."""
    return int(json.loads(from_base64url(grant.split(".")[3]))["e"])


async def until_ready(person: Person, session: str, seconds: float = 40.0) -> None:
    """Raises Unavailable after `seconds`, Refused when the session is over."""
    deadline = time.monotonic() + seconds
    while True:
        answer = await person.answered("GET", f"/api/v1/sessions/{session}", seconds=seconds)
        if answer.status != 200:
            raise Refused("session_ended", f"the session is gone: {answer.code}")
        if answer.body["state"] in ("ready", "active", "disconnected"):
            return
        if time.monotonic() > deadline:
            raise Unavailable("unavailable", f"the session is still {answer.body['state']}")
        await asyncio.sleep(0.1)

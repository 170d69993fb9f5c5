"""One visit: what a browser does from signing in to the first click that the application has taken, stage by stage.

It goes through a gateway's public listener, over its TLS, with a key of its own, and takes the stream as a page does.
The session is logged off in the end, whatever happened. One that ran before is somebody's: it is left alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass, field

from portcullis.drill.live_session import DISPLAY, grant_epoch, until_ready
from portcullis.drill.person import Person
from portcullis.drill.stream import Stream, StreamClosed, open_stream
from portcullis.errors import CODES, PortcullisError, Refused, Unavailable
from portcullis.protocol import messages as m
from portcullis.tickets import to_base64url

ANSWER_SECONDS = 10.0
READY_SECONDS = 60.0
FRAME_SECONDS = 20.0
ECHO_SECONDS = 10.0
MIDDLE = (400, 250)
"""Of DISPLAY."""
LEFT_BUTTON = 1


class Occupied(Exception):
    """The user has a session of the application already."""

    def __init__(self, session: str) -> None:
        super().__init__(session)
        self.session = session


@dataclass(frozen=True, slots=True)
class Entry:
    """What a person types at the door."""

    organisation: str
    password: str = field(repr=False)
    code: str = field(repr=False)


@dataclass
class Visit:
    person: Person
    application_id: str
    context: ssl.SSLContext | None = None
    entry: Entry | None = None
    """To sign in with; None: the person carries a login."""
    stages: dict[str, float] = field(default_factory=dict)
    session: str = ""
    reference: str = ""
    host: str = ""

    async def make(self, launched: Callable[[str], Awaitable[None]]) -> None:
        """`launched` hears of the session as soon as there is one. Raises PortcullisError with the code of what went
        wrong, and Occupied.
        """
        with self._timed("sign_in"):
            await self._sign_in()
        with self._timed("launch"):
            await self._launch()
        try:
            await launched(self.session)
            with self._timed("ready"):
                await until_ready(self.person, self.session, READY_SECONDS)
            await self._look_in()
        finally:
            await self.log_off()

    async def log_off(self) -> None:
        with contextlib.suppress(PortcullisError):
            path = f"/api/v1/sessions/{self.session}"
            await self.person.answered("DELETE", path, seconds=ANSWER_SECONDS)

    @contextlib.contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.stages[stage] = (time.monotonic() - began) * 1e3

    async def sign_out(self) -> None:
        """A login that is left behind ends by itself, and its key is gone."""
        with contextlib.suppress(PortcullisError):
            await self.person.answered("DELETE", "/api/v1/login", seconds=ANSWER_SECONDS)

    async def _sign_in(self) -> None:
        if self.entry is not None:
            body = {**asdict(self.entry), "username": self.person.name}
            body["client_key"] = to_base64url(self.person.key.public)
            answer = await self.person.answered("POST", "/api/v1/login", body, ANSWER_SECONDS)
            if answer.status != 200 or not answer.body.get("signed_in"):
                raise Refused(_known(answer.code) or "sign_in_refused")
        answer = await self.person.answered("GET", "/api/v1/login", seconds=ANSWER_SECONDS)
        if answer.status != 200 or not answer.body.get("signed_in"):
            raise Refused(_known(answer.code) or "signed_out")

    async def _launch(self) -> None:
        body = {"application": self.application_id, "display": DISPLAY}
        answer = await self.person.answered("POST", "/api/v1/sessions", body, ANSWER_SECONDS)
        if answer.status not in (200, 201):
            error = answer.body.get("error", {}) if isinstance(answer.body, dict) else {}
            self.reference = str(error.get("reference") or "")
            raise Refused(_known(answer.code) or "internal_error", str(error.get("message") or "") or None)
        session = answer.body["session"]
        if answer.body.get("reconnected"):
            raise Occupied(str(session["id"]))
        self.session, self.reference = str(session["id"]), str(session.get("reference") or "")
        self.host = str(session.get("host") or "")

    async def _look_in(self) -> None:
        stream: Stream | None = None
        echo = _Echo()
        try:
            with self._timed("attach"):
                stream = await self._attach(echo)
            with self._timed("first_frame"):
                async with asyncio.timeout(FRAME_SECONDS):
                    await stream.receive(m.Frame)
            with self._timed("echo"):
                await self._click(stream, echo)
        except StreamClosed as exc:
            raise Refused(_known(exc.reason) or "worker_failed", f"the stream was closed: {exc}") from exc
        except (TimeoutError, OSError) as exc:
            raise Unavailable("probe_timeout", f"no answer in the stage after {self._last}") from exc
        finally:
            if stream is not None:
                await stream.drop()

    @property
    def _last(self) -> str:
        return next(reversed(self.stages), "the beginning")

    async def _attach(self, echo: _Echo) -> Stream:
        path = f"/api/v1/sessions/{self.session}/ticket"
        answer = await self.person.answered("POST", path, {}, ANSWER_SECONDS)
        if answer.status not in (200, 201):
            raise Refused(_known(answer.code) or "ticket_refused")
        admission = m.AdmitTicket(str(answer.body["ticket"]))
        stream, grant = await open_stream(self.person.urls[0], admission, echo.hear, self.context)
        try:
            await stream.prove(grant, self.person.key, self.session, grant_epoch(grant))
        except BaseException:
            await stream.drop()
            raise
        return stream

    async def _click(self, stream: Stream, echo: _Echo) -> None:
        """In the middle of the display; the worker says when the application has it."""
        for sequence, buttons in enumerate((0, LEFT_BUTTON, 0), 1):
            stream.send(m.Pointer(sequence, *MIDDLE, buttons, 0))
        async with asyncio.timeout(ECHO_SECONDS):
            await echo.until(3)


class _Echo:
    """The highest input that the worker says was applied."""

    def __init__(self) -> None:
        self._applied = 0
        self._changed = asyncio.Event()

    def hear(self, message: m.Message) -> None:
        if isinstance(message, m.Frame | m.SmallFrame | m.InputAcknowledge):
            self._applied = max(self._applied, message.last_input)
            self._changed.set()

    async def until(self, sequence: int) -> None:
        while self._applied < sequence:
            self._changed.clear()
            await self._changed.wait()


def _known(code: str) -> str:
    """Codes that only another version knows count as none."""
    return code if code in CODES else ""

"""What was revoked, on this host: told by a broker or by a gateway, verified here, passed on to the workers.

Workers verify the texts again and close the connections. This side keeps gateways from bothering a worker with a grant
that was revoked, ends a session of which an administrator said so, and tells all that is in force to every session
that starts. It also notices when the host has heard no broker for as long as a grant lasts, neither by its own channel
nor by a gateway's word: nothing that was revoked meanwhile can have reached it, so it closes every connection and
takes none until a broker is heard again. The sessions themselves go on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from portcullis.clock import Clock
from portcullis.errors import Refused
from portcullis.logs import ids
from portcullis.protocol.worker_channel import Cut, Fence, Revoke, ToWorker
from portcullis.revocations import Revocation, RevocationBook
from portcullis.tickets import GRANT_LIFETIME_SECONDS, Grant

log = logging.getLogger(__name__)

FENCE_CODE = "broker_unreachable"
LOOK_SECONDS = 5.0


class RevokedSession(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def tenant(self) -> str: ...

    @property
    def knows_words(self) -> bool:
        """Of several sessions."""
        ...

    def send(self, message: ToWorker) -> None: ...

    def end(self, code: str, detail: str | None = None) -> None: ...


class HostRevocations:
    def __init__(
        self,
        grant_keys: Callable[[], Mapping[str, Ed25519PublicKey]],
        clock: Clock,
        sessions: Callable[[], Iterable[RevokedSession]],
        hears_broker: Callable[[], bool],
        offline_grace_seconds: float = GRANT_LIFETIME_SECONDS,
    ) -> None:
        """`hears_broker`: whether this host's own channel to a broker stands."""
        self._book = RevocationBook(grant_keys, clock)
        self._clock = clock
        self._sessions = sessions
        self._hears_broker = hears_broker
        self._grace_seconds = offline_grace_seconds
        self._heard_at = clock.monotonic()
        self.is_fenced = False

    def check(self, grant: Grant) -> None:
        """Raises Refused: `grant_refused`, with which a client asks the API why; `host_unreachable` while fenced."""
        if self.is_fenced:
            raise Refused("host_unreachable")
        if self._book.refuses(grant) is not None:
            raise Refused("grant_refused")

    def take(self, texts: Sequence[str]) -> None:
        """What is not verified is logged and passed over."""
        news: list[tuple[str, Revocation]] = []
        refused = 0
        for text in texts:
            try:
                revocation = self._book.add(text)
            except Refused:
                refused += 1
                continue
            if revocation is not None:
                news.append((text, revocation))
                self._act(revocation)
        if refused:  # one line, however many: a hacked gateway may send any number
            log.warning("%d revocations are not taken: no key of the site has signed them", refused)
        for session in self._sessions() if news else ():
            texts = [text for text, revocation in news if _is_for(session, revocation)]
            if texts:
                session.send(Revoke(texts))

    def welcome(self, session: RevokedSession) -> None:
        """A worker starts, or is found again: it is told all that is in force."""
        if texts := [text for text, revocation in self._book.words() if _is_for(session, revocation)]:
            session.send(Revoke(texts))

    def heard(self, seconds_ago: float = 0.0) -> None:
        """A broker spoke to a gateway, which says so."""
        self._heard_at = max(self._heard_at, self._clock.monotonic() - seconds_ago)
        self._look()

    async def run(self) -> None:
        """Watch the silence, for ever."""
        while True:
            await asyncio.sleep(min(LOOK_SECONDS, self._grace_seconds / 4))
            self._look()

    def _look(self) -> None:
        if self._hears_broker():
            self._heard_at = self._clock.monotonic()
        silent = self._clock.monotonic() - self._heard_at >= self._grace_seconds
        if silent == self.is_fenced:
            return
        self.is_fenced = silent
        if not silent:
            log.info("a broker is heard again: connections are taken")
            return
        log.error(
            "no broker was heard for %.0f s: every connection is closed, sessions go on", self._grace_seconds
        )
        for session in self._sessions():
            session.send(Fence(FENCE_CODE))

    def _act(self, revocation: Revocation) -> None:
        names = ids(tenant=revocation.tenant or None, kind=revocation.kind, id=revocation.id or None)
        log.info("revoked: %s", revocation.kind, extra=names)
        for session in self._sessions():
            if session.tenant != revocation.tenant:
                continue
            if revocation.kind == "session" and session.id == revocation.id:
                session.end("logged_off")
            elif revocation.kind == "sessions" and _is_for(session, revocation) and not session.knows_words:
                session.send(Fence("grant_refused"))  # whoever is attached asks for a ticket, and is told why
            elif revocation.kind == "login" and not revocation.session:
                session.send(Cut(revocation.id, "signed_out"))  # what a worker of before knows


def _is_for(session: RevokedSession, revocation: Revocation) -> bool:
    return revocation.kind != "sessions" or session.id in revocation.sessions

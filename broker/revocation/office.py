"""Revocations at this broker: signed, told to every machine whose channel is here, kept in the grid for the others.

A revocation acts before anything is written: it is told at once, so that it needs no grid. One that is to be kept is
written as soon as the grid takes it (`site/revocation/<sha256 of the text>`, leased), and every broker tells its own
machines what it sees there. What gateways and other brokers pass on is taken over the same way.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from broker.grid.grid import GridError
from broker.grid.scopes import Stores
from broker.repositories.committing import commit
from broker.repositories.keys import GrantKeys
from broker.snapshot import Change, Snapshot
from portcullis.clock import Clock
from portcullis.errors import Refused, Unavailable
from portcullis.logs import ids
from portcullis.model.user import Login
from portcullis.revocations import (
    REMEMBERED_SECONDS,
    SESSIONS_OF_A_WORD,
    Kind,
    Revocation,
    RevocationBook,
    Visit,
    sign_revocation,
)
from portcullis.tasks import cancel_and_wait, spawn
from portcullis.tickets import verifying_keys

log = logging.getLogger(__name__)

LEASE_SECONDS = REMEMBERED_SECONDS
RETRY_SECONDS = 0.5
AT_ONCE = 64

ByHost = Mapping[str, Sequence[str]]
Hearer = Callable[[Sequence[str], ByHost], None]
"""Told what concerns every machine, and what concerns the hosts with these ids alone."""


class Revocations:
    def __init__(self, stores: Stores, snapshot: Snapshot, keys: GrantKeys, clock: Clock) -> None:
        self._stores = stores
        self._snapshot = snapshot
        self._keys = keys
        self._clock = clock
        self._verifying: tuple[Mapping[str, str], Mapping[str, Ed25519PublicKey]] = ({}, {})
        self.book = RevocationBook(self._known_keys, clock)
        self._hearers: dict[object, Hearer] = {}
        self._unkept: dict[str, None] = {}
        self._wake = asyncio.Event()
        self._unsubscribe: Callable[[], None] = lambda: None
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Once the snapshot is loaded."""
        self._unsubscribe = self._snapshot.subscribe(self._changed)
        kept = [str(record.value["text"]) for record in self._snapshot.list("site", "revocation")]
        self.tell(self._verifiable(kept))
        self._keeper = spawn(self._keep(), name="revocations")

    async def stop(self) -> None:
        self._unsubscribe()
        await cancel_and_wait(self._keeper)

    def sign(
        self, kind: Kind, tenant: str, id: str, *, code: str = "signed_out", session: str = "", epoch: int = 0
    ) -> str:
        """As of now. Raises Unavailable while the site has no key."""
        return self.sign_this(Revocation(kind, tenant, id, self._clock.now(), code, session, epoch))

    def sign_this(self, revocation: Revocation) -> str:
        return sign_revocation(revocation, *self._keys.signing())

    def sign_sessions(
        self,
        tenant: str,
        host: str,
        sessions: Sequence[str],
        code: str,
        channels: frozenset[str] | None = None,
    ) -> list[str]:
        """The connections of these sessions of one host end, or keep these channels, once it is told (`tell_hosts`).
        Every broker works that out by itself, so it is not kept. Raises Unavailable while the site has no key.
        """
        now = self._clock.now()
        texts = []
        for start in range(0, len(sessions), SESSIONS_OF_A_WORD):
            named = tuple(sessions[start : start + SESSIONS_OF_A_WORD])
            word = Revocation("sessions", tenant, host, now, code, sessions=named, channels=channels)
            texts.append(self.sign_this(word))
            self.book.add_own(texts[-1], word)
        return texts

    def tell_hosts(self, by_host: ByHost) -> None:
        """Of many hosts together: gateways hear it in a few messages."""
        for hearer in list(self._hearers.values()):
            hearer((), by_host)

    def living_of(self, host: str, *, is_older: bool) -> list[str]:
        """All in force that the host has to know. `is_older`: its agent knows no words about several sessions."""
        found: list[str] = []
        for text, word in self.book.words():
            if word.kind != "sessions":
                found.append(text)
            elif word.id == host:
                found += self._single(word) if is_older else [text]
        return self._verifiable(found)

    def _single(self, word: Revocation) -> list[str]:
        """What an agent of before makes of it: those connections end, and come back with what they may."""
        records = (self._snapshot.get(word.tenant, ("session", id)) for id in word.sessions)
        return [
            self.sign_this(
                Revocation(
                    "user", word.tenant, record.value["user_id"], word.issued, word.code, record.path[1]
                )
            )
            for record in records
            if record is not None
        ]

    def living(self) -> list[str]:
        """All in force that a machine with the site's present keys can verify."""
        return self._verifiable(self.book.living())

    def unkept(self) -> list[str]:
        """What the grid does not have yet."""
        return list(self._unkept)

    def is_kept(self, text: str) -> bool:
        """Whether it lasts in the grid, or will as soon as that takes it."""
        return text in self._unkept or self._is_kept(text)

    def subscribe(self, hearer: Hearer) -> Callable[[], None]:
        """Call `hearer` with what is news until the function returned here is called. It must not block."""
        handle = object()
        self._hearers[handle] = hearer
        return lambda: self._hearers.pop(handle, None) and None

    def tell(self, texts: Iterable[str], *, keep: bool = False) -> None:
        """It acts from this moment on; `keep`: in the grid as well, so that other brokers tell it, also later."""
        refused = 0
        news: list[str] = []
        by_host: dict[str, list[str]] = {}
        for text in texts:
            try:
                word = self._news(text)
            except Refused:
                refused += 1
                continue
            if word is not None:
                (by_host.setdefault(word.id, []) if word.kind == "sessions" else news).append(text)
        if refused:  # one line, however many: a machine of the site may send any number
            log.warning("%d revocations are not taken: no key of the site has signed them", refused)
        if keep:
            self._unkept |= dict.fromkeys(text for text in news if not self._is_kept(text))
            self._wake.set()
        if news or by_host:
            for hearer in list(self._hearers.values()):
                hearer(news, by_host)

    def hear(self, texts: Iterable[str]) -> None:
        """From a gateway or another broker, which may have no grid."""
        self.tell(texts, keep=True)

    def is_void(self, login: Login) -> bool:
        """By the site's epoch or by a revocation, although the record may still be there."""
        meta = self._snapshot.get("site", ("meta",))
        if meta is not None and login.epoch < int(meta.value["epoch"]):
            return True
        return self.book.refuses_visit(visit_of(login)) is not None

    def _verifiable(self, texts: Iterable[str]) -> list[str]:
        """Not those by keys that the site has given up: all that they refuse is dead."""
        kids = self._keys.verifying().keys()
        return [text for text in texts if text.split(".")[2:3] and text.split(".")[2] in kids]

    def _news(self, text: str) -> Revocation | None:
        """None: it is known. Raises Refused("revocation_refused")."""
        revocation = self.book.add(text)
        if revocation is not None:
            names = ids(tenant=revocation.tenant or None, kind=revocation.kind, id=revocation.id or None)
            log.info("revoked: %s", revocation.kind, extra=names)
        return revocation

    def _known_keys(self) -> Mapping[str, Ed25519PublicKey]:
        raw = self._keys.verifying()
        if raw != self._verifying[0]:
            self._verifying = (raw, verifying_keys(raw))
        return self._verifying[1]

    def _changed(self, change: Change) -> None:
        if change.scope == "site" and change.path[0] == "revocation" and change.record is not None:
            text = str(change.record.value["text"])
            self._unkept.pop(text, None)
            self.tell([text])

    def _is_kept(self, text: str) -> bool:
        return self._snapshot.get("site", _path(text)) is not None

    async def _keep(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._unkept:
                try:
                    await self._write(list(self._unkept)[:AT_ONCE])
                except (GridError, Unavailable) as exc:
                    log.debug("revocations are kept later: %r", exc)
                    await asyncio.sleep(RETRY_SECONDS)

    async def _write(self, texts: list[str]) -> None:
        """Each key names its text: writing it twice is writing it once."""
        lease = (await self._stores.grid.lease(LEASE_SECONDS)).id
        puts = [self._stores.site.put(_path(text), {"text": text}, lease=lease) for text in texts]
        await commit(self._stores, *puts)
        for text in texts:
            self._unkept.pop(text, None)


def visit_of(login: Login) -> Visit:
    return Visit(login.tenant_id, login.user_id, login.hash, login.created, login.epoch)


def _path(text: str) -> tuple[str, ...]:
    return ("revocation", hashlib.sha256(text.encode()).hexdigest())

"""The brokers of the site, as a gateway sees them: registration, order, and the one way to ask them anything.

`run` registers every five seconds with the first broker that answers and keeps what it says: grant keys, public
origins, the brokers themselves (on disk too: a gateway that starts while every broker is down still resumes
streams). A broker that fails goes to the end of the order. The TLS context checks that it is one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import secrets
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from yarl import URL

from gateway.origins import Origins
from portcullis.backoff import Backoff
from portcullis.clock import Clock
from portcullis.enrolment import Credentials
from portcullis.errors import InvalidInput, PortcullisError, ProtocolError, Refused, Unavailable
from portcullis.ids import parse_secret
from portcullis.protocol.closing import CLOSE_CODES
from portcullis.protocol.fields import Fields
from portcullis.tickets import Grant, verify_grant, verifying_keys

log = logging.getLogger(__name__)

REGISTRATION_SECONDS = 5.0
LIVE_SECONDS = 15.0
"""How long a registration is believed; brokers count a gateway live as long."""
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 15.0
RETIREMENT_SECONDS = 600.0
MAXIMUM_ANSWER_BYTES = 64 * 1024

_AUTOMATIC_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_NOTHING_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


@dataclass(frozen=True, slots=True)
class Right:
    """What a client may attach to, and the grant that says so."""

    session: str
    tenant: str
    host: str
    grant: str = field(repr=False)


class Brokers:
    """`on_changed` hears of new credentials, so that a renewal knows the present brokers."""

    def __init__(
        self,
        credentials: Credentials,
        context: ssl.SSLContext,
        clock: Clock,
        on_changed: Callable[[Credentials], None] = lambda _: None,
        registration_seconds: float = REGISTRATION_SECONDS,
    ) -> None:
        self.credentials = credentials
        self._clock = clock
        self._on_changed = on_changed
        self._registration_seconds = registration_seconds
        self._registered_at: float | None = None
        self._order = list(credentials.brokers)
        self._failing: set[str] = set()
        self._grant_keys: Mapping[str, Ed25519PublicKey] = verifying_keys(credentials.grant_keys)
        self.origins = self._served(Origins.parse(credentials.public_origins))
        self._context = context
        self._session = _new_session(context)
        self._retired: list[tuple[float, aiohttp.ClientSession]] = []

    @property
    def order(self) -> tuple[str, ...]:
        """Addresses, the one to try first in front."""
        return tuple(self._order)

    @property
    def live(self) -> bool:
        """Whether a broker has registered us lately."""
        at = self._registered_at
        return at is not None and self._clock.monotonic() - at < LIVE_SECONDS

    async def run(self) -> None:
        """Register for ever; a task of the composition root."""
        backoff = Backoff(lambda: secrets.randbelow(1 << 20) / (1 << 20))
        while True:
            pause = self._registration_seconds
            try:
                await self.register()
                backoff.succeeded()
            except PortcullisError as exc:
                log.warning("no broker has registered this gateway: %s", exc)
                pause = min(pause, backoff.next_seconds())
            await self._close_retired(self._clock.monotonic() - RETIREMENT_SECONDS)
            await asyncio.sleep(pause)

    async def register(self) -> None:
        """Raises Unavailable or ProtocolError."""
        async with self.request("GET", "/inner/v1/gateway", repeatable=True) as answer:
            if answer.status != 200:
                raise Unavailable("broker_unreachable", f"The broker answered {answer.status}.")
            fields = Fields.parse(await _read(answer), MAXIMUM_ANSWER_BYTES)
        self._learn(fields)
        self._registered_at = self._clock.monotonic()

    @asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        repeatable: bool,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Ask the first broker that can be reached; `path` is sent as it is, query included.

        Once anything may have been sent, the next broker is asked only if the request is `repeatable`. Raises
        Unavailable("broker_unreachable").
        """
        answer = await self._ask(method, path, headers or {}, body, repeatable)
        try:
            yield answer
        finally:
            if answer.content.at_eof():
                answer.release()
            else:
                answer.close()

    async def redeem(self, ticket: str) -> Right:
        """Raises Refused("ticket_refused" or "session_ended") or Unavailable("broker_unreachable")."""
        if parse_secret(ticket, "ticket") is None:
            raise Refused("ticket_refused")
        body = json.dumps({"ticket": ticket}).encode()
        headers = {"Content-Type": "application/json"}
        path = "/inner/v1/redeem"
        async with self.request("POST", path, headers=headers, body=body, repeatable=False) as answer:
            fields = Fields.parse(await _read(answer), MAXIMUM_ANSWER_BYTES)
            if answer.status != 200:
                raise _refusal(answer.status, fields)
        return Right(fields.id("session"), fields.id("tenant"), fields.id("host"), fields.text("grant", 3072))

    def verify_grant(self, grant: str, now: float) -> Grant:
        """Offline. Raises Refused("grant_refused")."""
        return verify_grant(grant, self._grant_keys, now)

    def renewed(self, credentials: Credentials) -> None:
        """The context has a new certificate: connections that show the old one are not used any more.

        Brokers refuse a certificate that was renewed twice since; a connection in use would never change its own.
        """
        self.credentials = credentials
        self._retired.append((self._clock.monotonic(), self._session))
        self._session = _new_session(self._context)

    async def close(self) -> None:
        await self._session.close()
        await self._close_retired(math.inf)

    async def _close_retired(self, before: float) -> None:
        """Answers that were under way when a session was retired have had the time to end."""
        for _, session in [entry for entry in self._retired if entry[0] < before]:
            await session.close()
        self._retired = [entry for entry in self._retired if entry[0] >= before]

    async def _ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, repeatable: bool
    ) -> aiohttp.ClientResponse:
        for address in self.order:
            try:
                answer = await self._ask_one(address, method, path, headers, body)
                self._answered(address)
                return answer
            except _NOTHING_SENT as exc:
                self._failed(address, exc)
            except (aiohttp.ClientError, TimeoutError, OSError) as exc:
                self._failed(address, exc)
                if not repeatable:
                    break
        raise Unavailable("broker_unreachable")

    async def _ask_one(
        self, address: str, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> aiohttp.ClientResponse:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await self._session.request(
                method,
                URL(f"https://{address}{path}", encoded=True),
                headers=headers,
                data=body or None,
                allow_redirects=False,
            )

    def _answered(self, address: str) -> None:
        if address in self._failing:
            self._failing.remove(address)
            log.info("broker %s answers again", address)

    def _failed(self, address: str, exc: Exception) -> None:
        """Logged when it begins: every request of anybody meets it until it ends."""
        if address not in self._failing:
            self._failing.add(address)
            log.warning("broker %s failed: %s", address, exc or type(exc).__name__)
        if address in self._order:
            self._order.remove(address)
            self._order.append(address)

    def _learn(self, fields: Fields) -> None:
        """Keep what a broker said. Nothing of it is taken unless all of it can be."""
        try:
            grant_keys = fields.text_map("grant_keys", 64, 64)
            keys = verifying_keys(grant_keys)
            origins = Origins.parse(fields.texts("public_origins", 64, 256))
            served = self._served(origins)
        except (InvalidInput, ValueError) as exc:
            raise ProtocolError("a broker's answer is not understood") from exc
        brokers = fields.texts("brokers", 64, 300) or self.credentials.brokers
        self._grant_keys, self.origins = keys, served
        self._order = [a for a in self._order if a in brokers] + [a for a in brokers if a not in self._order]
        self._failing &= set(brokers)
        self._keep(brokers, grant_keys, origins.texts)

    def _served(self, origins: Origins) -> Origins:
        """A gateway under https knows no plain origin: neither its pages nor its callers have one."""
        return origins.over_tls() if self.credentials.public_origin.startswith("https:") else origins

    def _keep(self, brokers: tuple[str, ...], grant_keys: dict[str, str], origins: tuple[str, ...]) -> None:
        """On disk, when it differs: rare and small, and not beside a renewal, which writes the same file."""
        try:
            changed = self.credentials.with_site(
                brokers=brokers, grant_keys=grant_keys, public_origins=origins
            )
        except OSError as exc:
            log.error("what the broker said cannot be kept on disk: %s", exc)
            return
        if changed != self.credentials:
            self.credentials = changed
            self._on_changed(changed)


def _new_session(context: ssl.SSLContext) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=_AUTOMATIC_HEADERS,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
    )


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """A short answer, whole."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            data = bytearray()
            while (chunk := await answer.content.readany()) and len(data) <= MAXIMUM_ANSWER_BYTES:
                data += chunk
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        raise Unavailable("broker_unreachable") from exc
    return bytes(data)


def _refusal(status: int, fields: Fields) -> PortcullisError:
    """A broker's error as the reason of a close code; one that has none of its own is the broker's trouble."""
    code: Any = fields.inner("error").text("code", 64) if status < 500 else ""
    return Refused(code) if code in CLOSE_CODES else Unavailable("broker_unreachable")

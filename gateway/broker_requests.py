"""The one way to ask brokers anything over HTTP: the healthiest first, the next when that may be done safely.

A request is sent to another broker when nothing of it was sent, or when it is repeatable. An answer that does not come
is waited for no longer once its broker's channel fell silent, if another broker is up. A broker that says that it did
nothing and another one can is passed over. The TLS context checks that
the peer is a broker.
"""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
from yarl import URL

from gateway.broker_health import BrokerHealth
from portcullis.clock import Clock
from portcullis.errors import CODES, Unavailable
from portcullis.protocol.gateway_channel import ELSEWHERE_HEADER

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 15.0
"""How long the first byte of an answer may take: a launch may wait for 10 s by design."""
READ_SECONDS = 5.0
"""The same for a request that another broker may be asked at once."""
RETIREMENT_SECONDS = 600.0

_AUTOMATIC_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_NOTHING_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class BrokerRequests:
    def __init__(self, context: ssl.SSLContext, health: BrokerHealth, clock: Clock) -> None:
        self._context = context
        self._health = health
        self._clock = clock
        self.session = _new_session(context)
        self._retired: list[tuple[float, aiohttp.ClientSession]] = []

    @asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        repeatable: bool,
        at: str | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Ask the first broker that can be reached, or the one `at` an address; `path` is sent as it is.

        Raises Unavailable: "broker_unreachable", or what all that were reached say ("clock_wrong").
        """
        answer = await self._ask(method, path, headers or {}, body, repeatable, at)
        try:
            yield answer
        finally:
            if answer.content.at_eof():
                answer.release()
            else:
                answer.close()

    def renewed(self) -> None:
        """The context has a new certificate: connections that show the old one are not used any more.

        Brokers refuse a certificate that was renewed twice since; a connection in use would never change its own.
        """
        self._retired.append((self._clock.monotonic(), self.session))
        self.session = _new_session(self._context)

    async def close(self) -> None:
        await self.session.close()
        await self._close_retired(math.inf)

    async def tidy(self) -> None:
        await self._close_retired(self._clock.monotonic() - RETIREMENT_SECONDS)

    async def _close_retired(self, before: float) -> None:
        """Answers that were under way when a session was retired have had the time to end."""
        for _, session in [entry for entry in self._retired if entry[0] < before]:
            await session.close()
        self._retired = [entry for entry in self._retired if entry[0] >= before]

    async def _ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        repeatable: bool,
        at: str | None,
    ) -> aiohttp.ClientResponse:
        code = "broker_unreachable"
        for address in self._health.order if at is None else (at,):
            try:
                answer = await self._ask_one(address, method, path, headers, body, repeatable)
                if (refusal := answer.headers.get(ELSEWHERE_HEADER)) is None:
                    self._health.answered(address)
                    return answer
                answer.close()
                self._health.heard()
                self._health.failed(address, refusal)
                code = refusal if refusal in CODES else code
            except _NOTHING_SENT as exc:
                self._health.failed(address, exc)
            except (aiohttp.ClientError, TimeoutError, OSError) as exc:
                self._health.failed(address, exc)
                if not repeatable:
                    raise Unavailable("broker_unreachable") from exc
        raise Unavailable(code)

    async def _ask_one(
        self, address: str, method: str, path: str, headers: Mapping[str, str], body: bytes, repeatable: bool
    ) -> aiohttp.ClientResponse:
        loop = asyncio.get_running_loop()
        quick = method == "GET" and repeatable and self._health.has_alternative(address)
        async with asyncio.timeout(READ_SECONDS if quick else ANSWER_SECONDS) as deadline:

            def hurry() -> None:
                if repeatable:
                    deadline.reschedule(loop.time())

            with self._health.watched(address, hurry):
                return await self.session.request(
                    method,
                    URL(f"https://{address}{path}", encoded=True),
                    headers=headers,
                    data=body or None,
                    allow_redirects=False,
                )


def address_of(answer: aiohttp.ClientResponse) -> str:
    """Of the broker that gave it."""
    return answer.url.authority


def _new_session(context: ssl.SSLContext) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=_AUTOMATIC_HEADERS,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
    )

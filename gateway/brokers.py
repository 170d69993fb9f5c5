"""The brokers of the site, as the rest of the gateway sees them: known, healthy or not, and asked.

It composes what the site is known to be (`known_site`), how each broker does (`broker_health`), the channels
(`broker_channels`) and the requests (`broker_requests`). One task, `run`, keeps the channels of the present brokers.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.broker_channels import BrokerChannels
from gateway.broker_health import BrokerHealth
from gateway.broker_requests import ANSWER_SECONDS, BrokerRequests, address_of
from gateway.known_site import KnownSite
from gateway.origins import Origins
from portcullis.clock import Clock
from portcullis.enrolment.credentials import Credentials
from portcullis.errors import PortcullisError, ProtocolError, Refused, Unavailable
from portcullis.ids import parse_secret
from portcullis.protocol import gateway_channel as protocol
from portcullis.protocol.closing import CLOSE_CODES
from portcullis.protocol.fields import Fields
from portcullis.protocol.revoked import Revocations
from portcullis.tasks import cancel_and_wait
from portcullis.tickets import Grant, verify_grant

log = logging.getLogger(__name__)

LIVE_SECONDS = 15.0
"""How long a broker's word is believed; brokers count a gateway live as long."""
TIDY_SECONDS = 5.0
MAXIMUM_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Right:
    """What a client may attach to, and the grant that says so."""

    session: str
    tenant: str
    host: str
    grant: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Heard:
    """Who is told what brokers say."""

    changed: Callable[[Credentials], None] = lambda _: None
    """New credentials, with the present brokers."""
    draining: Callable[[bool], None] = lambda _: None
    """Whether this gateway is to give its streams away."""
    revocations: Callable[[Sequence[str]], None] = lambda _: None
    authorities: Callable[[Sequence[str]], None] = lambda _: None
    """Pins of the site's CAs."""


class Brokers:
    def __init__(
        self,
        credentials: Credentials,
        context: ssl.SSLContext,
        clock: Clock,
        heard: Heard | None = None,
        state: Callable[[], protocol.State] = lambda: protocol.State(0, (), False, 0.0),
    ) -> None:
        self._heard = heard or Heard()
        self._site = KnownSite(credentials, clock, self._heard.changed)
        self._health = BrokerHealth(credentials.brokers, clock)
        self._requests = BrokerRequests(context, self._health, clock)
        self.request = self._requests.request
        self._channels = BrokerChannels(
            lambda: self._requests.session, self._health, state, self._take, self.register
        )
        self._said: dict[str, tuple[str, ...]] = {}
        """Address -> the brokers that it knows of, while its channel stands."""
        self._more = asyncio.Event()

    @property
    def credentials(self) -> Credentials:
        return self._site.credentials

    @property
    def origins(self) -> Origins:
        return self._site.origins

    @property
    def order(self) -> tuple[str, ...]:
        """Addresses, the one to try first in front."""
        return self._health.order

    @property
    def connected(self) -> frozenset[str]:
        """Addresses of the brokers whose channel stands."""
        return self._health.up

    @property
    def live(self) -> bool:
        """Whether a broker was heard lately."""
        return self._health.silent_seconds() < LIVE_SECONDS

    async def run(self) -> None:
        """Keep the channels for ever; a task of the composition root."""
        while True:
            self._more.clear()
            await cancel_and_wait(*self._channels.update(self._site.brokers))
            await self._requests.tidy()
            try:
                async with asyncio.timeout(TIDY_SECONDS):
                    await self._more.wait()
            except TimeoutError:
                pass

    async def register(self, address: str | None = None) -> None:
        """As gateways did before there were channels, for a broker that has none. Raises Unavailable, ProtocolError."""
        async with self.request("GET", "/inner/v1/gateway", repeatable=True, at=address) as answer:
            if answer.status != 200:
                raise Unavailable("broker_unreachable", f"The broker answered {answer.status}.")
            fields = Fields.parse(await _read(answer), MAXIMUM_ANSWER_BYTES)
        brokers = fields.texts("brokers", protocol.MAXIMUM_BROKERS, protocol.ADDRESS_CHARACTERS)
        self._learn(brokers, fields.text_map("grant_keys", 64, 64), fields.texts("public_origins", 256, 256))

    def watched(
        self, answer: aiohttp.ClientResponse, on_lost: Callable[[], None]
    ) -> AbstractContextManager[None]:
        """Meanwhile `on_lost` is called when the broker of this answer is lost and another is up."""
        return self._health.watched(address_of(answer), on_lost)

    async def redeem(self, ticket: str) -> Right:
        """Raises Refused("ticket_refused" or "session_ended") or Unavailable("broker_unreachable").

        Asked of a second broker when the first one's answer is lost: a ticket that was spent by then is refused, and
        the client fetches another.
        """
        if parse_secret(ticket, "ticket") is None:
            raise Refused("ticket_refused")
        body = json.dumps({"ticket": ticket}).encode()
        headers = {"Content-Type": "application/json"}
        path = "/inner/v1/redeem"
        try:
            async with self.request("POST", path, headers=headers, body=body, repeatable=True) as answer:
                fields = Fields.parse(await _read(answer), MAXIMUM_ANSWER_BYTES)
                if answer.status != 200:
                    raise _refusal(answer.status, fields)
        except Unavailable as exc:  # whatever the brokers' trouble is: streams have one close code for it
            raise Unavailable("broker_unreachable") from exc
        return Right(fields.id("session"), fields.id("tenant"), fields.id("host"), fields.text("grant", 3072))

    def verify_grant(self, grant: str, now: float) -> Grant:
        """Offline. Raises Refused("grant_refused")."""
        return verify_grant(grant, self._site.grant_keys, now)

    def pass_on(self, revocations: Sequence[str]) -> None:
        """What one broker said to the others, and to it once more, which does no harm."""
        self._channels.pass_on(revocations)

    def silent_seconds(self) -> float:
        """Since any broker was last heard."""
        return self._health.silent_seconds()

    @property
    def grant_keys(self) -> Mapping[str, Ed25519PublicKey]:
        return self._site.grant_keys

    def tell_state(self) -> None:
        """The gateway's state changed in a way that brokers should know at once."""
        self._channels.tell()

    def renewed(self, credentials: Credentials) -> None:
        """The context has a new certificate: what shows the old one is made anew."""
        self._site.renewed(credentials)
        self._requests.renewed()
        self._channels.renew()

    async def close(self) -> None:
        await self._channels.stop()
        await self._requests.close()

    def _take(self, address: str, message: protocol.FromBroker) -> None:
        if isinstance(message, Revocations):
            self._heard.revocations(message.revocations)
            return
        self._said[address] = message.brokers
        up = self._health.up
        self._said = {known: said for known, said in self._said.items() if known in up}
        brokers = sorted({broker for said in self._said.values() for broker in said})
        self._learn(tuple(brokers), message.grant_keys, message.public_origins, message.own_names)
        self._heard.draining(message.gateway_draining)
        self._heard.authorities(message.authorities)

    def _learn(
        self,
        brokers: tuple[str, ...],
        grant_keys: Mapping[str, str],
        origins: tuple[str, ...],
        own_names: tuple[str, ...] = (),
    ) -> None:
        try:
            self._site.learn(brokers, grant_keys, origins, own_names)
        except ProtocolError as exc:
            log.warning("what a broker says of the site is not taken: %s", exc)
            raise
        self._health.know(self._site.brokers)
        self._more.set()


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

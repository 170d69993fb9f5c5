"""The gateway, composed: built in order, stopped in reverse. Nothing happens at import time.

Tasks: the channels to brokers, the renewal of the machine's certificate and, under https, of the one that
browsers see; every connection has its own handler task in aiohttp.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass, field, replace
from importlib.metadata import version

import web_client
from gateway.api_proxy import ApiProxy
from gateway.brokers import Brokers, Heard
from gateway.certificates import GivenCertificate, PublicTls, WebCertificate, public_name
from gateway.inner import inner_app
from gateway.links import Links
from gateway.listener import Listener
from gateway.public import check_public_address, public_app
from gateway.rendezvous import Rendezvous
from gateway.revocations import GatewayRevocations
from gateway.static import StaticFiles
from gateway.stream_counts import StreamCounts
from gateway.streams import STREAMS, STREAMS_PER_CLIENT, Patience, Streams
from gateway.watched import offer_readings
from portcullis.certificate_files import CertificateFiles
from portcullis.clock import Clock, SystemClock
from portcullis.enrolment.credentials import Credentials, client_context, refresh, server_context
from portcullis.enrolment.renewal import Renewal
from portcullis.errors import InvalidInput
from portcullis.measuring import Metrics
from portcullis.metrics import DIAL_SECONDS
from portcullis.probes import Probes, Watch
from portcullis.protocol.gateway_channel import MAXIMUM_HOSTS, State
from portcullis.protocol.link import ATTACH_SECONDS
from portcullis.serving.gate import Gate
from portcullis.serving.guard import Limits
from portcullis.settings import Address
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    limits: Limits = field(default_factory=Limits)
    clock: Clock = field(default_factory=SystemClock)
    patience: Patience = field(default_factory=Patience)
    attach_seconds: float = ATTACH_SECONDS
    certificate: CertificateFiles | None = None
    """None: https comes with a certificate of the site's web CA."""
    watch: Watch = field(default_factory=Watch)
    stream_gate: Gate = field(default_factory=lambda: Gate(STREAMS, STREAMS_PER_CLIENT))


class GatewayApp:
    """Raises InvalidInput when plain http would leave this machine, Refused("tls_refused") for unfit files."""

    brokers: Brokers
    links: Links
    streams: Streams
    _revocations: GatewayRevocations

    def __init__(
        self, credentials: Credentials, listen: Address, inner_listen: Address, options: Options | None = None
    ) -> None:
        options = options or Options()
        name = public_name(credentials.public_origin)
        _check(listen, name, options)
        given = _given_certificate(name, options)  # first: it may refuse, and nothing is open yet
        self._listen = listen
        self._inner_listen = inner_listen
        self._client_context = client_context(credentials)
        self._server_context = server_context(credentials)
        self._renewal = Renewal(credentials, self._renewed, options.clock)
        self._metrics = Metrics("gateway", version("portcullis"))
        self._make_brokers(credentials, options)
        counts = self._make_streams(credentials, options)
        self.tls: PublicTls | None = given
        if name is not None and given is None:
            self.tls = WebCertificate(credentials.state, name, self.brokers, options.clock)
        self._make_listeners(credentials, options.limits)
        offer_readings(self._metrics, self, counts)
        self._watch = options.watch
        self.probes = Probes(self._metrics, self._trouble)
        self._tasks: list[asyncio.Task[None]] = []

    def _make_brokers(self, credentials: Credentials, options: Options) -> None:
        heard = Heard(
            self._changed, self._drain, lambda texts: self._revocations.take(texts), self._renewal.announce
        )
        self.brokers = Brokers(credentials, self._client_context, options.clock, heard, self._state)
        self._revocations = GatewayRevocations(
            lambda: self.brokers.grant_keys,
            options.clock,
            lambda texts, by_host: self.links.revoke(texts, by_host),
            self.brokers.pass_on,
            lambda is_meant: self.streams.cut(is_meant),
        )

    def _make_streams(self, credentials: Credentials, options: Options) -> StreamCounts:
        """From the links of hosts to the splice."""
        self.links = Links(
            credentials.name, options.attach_seconds, self.brokers.silent_seconds, self._revocations.living_of
        )
        self.rendezvous = Rendezvous()
        counts = StreamCounts(lambda seconds: self._metrics.observe(DIAL_SECONDS, seconds))
        self.streams = Streams(
            *(self.brokers, self.links, self.rendezvous, options.clock),
            *(options.stream_gate, options.patience, counts, self._revocations.check),
        )
        return counts

    def _make_listeners(self, credentials: Credentials, limits: Limits) -> None:
        api = ApiProxy(self.brokers, limits.body_seconds)
        self.files = StaticFiles(web_client.ROOT)
        self.public = Listener(
            public_app(self.brokers, api, self.streams, self.files, self._is_publicly_trusted), limits
        )
        # Every host of the site keeps a link here, and each stream has a dial of its own: they share few addresses.
        inner_limits = replace(limits, connections_per_client=limits.connections)
        self.inner = Listener(inner_app(credentials.site_id, self.links, self.rendezvous), inner_limits)

    async def start(self) -> None:
        """Raises OSError when an address cannot be bound."""
        await self.inner.start(self._inner_listen, self._server_context)
        await self.public.start(self._listen, self.tls.context if self.tls else None)
        await self.probes.start(self._watch)
        self._tasks = [
            spawn(self.brokers.run(), name="brokers"),
            spawn(self._renewal.run(), name="certificate renewal"),
        ]
        if self.tls:
            self._tasks.append(spawn(self.tls.run(), name="public certificate"))
        log.info("serving on port %d, inner port %d", self.public.port, self.inner.port)

    async def stop(self) -> None:
        """Also after a `start` that failed half-way."""
        await cancel_and_wait(*self._tasks)
        await self.streams.close()
        await self.links.close()
        await self.public.stop()
        await self.inner.stop()
        await self.brokers.close()
        await self.probes.stop()

    def _trouble(self) -> list[str]:
        alone = [] if self.brokers.live else ["no broker has registered this gateway lately"]
        return [*alone, "this gateway is draining"] if self.streams.draining else alone

    def _state(self) -> State:
        hosts = tuple(sorted(self.links.hosts))[:MAXIMUM_HOSTS]
        load = os.getloadavg()[0] / (os.cpu_count() or 1)
        return State(self.streams.live // 2, hosts, self.streams.draining, round(load, 3))

    def _drain(self, draining: bool) -> None:
        if self.streams.drain(draining):
            self.brokers.tell_state()

    def _is_publicly_trusted(self) -> bool:
        return self.tls is not None and self.tls.publicly_trusted

    def _renewed(self, credentials: Credentials) -> None:
        """Standing connections keep the certificate they were made with; new ones use the renewed one."""
        refresh(self._client_context, credentials)
        refresh(self._server_context, credentials)
        self.brokers.renewed(credentials)

    def _changed(self, credentials: Credentials) -> None:
        self._renewal.credentials = credentials


def _check(listen: Address, name: str | None, options: Options) -> None:
    """The registered origin decides: TLS for https; none for http, which does not leave this machine."""
    if name is None:
        check_public_address(listen)
        if options.certificate is not None:
            raise InvalidInput("--certificate", "a gateway that is registered under https: enrol it so")


def _given_certificate(name: str | None, options: Options) -> GivenCertificate | None:
    if name is None or options.certificate is None:
        return None
    return GivenCertificate(options.certificate, name, options.clock)

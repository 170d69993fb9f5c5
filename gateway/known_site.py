"""What brokers have told this gateway of the site: grant keys, public names, the other gateways, the brokers.

It lies on disk, too: a gateway that starts while every broker is down still resumes streams. A broker that is not named
any more is remembered for a while, since it may be the first to come back after all were away. Nothing of a message
is taken unless all of it can be.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.origins import Origins
from portcullis.clock import Clock
from portcullis.enrolment.credentials import Credentials
from portcullis.errors import InvalidInput, ProtocolError
from portcullis.protocol.gateway_channel import MAXIMUM_BROKERS
from portcullis.tickets import verifying_keys

log = logging.getLogger(__name__)

REMEMBERED_SECONDS = 3600.0


class KnownSite:
    """`on_changed` hears of new credentials, so that a renewal knows the present brokers."""

    def __init__(
        self, credentials: Credentials, clock: Clock, on_changed: Callable[[Credentials], None]
    ) -> None:
        self.credentials = credentials
        self._clock = clock
        self._named_at = dict.fromkeys(credentials.brokers, clock.monotonic())
        self._on_changed = on_changed
        self.grant_keys: Mapping[str, Ed25519PublicKey] = verifying_keys(credentials.grant_keys)
        self.origins = self._served(Origins.parse(credentials.public_origins, credentials.own_names))

    @property
    def brokers(self) -> tuple[str, ...]:
        return self.credentials.brokers

    def learn(
        self,
        brokers: tuple[str, ...],
        grant_keys: Mapping[str, str],
        public_origins: tuple[str, ...],
        own_names: tuple[str, ...] = (),
    ) -> None:
        """Keep what a broker said. No brokers at all: those of before. Raises ProtocolError."""
        try:
            keys = verifying_keys(grant_keys)
            origins = Origins.parse(public_origins, own_names)
            served = self._served(origins)
        except (InvalidInput, ValueError) as exc:
            raise ProtocolError("a broker's answer is not understood") from exc
        self.grant_keys, self.origins = keys, served
        self._keep(self._remembering(brokers or self.brokers), grant_keys, origins)

    def renewed(self, credentials: Credentials) -> None:
        self.credentials = credentials

    def _remembering(self, brokers: tuple[str, ...]) -> tuple[str, ...]:
        """Those that are named now, and behind them those that were lately."""
        now = self._clock.monotonic()
        self._named_at |= dict.fromkeys(brokers, now)
        self._named_at = {one: at for one, at in self._named_at.items() if now - at < REMEMBERED_SECONDS}
        return (*brokers, *(one for one in self._named_at if one not in brokers))[:MAXIMUM_BROKERS]

    def _served(self, origins: Origins) -> Origins:
        """A gateway under https knows no plain origin: neither its pages nor its callers have one."""
        return origins.over_tls() if self.credentials.public_origin.startswith("https:") else origins

    def _keep(self, brokers: tuple[str, ...], grant_keys: Mapping[str, str], origins: Origins) -> None:
        """On disk, when it differs: rare and small, and not beside a renewal, which writes the same file."""
        try:
            changed = self.credentials.with_site(
                brokers=brokers,
                grant_keys=grant_keys,
                public_origins=origins.texts,
                own_names=tuple(sorted(origins.own)),
            )
        except OSError as exc:
            log.error("what the broker said cannot be kept on disk: %s", exc)
            return
        if changed != self.credentials:
            self.credentials = changed
            self._on_changed(changed)

"""How a machine of its site stays one.

It has a certificate of 24 hours, which `Renewal` replaces at half its life, each time with a new key. A machine that
was off may still renew for 30 days after the expiry, by a signature of its old key.

While the site changes its CA, brokers announce which ones are trusted (`Renewal.announce`): a machine that knows others
renews soon, gets them with the answer, and renews once more to say that it trusts them now.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from portcullis.clock import Clock, SystemClock
from portcullis.enrolment.answer import accept
from portcullis.enrolment.asking import post_to_any
from portcullis.enrolment.credentials import Credentials
from portcullis.enrolment.keys import certificate_request, load_key, pending_key
from portcullis.errors import InvalidInput, Refused, Unavailable
from portcullis.tickets import to_base64url

log = logging.getLogger(__name__)

RETRY_SECONDS = 60.0
HASTE_SECONDS = 20.0
"""Within this every machine of a site renews when its CA changes: not all at one moment."""
LOOK_SECONDS = 15.0
"""While there are several CAs: sessions that know one of them only may have ended."""
LONGEST_WAIT_SECONDS = 3600.0  # a clock that was set, or a machine that slept, is noticed within this


async def renew_if_due(
    credentials: Credentials,
    clock: Clock | None = None,
    *,
    at_once: bool = False,
    trusts: Sequence[str] | None = None,
) -> Credentials:
    """The same credentials before half of the certificate's life has passed, else renewed ones. `trusts`: pins of the
    CAs that all of this machine trusts; None: of those that it knows.

    Raises Refused("certificate_refused") when the machine must join again, Unavailable when no broker answers.
    """
    if not at_once and (clock or SystemClock()).now() < _renewal_time(credentials):
        return credentials
    trusted = tuple(credentials.authorities if trusts is None else trusts)
    passphrase = credentials.passphrase
    old_key = load_key(credentials.pem, passphrase)
    new_key = pending_key(credentials.state / "renewal.pem", old_key, passphrase)
    csr = certificate_request(new_key)
    body = {
        "certificate": credentials.certificate.public_bytes(Encoding.PEM).decode(),
        "csr": csr,
        "signature": to_base64url(old_key.sign(renewal_message(csr), ec.ECDSA(hashes.SHA256()))),
        "trusts": list(trusted),
    }
    answer = await post_to_any(credentials, "/inner/v1/renew", body)
    renewed = accept(
        {**answer, "told": trusted},
        *(new_key, credentials.state, credentials.ca, credentials.site_id, credentials.brokers),
        credentials.protection,
    )
    (credentials.state / "renewal.pem").unlink()
    return renewed


def renewal_message(csr: str) -> bytes:
    """What the old key signs (ECDSA, SHA-256, DER)."""
    return b"portcullis-renew.v1\0" + csr.encode()


class Renewal:
    """Keeps a machine's certificate fresh: `run` is a task of the machine's composition root."""

    def __init__(
        self,
        credentials: Credentials,
        on_renewed: Callable[[Credentials], None],
        clock: Clock | None = None,
        trusts: Callable[[Credentials], Sequence[str]] = lambda credentials: credentials.authorities,
    ) -> None:
        """`trusts`: pins of the CAs that all of the machine trusts, whatever else runs on it included."""
        self.credentials = credentials
        self._on_renewed = on_renewed
        self._clock: Clock = clock or SystemClock()
        self._trusts = trusts
        self._announced: tuple[str, ...] = ()
        self._news = asyncio.Event()

    def announce(self, pins: Sequence[str]) -> None:
        """A broker said which CAs the site has, the one that signs in front. Nothing: it is older than to say so."""
        if pins:
            self._announced = tuple(pins)
            self._news.set()

    async def run(self) -> None:
        """Renew at half of each certificate's life, and when the site's CAs change, for ever. A failure is logged and
        tried again.
        """
        while True:
            await self._until_due()
            try:
                renewed = await renew_if_due(
                    self.credentials,
                    self._clock,
                    at_once=self._is_behind(),
                    trusts=self._trusts(self.credentials),
                )
            except (Refused, Unavailable, InvalidInput, OSError) as exc:
                log.error("the certificate is not renewed yet: %s", exc)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if renewed is not self.credentials:
                self.credentials = renewed
                log.info("certificate renewed until %s", renewed.certificate.not_valid_after_utc.isoformat())
                self._on_renewed(renewed)

    async def _until_due(self) -> None:
        self._news.clear()
        if self._is_behind():
            await asyncio.sleep(HASTE_SECONDS * secrets.randbelow(1024) / 1024)
            return
        try:
            async with asyncio.timeout(self._wait_seconds()):
                await self._news.wait()
        except TimeoutError:
            pass

    def _is_behind(self) -> bool:
        """Whether the site has other CAs than it knows, or does not know yet what it trusts."""
        known = self.credentials.authorities
        if self._announced and self._announced != known:
            return True
        return len(known) > 1 and set(self._trusts(self.credentials)) != set(self.credentials.told)

    def _wait_seconds(self) -> float:
        remaining = _renewal_time(self.credentials) - self._clock.now()
        longest = LONGEST_WAIT_SECONDS if len(self.credentials.authorities) == 1 else LOOK_SECONDS
        return min(max(0.0, remaining), longest)


def _renewal_time(credentials: Credentials) -> float:
    certificate = credentials.certificate
    start = certificate.not_valid_before_utc.timestamp()
    return start + (certificate.not_valid_after_utc.timestamp() - start) / 2

"""What was revoked, at this gateway: heard from any broker, verified, and passed on to where it has to act.

That is: to every host over its standing link, where the workers close the connections with their reason; to the other
brokers, which may not reach each other, nor the grid; and to the streams that are carried here. Those are cut a moment
later: the worker's Close frame says why, a gateway can only drop TCP. Whoever resumes with a revoked grant is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from portcullis.clock import Clock
from portcullis.errors import Refused
from portcullis.logs import ids
from portcullis.protocol.closing import CLOSE_CODES
from portcullis.revocations import Revocation, RevocationBook
from portcullis.tickets import Grant

log = logging.getLogger(__name__)


class GatewayRevocations:
    def __init__(
        self,
        grant_keys: Callable[[], Mapping[str, Ed25519PublicKey]],
        clock: Clock,
        tell_hosts: Callable[[Sequence[str], Mapping[str, Sequence[str]]], None],
        pass_on: Callable[[Sequence[str]], None],
        cut: Callable[[Callable[[Grant], bool]], None],
    ) -> None:
        """What is news here is told by `tell_hosts`, which takes what concerns all and, by its id, what concerns one,
        and `pass_on`, which tells brokers; `cut` ends the streams whose grant its argument says yes to.
        """
        self._book = RevocationBook(grant_keys, clock)
        self._tell_hosts = tell_hosts
        self._pass_on = pass_on
        self._cut = cut

    def check(self, grant: Grant) -> None:
        """Raises Refused with the reason that a client is told."""
        code = self._book.refuses(grant)
        if code is not None:
            raise Refused(code if code in CLOSE_CODES else "grant_refused")

    def living_of(self, host: str) -> list[str]:
        """What a host has to know."""
        return [text for text, word in self._book.words() if word.kind != "sessions" or word.id == host]

    def take(self, texts: Sequence[str]) -> None:
        """What is not verified is logged and passed over."""
        news: list[str] = []
        by_host: dict[str, list[str]] = {}
        for text in texts:
            word = self._news(text)
            if word is not None:
                (by_host.setdefault(word.id, []) if word.kind == "sessions" else news).append(text)
        if not (news or by_host):
            return
        self._tell_hosts(news, by_host)
        if news:
            self._pass_on(news)  # of rules each broker knows by itself
        self._cut(lambda grant: self._book.refuses(grant) is not None)

    def _news(self, text: str) -> Revocation | None:
        try:
            revocation = self._book.add(text)
        except Refused as exc:
            log.warning("a revocation is not taken: %s", exc.code)
            return None
        if revocation is not None:
            names = ids(tenant=revocation.tenant or None, kind=revocation.kind, id=revocation.id or None)
            log.info("revoked: %s", revocation.kind, extra=names)
        return revocation

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
from portcullis.revocations import RevocationBook
from portcullis.tickets import Grant

log = logging.getLogger(__name__)


class GatewayRevocations:
    def __init__(
        self,
        grant_keys: Callable[[], Mapping[str, Ed25519PublicKey]],
        clock: Clock,
        tell: Sequence[Callable[[Sequence[str]], None]],
        cut: Callable[[Callable[[Grant], bool]], None],
    ) -> None:
        """`tell`: who is told what is news here; `cut` ends the streams whose grant its argument says yes to."""
        self._book = RevocationBook(grant_keys, clock)
        self._tell = tell
        self._cut = cut

    def check(self, grant: Grant) -> None:
        """Raises Refused with the reason that a client is told."""
        code = self._book.refuses(grant)
        if code is not None:
            raise Refused(code if code in CLOSE_CODES else "grant_refused")

    def living(self) -> list[str]:
        return self._book.living()

    def take(self, texts: Sequence[str]) -> None:
        """What is not verified is logged and passed over."""
        news = [text for text in texts if self._is_news(text)]
        if not news:
            return
        for tell in self._tell:
            tell(news)
        self._cut(lambda grant: self._book.refuses(grant) is not None)

    def _is_news(self, text: str) -> bool:
        try:
            revocation = self._book.add(text)
        except Refused as exc:
            log.warning("a revocation is not taken: %s", exc.code)
            return False
        if revocation is not None:
            names = ids(tenant=revocation.tenant or None, kind=revocation.kind, id=revocation.id or None)
            log.info("revoked: %s", revocation.kind, extra=names)
        return revocation is not None

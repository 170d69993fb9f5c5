"""Rendezvous: a browser's stream waits for the worker that was asked to dial.

The secret of a rendezvous is given to one host over its mTLS link and is the dialling worker's whole right: single use,
five seconds, bound to the session. Whoever presents it uses it up, whatever else was wrong.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from types import TracebackType

from gateway.splice import End
from portcullis.errors import Unavailable


class Expected:
    """One awaited dial. As a context it holds its place in the table, and closes the dialled end when it is left."""

    def __init__(self, table: Rendezvous, session: str, secret: str) -> None:
        self.session = session
        self.secret = secret
        self._table = table
        self._arrival: asyncio.Future[End] = asyncio.get_running_loop().create_future()

    def __enter__(self) -> Expected:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._table.forget(self)
        if not self._arrival.done():
            self._arrival.cancel()
        elif self._arrival.exception() is None:
            self._arrival.result().close()

    async def arrival(self, timeout_seconds: float) -> End:
        """The worker's end. Raises Unavailable("host_unreachable")."""
        try:
            async with asyncio.timeout(timeout_seconds):
                return await asyncio.shield(self._arrival)
        except TimeoutError as exc:
            raise Unavailable("host_unreachable") from exc

    def spoil(self) -> None:
        """It was used up in vain: there is nothing to wait for."""
        if not self._arrival.done():
            self._arrival.set_exception(Unavailable("host_unreachable"))

    def deliver(self, end: End) -> bool:
        """Whether anybody still waits for it."""
        if self._arrival.done():
            return False
        self._arrival.set_result(end)
        return True


class Rendezvous:
    """The table of awaited dials, by the hash of their secret: a lookup tells nothing about its characters."""

    def __init__(self) -> None:
        self._expected: dict[bytes, Expected] = {}

    def expect(self, session: str) -> Expected:
        expected = Expected(self, session, secrets.token_hex(32))
        self._expected[_key(expected.secret)] = expected
        return expected

    def claim(self, secret: str, session: str) -> Expected | None:
        expected = self._expected.pop(_key(secret), None)
        if expected is None:
            return None
        if not hmac.compare_digest(expected.session.encode(), session.encode()):
            expected.spoil()
            return None
        return expected

    def forget(self, expected: Expected) -> None:
        self._expected.pop(_key(expected.secret), None)

    def __len__(self) -> int:
        return len(self._expected)


def _key(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()

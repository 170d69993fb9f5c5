"""What signs a session in to its RDP server: asked of the broker when the session starts, handed on, kept nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from portcullis.errors import Refused
from portcullis.model.rdp import Credentials
from portcullis.protocol.credentials import ANSWER_SECONDS, CredentialsWanted, GivenCredentials
from portcullis.protocol.orders import Order


class CredentialsDesk:
    def __init__(self, send: Callable[[CredentialsWanted], None]) -> None:
        """`send`: to a broker, as soon as a channel stands."""
        self._send = send
        self._waiting: dict[str, asyncio.Future[GivenCredentials]] = {}

    async def ask(self, order: Order) -> Credentials:
        """Raises Refused: credentials_lost, or what the broker says."""
        answered: asyncio.Future[GivenCredentials] = asyncio.get_running_loop().create_future()
        self._waiting[order.session] = answered
        try:
            self._send(CredentialsWanted(order.session, order.tenant))
            async with asyncio.timeout(ANSWER_SECONDS):
                given = await answered
        except TimeoutError as exc:
            raise Refused("credentials_lost") from exc
        finally:
            del self._waiting[order.session]
        if given.credentials is None:
            raise Refused(given.code)
        return given.credentials

    def take(self, given: GivenCredentials) -> None:
        """What nobody waits for any more is dropped."""
        waiting = self._waiting.get(given.session)
        if waiting is not None and not waiting.done():
            waiting.set_result(given)


async def no_credentials(order: Order) -> Credentials:
    """Of an agent without a desk."""
    raise Refused("credentials_lost")

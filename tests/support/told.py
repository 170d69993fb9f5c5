"""What a session's leader tells whoever holds its link, on Linux and on Windows: waited for."""

import asyncio

from portcullis.protocol.worker_channel import Status
from tests.support.patience import patient

PATIENCE_SECONDS = 60


async def until_told(link, is_it):
    """The first message of the leader for which `is_it` holds."""
    async with asyncio.timeout(patient(PATIENCE_SECONDS)):
        last = None
        while (message := await link.receive()) is not None:
            last = message
            if is_it(message):
                return message
    raise AssertionError(f"the leader closed the link after {last}")


async def until_ended(link):
    return await until_told(link, lambda message: isinstance(message, Status) and message.ended)

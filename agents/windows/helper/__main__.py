"""`python -I -m agents.windows.helper PIPE OWNER`: lead one session, for the service that listens at this pipe."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Sequence

from agents.windows import pipe
from agents.windows.helper.parts import WindowsParts
from agents.windows.helper.service import ServiceSide
from agents.windows.helper.session import Session
from portcullis import logs
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

TOLD_SECONDS = 3600.0
"""For a service that is being replaced: how a session ended is kept for it so long."""


async def lead(name: str, owner: str) -> None:
    over = asyncio.Event()

    async def dial() -> pipe.Streams:
        return pipe.dial(name, owner)

    def printed(text: str) -> None:
        service.send(json.dumps({"type": "log", "part": "worker", "text": text}).encode())

    service = ServiceSide(dial, lambda: session.greeting(), lambda line: session.obey(line))
    parts = WindowsParts(
        service.send,
        lambda line: session.hear(line),
        printed,
        lambda status: session.worker_ended(status),
        lambda status: session.application_ended(status),
        lambda: session.job_is_empty(),
        over.set,
        lambda: session.agreed(),
    )
    session = Session(parts)
    dialling = spawn(service.run(), name="service")
    try:
        await over.wait()
        await parts.stop()
        if session.was_launched:
            async with asyncio.timeout(TOLD_SECONDS):
                await service.told()
    except TimeoutError:
        log.error("no service wanted to know how the session ended")
    finally:
        await cancel_and_wait(dialling)


def main(arguments: Sequence[str]) -> int:
    logs.configure("helper")
    asyncio.run(lead(*arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

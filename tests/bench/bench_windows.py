"""A Windows desktop through the worker under Wine: pictures a second that a client sees, and the answer to a key.

A window of the whole screen, 1280x720, shows numbered pictures; the client draws what comes over TLS and reads numbers
and answers from its own picture. These are figures of Wine and of GDI capture, on which Windows itself does better. The
answer is measured twice: while the film plays, and with a picture that stays. The film is a published application: its
windows alone are shown; `--desktop` measures the whole screen.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Sequence

import numpy as np

from portcullis.protocol.operations import VIDEO_H264, VIDEO_H264_444
from tests.bench.figures import Figure, Series, report
from tests.support import windows_film, windows_python
from tests.support.desktop_actor import ActorProcess
from tests.support.stream_client import StreamClient
from tests.support.wine import Wine, wine
from tests.support.wine_worker import WineWorker, wine_worker
from tests.support.xserver import x_server

WIDTH, HEIGHT = 1280, 720
FILM_RATE = 45
"""More than the limit asks for, less than takes both cores from the worker."""
BEGUN = 30
LEAST_RATE, MOST_ECHO_MS = 30, 60


async def measure(seconds: float, keys: int, job: str) -> tuple[float, list[float], list[float]]:
    with x_server(width=WIDTH, height=HEIGHT, shared_memory=True) as x:
        await x.window_manager()
        with wine(x) as windows:
            async with (
                kept(windows, job),
                wine_worker(windows, width=WIDTH, height=HEIGHT, application_job=job) as session,
            ):
                async with film(windows, session, FILM_RATE, job) as client:
                    rate = await pictures_a_second(client, seconds)
                    while_it_plays = await echoes(client, keys)
                async with film(windows, session, 0, job) as client:
                    at_rest = await echoes(client, keys)
    return rate, while_it_plays, at_rest


@contextlib.asynccontextmanager
async def kept(windows: Wine, job: str) -> AsyncIterator[None]:
    """The job object is there, before anything runs in it."""
    if not job:
        yield
        return
    script = windows.path(windows_python.CLONE / "tests/support/windows_application.py")
    keeper = ActorProcess(windows.start_python(script, job))
    try:
        await keeper.do("close", id=1)
        yield
    finally:
        keeper.stop()


@contextlib.asynccontextmanager
async def film(windows: Wine, session: WineWorker, rate: int, job: str) -> AsyncIterator[StreamClient]:
    program = windows.start_python(
        windows.path(windows_python.CLONE / "tests/support/windows_film.py"),
        str(WIDTH),
        str(HEIGHT),
        str(rate),
        *filter(None, (job,)),
    )
    try:
        client = await session.attach()
        client.draws(video=VIDEO_H264 | VIDEO_H264_444)
        await client.until(lambda: client.frames > (BEGUN if rate else 0) and is_shown(client, rate))
        yield client
        await client.close()
    finally:
        program.kill()
        program.wait()


def is_shown(client: StreamClient, rate: int) -> bool:
    """This film is in the picture, which is of one colour without any: one that stays has the number 0."""
    is_there = bool(np.ptp(client.picture[HEIGHT // 2]) > 0)
    return is_there and (rate > 0 or windows_film.number_of(client.picture) == 0)


async def pictures_a_second(client: StreamClient, seconds: float) -> float:
    seen: set[int] = set()
    client.on_message = lambda message: seen.add(windows_film.number_of(client.picture))
    began = time.monotonic()
    await asyncio.sleep(seconds)
    rate = len(seen) / (time.monotonic() - began)
    client.on_message = lambda message: None
    return rate


async def echoes(client: StreamClient, keys: int) -> list[float]:
    """Milliseconds from each key to the picture that answers it."""
    found = []
    for _ in range(keys):
        before = windows_film.answer_of(client.picture)
        began = time.monotonic()
        client.key("KeyA", "a")
        await client.until(lambda: windows_film.answer_of(client.picture) is not before)  # noqa: B023
        found.append((time.monotonic() - began) * 1000)
        await asyncio.sleep(0.15)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--keys", type=int, default=60)
    parser.add_argument("--desktop", action="store_true")
    options = parser.parse_args(arguments)
    windows_python.make()
    job = "" if options.desktop else "Local\\Portcullis-bench"
    rate, while_it_plays, at_rest = asyncio.run(measure(options.seconds, options.keys, job))
    what = "the desktop" if options.desktop else "an application"
    size = f"Windows under Wine, {WIDTH}x{HEIGHT}"
    report(
        "windows",
        [
            Figure(
                f"{size}: distinct pictures",
                rate,
                "/s",
                LEAST_RATE,
                more_is_better=True,
                note=f"of {FILM_RATE}, {what}",
            ),
            Figure(f"{size}: key to picture, film", statistics.median(while_it_plays), "ms", MOST_ECHO_MS),
            Figure(f"{size}: key to picture, still", statistics.median(at_rest), "ms", MOST_ECHO_MS),
        ],
        [Series("key to picture, film", while_it_plays), Series("key to picture, still", at_rest)],
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Key to frame received, and CPU a frame: the worker beside a plain GetImage + zlib loop, in turns in the same run.

    python tests/bench/bench_worker.py [--width 1920] [--height 1080] [--keys 20] [--frames 60]

The plain loop is what one would write first: press by XTEST, fetch the whole screen, compress it when it differs. Both
drive the same xterm on the same Xvfb. The worker's figure has TLS, WebSocket and the client's decoding in it, the plain
loop's ends when its bytes are ready. Prints JSON; judges nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
import zlib

import psutil
import xcffib
import xcffib.xproto
import xcffib.xtest

from portcullis.protocol import messages as m
from tests.support.stream_client import StreamClient
from tests.support.worker_session import WorkerSession, worker_session
from tests.support.xserver import XServer, x_server

SCROLL = "i=0; while read line; do i=$((i+1)); for n in 1 2 3 4 5; do echo $i$n the quick brown fox jumps; done; done"
KEYCODE_A = 38
ENTER = 36


class Plain:
    """The loop to compare with."""

    def __init__(self, x: XServer, width: int, height: int) -> None:
        os.environ["XAUTHORITY"] = str(x.xauthority)
        self._x = xcffib.Connection(x.display)
        self._root = self._x.get_setup().roots[0].root
        self._xtest = self._x(xcffib.xtest.key)
        self._size = (width, height)
        self._before = self._fetch()

    def press(self, keycode: int) -> float:
        """Seconds from the press to compressed bytes that show its effect."""
        self._before = self._fetch()
        began = time.perf_counter()
        for kind in (2, 3):
            self._xtest.FakeInput(kind, keycode, 0, 0, 0, 0, 0)
        self._x.flush()
        while (picture := self._fetch()) == self._before:
            pass
        zlib.compress(picture, 1)
        return time.perf_counter() - began

    def _fetch(self) -> bytes:
        form = xcffib.xproto.ImageFormat.ZPixmap
        cookie = self._x.core.GetImage(form, self._root, 0, 0, *self._size, 0xFFFFFFFF)
        data: bytes = cookie.reply().data.buf()
        return data

    def close(self) -> None:
        self._x.disconnect()


async def press(client: StreamClient, code: str, text: str) -> float:
    """Seconds from sending the key to the frame that states it, drawn."""
    frames = client.frames
    began = time.perf_counter()
    client.key(code, text)
    await client.until(lambda: client.frames > frames and client.last_input_applied == client.input)
    return time.perf_counter() - began


async def quiet(client: StreamClient) -> None:
    """No frame for a while, so that a measurement sees its own."""
    frames = -1
    while frames != client.frames:
        frames = client.frames
        await asyncio.sleep(0.06)  # the time over which it is compared


async def keys(session: WorkerSession, client: StreamClient, plain: Plain, count: int) -> dict[str, object]:
    worker, bare = [], []
    for _ in range(count):
        await quiet(client)
        worker.append(await press(client, "KeyA", "a"))
        await quiet(client)
        bare.append(await asyncio.to_thread(plain.press, KEYCODE_A))
    return {"worker": figures(worker), "plain": figures(bare), "ratio": ratio(worker, bare)}


async def scrolling(
    session: WorkerSession, client: StreamClient, plain: Plain, count: int
) -> dict[str, object]:
    """CPU of the process that captures, a frame of five new lines."""
    worker, own = psutil.Process(session.process.pid), psutil.Process()
    before, frames = busy(worker), client.frames
    for _ in range(count):
        await press(client, "Enter", "Enter")
    worker_seconds = (busy(worker) - before) / (client.frames - frames)
    await quiet(client)
    client.send(m.Visibility(False))
    client.send(m.Ping(1))
    await client.until(lambda: m.Pong(1) in client.messages)  # what came before it was taken
    before = busy(own)
    for _ in range(count):
        plain.press(ENTER)
    plain_seconds = (busy(own) - before) / count
    return {
        "worker_ms": round(worker_seconds * 1e3, 3),
        "plain_ms": round(plain_seconds * 1e3, 3),
        "ratio": round(plain_seconds / worker_seconds, 1),
    }


def busy(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def figures(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "median_ms": round(statistics.median(ordered) * 1e3, 2),
        "p95_ms": round(ordered[int(len(ordered) * 0.95)] * 1e3, 2),
    }


def ratio(worker: list[float], bare: list[float]) -> float:
    return round(statistics.median(bare) / statistics.median(worker), 1)


async def measure(arguments: argparse.Namespace) -> dict[str, object]:
    width, height = arguments.width, arguments.height
    with x_server(width=3840, height=2160) as x:
        async with worker_session(x, width=width, height=height) as session:
            x.start("xterm", "-geometry", "150x50+0+0", "-e", "sh", "-c", SCROLL)
            await x.window("--class", "xterm")
            client = await session.attach_drawn()
            client.click(60, 60)
            plain = Plain(x, width, height)
            report = {
                "size": [width, height],
                "key_to_frame": await keys(session, client, plain, arguments.keys),
                "cpu_a_frame_scrolling": await scrolling(session, client, plain, arguments.frames),
            }
            plain.close()
            return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=1920)
    parser.add_argument("--height", type=int, default=1080)
    parser.add_argument("--keys", type=int, default=20)
    parser.add_argument("--frames", type=int, default=60)
    json.dump(asyncio.run(measure(parser.parse_args())), sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())

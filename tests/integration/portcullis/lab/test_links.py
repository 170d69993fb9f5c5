"""The network of the lab over real sockets: what is stalled is silent and loses nothing, what is cut is reset."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from portcullis.lab.dialler import Dialled, Diallers
from portcullis.lab.links import Listener, Network
from portcullis.lab.rules import Rule
from tests.support.patience import patient

SOURCE, TARGET = "broker-1", "etcd-1"
SILENCE_SECONDS = 0.3  # long enough for loopback, should something pass that must not


@dataclass
class Echo:
    """The part behind the door: it says what it hears, and notes who came."""

    heard: bytearray = field(default_factory=bytearray)
    came: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came += 1
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                self.heard += data
                writer.write(data)
                await writer.drain()
            writer.write(b".")
            await writer.drain()
        writer.close()


@dataclass
class Scene:
    network: Network
    port: int
    echo: Echo

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)


@pytest_asyncio.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    (tmp_path / f"{SOURCE}.pid").write_text(str(os.getpid()))
    network, echo = Network(Diallers(tmp_path, {})), Echo()
    behind = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    target = behind.sockets[0].getsockname()[1]
    door = await network.listen(Listener(TARGET, 0, target))
    yield Scene(network, door.sockets[0].getsockname()[1], echo)
    network.set_rules((Rule("cut", TARGET),))
    for server in (door, behind):
        server.close()
        await server.wait_closed()


async def exchange(ends: tuple[asyncio.StreamReader, asyncio.StreamWriter], data: bytes) -> bytes:
    reader, writer = ends
    writer.write(data)
    async with asyncio.timeout(patient(10)):
        return await reader.readexactly(len(data))


async def is_silent(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(SILENCE_SECONDS):
            await reader.read(1)
    except TimeoutError:
        return True
    return False


async def test_bytes_pass_both_ways_with_back_pressure_and_an_end_is_told(scene: Scene) -> None:
    reader, writer = ends = await scene.dial()
    whole = bytes(range(256)) * 16384  # 4 MiB: more than every buffer on the way holds
    assert await exchange(ends, whole) == whole
    writer.write_eof()
    assert await reader.read(2) == b"."  # the other half stayed open for the answer
    writer.close()


@pytest.mark.parametrize(
    "rule", [Rule("stall", TARGET), Rule("stall", SOURCE), Rule("stall", SOURCE, TARGET)]
)
async def test_what_is_stalled_says_nothing_and_loses_nothing(scene: Scene, rule: Rule) -> None:
    reader, writer = ends = await scene.dial()
    assert await exchange(ends, b"before") == b"before"
    scene.network.set_rules((rule,))
    writer.write(b"meanwhile")
    assert await is_silent(reader)
    assert bytes(scene.echo.heard) == b"before"
    scene.network.set_rules(())
    async with asyncio.timeout(patient(10)):
        assert await reader.readexactly(9) == b"meanwhile"
    writer.close()


async def test_who_dials_a_stalled_part_waits_and_gets_through_when_it_is_back(scene: Scene) -> None:
    scene.network.set_rules((Rule("stall", TARGET),))
    reader, writer = await scene.dial()
    writer.write(b"hello")
    assert await is_silent(reader)
    assert scene.echo.came == 0
    scene.network.set_rules(())
    async with asyncio.timeout(patient(10)):
        assert await reader.readexactly(5) == b"hello"
    writer.close()


async def test_nothing_is_kept_of_who_gave_up_dialling_a_stalled_part(scene: Scene) -> None:
    scene.network.set_rules((Rule("stall", TARGET),))
    for _ in range(20):
        _, writer = await scene.dial()
        writer.write(b"hello")
        await writer.drain()
        writer.close()
    async with asyncio.timeout(patient(10)):
        while (await scene.network.answer("status"))["connections"]:
            await asyncio.sleep(0.01)
    scene.network.set_rules(())
    assert await exchange(await scene.dial(), b"again") == b"again"
    assert bytes(scene.echo.heard) == b"again"


async def test_nobody_is_looked_up_in_a_network_without_rules(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    parts_of = Diallers.parts_of

    def noted(diallers: Diallers, dialled: Collection[Dialled]) -> dict[Dialled, str]:
        asked.append(len(dialled))
        return parts_of(diallers, dialled)

    monkeypatch.setattr(Diallers, "parts_of", noted)
    ends = [await scene.dial() for _ in range(5)]
    for each in ends:
        assert await exchange(each, b"before") == b"before"
    assert asked == []
    scene.network.set_rules((Rule("stall", "broker-2"),))
    assert asked == [5]
    for _, writer in ends:
        writer.close()


async def test_what_is_cut_is_reset_and_so_is_who_dials_then(scene: Scene) -> None:
    ends = await scene.dial()
    assert await exchange(ends, b"before") == b"before"
    scene.network.set_rules((Rule("cut", SOURCE),))
    with pytest.raises(ConnectionResetError):
        await exchange(ends, b"after")
    reader, _ = await scene.dial()
    with pytest.raises(ConnectionResetError):
        await reader.read(1)
    scene.network.set_rules(())
    assert await exchange(await scene.dial(), b"again") == b"again"


async def test_a_rule_for_others_leaves_the_connection_alone(scene: Scene) -> None:
    ends = await scene.dial()
    scene.network.set_rules((Rule("cut", "broker-2"), Rule("stall", SOURCE, "etcd-2")))
    assert await exchange(ends, b"untouched") == b"untouched"
    ends[1].close()


async def test_a_part_that_does_not_listen_resets_who_dials_it(scene: Scene) -> None:
    with socket.socket() as taken:  # bound, so that nobody else has the port, the door least of all
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        async with await scene.network.listen(Listener("etcd-2", 0, port)) as door:
            reader, _ = await asyncio.open_connection("127.0.0.1", door.sockets[0].getsockname()[1])
            with pytest.raises(ConnectionResetError):
                await reader.read(1)


async def test_rules_are_set_and_told_over_the_control_socket(scene: Scene) -> None:
    rule: Mapping[str, str] = {"kind": "stall", "part": "etcd-1", "other": "*"}
    assert (await scene.network.answer(f"rules {json.dumps([rule])}"))["rules"] == [rule]
    assert (await scene.network.answer("status"))["rules"] == [rule]
    with pytest.raises(ValueError, match="kind"):
        await scene.network.answer('rules [{"kind": "slow", "part": "etcd-1"}]')
    assert (await scene.network.answer("status"))["rules"] == [rule]

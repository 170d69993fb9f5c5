"""The network between the lab's parts: every listener of a part lies behind a port of this process.

    python -m portcullis.lab.links --clone PATH

TLS passes as it is: the site's machines know each other by URI, etcd's by address, and both are the same before and
behind. A connection belongs to the part that was dialled and to the one that dialled (dialler.py), so that a part can
be taken off the network whole. Answers on a control socket: `rules [...]` sets all rules, `status` says them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portcullis import logs
from portcullis.lab import layout
from portcullis.lab.dialler import Dialled, Diallers
from portcullis.lab.rules import Rule, state_of
from portcullis.lab.splice import Side, Splice
from portcullis.quickstart import control_socket
from portcullis.tasks import spawn

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listener:
    part: str
    port: int
    target: int


class Network:
    """Concurrency: protocols on one loop; a task for each dial."""

    def __init__(self, diallers: Diallers) -> None:
        self._diallers = diallers
        self._rules: tuple[Rule, ...] = ()
        self._splices: set[Splice] = set()
        self._unnamed: set[Splice] = set()
        """Nobody has asked yet who dialled: that is read from the kernel, for many at once, and only for rules."""
        self._accepted: list[Splice] = []
        """Under rules, since the loop's last round."""
        self._waiting: dict[Splice, int] = {}
        """Not dialled on: the port to dial once the network lets them."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, listener: Listener) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(
            lambda: _Accepted(self, listener), "127.0.0.1", listener.port, backlog=512
        )

    def accepted(self, listener: Listener, transport: asyncio.BaseTransport) -> Side:
        peer, door = (transport.get_extra_info(name) for name in ("peername", "sockname"))
        dialled = Dialled(peer[1], door[1]) if peer and door else None
        splice = Splice(listener.part, dialled, self._closed)
        self._splices.add(splice)
        self._unnamed.add(splice)
        self._waiting[splice] = listener.target
        splice.near.connection_made(transport)
        if not self._rules:
            self._let(splice)
        else:
            if not self._accepted:
                asyncio.get_running_loop().call_soon(self._judge_accepted)
            self._accepted.append(splice)
        return splice.near

    def set_rules(self, rules: tuple[Rule, ...]) -> None:
        self._rules = rules
        self._judge(list(self._splices))

    def _judge_accepted(self) -> None:
        accepted, self._accepted = self._accepted, []
        self._judge(accepted)

    def _judge(self, splices: Iterable[Splice]) -> None:
        if self._rules:
            self._name()
        for splice in splices:
            if splice.is_open:
                match state_of(self._rules, splice.source, splice.target):
                    case "cut":
                        splice.reset()
                    case "stall":
                        splice.stall()
                    case "open":
                        self._let(splice)

    def _name(self) -> None:
        parts = self._diallers.parts_of({each.dialled for each in self._unnamed if each.dialled})
        for splice in self._unnamed:
            splice.source = parts.get(splice.dialled) if splice.dialled else None
        self._unnamed.clear()

    def _let(self, splice: Splice) -> None:
        splice.thaw()
        if (port := self._waiting.pop(splice, None)) is not None:
            self._dial(splice, port)

    def _closed(self, splice: Splice) -> None:
        self._splices.discard(splice)
        self._unnamed.discard(splice)
        self._waiting.pop(splice, None)

    async def answer(self, command: str) -> dict[str, Any]:
        word, _, rest = command.partition(" ")
        if word == "rules":
            self.set_rules(tuple(map(Rule.from_json, json.loads(rest))))
        return {"rules": [rule.to_json() for rule in self._rules], "connections": len(self._splices)}

    def _dial(self, splice: Splice, port: int) -> None:
        task = spawn(self._dial_on(splice, port), name=f"dial-{splice.target}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _dial_on(self, splice: Splice, port: int) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: splice.far, "127.0.0.1", port)
        except OSError:
            splice.reset()  # nobody listens there: what the dialler would have been told without us
        if not splice.is_open:
            splice.reset()


class _Accepted(asyncio.Protocol):
    """Becomes the near side of a splice as soon as there is a transport to say who has dialled."""

    def __init__(self, network: Network, listener: Listener) -> None:
        self._network = network
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.set_protocol(self._network.accepted(self._listener, transport))


def listeners(lab: layout.Lab) -> list[Listener]:
    return [Listener(door.part, door.port, door.target) for door in lab.doors]


async def serve(lab: layout.Lab) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    network = Network(Diallers(lab.pids, lab.account_prefixes))
    servers = [await network.listen(listener) for listener in listeners(lab)]
    control = await control_socket.serve(lab.links_socket, network.answer)
    log.info("the network of the lab is up, with %d listeners", len(servers))
    await stop.wait()
    for server in (*servers, control):
        server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="The network between a lab's parts.")
    parser.add_argument("--clone", type=Path, required=True)
    logs.configure("links")
    lab = layout.load(parser.parse_args().clone)
    if lab is None:
        raise SystemExit("there is no lab here")
    asyncio.run(serve(lab))


if __name__ == "__main__":
    main()

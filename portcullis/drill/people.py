"""Users made for a drill: they enrol by their links, sign in with a code, and are deleted in the end.

`Administrator` is the lab's API token, through whichever gateway answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any

from portcullis.drill.person import Factor, Person
from portcullis.errors import PortcullisError, Unavailable
from portcullis.rest.client import Client
from portcullis.rest.profile import Profile

GROUP = "drill"
TYPING, LAUNCHING = "Drill: typing", "Drill: launching"
COMMANDS = {
    # -icanon: each character is read when it is typed. The file's name is the process that reads, `cat` itself.
    TYPING: ("xterm", "-e", "sh", "-c", 'stty -icanon; exec cat >> "$HOME/drill-typed.$$"'),
    LAUNCHING: ("xterm", "-e", "sleep", "600"),
}
RETRY_SECONDS = 0.2


class Administrator:
    def __init__(self, urls: Sequence[str], token: str) -> None:
        self._clients = [Client(Profile(url, token), timeout_seconds=5) for url in urls]

    async def get(self, *path: str) -> Any:
        return await self._first(lambda client: client.get(*path))

    async def items(self, *path: str) -> list[dict[str, Any]]:
        return list(await self._first(lambda client: client.items(*path)))

    async def put(self, *path: str, body: dict[str, Any]) -> Any:
        return await self._first(lambda client: client.put(*path, body=body))

    async def post(self, *path: str, body: dict[str, Any]) -> Any:
        return await self._first(lambda client: client.post(*path, body=body))

    async def delete(self, *path: str) -> Any:
        return await self._first(lambda client: client.delete(*path))

    async def _first(self, call: Any, seconds: float = 20.0) -> Any:
        """Of the gateway that answers first. Raises PortcullisError."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return await asyncio.to_thread(call, self._clients[0])
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                self._clients.append(self._clients.pop(0))
                await asyncio.sleep(RETRY_SECONDS)


class People:
    """`prefix`: how the names of this drill's users begin."""

    def __init__(self, administrator: Administrator, urls: Sequence[str], prefix: str) -> None:
        self._administrator = administrator
        self._urls = tuple(urls)
        self._prefix = prefix
        self._factors: dict[str, Factor] = {}
        self._stack = contextlib.AsyncExitStack()
        self._count = 0

    async def publish(self) -> dict[str, str]:
        """The applications of a drill: name -> id."""
        for name, command in COMMANDS.items():
            body = {
                "command": list(command),
                "environment": {},
                "entitled": {"users": [], "groups": [GROUP]},
                "icon": None,
            }
            await self._administrator.put("admin", "applications", name, body=body)
        items = await self._administrator.items("admin", "applications")
        return {str(item["name"]): str(item["id"]) for item in items if item["name"] in COMMANDS}

    async def somebody(self) -> Person:
        """New, and signed in."""
        self._count += 1
        name = f"{self._prefix}-{self._count}"
        made = await self._administrator.post("admin", "users", body={"name": name, "groups": [GROUP]})
        first = self._count % len(self._urls)
        person = Person(name, (*self._urls[first:], *self._urls[:first]))
        await self._stack.enter_async_context(person)
        factor = await person.enrol(made["enrolment"]["link"])
        await person.sign_in(factor)
        self._factors[name] = factor
        return person

    async def close(self) -> None:
        """They and their sessions are no more."""
        await self._stack.aclose()
        for name in self._factors:
            with contextlib.suppress(PortcullisError):
                await self._administrator.delete("admin", "users", name)
        for name in COMMANDS:
            with contextlib.suppress(PortcullisError):
                await self._administrator.delete("admin", "applications", name)

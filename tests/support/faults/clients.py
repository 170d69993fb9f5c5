"""People of a cluster under faults: each launches, attaches and logs off at whatever broker, and notes what it saw.

A person's browser speaks to the brokers as through a gateway. An answer that did not come, or a 5xx, leaves the outcome
open (UNKNOWN); every other one is a fact that the judges take at its word.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from portcullis.settings import Address
from portcullis.tickets import from_base64url
from tests.support.browser import Answer, ApiBrowser, ClientKey
from tests.support.faults.linearizability import UNKNOWN, Call

ANSWER_SECONDS = 14.0
"""As long as a gateway waits for a broker."""


@dataclass
class Notes:
    """What a person saw, by thing: the session of an application, and the tickets of a session."""

    own: list[Call] = field(default_factory=list)
    tickets: dict[str, list[Call]] = field(default_factory=dict)
    revision: int = 0


@dataclass(frozen=True)
class BrowserOf:
    """A signed-in browser, and the gateway in front of it."""

    cookie: tuple[str, str]
    key: ClientKey
    brokers: Sequence[Address]
    context: ssl.SSLContext
    origin: str

    def at(self, broker: Address) -> ApiBrowser:
        made = ApiBrowser(
            f"https://{broker}", self.origin, as_gateway=True, key=self.key, context=self.context
        )
        made.cookies = dict([self.cookie])
        return made


class Somebody:
    def __init__(
        self,
        name: str,
        application: str,
        browser: BrowserOf,
        chance: random.Random,
        notes: Notes,
    ) -> None:
        """`notes` are shared by the tabs of one user."""
        self.name = name
        self.notes = notes
        self._application = application
        self._chance = chance
        self._browsers = [browser.at(broker) for broker in browser.brokers]
        self._session = ""

    async def work(self, until: float) -> None:
        """Until then, by the monotonic clock."""
        async with AsyncExitStack() as stack:
            for browser in self._browsers:
                await stack.enter_async_context(browser)
            while time.monotonic() < until:
                await self._one_round()
                await asyncio.sleep(self._chance.uniform(0.02, 0.2))

    async def until_known(self, seconds: float) -> bool:
        """Whether every broker came to know the login in time; one that does not answer is passed over."""
        deadline = time.monotonic() + seconds
        async with AsyncExitStack() as stack:
            for browser in self._browsers:
                await stack.enter_async_context(browser)
            while time.monotonic() < deadline:
                said = await asyncio.gather(*map(_is_signed_in, self._browsers))
                if all(said):
                    return True
                await asyncio.sleep(0.05)
        return False

    async def rush(self) -> None:
        """Launch at every broker at once."""
        async with AsyncExitStack() as stack:
            for browser in self._browsers:
                await stack.enter_async_context(browser)
            body = {"application": self._application, "display": {}}
            asking = (
                self._noted(self.notes.own, ("launch",), browser, "POST", "/api/v1/sessions", body, _launched)
                for browser in self._browsers
            )
            await asyncio.gather(*asking)

    async def _one_round(self) -> None:
        what = self._chance.random()
        if not self._session or what < 0.3:
            await self._launch()
        elif what < 0.7:
            await self._attach()
        else:
            await self._end()

    async def _launch(self) -> None:
        body = {"application": self._application, "display": {}}
        answer = await self._noted(
            self.notes.own, ("launch",), self._anyone(), "POST", "/api/v1/sessions", body, _launched
        )
        if answer is not UNKNOWN and answer[0] in ("new", "again"):
            self._session = answer[1]

    async def _end(self) -> None:
        session = self._session
        path = f"/api/v1/sessions/{session}"
        answer = await self._noted(
            self.notes.own, ("end", session), self._anyone(), "DELETE", path, None, _ended
        )
        if answer is not UNKNOWN:
            self._session = ""

    async def _attach(self) -> None:
        """With one ticket, twice at once, at two brokers."""
        session = self._session
        answer = await self._ask(self._anyone(), "POST", f"/api/v1/sessions/{session}/ticket", {})
        if answer is None or answer.status != 200:
            if answer is not None and answer.code in ("session_unknown", "session_ended"):
                self._session = ""
            return
        ticket = answer.json["ticket"]
        redeeming = (self._redeem(session, ticket) for _ in range(2))
        await asyncio.gather(*redeeming)

    async def _redeem(self, session: str, ticket: str) -> None:
        notes = self.notes.tickets.setdefault(session, [])
        await self._noted(
            notes,
            ("redeem", ticket),
            self._anyone(),
            "POST",
            "/inner/v1/redeem",
            {"ticket": ticket},
            _redeemed,
        )

    async def _noted(
        self,
        notes: list[Call],
        asked: tuple[Any, ...],
        browser: ApiBrowser,
        method: str,
        path: str,
        body: object,
        read: Any,
    ) -> Any:
        begun = time.monotonic()
        answer = await self._ask(browser, method, path, body)
        said = UNKNOWN if answer is None else read(answer)
        notes.append(Call(begun, time.monotonic(), asked, said, self.name))
        return said

    def _anyone(self) -> ApiBrowser:
        return self._chance.choice(self._browsers)

    async def _ask(self, browser: ApiBrowser, method: str, path: str, body: object) -> Answer | None:
        """None when the outcome is open."""
        headers = {"Portcullis-Revision": str(self.notes.revision)}
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await browser.change(method, path, body, headers=headers)
        except (OSError, TimeoutError, aiohttp.ClientError):
            return None
        self.notes.revision = max(self.notes.revision, int(answer.headers.get("Portcullis-Revision", 0)))
        return None if answer.status >= 500 else answer


def _launched(answer: Answer) -> tuple[str, str]:
    if answer.status != 201:
        return ("refused", str(answer.code))
    return ("again" if answer.json["reconnected"] else "new", answer.json["session"]["id"])


def _ended(answer: Answer) -> str:
    return {202: "accepted", 404: "unknown"}.get(answer.status, "refused")


def _redeemed(answer: Answer) -> Any:
    if answer.status != 200:
        return "refused"
    payload = answer.json["grant"].split(".")[3]
    return ("epoch", json.loads(from_base64url(payload))["e"])


async def _is_signed_in(browser: ApiBrowser) -> bool:
    try:
        async with asyncio.timeout(1):
            answer = await browser.get("/api/v1/login")
    except (OSError, TimeoutError, aiohttp.ClientError):
        return True
    return answer.status == 200 and bool(answer.json["signed_in"])

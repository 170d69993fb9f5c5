"""An agent as a broker sees it: a real client of the control channel over mTLS, driven by a test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any, TypeVar

import aiohttp

from portcullis.enrolment.credentials import Credentials, client_context
from portcullis.ids import new_id
from portcullis.model.session import Stage, State
from portcullis.protocol.channel import (
    MAXIMUM_FROM_BROKER_BYTES,
    SUBPROTOCOL,
    FromAgent,
    FromBroker,
    encode,
    parse_from_broker,
)
from portcullis.protocol.directory import Welcome
from portcullis.protocol.orders import Desired, Order
from portcullis.protocol.reports import Heartbeat, Hello, Report
from portcullis.settings import Address
from tests.support.patience import patient

M = TypeVar("M")


class TestAgent:
    __test__ = False
    ping_seconds: float | None = None
    """How often it looks whether the broker still answers; None: never."""

    def __init__(self, credentials: Credentials, broker: Address, slots: int = 10, **said: Any) -> None:
        self._url = f"https://{broker}/control"
        self._context = client_context(credentials)
        self._hello = Hello("test", slots, new_id(), **said)
        self._http = aiohttp.ClientSession()
        self.socket: aiohttp.ClientWebSocketResponse | None = None
        self.welcome: Welcome | None = None

    async def __aenter__(self) -> TestAgent:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def connect(self, *sessions: Report) -> None:
        await self.dial()
        await self.send(replace(self._hello, sessions=sessions))
        self.welcome = await self.expect(Welcome)

    async def dial(self) -> None:
        self.socket = await self._http.ws_connect(
            self._url,
            ssl=self._context,
            protocols=(SUBPROTOCOL,),
            max_msg_size=MAXIMUM_FROM_BROKER_BYTES,
            heartbeat=self.ping_seconds,
        )

    async def close(self) -> None:
        if self.socket is not None:
            await self.socket.close()
        await self._http.close()

    async def send(self, message: FromAgent) -> None:
        await self.send_text(encode(message))

    async def send_text(self, text: str) -> None:
        assert self.socket is not None
        await self.socket.send_str(text)

    async def heartbeat(self, load: float = 0.1) -> None:
        await self.send(Heartbeat(load, 2**30))

    async def report(
        self, order: Order, state: State, stage: Stage, code: str | None = None, detail: str | None = None
    ) -> None:
        await self.send(Report(order.session, order.tenant, state, stage, code, detail))

    async def expect(self, kind: type[M], matching: Callable[[M], bool] = lambda _: True) -> M:
        """The next message of this kind that matches; others are passed over."""
        async with asyncio.timeout(patient(10)):
            while True:
                message = await self._receive()
                if isinstance(message, kind) and matching(message):
                    return message

    async def next_message(self) -> FromBroker | None:
        """Whatever comes next. Raises ConnectionError at the end."""
        return await self._receive()

    async def orders(self, matching: Callable[[tuple[Order, ...]], bool]) -> tuple[Order, ...]:
        return (await self.expect(Desired, lambda desired: matching(desired.sessions))).sessions

    async def closed(self) -> int | None:
        """The code that the broker closed with."""
        assert self.socket is not None
        async with asyncio.timeout(patient(10)):
            while not self.socket.closed:
                await self.socket.receive()
        return self.socket.close_code

    async def _receive(self) -> FromBroker | None:
        assert self.socket is not None
        message = await self.socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise ConnectionError(f"the channel ended: {message.type.name} {self.socket.close_code}")
        return parse_from_broker(message.data)

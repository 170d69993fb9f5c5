"""A whole broker on a site of its own: real grid, real TLS listener, machines that really enrolled.

async with running_broker(tmp_path) as site:
    async with site.agent() as agent: ...
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from broker.app import Broker
from broker.grid.embedded import EmbeddedGrid
from broker.grid.seal import SiteKey
from broker.initialise import InitialSecrets, initialise
from broker.launch.launch import LaunchRequest
from broker.parts import Parts
from broker.settings import BrokerSettings
from portcullis.clock import SystemClock
from portcullis.enrolment.credentials import Credentials, client_context
from portcullis.enrolment.joining import join
from portcullis.ids import new_id
from portcullis.model.application import Application, Entitlement
from portcullis.model.session import Display, Session
from portcullis.model.user import Login, User
from portcullis.settings import Address
from portcullis.site_tls import SiteClientContext
from tests.support.agent_channel import TestAgent

CLIENT_KEY = b"\4" + bytes(64)


class RunningBroker:
    def __init__(
        self, broker: Broker, secrets: InitialSecrets, host: Credentials, gateway: Credentials
    ) -> None:
        self.broker = broker
        self.secrets = secrets
        self.host = host
        self.gateway = gateway
        self.tenant = secrets.tenant_id
        self._http: dict[str, aiohttp.ClientSession] = {}

    @property
    def parts(self) -> Parts:
        return self.broker.parts

    @property
    def user(self) -> User:
        return next(u for u in self.parts.identity.users.list(self.tenant) if u.name == self.secrets.username)

    def agent(self, slots: int = 10, **said: Any) -> TestAgent:
        return TestAgent(self.host, self.broker.address, slots, **said)

    async def publish(self, name: str = "Editor", **changes: Any) -> Application:
        fields: dict[str, Any] = {
            "command": ("mousepad",),
            "entitlement": Entitlement(users=frozenset({self.secrets.username})),
            **changes,
        }
        application = Application(id=new_id(), name=name, **fields)
        stores, snapshot = self.parts.stores, self.parts.snapshot
        tenant = await stores.tenant(self.tenant)
        result = await stores.commit(tenant.put(("application", application.id), application.to_json()))
        assert await snapshot.until(result.revision)
        return application

    async def launch(self, application: Application) -> Session:
        request = LaunchRequest(self.tenant, self.user.id, application.id, Display())
        return (await self.parts.launcher.launch(request))[0]

    async def sign_in(self) -> Login:
        now = SystemClock().now()
        login = Login(new_id() * 4, self.tenant, self.user.id, CLIENT_KEY, now, now + 3600)
        tenant = await self.parts.stores.tenant(self.tenant)
        result = await self.parts.stores.commit(tenant.put(("login", login.hash), login.to_json()))
        assert await self.parts.snapshot.until(result.revision)
        return login

    async def call(
        self, method: str, path: str, body: Any = None, *, as_: str = "gateway"
    ) -> tuple[int, dict[str, Any]]:
        """As `gateway`, `host`, or `stranger` (no certificate)."""
        if as_ not in self._http:
            self._http[as_] = aiohttp.ClientSession()
        http = self._http[as_]
        url = f"https://{self.broker.address}{path}"
        async with http.request(method, url, json=body, ssl=self.context(as_)) as response:
            return response.status, await response.json()

    def context(self, as_: str) -> ssl.SSLContext:
        if as_ == "stranger":
            return SiteClientContext(self.host.ca, "broker")
        return client_context(self.gateway if as_ == "gateway" else self.host)

    async def redeem(self, ticket: Any) -> tuple[int, dict[str, Any]]:
        return await self.call("POST", "/inner/v1/redeem", {"ticket": ticket})

    async def keys_left(self, *kinds: str) -> set[str]:
        """Of these kinds, in the grid itself, without the prefix."""
        items = (await self.parts.stores.grid.range("/p/v1/")).items
        return {
            item.key.removeprefix("/p/v1/") for item in items if set(kinds) & set(item.key.split("/")[3:])
        }

    async def close(self) -> None:
        for http in self._http.values():
            await http.close()


async def make_site(state: Path, public_origin: str = "http://localhost:8080") -> InitialSecrets:
    state.mkdir(mode=0o700)
    grid = await EmbeddedGrid.open(state / "grid.sqlite")
    try:
        return await initialise(
            grid,
            SiteKey.create(state / "site.key"),
            site_name="lab",
            tenant_name="acme",
            administrator="admin",
            user="demo",
            public_origin=public_origin,
            secrets_file=state / "secrets.json",
        )
    finally:
        await grid.close()


def broker_settings(state: Path) -> BrokerSettings:
    return BrokerSettings(state=state, listen=Address("127.0.0.1", 0))


@asynccontextmanager
async def running_broker(
    folder: Path, public_origin: str = "http://localhost:8080"
) -> AsyncIterator[RunningBroker]:
    secrets = await make_site(folder / "broker", public_origin)
    broker = Broker(broker_settings(folder / "broker"))
    await broker.start()
    try:
        host = await join(broker.address, secrets.host_join_token, "h1", folder / "host", slots=10)
        gateway = await join(
            broker.address,
            secrets.gateway_join_token,
            "gw",
            folder / "gateway",
            address="127.0.0.1:9443",
            public_origin=public_origin,
        )
        site = RunningBroker(broker, secrets, host, gateway)
        yield site
        await site.close()
    finally:
        await broker.stop()

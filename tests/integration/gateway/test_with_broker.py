"""The gateway as an operator runs it, before a real broker: join, serve, a whole attach, SIGTERM."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from broker.app import Broker
from broker.initialise import InitialSecrets
from broker.settings import BrokerSettings
from portcullis.enrolment.credentials import Credentials
from portcullis.enrolment.joining import join
from portcullis.model.session import Display
from portcullis.protocol.messages import Admitted, decode
from portcullis.settings import Address
from tests.integration.gateway.small_site import Agent, admit_grant, admit_ticket
from tests.support.agent_channel import TestAgent
from tests.support.browser import ApiBrowser
from tests.support.patience import patient
from tests.support.ports import free_port
from tests.support.running_broker import RunningBroker, make_site


class Gateway:
    """A `portcullis-gateway` process."""

    def __init__(self, state: Path, port: int, inner_port: int) -> None:
        self.state = state
        self.origin = f"http://localhost:{port}"
        self.listen = f"127.0.0.1:{port}"
        self.inner = f"127.0.0.1:{inner_port}"
        self.process: asyncio.subprocess.Process | None = None

    async def join(self, broker: Address, token_file: Path) -> tuple[int, str]:
        return await run(
            "join", "--state", self.state, "--broker", broker, "--token-file", token_file, "--name", "edge",
            "--inner-address", self.inner, "--public-origin", self.origin,
        )  # fmt: skip

    async def serve(self, *options: str) -> list[bytes]:
        """What it logged until it served."""
        self.process = await start(
            "serve", "--state", self.state, "--listen", self.listen, "--inner-listen", self.inner, *options
        )
        lines = []
        async with asyncio.timeout(patient(60)):
            while not lines or b"serving on port" not in lines[-1]:
                lines.append(await self.process.stderr.readline())
                assert lines[-1], "the gateway ended"
        return lines

    async def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(patient(20)):
            _, errors = await self.process.communicate()
        assert b"Traceback" not in errors, errors.decode()
        return self.process.returncode


async def start(*arguments: object) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", *map(str, arguments), stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def run(*arguments: object) -> tuple[int, str]:
    """Exit status and what was printed."""
    process = await start(*arguments)
    async with asyncio.timeout(patient(60)):
        out, errors = await process.communicate()
    return process.returncode, (out + errors).decode()


class Whole:
    def __init__(self, site: RunningBroker, gateway: Gateway, token_file: Path, folder: Path) -> None:
        self.site = site
        self.gateway = gateway
        self.token_file = token_file
        self.folder = folder

    @property
    def secrets(self) -> InitialSecrets:
        return self.site.secrets

    def web_socket(self) -> connect:
        uri = self.gateway.origin.replace("http", "ws") + "/stream"
        return connect(
            uri, origin=self.gateway.origin, subprotocols=["portcullis.v1"], compression=None, proxy=None
        )

    @asynccontextmanager
    async def host(self) -> AsyncIterator[tuple[TestAgent, Agent]]:
        """The agent's two connections."""
        link = Agent(self.site.host)
        async with self.site.agent() as channel:
            await link.connect(self.gateway.inner)
            yield channel, link
            await link.close()


@pytest.fixture
async def whole(tmp_path) -> AsyncIterator[Whole]:
    gateway = Gateway(tmp_path / "gateway", free_port(), free_port())
    secrets = await make_site(tmp_path / "broker", gateway.origin)
    broker = Broker(BrokerSettings(state=tmp_path / "broker", listen=Address("127.0.0.1", 0)))
    await broker.start()
    host = await join(broker.address, secrets.host_join_token, "h1", tmp_path / "host", slots=2)
    token_file = tmp_path / "token"
    token_file.write_text(secrets.gateway_join_token + "\n")
    site = RunningBroker(broker, secrets, host, host)
    try:
        yield Whole(site, gateway, token_file, tmp_path)
    finally:
        if gateway.process is not None and gateway.process.returncode is None:
            gateway.process.kill()
            await gateway.process.communicate()
        await site.close()
        await broker.stop()


async def test_each_line_of_a_gateway_is_an_object_and_its_listener_says_what_it_lacks(whole):
    await whole.gateway.join(whole.site.broker.address, whole.token_file)
    await whole.site.broker.stop()
    lines = await whole.gateway.serve("--log-format", "json", "--metrics", "127.0.0.1:0")
    (address,) = (event["address"] for event in map(json.loads, lines) if "metrics" in event["message"])
    async with aiohttp.ClientSession(f"http://{address}") as session:
        async with session.get("/readyz") as ready:
            assert (ready.status, (await ready.json())["reasons"]) == (
                503,
                ["no broker has registered this gateway lately"],
            )
        async with session.get("/healthz") as health:
            assert health.status == 200
        async with session.get("/metrics") as metrics:
            families = list(text_string_to_metric_families(await metrics.text()))
        async with session.get("/metrics", headers={"Origin": "http://elsewhere"}) as page:
            assert page.status == 403
    values = {sample.name: sample.value for family in families for sample in family.samples}
    assert values["portcullis_gateway_registered"] == 0
    whole.gateway.process.terminate()
    _, rest = await whole.gateway.process.communicate()
    events = [json.loads(line) for line in [*lines, *rest.splitlines()]]
    assert {event["part"] for event in events} == {"gateway"}
    assert any(event["level"] == "warning" and "broker" in event["message"] for event in events)


async def test_a_session_is_reached_through_a_gateway_that_joined(whole):
    status, said = await whole.gateway.join(whole.site.broker.address, whole.token_file)
    assert (status, said) == (0, "Joined site lab as gateway edge.\n")
    await whole.gateway.serve()
    application = await whole.site.publish()
    async with whole.host() as (channel, link), ApiBrowser(whole.gateway.origin) as browser:
        signed_in = await browser.sign_in(
            whole.secrets.username, whole.secrets.password, totp_secret=whole.secrets.totp_secret
        )
        assert signed_in.json["signed_in"] is True
        launched = await browser.change(
            "POST", "/api/v1/sessions", {"application": application.id, "display": Display().to_json()}
        )
        session = launched.json["session"]["id"]
        order = (await channel.orders(len))[0]
        await channel.report(order, "ready", "ready")
        events = [event.name async for event in browser.events(f"/api/v1/sessions/{session}/stages")]
        assert events[-1] == "ready"
        ticket = (await browser.change("POST", f"/api/v1/sessions/{session}/ticket", {})).json["ticket"]
        async with whole.web_socket() as stream:
            await stream.send(admit_ticket(ticket))
            (admitted,) = decode(await stream.recv())
            assert isinstance(admitted, Admitted)
            worker = await link.worker()
            worker.send(b"picture")
            assert await stream.recv() == b"picture"
        await whole.site.broker.stop()  # a resume needs no broker
        async with whole.web_socket() as stream:
            await stream.send(admit_grant(admitted.grant))
            assert decode(await stream.recv()) == [admitted]
            worker = await link.worker()
            assert await whole.gateway.terminate() == 0
            with pytest.raises(ConnectionClosed):
                await stream.recv()
            assert stream.close_code == 1006
            await asyncio.wait_for(worker.lost, patient(10))


async def test_joining_twice_or_with_a_used_token_is_refused_in_one_line(whole):
    assert (await whole.gateway.join(whole.site.broker.address, whole.token_file))[0] == 0
    status, said = await whole.gateway.join(whole.site.broker.address, whole.token_file)
    assert (status, said.count("\n")) == (1, 1)
    assert "joined already" in said
    whole.gateway.state = whole.folder / "again"
    status, said = await whole.gateway.join(whole.site.broker.address, whole.token_file)
    assert (status, said.count("\n")) == (1, 1)
    assert "[join_refused]" in said
    assert Credentials.load(whole.folder / "again") is None


async def test_what_an_operator_can_put_right_is_one_line(whole, tmp_path):
    nowhere = tmp_path / "nowhere"
    status, said = await run("serve", "--state", nowhere)
    assert (status, said.count("\n")) == (1, 1)
    assert "portcullis-gateway join" in said
    status, said = await whole.gateway.join(Address("127.0.0.1", free_port()), whole.token_file)
    assert (status, said.count("\n")) == (1, 1)
    status, said = await run("serve", "--state", whole.site.host.state)
    assert status == 1 and "a gateway" in said


async def test_a_bind_off_loopback_is_refused_and_a_taken_port_is_told(whole):
    assert (await whole.gateway.join(whole.site.broker.address, whole.token_file))[0] == 0
    state = whole.gateway.state
    status, said = await run("serve", "--state", state, "--listen", "0.0.0.0:8080")
    assert (status, said.count("\n")) == (1, 1)
    assert "loopback" in said
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address(*taken.getsockname())
        status, said = await run(
            "serve", "--state", state, "--listen", address, "--inner-listen", "127.0.0.1:0"
        )
    assert status == 1
    assert "address already in use" in said
    assert "Traceback" not in said

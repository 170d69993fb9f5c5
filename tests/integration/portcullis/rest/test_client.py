"""The client against real HTTP servers, honest ones and others."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from portcullis.errors import Refused, Unavailable
from portcullis.rest.client import MAXIMUM_BODY_BYTES, Client
from portcullis.rest.profile import Profile

TOKEN = f"api_{'0' * 16}_{'a' * 64}"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    application = web.Application(client_max_size=1 << 21)
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def ask(url: str, *segments: str, timeout_seconds: float = 30) -> object:
    client = Client(Profile(url, TOKEN), timeout_seconds)
    return await asyncio.to_thread(client.get, *segments)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a b ü?#..", "a%20b%20%C3%BC%3F%23.."),
        ("a/b ü?%#..", "-?name=a%2Fb+%C3%BC%3F%25%23.."),  # no path can hold it
        ("..", "-?name=.."),
    ],
)
async def test_token_and_path_arrive_as_meant(name: str, path: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"token": request.headers["Authorization"], "path": request.raw_path})

    async with serving(handler) as url:
        answer = await ask(url, "admin", "groups", name)
    assert answer == {"token": f"Bearer {TOKEN}", "path": f"/api/v1/admin/groups/{path}"}


async def test_localhost_is_this_machine_whatever_a_resolver_says(monkeypatch: pytest.MonkeyPatch) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"host": request.headers["Host"]})

    real = socket.getaddrinfo
    async with serving(handler) as url:
        asked: list[object] = []
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, *rest, **named: asked.append(host) or real(host, *rest, **named),
        )
        named = url.replace("127.0.0.1", "localhost")
        assert await ask(named, "a") == {"host": named.removeprefix("http://")}
    assert "localhost" not in asked


async def test_what_follows_a_change_presents_its_revision() -> None:
    seen = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Portcullis-Revision"))
        return web.json_response({}, headers={"Portcullis-Revision": "42"})

    async with serving(handler) as url:
        client = Client(Profile(url, TOKEN))
        await asyncio.to_thread(client.put, "a", body={})
        await asyncio.to_thread(client.get, "a")
    assert seen == [None, "42"]


async def test_a_redirect_is_not_followed() -> None:
    seen = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.path)
        raise web.HTTPFound("/elsewhere")

    async with serving(handler) as url:
        with pytest.raises(Unavailable, match="not Portcullis's"):
            await ask(url, "a")
    assert seen == ["/api/v1/a"]


@pytest.mark.parametrize("body", [b"<html>", b"{", b"\xff"])
async def test_another_programs_answer_is_named(body: bytes) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=body)

    async with serving(handler) as url:
        with pytest.raises(Unavailable, match="not Portcullis's"):
            await ask(url, "a")


@pytest.mark.parametrize("answer", [[], {}, {"items": 5}, None])
async def test_a_list_that_is_none_is_named(answer: object) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response(answer)

    async with serving(handler) as url:
        with pytest.raises(Unavailable, match="no list"):
            await asyncio.to_thread(Client(Profile(url, TOKEN)).items, "a")


async def test_an_endless_answer_is_cut() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            for _ in range(MAXIMUM_BODY_BYTES // (1 << 20) * 4):
                await response.write(bytes(1 << 20))
        except ConnectionError:
            pass  # the client went away, as it should
        return response

    async with serving(handler) as url:
        with pytest.raises(Unavailable, match="not Portcullis's"):
            await ask(url, "a")


async def test_an_empty_answer_is_nothing() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=204)

    async with serving(handler) as url:
        assert await ask(url, "a") is None


async def test_a_refusal_keeps_its_code() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"error": {"code": "token_refused", "message": "No."}}, status=401)

    async with serving(handler) as url:
        with pytest.raises(Refused, match="token_refused"):
            await ask(url, "a")


def test_nobody_there_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unavailable, match="does not answer"):
        Client(Profile(f"http://127.0.0.1:{port}", TOKEN)).get("a")


def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(Unavailable, match="does not answer"):
            Client(Profile(url, TOKEN), timeout_seconds=0.1).get("a")


def test_plain_http_behind_an_https_address_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(Unavailable):
            Client(Profile(url, TOKEN), timeout_seconds=0.1).get("a")


def test_a_missing_ca_file_is_named() -> None:
    with pytest.raises(Unavailable, match=r"/no/ca\.pem"):
        Client(Profile("https://localhost:1", TOKEN, "/no/ca.pem")).get("a")

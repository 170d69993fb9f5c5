"""The API as a browser or script reaches it, down to the bytes of requests in disguise."""

from __future__ import annotations

import asyncio
import io
import json

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from tests.integration.gateway.stubs import BrokerStub
from tests.support.patience import patient


@pytest.fixture
async def http(site):
    async with aiohttp.ClientSession(base_url=site.origin, auto_decompress=False) as session:
        yield session


async def raw(site, request: bytes) -> list[tuple[int, bytes]]:
    """Status and body of each answer that these bytes get until the connection ends."""
    reader, writer = await site.raw()
    writer.write(request)
    answers = []
    while head := await asyncio.wait_for(reader.readline(), patient(10)):
        headers = {}
        while (line := await reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip()
        answers.append((int(head.split()[1]), await reader.read(int(headers.get(b"content-length", b"0")))))
    return answers


def request(site, line: str, *headers: str, body: bytes = b"") -> bytes:
    host = f"Host: localhost:{site.gateway.public.port}"
    return "\r\n".join((f"{line} HTTP/1.1", host, *headers, "", "")).encode() + body


async def test_a_request_reaches_the_broker_with_who_called_and_how(site, http):
    sent = {"Cookie": "a=b; c=d", "Portcullis-Revision": "7"}
    async with http.get(URL("/api/v1/catalogue?x=1&y=%2F", encoded=True), headers=sent) as got:
        assert (got.status, await got.json()) == (200, {"path": "/api/v1/catalogue?x=1&y=%2F"})
    method, path, headers, body = site.broker.requests[0]
    assert (method, path, body) == ("GET", "/api/v1/catalogue?x=1&y=%2F", b"")
    assert headers["portcullis-client-address"] == ["127.0.0.1"]
    assert headers["portcullis-origin"] == [site.origin]
    assert headers["cookie"] == ["a=b; c=d"]
    assert headers["portcullis-revision"] == ["7"]


async def test_a_change_with_the_exact_origin_is_passed_on_unchanged(site, http):
    body = json.dumps({"display": "ü"}).encode()
    headers = {"Origin": site.origin, "Sec-Fetch-Site": "same-origin", "Portcullis-Signature": "v1 1 n s"}
    async with http.post("/api/v1/sessions", data=body, headers=headers) as got:
        assert got.status == 200
    method, _, seen, received = site.broker.requests[0]
    assert (method, received, seen["portcullis-signature"]) == ("POST", body, ["v1 1 n s"])
    assert seen["origin"] == [site.origin]


SPOOFED = {
    "Portcullis-Client-Address": "10.0.0.1",
    "PORTCULLIS-ORIGIN": "http://evil.example",
    "X-Forwarded-For": "10.0.0.1",
    "X-Forwarded-Host": "evil.example",
    "Forwarded": "for=10.0.0.1",
    "X-Real-IP": "10.0.0.1",
    "Via": "1.1 evil",
    "Proxy-Authorization": "Basic x",
    "TE": "trailers",
    "Connection": "keep-alive, X-Secret",
    "X-Secret": "1",
    "Upgrade": "h2c",
}


async def test_headers_by_which_the_gateway_speaks_cannot_be_forged(site, http):
    async with http.get("/api/v1/login", headers=SPOOFED) as got:
        assert got.status == 200
    headers = site.broker.requests[0][2]
    assert headers["portcullis-client-address"] == ["127.0.0.1"]
    assert headers["portcullis-origin"] == [site.origin]
    forged = {name.lower() for name in SPOOFED} - {
        "portcullis-client-address",
        "portcullis-origin",
        "connection",
    }
    assert not forged & headers.keys()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost"},
        {"Origin": "http://evil.example", "Authorization": "Bearer api_x"},
        {"Origin": "{own}", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "{own}", "Sec-Fetch-Site": "same-site"},
        {"Origin": "{own}, {own}"},
    ],
)
async def test_a_change_from_another_site_does_not_reach_the_broker(site, http, method, headers):
    filled = {name: value.format(own=site.origin) for name, value in headers.items()}
    async with http.request(method, "/api/v1/sessions", json={}, headers=filled) as got:
        assert (got.status, (await got.json())["error"]["code"]) == (403, "origin_refused")
    assert site.broker.requests == []


async def test_a_script_with_a_token_needs_no_origin(site, http):
    async with http.put(
        "/api/v1/admin/applications/x", json={}, headers={"Authorization": "Bearer api_x"}
    ) as got:
        assert got.status == 200
    assert site.broker.requests[0][2]["authorization"] == ["Bearer api_x"]


async def test_the_answer_keeps_status_cookies_and_body_and_gets_our_headers(site, http):
    async def answer(_):
        response = web.json_response(
            {"made": True}, status=201, headers={"Portcullis-Revision": "9", "X-A": "1"}
        )
        response.headers.add("Set-Cookie", "__Host-portcullis-55555555=login_x; Path=/; Secure; HttpOnly")
        response.headers.add("Set-Cookie", "other=1")
        response.headers["Content-Security-Policy"] = "default-src *"
        response.headers["Connection"] = "keep-alive, X-A"
        return response

    site.broker.api = answer
    async with http.get("/api/v1/login") as got:
        assert (got.status, await got.json()) == (201, {"made": True})
        assert len(got.headers.getall("Set-Cookie")) == 2
        assert got.headers.getall("Content-Security-Policy")[0].startswith("default-src 'none'; ")
        assert got.headers["Cache-Control"] == "no-store"
        assert got.headers["Portcullis-Revision"] == "9"
        assert "X-A" not in got.headers


async def test_an_immutable_answer_keeps_its_cache_control(site, http):
    async def answer(_):
        return web.Response(body=b"png", headers={"Cache-Control": "public, immutable"})

    site.broker.api = answer
    async with http.get("/api/v1/icons/" + "a" * 64) as got:
        assert got.headers["Cache-Control"] == "public, immutable"


async def test_a_compressed_answer_is_passed_on_as_it_is(site, http):
    async def answer(_):
        return web.Response(body=b"\x1f\x8b not really", headers={"Content-Encoding": "gzip"})

    site.broker.api = answer
    async with http.get("/api/v1/catalogue") as got:
        assert (await got.read(), got.headers["Content-Encoding"]) == (b"\x1f\x8b not really", "gzip")


async def test_a_bodyless_answer_is_passed_on(site, http):
    async def answer(_):
        return web.Response(status=204)

    site.broker.api = answer
    async with http.delete("/api/v1/login", headers={"Origin": site.origin}) as got:
        assert (got.status, await got.read()) == (204, b"")
    async with http.head("/api/v1/login") as got:
        assert got.status == 204


async def test_a_large_answer_passes_whole(site, http):
    async def answer(_):
        return web.Response(body=bytes(5_000_000))

    site.broker.api = answer
    async with http.get("/api/v1/catalogue") as got:
        assert len(await got.read()) == 5_000_000


class Events:
    """An event stream whose every event a test sends."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.started = asyncio.Event()
        self.left = asyncio.Event()

    async def __call__(self, request):
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        self.started.set()
        try:
            while (event := await self.queue.get()) is not None:
                await response.write(event)
        finally:
            self.left.set()
        return response


async def test_events_pass_one_by_one_and_the_head_before_the_first(site, http):
    events = site.broker.api = Events()
    async with http.get("/api/v1/sessions/x/stages") as got:
        assert got.headers["Content-Type"] == "text/event-stream"
        for number in range(3):
            events.queue.put_nowait(b"event: stage\ndata: %d\n\n" % number)
            assert await got.content.readany() == b"event: stage\ndata: %d\n\n" % number
        events.queue.put_nowait(None)
        assert await got.content.read() == b""


async def test_a_reader_who_leaves_an_event_stream_ends_it_at_the_broker(site, http):
    events = site.broker.api = Events()
    got = await http.get("/api/v1/sessions/x/stages")
    await events.started.wait()
    got.close()
    await asyncio.wait_for(events.left.wait(), patient(10))


async def test_an_answer_that_breaks_off_does_not_look_complete(site, http):
    async def answer(request):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: 1\n\n")
        request.transport.abort()
        return response

    site.broker.api = answer
    with pytest.raises(aiohttp.ClientError):
        async with http.get("/api/v1/sessions/x/stages") as got:
            await got.content.read()


async def test_no_broker_is_a_coded_503(site, http):
    await site.broker.stop()
    async with http.get("/api/v1/login") as got:
        assert (got.status, (await got.json())["error"]["code"]) == (503, "broker_unreachable")


@pytest.fixture
async def second(site):
    """Another broker of the site, known to the gateway and behind the first."""
    broker = BrokerStub(site.keys)
    await broker.start()
    site.broker.brokers = [site.broker.address, broker.address]
    broker.brokers, broker.public_origins = site.broker.brokers, site.broker.public_origins
    await site.gateway.brokers.register()
    yield broker
    await broker.stop()


async def test_when_a_broker_is_away_the_next_is_asked_even_for_a_change(site, http, second):
    await site.broker.stop()
    async with http.post("/api/v1/sessions", json={}, headers={"Origin": site.origin}) as got:
        assert got.status == 200
    assert [entry[0] for entry in second.requests] == ["POST"]
    assert site.gateway.brokers.order[0] == second.address


async def drop(request):
    request.transport.abort()
    raise ConnectionResetError


async def test_a_read_whose_answer_is_lost_is_asked_again_elsewhere(site, http, second):
    site.broker.api = drop
    async with http.get("/api/v1/catalogue") as got:
        assert got.status == 200
    assert len(second.requests) == 1


async def test_a_change_whose_answer_is_lost_is_never_sent_twice(site, http, second):
    site.broker.api = drop
    async with http.post("/api/v1/sessions", json={}, headers={"Origin": site.origin}) as got:
        assert (got.status, (await got.json())["error"]["code"]) == (503, "broker_unreachable")
    assert (len(site.broker.requests), len(second.requests)) == (1, 0)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1//login",
        "/api/v1/",
        "/api/v1/../../inner/v1/gateway",
        "/api/v1/..%2f..%2finner/v1/gateway",
        "/api/v1/%2e%2e/%2e%2e/inner/v1/gateway",
        "/api/v1/%2E/login",
        "/api/v1/./login",
        "/api/v1/a/..;/b",
        "/api/v1/login;x=1",
        "/api/v1/login%00",
        "/api/v1/a%2fb",
        "/api/v1/a%5cb",
        "/api/v1/a\\b",
        "/api/v1/%252e%252e/x",
        "/api/v1/%ff",
        "/api/v1/login/",
        "/api/v1/%0d%0aX: y",
        "/api/v2/login",
        "/API/v1/login",
        "//api/v1/login",
        "/%61pi/v1/login",
        "/inner/v1/gateway",
        "/control",
    ],
)
async def test_paths_in_disguise_do_not_reach_the_broker(site, path):
    answers = await raw(site, request(site, f"GET {path}", "Connection: close"))
    assert [status for status, _ in answers] in ([404], [400])
    assert site.broker.requests == []


async def test_names_that_need_encoding_pass_as_they_are(site, http):
    path = "/api/v1/admin/applications/Caf%C3%A9%20100%25%3B"
    async with http.get(URL(path, encoded=True)) as got:
        assert (await got.json())["path"] == path


SMUGGLING = {
    "two lengths": ("POST /api/v1/x", ["Content-Length: 5", "Content-Length: 6"], b"helloGET"),
    "the same length twice": ("POST /api/v1/x", ["Content-Length: 5", "Content-Length: 5"], b"hello"),
    "a list of lengths": ("POST /api/v1/x", ["Content-Length: 5, 5"], b"hello"),
    "length and chunks": (
        "POST /api/v1/x",
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        b"0\r\n\r\nGET",
    ),
    "chunks and length": (
        "POST /api/v1/x",
        ["Transfer-Encoding: chunked", "Content-Length: 5"],
        b"0\r\n\r\n",
    ),
    "unknown coding": ("POST /api/v1/x", ["Transfer-Encoding: chunked, identity"], b"0\r\n\r\n"),
    "coding in disguise": ("POST /api/v1/x", ["Transfer-Encoding : chunked"], b"0\r\n\r\n"),
    "coding with a tab": ("POST /api/v1/x", ["Transfer-Encoding:\x0bchunked"], b"0\r\n\r\n"),
    "a signed length": ("POST /api/v1/x", ["Content-Length: +5"], b"hello"),
    "a negative length": ("POST /api/v1/x", ["Content-Length: -1"], b""),
    "a length in hex": ("POST /api/v1/x", ["Content-Length: 0x5"], b"hello"),
    "a folded header": ("GET /api/v1/x", ["X-A: 1", " X-B: 2"], b""),
    "a NUL in a header": ("GET /api/v1/x", ["X-A: 1\x002"], b""),
    "a bare CR": ("GET /api/v1/x", ["X-A: 1\rX-B: 2"], b""),
    "a bare LF": ("GET /api/v1/x", ["X-A: 1\nPortcullis-Client-Address: 1.1.1.1"], b""),
    "a space in a name": ("GET /api/v1/x", ["X A: 1"], b""),
    "an empty name": ("GET /api/v1/x", [": 1"], b""),
    "a NUL in the path": ("GET /api/v1/\x00x", [], b""),
    "two hosts": ("GET /api/v1/x", ["Host: evil.example"], b""),
    "an absolute target": ("GET http://evil.example/api/v1/x", [], b""),
    "a read with a body": ("GET /api/v1/x", ["Content-Length: 5"], b"hello"),
    "chunk size in disguise": (
        "POST /api/v1/x",
        ["Transfer-Encoding: chunked"],
        b"0x5\r\nhello\r\n0\r\n\r\n",
    ),
    "chunk size overflow": ("POST /api/v1/x", ["Transfer-Encoding: chunked"], b"fffffffffffffffff\r\nhello"),
    "http 0.9": ("GET /api/v1/x\r\n", [], b""),
}


@pytest.mark.parametrize("name", SMUGGLING)
async def test_a_request_that_two_readers_could_read_differently_is_refused(site, name):
    line, headers, body = SMUGGLING[name]
    allowed = ["Authorization: Bearer api_x"]  # else a change is refused for its origin, whatever its form
    answers = await raw(site, request(site, line, *allowed, *headers, body=body))
    assert [status for status, _ in answers] == [400], answers
    assert site.broker.requests == []


@pytest.mark.parametrize(
    ("line", "headers", "status"),
    [
        ("TRACE /api/v1/login", [], 405),
        ("OPTIONS /api/v1/login", ["Origin: http://evil.example"], 405),
        ("PATCH /api/v1/login", [], 405),
        ("POST /healthz", ["Content-Length: 0"], 405),
        ("POST /", ["Content-Length: 0"], 405),
        ("CONNECT evil.example:443", [], 400),
        ("POST /api/v1/x", ["Authorization: Bearer x", "Content-Encoding: gzip", "Content-Length: 0"], 415),
    ],
)
async def test_methods_and_codings_that_nobody_needs_are_refused(site, line, headers, status):
    answers = await raw(site, request(site, line, "Connection: close", *headers))
    assert [got for got, _ in answers] == [status]
    assert site.broker.requests == []


async def test_no_answer_allows_another_origin_to_read(site, http):
    async with http.get("/api/v1/login", headers={"Origin": "http://evil.example"}) as got:
        assert not [name for name in got.headers if name.lower().startswith("access-control-")]


async def test_a_body_over_1_mib_is_refused(site, http):
    headers = {"Origin": site.origin}
    async with http.post("/api/v1/sessions", data=io.BytesIO(bytes(1024 * 1024)), headers=headers) as got:
        assert got.status == 200
    try:
        async with http.post(
            "/api/v1/sessions", data=io.BytesIO(bytes(1024 * 1024 + 1)), headers=headers
        ) as got:
            assert got.status == 413
    except aiohttp.ClientConnectionError:
        pass  # a reset may overtake the answer
    assert len(site.broker.requests) == 1


async def test_an_upgrade_on_the_api_is_an_ordinary_request(site):
    hidden = request(site, "GET /api/v1/hidden", "Connection: close")
    head = request(site, "GET /api/v1/login", "Connection: Upgrade", "Upgrade: websocket")
    answers = await raw(site, head + hidden)
    assert [status for status, _ in answers] == [200, 200]
    assert [entry[1] for entry in site.broker.requests] == ["/api/v1/login", "/api/v1/hidden"]
    assert "upgrade" not in site.broker.requests[0][2]

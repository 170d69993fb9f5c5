"""The public listener: names, headers, files, health."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

import web_client
from gateway.app import GatewayApp, Options
from portcullis.errors import InvalidInput
from portcullis.serving.guard import Limits
from portcullis.settings import Address
from tests.integration.gateway.small_site import small_site
from tests.integration.gateway.stubs import LOOPBACK
from tests.support.patience import patient


@pytest.fixture
async def http(site):
    async with aiohttp.ClientSession(base_url=f"http://127.0.0.1:{site.gateway.public.port}") as session:
        session.headers["Host"] = f"localhost:{site.gateway.public.port}"
        yield session


NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Accept": "text/html,*/*"}


@pytest.mark.parametrize("path", ["/", "/core/x.js", "/api/v1/login", "/healthz", "/nowhere", "/stream"])
async def test_every_answer_carries_the_security_headers(site, http, path):
    async with http.get(path) as got:
        csp = got.headers.getall("Content-Security-Policy")
        assert csp == [
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' "
            f"{site.origin} {site.origin.replace('http', 'ws')}; style-src 'self'; img-src 'self' blob:; "
            "frame-src blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; "
            "require-trusted-types-for 'script'; "
            "trusted-types portcullis"
        ]
        assert got.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert got.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert got.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert got.headers["X-Content-Type-Options"] == "nosniff"
        assert got.headers["Referrer-Policy"] == "no-referrer"
        assert "aiohttp" not in got.headers["Server"]


async def test_bytes_that_are_not_http_get_the_headers_too(site):
    reader, writer = await site.raw()
    writer.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), patient(10))
    assert answer.split()[1] == b"400"
    assert b"Content-Security-Policy: default-src 'none'" in answer
    assert b"Traceback" not in answer


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{port}", "evil.example", "localhost", "localhost.evil.example:{port}"]
)
async def test_a_navigation_by_another_name_is_sent_to_the_public_origin(site, http, host):
    headers = {**NAVIGATION, "Host": host.format(port=site.gateway.public.port)}
    async with http.get("/app/x?y=1", headers=headers, allow_redirects=False) as got:
        assert (got.status, got.headers["Location"]) == (308, f"{site.origin}/app/x?y=1")


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", "/%2f%2fevil.example"])
async def test_a_redirect_leads_nowhere_but_to_us(site, path):
    reader, writer = await site.raw()
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: x\r\nSec-Fetch-Mode: navigate\r\nConnection: close\r\n\r\n".encode()
    )
    answer = (await asyncio.wait_for(reader.read(), patient(10))).decode()
    assert f"Location: {site.origin}/" in answer


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/api/v1/login", {"Sec-Fetch-Mode": "cors"}),
        ("GET", "/api/v1/login", {}),
        ("GET", "/", {"Sec-Fetch-Mode": "no-cors", "Accept": "text/html"}),
        ("POST", "/api/v1/login", NAVIGATION),
        ("GET", "/stream", {"Sec-Fetch-Mode": "websocket"}),
    ],
)
async def test_anything_else_by_another_name_is_misdirected(site, http, method, path, headers):
    async with http.request(method, path, headers={**headers, "Host": "evil.example"}) as got:
        assert got.status == 421
    assert site.broker.requests == []


async def test_a_host_in_capitals_is_the_same(site, http):
    async with http.get("/api/v1/login", headers={"Host": f"LOCALHOST:{site.gateway.public.port}"}) as got:
        assert got.status == 200


async def test_health_tells_status_alone_and_follows_the_registration(site, http):
    async with http.get("/healthz", headers={"Host": "10.0.0.1"}) as got:
        assert (got.status, await got.json()) == (200, {"status": "ok"})


class Later:
    """A clock that a test can put on."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> float:
        return 1e9 + self.passed

    def monotonic(self) -> float:
        return self.passed


async def test_health_is_bad_when_no_broker_has_registered_us_lately(tmp_path):
    clock = Later()
    async with small_site(tmp_path, Options(clock=clock)) as site, aiohttp.ClientSession() as session:
        await site.broker.stop()
        clock.passed += 16
        async with session.get(f"{site.origin}/healthz") as got:
            assert (got.status, await got.json()) == (503, {"status": "unavailable"})


async def test_the_page_and_modules_are_served_for_revalidation(site, http):
    module = next(path for path in site.gateway.files.paths if path.endswith(".js"))
    async with http.get(module) as got:
        assert got.status == 200
        assert got.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert got.headers["Cache-Control"] == "no-cache"
        assert await got.read() == (web_client.ROOT / module[1:]).read_bytes()
        etag = got.headers["ETag"]
    for tags in (etag, f'"x", W/{etag}', "*"):
        async with http.get(module, headers={"If-None-Match": tags}) as got:
            assert (got.status, await got.read(), got.headers["ETag"]) == (304, b"", etag)
    async with http.get(module, headers={"If-None-Match": '"x"'}) as got:
        assert got.status == 200
    async with http.head(module) as got:
        assert (got.status, await got.read()) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/core",
        "/core/",
        "/core/../__init__.py",
        "/__init__.py",
        "/fetch.py",
        "/package.json",
        "/package-lock.json",
        "/core/%2e%2e/index.html",
        "/..%2fpyproject.toml",
        "/../pyproject.toml",
        "//index.html",
        "/index.html/",
        "/INDEX.HTML",
        "/node_modules/zstddec/package.json",
        "/tests/",
        "/.gitignore",
        "/core/\x7f.js",
    ],
)
async def test_nothing_but_the_published_files_is_served(site, path):
    reader, writer = await site.raw()
    host = f"localhost:{site.gateway.public.port}"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert (await asyncio.wait_for(reader.read(), patient(10))).split()[1] in (b"404", b"400")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
async def test_plain_http_off_loopback_is_refused(site, host):
    with pytest.raises(InvalidInput, match="loopback"):
        GatewayApp(site.gateway.brokers.credentials, Address(host, 0), LOOPBACK)


async def test_a_client_over_the_cap_of_the_real_listener_is_refused(tmp_path):
    async with small_site(tmp_path, Options(limits=Limits(connections_per_client=1))) as site:
        client, _ = await site.attach()
        reader, _ = await site.raw()
        assert (await asyncio.wait_for(reader.read(), patient(10))).startswith(b"HTTP/1.1 503 ")
        await client.close()

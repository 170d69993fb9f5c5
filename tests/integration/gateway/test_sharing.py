"""Pages of another gateway of the site: what they may ask here, and that nobody else's may."""

from __future__ import annotations

import aiohttp
import pytest

OTHER = "http://localhost:1"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type,portcullis-signature",
}


@pytest.fixture
async def http(site):
    site.broker.public_origins = [site.origin, OTHER]
    await site.gateway.brokers.register()
    async with aiohttp.ClientSession(site.origin) as session:
        yield session


async def test_a_page_of_another_gateway_is_let_ask_and_read(site, http):
    async with http.options("/api/v1/sessions", headers={"Origin": OTHER, **PREFLIGHT}) as got:
        assert got.status == 204
        assert got.headers["Access-Control-Allow-Origin"] == OTHER
        assert "Portcullis-Signature" in got.headers["Access-Control-Allow-Headers"]
        assert "POST" in got.headers["Access-Control-Allow-Methods"]
    headers = {"Origin": OTHER, "Sec-Fetch-Site": "same-site", "Portcullis-Signature": "v1 1 n s"}
    async with http.post("/api/v1/sessions", json={}, headers=headers) as got:
        assert (got.status, got.headers["Access-Control-Allow-Origin"]) == (200, OTHER)
    assert site.broker.requests[-1][2]["portcullis-origin"] == [site.origin]
    assert site.broker.requests[-1][2]["origin"] == [OTHER]


async def test_it_may_read_refusals_and_health_too(site, http):
    for path in ("/api/v1//", "/healthz"):
        async with http.get(path, headers={"Origin": OTHER}) as got:
            assert got.headers["Access-Control-Allow-Origin"] == OTHER, path


async def test_it_may_not_read_the_pages_files(site, http):
    async with http.get("/", headers={"Origin": OTHER}) as got:
        assert "Access-Control-Allow-Origin" not in got.headers


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost", "HTTP://localhost:1"])
async def test_no_other_page_is_let_ask_or_read(site, http, origin):
    async with http.options("/api/v1/sessions", headers={"Origin": origin, **PREFLIGHT}) as got:
        assert got.status == 405
        assert not [name for name in got.headers if name.lower().startswith("access-control-")]
    async with http.get("/api/v1/login", headers={"Origin": origin}) as got:
        assert not [name for name in got.headers if name.lower().startswith("access-control-")]


async def test_a_change_that_says_it_is_from_another_site_is_refused_whatever_its_origin(site, http):
    headers = {"Origin": OTHER, "Sec-Fetch-Site": "cross-site"}
    async with http.post("/api/v1/sessions", json={}, headers=headers) as got:
        assert got.status == 403

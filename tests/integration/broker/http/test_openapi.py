"""The description of the API: of every route of a real broker, right by the specification of OpenAPI 3.1.

That answers are as described is held up by every test that uses `api_site` (tests/support/api_conformance.py).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from openapi_spec_validator import OpenAPIV31SpecValidator

from broker.http.access import Needs, Policy, route
from broker.http.openapi import describe, public_routes_of
from broker.routes import application_of
from portcullis.model.roles import PERMISSIONS
from portcullis.schemas.api.whole import DOCS
from tests.support.api_conformance import Conformance
from tests.support.api_site import ApiSite, signed_in
from tests.support.running_broker import running_broker


@pytest.fixture
async def application(tmp_path: Path) -> AsyncIterator[web.Application]:
    async with running_broker(tmp_path) as site:
        yield application_of(site.broker.parts)


async def test_every_route_is_described_and_nothing_else(application: web.Application) -> None:
    assert {f"{method} {path}" for method, path, _ in public_routes_of(application)} == DOCS.keys()


async def test_the_description_is_right_by_the_specification(application: web.Application) -> None:
    description: Any = describe(application)
    errors = [str(error) for error in OpenAPIV31SpecValidator(description).iter_errors()]
    assert errors == []


async def test_it_says_what_a_route_asks_of_its_callers(application: web.Application) -> None:
    paths = describe(application)["paths"]
    listing = paths["/api/v1/admin/users"]["get"]
    assert listing["x-permission"] == "users.read"
    assert listing["security"] == [{"token": []}, {"login": []}]
    assert paths["/api/v1/admin/users"]["post"]["security"][1] == {"login": [], "signature": []}
    assert paths["/api/v1/sessions/{id}/ticket"]["post"]["security"] == [{"login": [], "signature": []}]
    assert paths["/api/v1/login"]["post"]["security"] == [{}]
    assert [p["name"] for p in paths["/api/v1/admin/orphans/{name}/{session}"]["delete"]["parameters"]] == [
        "name",
        "session",
        "Portcullis-Tenant",
    ]
    permissions = {
        operation["x-permission"]
        for path in paths.values()
        for operation in path.values()
        if "x-permission" in operation
    }
    assert permissions <= set(PERMISSIONS)


async def test_a_route_that_nobody_described_makes_no_description() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response()

    application = web.Application()
    application.add_routes([route("GET", "/api/v1/admin/secret", Needs("users.read"), handler)])
    with pytest.raises(LookupError, match="GET /api/v1/admin/secret"):
        describe(application)


async def test_it_is_served_to_who_has_signed_in(site: ApiSite) -> None:
    async with signed_in(site, site.acme.ann) as ann, site.browser() as stranger:
        answer = await ann.get("/api/v1/openapi.json")
        refused = await stranger.get("/api/v1/openapi.json")
    assert answer.json["openapi"] == "3.1.0"
    assert "/api/v1/catalogue" in answer.json["paths"]
    assert refused.code == "signed_out"


async def test_an_answer_that_is_not_as_described_is_found() -> None:
    """What holds the answers of all other tests against the description does find something."""
    conformance = Conformance()

    async def wrong(request: web.Request) -> web.Response:
        return web.json_response({"items": [{"name": "x"}]})

    application = web.Application(middlewares=[conformance.middleware])
    application.add_routes([route("GET", "/api/v1/admin/roles", Policy.ANYONE, wrong)])
    async with TestClient(TestServer(application)) as client:
        assert (await client.get("/api/v1/admin/roles")).status == 200
    with pytest.raises(AssertionError, match="'permissions' is a required property"):
        conformance.check()

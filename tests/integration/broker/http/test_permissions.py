"""Route x role x tenant: every route of a real broker asks for what `permissions.json` says, and lets nobody else in.

A new route: run `python -m tests.support.permission_vectors`, and read the difference. The second half puts all routes,
with handlers that do nothing, behind the real way in.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from broker.http.access import Needs, Policy
from broker.http.public import public_middlewares
from broker.identity.api_tokens import new_api_token
from broker.repositories.api_tokens import token_creation
from broker.repositories.users import user_creation
from broker.routes import application_of
from portcullis.ids import name_hash, new_id
from portcullis.model.roles import BUILT_IN_ROLES, PERMISSIONS, PLATFORM_PERMISSIONS, Role
from portcullis.model.user import User
from tests.support.api_site import ApiSite, TenantFixture, api_site, serving
from tests.support.browser import ApiBrowser
from tests.support.permission_vectors import FILE, PAGE, asked_by_routes, held_by_roles, page
from tests.support.running_broker import running_broker

GOLDEN: dict[str, Any] = json.loads(FILE.read_text())
ROUTES: dict[str, str] = GOLDEN["routes"]
ROLES: dict[str, list[str]] = GOLDEN["roles"]


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    async with running_broker(tmp_path) as site:
        yield asked_by_routes(application_of(site.broker.parts))


def test_the_roles_are_those_of_the_golden_file() -> None:
    assert held_by_roles() == ROLES
    assert not any(PLATFORM_PERMISSIONS & held for held in BUILT_IN_ROLES.values())


async def test_every_route_asks_for_what_the_golden_file_says(asked: dict[str, str]) -> None:
    assert asked == ROUTES


def test_the_page_of_routes_is_up_to_date() -> None:
    """Made by `python -m tests.support.permission_vectors`."""
    assert PAGE.read_text() == page(ROUTES)


async def test_every_permission_is_asked_for(asked: dict[str, str]) -> None:
    """By a route, or by a handler beyond its route's: a name that nothing asks for is a false promise."""
    handlers = "".join(path.read_text() for path in (Path(__file__).parents[4] / "broker").rglob("*.py"))
    elsewhere = {name for name in PERMISSIONS if f'"{name}"' in handlers}
    assert set(PERMISSIONS) - set(asked.values()) - elsewhere == set()


class Gate:
    """All routes of the real broker before a site with two tenants, each answering 204 to whom is let through."""

    def __init__(self, site: ApiSite, browser: ApiBrowser) -> None:
        self.site = site
        self._browser = browser

    async def token(self, tenant: TenantFixture, role: str, **more: Any) -> str:
        """Of a new user with this role."""
        store = await self.site.stores.tenant(tenant.tenant.id)
        platform = bool(more.pop("platform", False))
        user = User(new_id(), f"{role} {new_id()}", role, platform=platform)
        secret, token = new_api_token(tenant.tenant.id, user.id, "gate", self.site.clock.now())
        operations, _ = user_creation(store, user)
        result = await self.site.stores.commit(*operations, token_creation(store, replace(token, **more)))
        await self.site.services.snapshot.until(result.revision)
        return secret.text

    async def put_role(self, tenant: TenantFixture, role: Role) -> None:
        store = await self.site.stores.tenant(tenant.tenant.id)
        result = await self.site.stores.commit(store.put(("role", name_hash(role.name)), role.to_json()))
        await self.site.services.snapshot.until(result.revision)

    async def ask(self, route: str, token: str, **headers: str) -> str:
        """`yes`, or the code of the refusal."""
        method, template = route.split(" ")
        path = re.sub(r"{[^}]*}", "x", template)
        answer = await self._browser.request(
            method, path, b"", {"Authorization": f"Bearer {token}", **headers}
        )
        return "yes" if answer.status == 204 else str(answer.code)

    async def open_to(self, token: str, **headers: str) -> set[str]:
        """The routes that want a permission and let the token through."""
        answers = {route: await self.ask(route, token, **headers) for route in administrative()}
        assert set(answers.values()) <= {"yes", "not_permitted"}
        return {route for route, answer in answers.items() if answer == "yes"}


def administrative() -> list[str]:
    return [route for route, asked in ROUTES.items() if asked in PERMISSIONS]


def expected(permissions: Any) -> set[str]:
    return {route for route in administrative() if ROUTES[route] in permissions}


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncIterator[Gate]:
    async with api_site(tmp_path) as site:
        stubs = web.Application(middlewares=public_middlewares(site.services))
        for route, asked in ROUTES.items():
            method, path = route.split(" ")
            stubs.router.add_route(method, path, _letting_through(asked))
        async with serving(stubs) as address, site.browser() as browser:
            browser.address = address
            yield Gate(site, browser)


def _letting_through(asked: str) -> Any:
    async def stub(request: web.Request) -> web.Response:
        return web.Response(status=204)

    stub.access = Needs(asked) if asked in PERMISSIONS else Policy[asked.upper()]  # type: ignore[attr-defined]
    return stub


@pytest.mark.parametrize("role", ROLES)
async def test_a_built_in_role_opens_its_routes_alone(gate: Gate, role: str) -> None:
    for tenant in (gate.site.acme, gate.site.globex):
        assert await gate.open_to(await gate.token(tenant, role)) == expected(ROLES[role])


async def test_a_platform_administrator_opens_all(gate: Gate) -> None:
    token = await gate.token(gate.site.acme, "user", platform=True)
    assert await gate.open_to(token) == set(administrative())


async def test_a_role_of_a_tenant_is_none_in_another_one(gate: Gate) -> None:
    await gate.put_role(gate.site.acme, Role("Publisher", frozenset({"applications.read"})))
    assert await gate.open_to(await gate.token(gate.site.acme, "Publisher")) == expected(
        {"applications.read"}
    )
    assert await gate.open_to(await gate.token(gate.site.globex, "Publisher")) == set()


async def test_a_role_that_is_not_there_opens_nothing(gate: Gate) -> None:
    assert await gate.open_to(await gate.token(gate.site.acme, "Administrator of old")) == set()


async def test_no_role_of_a_tenant_holds_what_concerns_the_site(gate: Gate) -> None:
    """Nor what this version does not know: a record may be another version's, or forged by who can write it."""
    store = await gate.site.stores.tenant(gate.site.acme.tenant.id)
    forged = {"name": "Sly", "permissions": ["platform.panic", "users.read", "no.such"]}
    result = await gate.site.stores.commit(store.put(("role", name_hash("Sly")), forged))
    await gate.site.services.snapshot.until(result.revision)
    assert await gate.open_to(await gate.token(gate.site.acme, "Sly")) == expected({"users.read"})


async def test_a_token_opens_no_more_than_it_names_and_than_its_user_may(gate: Gate) -> None:
    names = frozenset({"users.read", "hosts.write", "platform.panic"})
    acme = gate.site.acme
    assert await gate.open_to(await gate.token(acme, "administrator", permissions=names)) == expected(
        names - {"platform.panic"}
    )
    assert await gate.open_to(await gate.token(acme, "auditor", permissions=names)) == expected(
        {"users.read"}
    )
    assert await gate.open_to(await gate.token(acme, "administrator", permissions=frozenset())) == set()


async def test_a_tenant_that_was_not_entered_is_shut_like_one_that_is_not_there(gate: Gate) -> None:
    acme = gate.site.acme
    for token in (await gate.token(acme, "administrator"), await gate.token(acme, "user", platform=True)):
        for name in ("globex", "no%20such%20tenant"):
            for route in administrative():
                assert await gate.ask(route, token, **{"Portcullis-Tenant": name}) == "entry_needed"
    assert await gate.ask("GET /api/v1/catalogue", token, **{"Portcullis-Tenant": "globex"}) == "yes"


async def test_who_entered_a_tenant_acts_there_until_the_entry_ends(gate: Gate) -> None:
    site, acme, globex = gate.site, gate.site.acme, gate.site.globex
    token = await gate.token(acme, "user", platform=True)
    user = site.services.identity.token_check.resolve(token)[1]
    entry, _ = await site.services.identity.entries.open(globex.tenant.id, user.id, user.name, "looking", 5)
    assert await gate.open_to(token, **{"Portcullis-Tenant": "globex"}) == set(administrative())
    limited = await gate.token(acme, "user", platform=True, permissions=frozenset({"users.read"}))
    other = site.services.identity.token_check.resolve(limited)[1]
    await site.services.identity.entries.open(globex.tenant.id, other.id, other.name, "looking", 5)
    assert (
        await gate.ask("GET /api/v1/admin/users", limited, **{"Portcullis-Tenant": "globex"})
        == "entry_needed"
    )
    site.clock.wall = entry.until
    assert (
        await gate.ask("GET /api/v1/admin/users", token, **{"Portcullis-Tenant": "globex"}) == "entry_needed"
    )


async def test_the_tenant_of_a_change_by_a_browser_is_signed(gate: Gate) -> None:
    site, acme, globex = gate.site, gate.site.acme, gate.site.globex
    operator = acme.root
    await site.put_user(operator, replace(operator.user, platform=True))
    await site.services.identity.entries.open(globex.tenant.id, operator.user.id, "root", "a change", 5)
    path = "/api/v1/admin/applications/Nothing"
    async with site.browser() as browser:
        await site.let_in(browser, operator)
        assert (await browser.change("DELETE", path, tenant="globex")).code == "not_found"
        sly = {"Portcullis-Tenant": "globex"}
        assert (await browser.change("DELETE", path, headers=sly)).code == "signature_refused"
        dropped = await browser.change("DELETE", path, tenant="globex", without=("Portcullis-Tenant",))
        assert dropped.code == "signature_refused"


@pytest.mark.parametrize("named", ["", "a b", "globex,acme", "%zz" * 400])
async def test_a_tenant_that_is_no_name_is_refused(gate: Gate, named: str) -> None:
    token = await gate.token(gate.site.acme, "administrator")
    refused = await gate.ask("GET /api/v1/admin/users", token, **{"Portcullis-Tenant": named})
    assert refused in ("invalid_request", "entry_needed")

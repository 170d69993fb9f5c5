"""Whatever somebody does with roles, users and tokens, nobody gets hold of a permission that they did not hold, and
nobody who held more is touched: random acts by random holders, from seeds that stay the same.
"""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from portcullis.ids import name_hash
from portcullis.model.roles import BUILT_IN_ROLES, TENANT_PERMISSIONS, Role
from tests.support.api_site import ApiSite, api_site

ADMIN = "/api/v1/admin"
NAMES = ("ann", "root", "zoe", "yan")
ROLES = ("Actor", "Strong", "Weak", "New", *BUILT_IN_ROLES)
POWERS = ("users.write", "roles.write", "tokens.write", "users.read")
ACTS = 30


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[ApiSite]:
    async with api_site(tmp_path, tenants=2) as running:
        yield running


class Scene:
    """ann holds the role Actor, with some permissions of random choice."""

    def __init__(self, site: ApiSite, chance: random.Random) -> None:
        self.site, self.chance = site, chance
        some = chance.sample(sorted(TENANT_PERMISSIONS), chance.randint(0, 8))
        self.held = frozenset({*chance.sample(POWERS, chance.randint(2, 4)), *some})

    @property
    def tenant(self) -> str:
        return self.site.acme.tenant.id

    async def arrange(self) -> None:
        weak = frozenset(self.chance.sample(sorted(self.held), 1))
        for role in (Role("Actor", self.held), Role("Strong", TENANT_PERMISSIONS), Role("Weak", weak)):
            store = await self.site.stores.tenant(self.tenant)
            result = await self.site.stores.commit(store.put(("role", name_hash(role.name)), role.to_json()))
            await self.site.services.snapshot.until(result.revision)
        answer = await self.call(self.site.acme.root.api_token, "PUT", "users/ann", {"role": "Actor"})
        assert answer < 300

    def picture(self) -> dict[str, tuple[frozenset[str], object]]:
        """Of each user what they may do, and the record."""
        identity = self.site.services.identity
        return {
            user.name: (identity.authority.permissions(self.tenant, user), user)
            for user in identity.users.list(self.tenant)
        }

    def tokens(self) -> set[frozenset[str]]:
        identity = self.site.services.identity
        found = set()
        for token in identity.tokens.list(self.tenant):
            user = identity.users.get(self.tenant, token.user_id)
            if user is not None and token.note == "made":
                found.add(identity.authority.permissions(self.tenant, user, token))
        return found

    async def call(self, token: str, method: str, path: str, body: Any) -> int:
        raw = b"" if body is None else json.dumps(body).encode()
        async with self.site.browser() as browser:
            headers = {"Authorization": f"Bearer {token}"}
            return (await browser.request(method, f"{ADMIN}/{path}", raw, headers)).status

    async def act(self) -> int:
        chance = self.chance
        name, role = chance.choice(NAMES), chance.choice(ROLES)
        names = chance.sample(sorted(TENANT_PERMISSIONS), chance.randint(0, 2))
        some = [*names, *chance.sample(sorted(self.held), chance.randint(0, len(self.held)))]
        method, path, body = chance.choice(
            [
                ("PUT", f"roles/{role}", {"permissions": some}),
                ("DELETE", f"roles/{role}", None),
                ("PUT", f"users/{name}", {"role": role}),
                ("PUT", f"users/{name}", {"role": role, "platform": chance.random() < 0.5}),
                ("POST", "users", {"name": name, "role": role}),
                ("POST", f"users/{name}/reset", {}),
                ("POST", f"users/{name}/{chance.choice(('disable', 'enable'))}", {}),
                ("DELETE", f"users/{name}", None),
                ("POST", "tokens", {"note": "made", "user": name, "permissions": some}),
                ("POST", "tokens", {"note": "made", "user": name}),
            ]
        )
        return await self.call(self.site.acme.ann.api_token, method, path, body)


@pytest.mark.parametrize("seed", range(12))
async def test_nobody_gets_hold_of_more_than_they_hold(site: ApiSite, seed: int) -> None:
    scene = Scene(site, random.Random(seed))
    await scene.arrange()
    done = 0
    for _ in range(ACTS):
        before = scene.picture()
        if before.get("ann", (frozenset(), None))[0] < scene.held:
            break  # took it away from herself
        done += await scene.act() < 300
        after = scene.picture()
        for name in before.keys() | after.keys():
            had, was = before.get(name, (frozenset(), None))
            has, is_now = after.get(name, (frozenset(), None))
            assert has <= had | scene.held, name
            assert is_now == was or had <= scene.held or name == "ann", name
        assert all(held <= scene.held for held in scene.tokens())
    assert not any(user.platform for user in site.services.identity.users.list(scene.tenant))
    assert done > 0

"""Two tenants with the same names of everything, on one broker, and a watch over what either is told.

`Mirror.ask` does a request of one side and fails when the other side shines through: in the answer, its headers, the
lines that were logged meanwhile, or in a record of the other one that changed. What belongs to a side is found in the
grid (ids, secrets' hashes, references) and in the canary that stands in all text which the side writes.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from broker.grid import keys
from broker.identity.api_tokens import new_api_token
from broker.repositories.api_tokens import token_creation
from portcullis.ids import new_id
from portcullis.logs import bound_ids
from portcullis.model.host import Host
from tests.support.api_site import ApiSite, TenantFixture, api_site
from tests.support.browser import Answer, ApiBrowser

ADMIN = "/api/v1/admin"
SLOTS = 64
UNKNOWN = "0123456789abcdef"
_ID = re.compile(r"[0-9a-f]{16}|[0-9a-f]{64}")
_NAMED = frozenset({"group", "role", "policy", "label"})
"""Kinds whose keys are hashes of names, which both sides have."""


@dataclass
class Side:
    """One tenant and its two callers. `canary` stands in whatever text it writes."""

    fixture: TenantFixture
    canary: str
    root: ApiBrowser
    ann: ApiBrowser
    token: str
    guessed: set[str] = field(default_factory=set)
    """What of the other side it has presented itself."""
    told: list[str] = field(default_factory=list)
    """What its feed said."""

    @property
    def id(self) -> str:
        return self.fixture.tenant.id


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        more = getattr(record, "portcullis_ids", {})
        trouble = "" if record.exc_info is None else logging.Formatter().formatException(record.exc_info)
        self.lines.append(f"{record.getMessage()} {dict(more)} {dict(bound_ids())} {trouble}")


class Mirror:
    def __init__(self, site: ApiSite, sides: tuple[Side, Side], lines: _Lines) -> None:
        self.site, self.sides = site, sides
        self._lines = lines

    def other(self, side: Side) -> Side:
        return self.sides[1] if side is self.sides[0] else self.sides[0]

    async def ask(
        self,
        side: Side,
        method: str,
        path: str,
        body: Any = None,
        *,
        as_ann: bool = False,
        admin: bool = True,
    ) -> Answer:
        """By the side's administrator, by token; by its user, by cookie and key."""
        before = await self._records(self.other(side))
        self._lines.lines.clear()
        if as_ann:
            answer = await (side.ann.get(path) if method == "GET" else side.ann.change(method, path, body))
        else:
            sent = b"" if body is None else json.dumps(body).encode()
            headers = {"Authorization": f"Bearer {side.token}", "Content-Type": "application/json"}
            answer = await side.root.request(method, path, sent, headers)
        sent_by_itself = path + json.dumps(body)
        await self._check(side, f"{method} {path} -> {answer.status}", sent_by_itself, answer, before)
        if answer.status == 401:
            await self._let_in_again(side)
        return answer

    async def ask_twice(self, side: Side, method: str, template: str, foreign: str, body: Any = None) -> None:
        """What another tenant has is, to this one, what nobody has."""
        theirs = await self.ask(side, method, template.format(foreign), body)
        nobodys = await self.ask(side, method, template.format(_like(foreign)), body)
        assert (theirs.status, theirs.code) == (nobodys.status, nobodys.code), (method, template)
        assert theirs.body.replace(foreign.encode(), b"") == nobodys.body.replace(
            _like(foreign).encode(), b""
        )

    async def secrets_of(self, side: Side) -> set[str]:
        """Everything that only this side may ever see."""
        fixture = side.fixture
        found = {side.id, side.canary, side.token, fixture.tenant.name, fixture.host.id, fixture.host.name}
        for record in await self._records(side):
            _, path = keys.parse(record) or ("", ())
            if path[0].endswith("-name") or path[0] in ("icon", "logo"):
                continue
            named = path[1:2] if path[0] != "history" else path[2:3]
            hashed = path[1] if path[0] == "history" and len(path) > 1 else path[0]
            if hashed not in _NAMED:
                found |= {segment for segment in named if _ID.fullmatch(segment)}
        found |= {session.reference for session in self.site.services.sessions.list(side.id)}
        return found

    def foreign(self, side: Side) -> dict[str, list[str]]:
        """Ids of what the other side has, by kind."""
        other, services = self.other(side), self.site.services
        sessions = list(services.sessions.list(other.id))
        return {
            "session": [session.id for session in sessions],
            "reference": [session.reference for session in sessions],
            "application": [each.id for each in services.applications.list(other.id)],
            "token": [each.id for each in services.identity.tokens.list(other.id)],
            "host": [other.fixture.host.id],
            "user": [each.id for each in services.identity.users.list(other.id)],
        }

    async def check_feeds(self) -> None:
        for side in self.sides:
            others = await self.secrets_of(self.other(side))
            for text in side.told:
                assert not [secret for secret in others if secret in text], text

    async def _check(
        self, side: Side, what: str, sent: str, answer: Answer, before: Mapping[str, int]
    ) -> None:
        """What it sent itself is no secret to it, then and later: its audit tells it of that."""
        other = self.other(side)
        secrets = await self.secrets_of(other)
        side.guessed |= {secret for secret in secrets if secret in sent}
        secrets -= side.guessed
        said = answer.body.decode(errors="replace") + json.dumps(dict(answer.headers))
        assert not [secret for secret in secrets if secret in said], (
            f"{what} tells of the other tenant: {said}"
        )
        for line in self._lines.lines:
            assert not [secret for secret in secrets if secret in line], f"{what} logs: {line}"
        after = await self._records(other)
        assert after == before, f"{what} changed {set(after.items()) ^ set(before.items())}"
        assert answer.status < 500, f"{what}: {said}"

    async def _records(self, side: Side) -> dict[str, int]:
        """Key and revision of all that the side has."""
        items = (await self.site.grid.range(keys.prefix(side.id))).items
        return {item.key: item.mod_revision for item in items}

    async def _let_in_again(self, side: Side) -> None:
        """It revoked its own token, or reset its own user."""
        await _renew(self.site, side)


def _like(id: str) -> str:
    """Another one of the same form."""
    return ((UNKNOWN * 4) if _ID.fullmatch(id) else "zzzzzzzz")[: len(id)]


async def _renew(site: ApiSite, side: Side) -> None:
    fixture = side.fixture
    store = await site.stores.tenant(side.id)
    secret, token = new_api_token(side.id, fixture.root.user.id, side.canary, site.clock.now())
    result = await site.stores.commit(token_creation(store, token))
    await site.services.snapshot.until(result.revision)
    side.token = secret.text
    for browser, account in ((side.ann, fixture.ann), (side.root, fixture.root)):
        await site.put_user(account, account.user)
        await site.let_in(browser, account)


@asynccontextmanager
async def mirror(folder: Path) -> AsyncIterator[Mirror]:
    async with AsyncExitStack() as undo:
        site = await undo.enter_async_context(api_site(folder))
        await _share_hosts(site)
        sides = []
        for fixture, canary in ((site.acme, "canaryamber"), (site.globex, "canaryindigo")):
            root = await undo.enter_async_context(site.browser())
            ann = await undo.enter_async_context(site.browser())
            side = Side(fixture, canary, root, ann, "")
            await _renew(site, side)
            sides.append(side)
        lines = _Lines()
        top = logging.getLogger()
        level = top.level
        top.addHandler(lines)
        top.setLevel(logging.DEBUG)
        undo.callback(top.setLevel, level)
        undo.callback(top.removeHandler, lines)
        feeds = [asyncio.create_task(_listen(side)) for side in sides]
        undo.push_async_callback(_stop, feeds)
        yield Mirror(site, (sides[0], sides[1]), lines)


async def _share_hosts(site: ApiSite) -> None:
    """Each has one of its own, and both have a third. Names of machines are unique in the site."""
    shared = Host(new_id(), "shared", SLOTS, frozenset({site.acme.tenant.id, site.globex.tenant.id}))
    puts = [site.stores.site.put(("host", shared.id), shared.to_json())]
    for fixture in (site.acme, site.globex):
        own = replace(fixture.host, slots=SLOTS)
        puts.append(site.stores.site.put(("host", own.id), own.to_json()))
    result = await site.stores.commit(*puts)
    await site.services.snapshot.until(result.revision)
    await site.services.hosts.announce(shared.id, "1" * 16, "b" * 16, "1")


async def _listen(side: Side) -> None:
    async for event in side.root.events(f"{ADMIN}/feed"):
        side.told.append(f"{event.name} {event.data}")


async def _stop(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def quoted(text: str) -> str:
    return quote(text, safe="")

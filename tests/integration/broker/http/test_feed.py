"""The live feed of the console: what changed in one's own tenant, no more, for as long as one may know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from broker import news
from broker.http.admin import feed
from tests.support.api_site import ApiSite
from tests.support.browser import ApiBrowser, ServerEvent
from tests.support.patience import patient, until

FEED = "/api/v1/admin/feed"
EDITOR = {"command": ["/usr/bin/true"], "entitled": {"users": [], "groups": []}}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "GATHERED_SECONDS", 0.01)
    monkeypatch.setattr(news, "SHORTEST_SECONDS", 0.01)
    monkeypatch.setattr(feed, "HEARTBEAT_SECONDS", 0.05)


@asynccontextmanager
async def following(
    site: ApiSite, tenant: str
) -> AsyncIterator[tuple[ApiBrowser, AsyncIterator[ServerEvent]]]:
    async with site.browser() as browser:
        await site.let_in(browser, getattr(site, tenant).root)
        async with aclosing(browser.events(FEED)) as events:
            assert (await anext(events)).name == "open"
            yield browser, events


async def next_change(events: AsyncIterator[ServerEvent]) -> list[str]:
    async with asyncio.timeout(patient(10)):
        async for event in events:
            if event.name == "changed":
                return list(event.data["kinds"])
    raise AssertionError("the feed ended")


async def test_a_change_is_told_with_its_kind(site: ApiSite) -> None:
    async with following(site, "acme") as (browser, events):
        assert (await browser.change("PUT", "/api/v1/admin/applications/New", EDITOR)).status == 200
        assert "application" in await next_change(events)


async def test_another_tenant_hears_nothing_of_it(site: ApiSite) -> None:
    async with following(site, "acme") as (browser, _), following(site, "globex") as (other, events):
        await browser.change("PUT", "/api/v1/admin/applications/New", EDITOR)
        await other.change("POST", "/api/v1/admin/users", {"name": "carl", "groups": []})
        assert set(await next_change(events)) <= {"user", "audit"}


async def test_what_one_may_not_read_is_not_told(site: ApiSite) -> None:
    told = {kind for kind, needed in feed.NEEDED.items() if needed in {"sessions.read", "hosts.read"}}
    assert "audit" not in told and "session" in told
    async with site.browser() as browser:
        await site.let_in(browser, site.acme.ann)
        assert (await browser.get(FEED)).code == "not_permitted"


async def test_the_feed_ends_with_the_login(site: ApiSite) -> None:
    async with following(site, "acme") as (browser, events):
        assert (await browser.sign_out()).status == 204
        async with asyncio.timeout(patient(10)):
            rest = [event.name async for event in events]
        assert "changed" not in rest[-1:]


async def test_many_changes_are_one_message(site: ApiSite) -> None:
    follower = site.services.news.follow(site.acme.tenant.id, sees_site=False)
    for number in range(5):
        await site.put_user(site.acme.ann, site.acme.ann.user)
        assert number >= 0
    assert await follower.take(10)
    assert follower.taken() == {"user"} and follower.taken() == frozenset()
    follower.close()
    assert site.services.news.followers == 0


async def test_a_reader_that_never_reads_is_let_go(site: ApiSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "STUCK_SECONDS", 0.2)
    monkeypatch.setattr(
        feed.FeedRoutes, "_event", lambda self, name, kinds: b": " + b"x" * (1 << 22) + b"\n\n"
    )
    async with site.browser() as browser:
        await site.let_in(browser, site.acme.root)
        async with browser._open("GET", FEED, b"", None) as response:
            assert response.status == 200
            await until(lambda: not site.services.news.followers)


async def test_one_person_opens_so_many_feeds_and_no_more(
    site: ApiSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "MOST_OF_A_USER", 1)
    async with following(site, "acme") as (browser, _):
        assert (await browser.get(FEED)).code == "too_many_connections"

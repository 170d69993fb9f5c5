"""A second and a third gateway: the one in use dies or freezes under a person who types, and the person goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, WebSocket, expect

from tests.e2e.conftest import EDITOR, Installation, Visitor
from tests.e2e.portal import Person, launch, sign_in, until_exact, wait_for_picture
from tests.e2e.test_work import content, save_as
from tests.support.more_gateways import FurtherGateway, more_gateways
from tests.support.patience import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateways(installation: Installation) -> AsyncIterator[tuple[FurtherGateway, ...]]:
    async with more_gateways(installation, "g2", "g3") as further:
        yield further


class Streams:
    """The streams that a page opened, in order."""

    def __init__(self, page: Page) -> None:
        self.origins: list[str] = []
        page.on("websocket", self._opened)

    def _opened(self, stream: WebSocket) -> None:
        self.origins.append(stream.url.replace("ws", "http", 1).removesuffix("/stream"))


async def at_work_through(
    gateway: FurtherGateway, visitor: Visitor, person: Person
) -> tuple[Page, str, Streams]:
    page = await visitor.page()
    streams = Streams(page)
    await sign_in(page, gateway.origin, person)
    session_id = await launch(page, EDITOR)
    assert streams.origins == [gateway.origin]
    return page, session_id, streams


def words(prefix: str) -> str:
    return " ".join(f"{prefix}{number}" for number in range(40))


async def test_when_the_gateway_in_use_dies_every_key_arrives_once_and_the_page_goes_on_without_it(
    visitor: Visitor, person: Person, gateways: tuple[FurtherGateway, ...]
) -> None:
    own, _ = gateways
    page, session_id, streams = await at_work_through(own, visitor, person)
    await page.keyboard.type(words("a"), delay=10)
    own.kill()
    await page.keyboard.type(" " + words("b"), delay=10)
    await until(lambda: len(streams.origins) > 1)
    assert own.origin not in streams.origins[1:]
    await until_exact(page, session_id)
    await save_as(page, f"{person.username}.txt")
    await until(lambda: content(f"{person.username}.txt").strip() == f"{words('a')} {words('b')}")

    # What the page asks for, too, goes another way: no new sign-in, and the session is entered once more.
    await page.evaluate("location.hash = '#/'")
    await page.get_by_role("button", name=f"Return to {EDITOR}", exact=True).click()
    assert await wait_for_picture(page) == session_id
    own.start()
    await own.until_ready()


async def test_when_the_gateway_in_use_freezes_every_key_arrives_once_through_another(
    visitor: Visitor, person: Person, gateways: tuple[FurtherGateway, ...]
) -> None:
    """Its connections stay open and say nothing: only silence tells."""
    own, _ = gateways
    page, session_id, streams = await at_work_through(own, visitor, person)
    await page.keyboard.type(words("a"), delay=10)
    own.freeze()
    await page.keyboard.type(" " + words("b"), delay=10)
    await expect(page.get_by_text("Reconnecting")).to_be_hidden()
    await until(lambda: len(streams.origins) > 1)
    assert own.origin not in streams.origins[1:]
    await until_exact(page, session_id)
    own.thaw()
    await save_as(page, f"{person.username}.txt")
    await until(lambda: content(f"{person.username}.txt").strip() == f"{words('a')} {words('b')}")

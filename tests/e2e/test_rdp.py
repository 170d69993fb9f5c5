"""A server shown by RDP, from the click to its screen: browser, gateway, broker, agent, FreeRDP, xrdp, an X program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import Installation, Visitor
from tests.e2e.portal import Person, picture, sign_in, view, wait_for_session
from tests.support.patience import patient, until
from tests.support.rdp_servers import RdpServer, address_of_its_own, xrdp

pytestmark = pytest.mark.asyncio(loop_scope="session")

DESK = "Windows desk"
LISTENS = """\
exec xterm -geometry 80x24+0+0 -e sh -c '
  read line; printf %s "$line" > $HOME/typed; printf "from the server" | xclip -selection clipboard -in
  read line; xdpyinfo | sed -n "s/.*dimensions: *\\([0-9x]*\\).*/\\1/p" > $HOME/size
  until xclip -selection clipboard -out | grep "out of the browser" > $HOME/copied; do sleep 0.1; done; exec sleep 600'
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RdpServer]:
    folder = tmp_path_factory.mktemp("rdp") / "server"
    with address_of_its_own() as address, xrdp(folder, LISTENS, address) as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def desk(installation: Installation, server: RdpServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    document = tmp_path_factory.mktemp("apply") / "desk.yaml"
    document.write_text(
        "kind: application\n"
        f"name: {DESK}\n"
        "rdp:\n"
        f"  server: {server.address}\n"
        f"  port: {server.port}\n"
        f"  user_name: {server.user_name}\n"
        f"  certificate: {server.fingerprint}\n"
        "  credentials: vault\n"
        "entitled: {groups: [staff]}\n"
    )
    installation.cli("apply", "-f", str(document))


async def launch(page: Page) -> None:
    await page.get_by_role("button", name=DESK, exact=True).click()


async def until_shown(page: Page) -> None:
    await wait_for_session(page)
    await expect(view(page)).to_be_visible(timeout=1000 * patient(60))


def text_of(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


async def test_a_server_is_typed_on_and_its_password_kept(
    visitor: Visitor, installation: Installation, person: Person, server: RdpServer
) -> None:
    page = await visitor.page()
    await sign_in(page, installation.url, person)
    await launch(page)
    await expect(page.get_by_text(f"You sign in as {server.user_name}.")).to_be_visible()
    await page.get_by_label("Password").fill(server.password)
    await page.get_by_role("button", name="Start", exact=True).click()
    await until_shown(page)

    typed, size = server.home / "typed", server.home / "size"

    async def is_there() -> bool:
        """The program's window, white on the server's black screen."""
        shown = await picture(page)
        return shown.shape[:2] == (720, 1280) and bool(shown[100:200, 100:300].min() == 255)

    await until(is_there)
    await page.mouse.move(200, 150)  # without a window manager keys go where the pointer is
    await page.keyboard.type("hello from a browser\n")
    await until(lambda: text_of(typed))
    assert text_of(typed) == "hello from a browser"
    await until(lambda: copied(page, "from the server"))
    await page.set_viewport_size({"width": 1000, "height": 640})

    await until_size(page, 1000, 640)
    await page.keyboard.type("\n")
    await until(lambda: text_of(size))
    assert text_of(size) == "1000x640"
    await page.evaluate("navigator.clipboard.writeText('out of the browser: Gr\u00fc\u00dfe')")
    await page.keyboard.press("Control+v")
    await until(lambda: text_of(server.home / "copied"))
    assert text_of(server.home / "copied") == "out of the browser: Gr\u00fc\u00dfe"
    assert not visitor.complaints

    await page.mouse.move(500, 1)
    await page.get_by_role("button", name="Log off").click()
    await page.get_by_role("dialog").get_by_role("button", name="Log off").click()
    await expect(page.get_by_role("heading", name="Kept passwords")).to_be_visible()
    await launch(page)  # nobody is asked again
    await until_shown(page)


async def until_size(page: Page, width: int, height: int) -> None:
    """The server follows a moment later: its whole screen is drawn anew."""

    async def has_followed() -> bool:
        shown = await picture(page)
        return shown.shape[:2] == (height, width) and bool(shown[-4:, -4:].max() == 0)

    await until(has_followed)


async def copied(page: Page, text: str) -> bool:
    return await page.evaluate("navigator.clipboard.readText()") == text

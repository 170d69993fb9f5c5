"""The console in Debian's Firefox: sign in at the portal, see what is live, find a session among others."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from broker.identity import totp
from broker.identity.passwords import hash_password
from portcullis.ids import new_id
from portcullis.model.session import Display, Session
from tests.support.console_site import ConsoleSite, console_site
from tests.support.firefox import FirefoxPage, firefox

pytestmark = pytest.mark.asyncio(loop_scope="session")

PASSWORD = "seven brass lanterns"
NAMES = "() => [...document.querySelectorAll('.grid-body .grid-row')].map((row) => row.textContent).join('|')"


async def enrolled(site: ConsoleSite) -> str:
    """The administrator has a password; answers with the secret of their factor."""
    parts, secret = site.broker.parts, totp.new_secret()
    admin = parts.identity.users.by_name(site.broker.tenant, "admin")
    assert admin is not None
    store = await parts.stores.tenant(site.broker.tenant)
    user = replace(admin, password_hash=hash_password(PASSWORD), totp_secret=secret)
    await parts.snapshot.until(
        (await parts.stores.commit(store.put(("user", user.id), user.to_json()))).revision
    )
    return secret


async def run_session(site: ConsoleSite, user: str) -> None:
    """A record of one, as a launch leaves it."""
    parts, tenant = site.broker.parts, site.broker.tenant
    session = Session(
        *(new_id(), tenant, new_id(), user, new_id(), "Editor", ("mousepad",), {}, new_id(), "h7", 0),
        *(Display(), new_id(), time.time(), "active", "ready"),
    )
    store = await parts.stores.tenant(tenant)
    await parts.stores.commit(store.put(("session", session.id), session.to_json()))


async def sign_in(page: FirefoxPage, site: ConsoleSite, secret: str) -> None:
    await page.goto(site.url)
    await page.fill("input[autocomplete=username]", "admin")
    await page.fill("input[type=password]", PASSWORD)
    await page.press("Enter")
    await page.fill("input[autocomplete=one-time-code]", totp.code_at(secret, totp.step_at(time.time())))
    await page.press("Enter")
    await page.click("a[href$='admin.html']")


async def test_an_administrator_signs_in_sees_what_happens_and_finds_a_session(tmp_path: Path) -> None:
    async with console_site(tmp_path) as site, firefox(tmp_path) as browser:
        secret = await enrolled(site)
        await run_session(site, "ann")
        page = await browser.page(1200, 800)
        await sign_in(page, site, secret)
        running = "(number) => document.querySelector('.stat-tiles .stat strong')?.textContent === number"
        await page.until(running, "1")
        await page.until("() => document.querySelector('.live')?.classList.contains('on')")
        await run_session(site, "bob")
        await page.until(running, "2")  # nobody has touched the page
        await page.click(".stat-tiles .stat[href*=sessions]")
        await page.until(f"() => /ann/.test(({NAMES})()) && /bob/.test(({NAMES})())")
        await page.click(".table-search")
        await page.type("BO")
        await page.until(f"() => /bob/.test(({NAMES})()) && !/ann/.test(({NAMES})())")
        assert await page.evaluate("() => location.hash") == "#/sessions?search=BO"
        assert page.complaints == []

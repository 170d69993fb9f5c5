"""A person's account from the link to the reset: real quickstart, real Chromium, real codes."""

from __future__ import annotations

import json
import subprocess
import time

import pyotp
import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import EDITOR, Installation, Visitor
from tests.e2e.portal import STEP_SECONDS, Person, launch, sign_in
from tests.support.patience import patient, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAME = "enrolled in a browser"


async def set_up(page: Page, link: str, password: str) -> tuple[Person, list[str]]:
    """Who is there then, and the recovery codes; the page is at sign-in."""
    await page.goto(link)
    await page.get_by_label("New password").fill(password)
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_text("I cannot scan it").click()
    await page.get_by_role("button", name="Copy the key").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    secret = await page.evaluate("navigator.clipboard.readText()")
    await until(
        lambda: time.time() % STEP_SECONDS < STEP_SECONDS - 8
    )  # the code before is still good at the end
    step = int(time.time()) // STEP_SECONDS
    code = pyotp.TOTP(secret).generate_otp
    await page.get_by_label("Code that is shown now").fill(code(step - 1))
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_label("Next code").fill(code(step))
    await page.get_by_role("button", name="Finish").click()
    await expect(page.get_by_role("heading", name="Keep your recovery codes")).to_be_visible()
    codes = await page.get_by_role("listitem").all_text_contents()
    await page.get_by_role("button", name="I have stored them").click()
    await expect(page.get_by_text("Your account is set up.")).to_be_visible()
    return Person(NAME, password, secret, used_step=step), codes


def state_of(installation: Installation) -> str:
    users = json.loads(installation.cli("get", "users", "--json").stdout)
    return str(next(user["state"] for user in users if user["name"] == NAME))


async def test_from_the_link_to_work_through_a_reset_to_a_recovery_code(
    installation: Installation, visitor: Visitor
) -> None:
    link = installation.cli("user", "add", NAME, "--group", "staff").stdout.strip()
    assert state_of(installation) == "invited"
    page = await visitor.page()
    person, first_codes = await set_up(page, link, "lamp seventeen cloud")
    await sign_in(page, installation.url, person)
    await launch(page, EDITOR)
    assert state_of(installation) == "enrolled"
    assert visitor.complaints == []

    link = installation.cli("user", "reset", NAME).stdout.strip()
    await expect(page.get_by_label("User name")).to_be_visible(
        timeout=1000 * patient(30)
    )  # the live connection is cut
    person, codes = await set_up(page, link, "violin harbour nine")
    assert not set(codes) & set(first_codes)

    await page.get_by_label("Password").fill(person.password)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="Use a recovery code").click()
    await page.get_by_label("Recovery code").fill(codes[4])
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_text("You signed in with a recovery code: 9 left.")).to_be_visible()
    await expect(page.get_by_role("button", name=f"Return to {EDITOR}")).to_be_visible()  # the work went on

    await page.goto(f"{installation.url}/#/catalogue")
    await page.goto(link)
    await expect(page.get_by_role("alert")).to_contain_text("enrolment_refused")
    installation.cli("user", "delete", NAME)
    with pytest.raises(subprocess.CalledProcessError):
        installation.cli("user", "reset", NAME)

"""A person who enrols by a link, through the API as the page calls it.

enrolled = await enrol(browser, link, "correct horse battery", now=time.time())
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyotp

from tests.support.browser import Answer, ApiBrowser

PATH = "/api/v1/enrolment"
PASSWORD = "three unlikely words"
STEP_SECONDS = 30


@dataclass(frozen=True)
class Enrolled:
    password: str
    totp_secret: str
    recovery_codes: list[str]
    used_step: int


def token_of(link: str) -> str:
    return link.partition("#/enrol/")[2]


def codes_at(secret: str, now: float) -> list[str]:
    """That of the step before, and that of `now`: nobody has to wait."""
    step = int(now) // STEP_SECONDS
    return [pyotp.TOTP(secret).generate_otp(each) for each in (step - 1, step)]


async def complete(
    browser: ApiBrowser, link: str, secret: str, now: float, password: str = PASSWORD
) -> Answer:
    body = {"token": token_of(link), "password": password, "codes": codes_at(secret, now)}
    return await browser.change("POST", f"{PATH}/completion", body)


async def enrol(browser: ApiBrowser, link: str, now: float, password: str = PASSWORD) -> Enrolled:
    factor = await browser.change("POST", f"{PATH}/factor", {"token": token_of(link), "password": password})
    secret = factor.json["totp_secret"]
    done = await complete(browser, link, secret, now, password)
    assert done.status == 201, done.body
    return Enrolled(password, secret, done.json["recovery_codes"], int(now) // STEP_SECONDS)


async def enrol_early(browser: ApiBrowser, link: str, now: Callable[[], float]) -> Enrolled:
    """By the two codes before this one, which leaves two to sign in with at once: this step's and the next's."""
    try:
        return await enrol(browser, link, now() - STEP_SECONDS)
    except AssertionError:  # the step has just changed, and they were too old
        return await enrol(browser, link, now() - STEP_SECONDS)

"""Users of a running quickstart who have enrolled: made through the API, as an administrator and they
themselves would."""

from __future__ import annotations

import asyncio
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyotp

from portcullis.rest.client import Client
from portcullis.rest.profile import read
from tests.support.browser import ApiBrowser
from tests.support.enrolling import enrol

STEP_SECONDS = 30
AT_ONCE = 4
"""Enrolments: each costs a password hash or two."""


@dataclass
class User:
    name: str
    password: str
    totp_secret: str
    used_step: int

    def code(self) -> str:
        """One that was not used yet: of this step, or of the next one, which counts as well."""
        step = max(int(time.time()) // STEP_SECONDS, self.used_step + 1)
        time.sleep(max(0.0, (step - 1) * STEP_SECONDS - time.time()))  # until the step before it begins
        self.used_step = step
        return pyotp.TOTP(self.totp_secret).at(step * STEP_SECONDS)


def add_users(clone: Path, url: str, group: str, count: int = 1) -> list[User]:
    """May be called where an event loop runs."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _add(clone, url, group, count)).result()


async def _add(clone: Path, url: str, group: str, count: int) -> list[User]:
    client = Client(read(clone / "var/profile.json"))
    gate = asyncio.Semaphore(AT_ONCE)
    stamp = time.time_ns()
    ca = clone / "var/web-ca.pem"
    context = ssl.create_default_context(cafile=ca) if url.startswith("https:") else None

    async def one(number: int) -> User:
        async with gate:
            name = f"bench{stamp + number:x}"
            made: dict[str, Any] = await asyncio.to_thread(
                client.post, "admin", "users", body={"name": name, "groups": [group]}
            )
            async with ApiBrowser(url, context=context) as browser:
                enrolled = await enrol(browser, made["enrolment"]["link"], time.time())
            return User(name, enrolled.password, enrolled.totp_secret, enrolled.used_step)

    return list(await asyncio.gather(*(one(number) for number in range(count))))

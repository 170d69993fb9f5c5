"""The quickstart, run once for all end-to-end tests from a fresh copy of this tree; real Chromium pages on it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyotp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from portcullis.rest.client import Client
from portcullis.rest.profile import read
from tests.e2e.portal import Person
from tests.support.browser import ApiBrowser
from tests.support.enrolling import enrol_early
from tests.support.pages import be_patient
from tests.support.ports import free_port

TREE = Path(__file__).resolve().parents[2]
EDITOR = "Text editor"
EDITOR_AND_TERMINAL = f"""
kind: application
name: {EDITOR}
command: [mousepad]
icon: mousepad
environment: {{}}
entitled: {{users: [demo], groups: [staff]}}
---
kind: application
name: Terminal for tests
command: [xterm, -geometry, 100x30]
entitled: {{groups: [staff]}}
"""
OUTPUT = TREE / "tests" / "output"
CHROMIUM = "/usr/bin/chromium"


@dataclass(frozen=True)
class Installation:
    """A running quickstart: its clone, its facts (`var/quickstart.json`) and its state folder."""

    clone: Path
    facts: dict[str, object]

    @property
    def url(self) -> str:
        return str(self.facts["url"])

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["deploy/quickstart.sh", "--no-install", *arguments],
            cwd=self.clone,
            check=check,
            text=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )

    def cli(self, *arguments: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """The `portcullis` command of the clone, with the profile that the quickstart left."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PORTCULLIS_")}
        return subprocess.run(
            [str(self.clone / ".venv/bin/portcullis"), *arguments],
            cwd=self.clone,
            env=environment,
            check=check,
            text=True,
            input=stdin,
            capture_output=True,
        )

    def client(self) -> Client:
        """As the command line has it, without the start of a program."""
        return Client(read(self.clone / "var/profile.json"))

    def code(self, secret: str = "totp_secret") -> str:
        return pyotp.TOTP(str(self.facts[secret])).now()


def copy_of_the_tree(to: Path) -> Path:
    """What git would give a newcomer, with the changes that are not committed yet."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TREE,
        check=True,
        capture_output=True,
    ).stdout.split(b"\0")
    for name in filter(None, map(os.fsdecode, names)):
        if (TREE / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TREE / name, to / name)
    return to


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """As a newcomer has it: everything that it needs is fetched."""
    clone = copy_of_the_tree(tmp_path_factory.mktemp("e2e") / "portcullis")
    with installed(clone) as running:
        (clone / "editor.yaml").write_text(EDITOR_AND_TERMINAL)
        running.cli("apply", "-f", "editor.yaml")
        yield running


@contextlib.contextmanager
def installed(clone: Path) -> Iterator[Installation]:
    result = subprocess.run(
        ["deploy/quickstart.sh", "--port", str(free_port())],
        cwd=clone,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "quickstart.txt").write_text(result.stdout)
    assert result.returncode == 0, result.stdout
    running = Installation(clone, json.loads((clone / "var/quickstart.json").read_text()))
    try:
        yield running
    finally:
        keep_logs(running)
        running.run("--reset", "--yes", check=False)


def keep_logs(running: Installation) -> None:
    """Logs of the parts are test output: a failure in CI is read there."""
    status = running.run("--status", check=False)
    (OUTPUT / "status.txt").write_text(status.stdout + status.stderr)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


class Complaints(list[str]):
    """Console errors, page errors and CSP reports of every page of a context."""

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.append(f"page error: {error}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.append(f"{message.type}: {message.text}")


@dataclass
class Visitor:
    """One browser (context) of a person."""

    context: BrowserContext
    complaints: Complaints

    async def page(self) -> Page:
        page = await self.context.new_page()
        self.complaints.watch(page)
        return page


async def new_visitor(chromium: Browser, installation: Installation) -> Visitor:
    context = await chromium.new_context(viewport={"width": 1280, "height": 720}, locale="en-US")
    be_patient(context)
    await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=installation.url)
    return Visitor(context, Complaints())


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(
    request: pytest.FixtureRequest, chromium: Browser, installation: Installation
) -> AsyncIterator[Visitor]:
    """What they saw last is test output, of passed and failed tests alike."""
    someone = await new_visitor(chromium, installation)
    yield someone
    for number, page in enumerate(someone.context.pages):
        await page.screenshot(path=OUTPUT / f"{request.node.name}-{number}.png")
    await someone.context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def second_visitor(chromium: Browser, installation: Installation) -> AsyncIterator[Visitor]:
    someone = await new_visitor(chromium, installation)
    yield someone
    await someone.context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def person(installation: Installation, request: pytest.FixtureRequest) -> Person:
    """A user of their own for each test: nobody else's session, codes or home are in the way."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))
    name = f"{words[:24].strip('-')}-{zlib.crc32(request.node.name.encode()):08x}"
    made = installation.client().post(
        "admin", "users", body={"name": name, "groups": ["staff"], "role": "user"}
    )
    async with ApiBrowser(installation.url) as browser:
        enrolled = await enrol_early(browser, made["enrolment"]["link"], time.time)
    return Person(name, enrolled.password, enrolled.totp_secret, enrolled.used_step)

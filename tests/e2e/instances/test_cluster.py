"""A site on one machine, a host on another, a browser that trusts the site's web CA: each machine a network namespace.

The tests of this file are steps on one cluster and run in their order: joining, working, a new version under a person
who types, the way back to loopback, and what is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Error, Page, async_playwright

from portcullis.quickstart import instance
from portcullis.tasks import spawn
from tests.e2e.conftest import CHROMIUM, OUTPUT, Complaints, Installation, copy_of_the_tree
from tests.e2e.portal import (
    Person,
    launch,
    settled,
    sign_in,
    wait_for_picture,
    wait_for_session,
    what_is_told,
)
from tests.e2e.test_work import content, save_as
from tests.support import environments
from tests.support.machines import Machine, machines
from tests.support.pages import be_patient
from tests.support.patience import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAME = "apps.portcullis.test"
HOST = "desk-b"
EDITOR = "Mousepad"
TERMINAL = "XTerm"


@dataclass
class Clone:
    """A clone on one of the machines."""

    machine: Machine
    folder: Path

    def deploy(
        self, script: str, *options: str, check: bool = True, **more: Any
    ) -> subprocess.CompletedProcess[str]:
        return self.machine.run(
            f"deploy/{script}", "--no-install", *options, cwd=self.folder, check=check, **more
        )

    async def deploy_later(self, script: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *(*self.machine.prefix, f"deploy/{script}", "--no-install"),
            cwd=self.folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()

    def portcullis(self, *words: str) -> Any:
        return json.loads(self.machine.run(".venv/bin/portcullis", *words, "--json", cwd=self.folder).stdout)

    def portcullis_says(self, *words: str) -> str:
        return self.machine.run(".venv/bin/portcullis", *words, cwd=self.folder).stdout

    def change_a_line(self, mark: str) -> None:
        """Another version: other content of every part, so another release."""
        for package in ("portcullis", "broker", "gateway", "agents"):
            with (self.folder / package / "__init__.py").open("a") as file:
                file.write(f"# {mark}\n")

    @property
    def release(self) -> Path:
        found = instance.load(self.folder)
        assert found is not None
        return found.release


@dataclass
class Cluster:
    site: Clone
    host: Clone
    person: Person
    session: str = ""
    """Of the person on the host."""

    @property
    def url(self) -> str:
        return f"https://{NAME}"


@pytest.fixture(scope="module")
def cluster(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    with machines("a", "b") as (one, other):
        site = Clone(one, copy_of_the_tree(folder / "site"))
        host = Clone(other, copy_of_the_tree(folder / "host"))
        for clone in (site, host):
            environments.prepare(clone.folder)  # a namespace reaches no registry
        try:
            started = site.deploy("quickstart.sh", "--listen", one.address, "--name", NAME)
            (OUTPUT / "quickstart-https.txt").write_text(started.stdout)
            token = site.portcullis("host", "join-token", "--name", HOST)
            assert token["reachable"]
            host.deploy(
                *("host.sh", "--broker", token["brokers"][0], "--name", HOST, "--join", "-"),
                stdin=token["token"],
            )
            facts = json.loads((site.folder / "var/quickstart.json").read_text())
            person = Person(facts["username"], facts["password"], facts["totp_secret"])
            yield Cluster(site, host, person)
        finally:
            for clone, script in ((host, "host.sh"), (site, "quickstart.sh")):
                keep_logs(clone)
                clone.deploy(script, "--reset", "--yes", check=False)


def keep_logs(clone: Clone) -> None:
    """They are test output: a failure in CI is read there."""
    for log in (instance.state_folder(clone.folder) / "logs").glob("*.log"):
        shutil.copy(log, OUTPUT / f"cluster-{clone.folder.name}-{log.name}")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def start_browser(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Any]:
    """Real Chromium on the site's machine, with a home of its own and what that trusts."""
    async with async_playwright() as playwright:
        opened: list[Browser] = []

        async def start(trusted: Path | None) -> Browser:
            home = tmp_path_factory.mktemp("home")
            if trusted is not None:
                trust(home, trusted)
            wrapper = home / "chromium"
            wrapper.write_text(f'#!/bin/sh\nexec {" ".join(cluster.site.machine.prefix)} {CHROMIUM} "$@"\n')
            wrapper.chmod(0o755)
            rules = f"--host-resolver-rules=MAP {NAME} {cluster.site.machine.address}"
            browser = await playwright.chromium.launch(
                executable_path=wrapper, args=["--no-sandbox", rules], env={**os.environ, "HOME": str(home)}
            )
            opened.append(browser)
            return browser

        yield start
        for browser in opened:
            await browser.close()


def trust(home: Path, certificate: Path) -> None:
    """As docs/https.md says, for Chromium on Linux."""
    database = home / ".pki/nssdb"
    database.mkdir(parents=True)
    certutil = ("certutil", "-d", f"sql:{database}")
    subprocess.run([*certutil, "-N", "--empty-password"], check=True)
    subprocess.run(
        [*certutil, "-A", "-t", "C,,", "-n", "Portcullis web CA", "-i", str(certificate)], check=True
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page(cluster: Cluster, start_browser: Any) -> Page:
    browser = await start_browser(cluster.site.folder / "var/web-ca.pem")
    context = await browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-US")
    be_patient(context)
    return await context.new_page()


async def work_on(page: Page, cluster: Cluster, wanted: str) -> str:
    """Launch the editor until it is placed there: of two hosts the less loaded one wins, equal ones by lot."""
    for _ in range(40):
        await page.get_by_role("button", name=EDITOR, exact=True).click()
        session_id = await wait_for_session(page)
        sessions = cluster.site.portcullis("get", "sessions")
        assert [session["id"] for session in sessions] == [session_id], await what_is_told(page)
        if sessions[0]["host"] == wanted:
            return await wait_for_picture(page)
        await page.goto(cluster.url)  # a page that attaches meanwhile would complain that it ended
        cluster.site.portcullis_says("session", "logoff", session_id)
        await until(lambda: not cluster.site.portcullis("get", "sessions"))
    raise AssertionError(f"never placed on {wanted}")


async def type_meanwhile(page: Page, work: Coroutine[Any, Any, None]) -> str:
    """Type as fast as people do, from before `work` until after it. Returns the text."""
    task = spawn(work, name="meanwhile")
    typed = ""
    while not task.done():
        word = f"w{len(typed)} "
        await page.keyboard.type(word, delay=60)
        typed += word
    task.result()
    await page.keyboard.type("end", delay=60)
    return typed + "end"


async def saved_text(page: Page, name: str, text: str) -> None:
    """The editor saves to the file that it has, once the picture rests: it then has drawn all of the text."""
    await settled(page)
    await page.keyboard.press("Control+s")
    with contextlib.suppress(TimeoutError):
        await until(lambda: content(name).strip() == text)
    assert content(name).strip() == text


async def test_a_browser_that_was_not_told_refuses_the_web_ca(cluster: Cluster, start_browser: Any) -> None:
    browser = await start_browser(None)
    page = await browser.new_page()
    with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
        await page.goto(cluster.url)
    await browser.close()


async def test_a_person_works_over_https_in_a_session_on_the_other_machine(
    cluster: Cluster, page: Page
) -> None:
    complaints = Complaints()
    complaints.watch(page)
    await sign_in(page, cluster.url, cluster.person)
    (cookie,) = await page.context.cookies()
    assert cookie["name"].startswith("__Host-") and cookie["secure"] and cookie["httpOnly"]
    cluster.session = await work_on(page, cluster, HOST)
    await page.keyboard.type("hello from b", delay=10)
    await save_as(page, "cluster.txt")
    await until(lambda: content("cluster.txt").strip() == "hello from b")
    state = instance.state_folder(cluster.host.folder)
    assert list(state.glob("homes/*/cluster.txt")), "the file lies on the other machine"
    assert complaints == []
    await page.screenshot(path=OUTPUT / "cluster.png")


async def test_a_new_version_on_both_machines_loses_no_key(cluster: Cluster, page: Page) -> None:
    before = (cluster.site.release, cluster.host.release)
    for clone in (cluster.site, cluster.host):
        clone.change_a_line("another version")

    async def upgrade() -> None:
        await cluster.site.deploy_later("quickstart.sh")
        await cluster.host.deploy_later("host.sh")

    await page.keyboard.press("Control+a")
    text = await type_meanwhile(page, upgrade())
    await saved_text(page, "cluster.txt", text)
    after = (cluster.site.release, cluster.host.release)
    assert set(before).isdisjoint(after)
    assert running_from(cluster.host.folder) == {after[1]}


def running_from(clone: Path) -> set[Path]:
    """Releases whose agent serves this clone's instance."""
    state = str(instance.state_folder(clone))
    found = set()
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = cmdline.read_bytes().split(b"\0")
        except OSError:
            continue
        joined = [os.fsdecode(word) for word in words]
        if "serve" in joined and any(word.startswith(state) for word in joined):
            found.update(Path(word).parents[1] for word in joined if "/bin/portcullis-" in word)
    return found


async def test_back_on_loopback_people_work_here_and_take_a_new_version(cluster: Cluster, page: Page) -> None:
    site = cluster.site
    site.deploy("quickstart.sh", "--listen", "localhost")
    facts = json.loads((site.folder / "var/quickstart.json").read_text())
    assert facts["url"].startswith("http://localhost:") and facts["ca_cert"] is None
    made = site.machine.run(".venv/bin/portcullis", "host", "join-token", cwd=site.folder)
    assert "can't reach this site" in made.stderr and "--listen ADDRESS" in made.stderr
    await sign_in(page, facts["url"], cluster.person)
    await launch(page, TERMINAL)
    await page.keyboard.type("cat > loopback.txt\n", delay=10)
    site.change_a_line("yet another version")
    text = await type_meanwhile(page, site.deploy_later("quickstart.sh"))
    await page.keyboard.type("\n", delay=10)
    with contextlib.suppress(TimeoutError):
        await until(lambda: content("loopback.txt").strip() == text)
    assert content("loopback.txt").strip() == text
    await until(lambda: [h["name"] for h in site.portcullis("get", "hosts") if not h["online"]] == [HOST])


async def test_listening_again_brings_the_other_machine_back_with_its_session(
    cluster: Cluster, page: Page
) -> None:
    site = cluster.site
    site.deploy("quickstart.sh", "--listen", site.machine.address, "--name", NAME)
    await until(lambda: all(host["online"] for host in site.portcullis("get", "hosts")))
    # What the broker says is of its last channel for a moment yet.
    await until(
        lambda: "connected to a broker" in cluster.host.deploy("host.sh", "--status", check=False).stdout
    )
    await page.goto(cluster.url)  # the login of before is still good there
    assert await launch(page, EDITOR) == cluster.session
    await page.keyboard.press("Control+a")
    await page.keyboard.type("and it went on", delay=10)
    await saved_text(page, "cluster.txt", "and it went on")


async def test_a_further_gateway_joins_after_a_token_of_the_other_role_left_nothing(
    cluster: Cluster, tmp_path: Path
) -> None:
    gateway = Clone(cluster.host.machine, copy_of_the_tree(tmp_path / "gateway"))
    environments.prepare(gateway.folder)
    state = instance.state_folder(gateway.folder)

    def join(token: dict[str, Any], **more: Any) -> subprocess.CompletedProcess[str]:
        where = ("--listen", gateway.machine.address, "--name", "edge.portcullis.test", "--as", "edge")
        options = ("--broker", token["brokers"][0], *where, "--join", "-")
        return gateway.deploy("gateway.sh", *options, stdin=token["token"], **more)

    refused = join(cluster.site.portcullis("host", "join-token"), check=False)
    assert refused.returncode == 1
    assert "[join_role]" in refused.stderr
    assert not state.exists()
    try:
        assert "SHA-256" in join(cluster.site.portcullis("gateway", "join-token")).stdout
        found = cluster.site.portcullis("get", "gateways")
        assert ("edge", "https://edge.portcullis.test", True) in [
            (item["name"], item["public_origin"], item["online"]) for item in found
        ]
    finally:
        gateway.deploy("gateway.sh", "--reset", "--yes", check=False)
    assert not state.exists()


async def test_reset_of_the_other_machine_leaves_nothing(cluster: Cluster) -> None:
    found = instance.load(cluster.host.folder)
    assert found is not None
    cluster.host.deploy("host.sh", "--reset", "--yes")
    assert not found.state.exists()
    assert not found.runtime.exists()
    assert found.key not in Path("/etc/passwd").read_text()

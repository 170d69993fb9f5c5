"""The quickstart without root: an ordinary user's trial, in a folder deeper than the name of a socket may be long."""

from __future__ import annotations

import json
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from portcullis.quickstart.place import instance_key
from tests.e2e.conftest import OUTPUT, Installation, Visitor, copy_of_the_tree, free_port, new_visitor
from tests.e2e.portal import Person, launch, settled, sign_in, until_exact, wait_for_picture
from tests.support import ordinary_user
from tests.support.ordinary_user import OrdinaryUser
from tests.support.patience import until

DEEP = "a folder with blanks and a name that is long enough for every socket/" * 2
SYSTEM_FOLDERS = ("/tmp", "/dev/shm", "/var/lib", "/run", "/opt")


@dataclass
class Trial:
    folder: Path
    user: OrdinaryUser

    def run(self, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.user.run("deploy/quickstart.sh", *options, cwd=self.folder, **environment)

    def facts(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "var/quickstart.json").read_text()))

    def hosts(self) -> list[dict[str, Any]]:
        command = self.user.run(".venv/bin/portcullis", "get", "hosts", "--json", cwd=self.folder)
        return list(json.loads(command.stdout))

    def traces(self, session: str) -> list[Path]:
        runtimes = Path("/tmp").glob(f"portcullis-{self.user.uid}-*/sessions/{session}")
        return [*Path("/dev/shm").glob(f"*{session}*"), *runtimes]

    @property
    def homes(self) -> Path:
        return self.folder / "var/state/homes"


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    with ordinary_user.made() as user:
        folder = copy_of_the_tree(user.home / DEEP / "portcullis")
        subprocess.run(["chown", "-R", f"{user.name}:", user.home], check=True)
        yield Trial(folder, user)


@pytest.fixture(scope="module")
def running(trial: Trial) -> Iterator[Trial]:
    started = trial.run("--unprivileged", "--port", str(free_port()))
    assert started.returncode == 0, started.stdout
    assert "unprivileged trial" in started.stdout
    yield trial
    for log in trial.folder.glob("var/state/logs/*.log"):
        shutil.copyfile(log, OUTPUT / f"unprivileged-{log.name}")
    done = trial.run("--unprivileged", "--reset", "--yes")
    assert done.returncode == 0, done.stdout


def test_missing_packages_are_named_all_at_once_and_nothing_is_done(trial: Trial) -> None:
    query = trial.user.home / "dpkg-query"
    query.write_text('#!/bin/sh\n/usr/bin/dpkg-query "$@" | grep -v -e "^openbox " -e "^xvfb "\n')
    query.chmod(0o755)
    done = trial.run("--unprivileged", PATH=f"{query.parent}:/usr/bin:/bin")
    assert done.returncode == 1
    assert "apt-get install --no-install-recommends openbox xvfb" in done.stdout
    assert not (trial.folder / "var").exists() and not (trial.folder / ".venv").exists()


def test_root_is_told_to_leave_it_out(trial: Trial) -> None:
    done = subprocess.run(
        ["deploy/quickstart.sh", "--unprivileged"], cwd=trial.folder, text=True, capture_output=True
    )
    assert done.returncode == 1
    assert "for ordinary users" in done.stderr


def test_without_the_option_it_stays_with_root(trial: Trial) -> None:
    done = trial.run(PATH="/nowhere")
    assert "needs root or sudo" in done.stdout or done.returncode == 127
    assert not (trial.folder / "var").exists()


@pytest.mark.asyncio(loop_scope="session")
async def test_a_day_without_root(running: Trial, chromium: Browser) -> None:
    """Sign in, launch, work, come back after the agent was killed, log off."""
    facts = running.facts()
    visitor = await new_visitor(chromium, Installation(running.folder, facts))
    person = Person(facts["username"], facts["password"], facts["totp_secret"])
    page = await visitor.page()
    await sign_in(page, facts["url"], person)
    await expect(page.get_by_role("note")).to_contain_text("sessions are not walled off from each other")
    session = await launch(page, "XTerm")
    await shell(page, "id -un >who.txt; pwd >>who.txt")
    (home,) = running.homes.iterdir()
    await until(lambda: lines(home / "who.txt") == [running.user.name, str(home)])
    processes = running.user.processes()
    assert {"Xvfb", "openbox", "xterm", "broker", "gateway", "agent"} <= processes.keys()
    processes["agent"].kill()
    await until(lambda: running.user.processes().get("agent", processes["agent"]) != processes["agent"])
    assert running.user.processes()["xterm"] == processes["xterm"]
    await come_back(page, visitor, facts["url"], session, home)
    await visitor.context.close()
    await until(lambda: not running.traces(session))
    assert "xterm" not in running.user.processes()


async def come_back(page: Page, visitor: Visitor, url: str, session: str, home: Path) -> None:
    """In another tab, to the same shell, and log off."""
    await page.screenshot(path=OUTPUT / "unprivileged-xterm.png")
    await page.close()
    again = await visitor.page()
    await again.goto(url)
    await again.get_by_role("button", name="Return to XTerm").click()
    assert await wait_for_picture(again) == session
    await shell(again, "echo again >again.txt")
    await until(lambda: lines(home / "again.txt") == ["again"])
    await until_exact(again, session)
    assert visitor.complaints == []
    await again.goto(url)
    await again.get_by_role("button", name="Log off XTerm").click()
    await again.get_by_role("dialog").get_by_role("button", name="Log off", exact=True).click()
    await expect(again.get_by_text("Running sessions")).to_be_hidden()


async def shell(page: Page, command: str) -> None:
    await settled(page)
    await page.keyboard.type(f"{command}\n", delay=10)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_the_host_says_that_it_has_no_walls(running: Trial) -> None:
    assert [host["isolation"] for host in running.hosts()] == ["none"]
    status = running.run("--status")
    assert status.returncode == 0
    assert "unprivileged trial" in status.stdout


def test_everything_lies_below_the_clone_and_nothing_is_for_others(running: Trial) -> None:
    key = instance_key(running.folder)
    assert [account.pw_name for account in pwd.getpwall() if key in account.pw_name] == []
    assert [path for folder in ("/var/lib", "/run", "/opt") for path in Path(folder).glob(f"*{key}*")] == []
    assert [path.name for path in running.user.leftovers("/var/lib", "/run", "/opt")] == []
    (runtime,) = (path for path in running.user.leftovers("/tmp") if path.name.startswith("portcullis-"))
    for path in (runtime, running.folder / "var", running.folder / "var/state", running.homes):
        assert path.stat().st_mode & 0o077 == 0
    sockets = [c.laddr for p in running.user.processes().values() for c in p.net_connections("inet")]
    assert sockets and {address.ip for address in sockets} == {"127.0.0.1"}


def test_root_does_not_take_over_an_unprivileged_trial(running: Trial) -> None:
    for options in ([], ["--stop"], ["--reset", "--yes"]):
        done = subprocess.run(
            ["deploy/quickstart.sh", "--no-install", *options],
            cwd=running.folder,
            text=True,
            capture_output=True,
        )
        assert done.returncode == 1
        assert f"trial of {running.user.name}" in done.stderr
    assert {"broker", "gateway", "agent"} <= running.user.processes().keys()


def test_stop_and_start_keep_everything_and_reset_leaves_nothing(running: Trial) -> None:
    facts = running.facts()
    assert running.run("--stop").returncode == 0
    assert running.user.processes() == {}
    assert running.run("--status").returncode == 3
    assert running.run().returncode == 0  # a clone that was begun without root goes on so
    assert running.facts() == facts
    cache = running.homes / "somebody" / "cache"
    cache.mkdir(parents=True)
    (cache / "module").touch()
    shutil.chown(running.homes / "somebody", running.user.name)
    shutil.chown(cache, running.user.name)
    cache.chmod(0o555)  # as caches of packages are
    assert running.run("--reset", "--yes").returncode == 0
    assert running.user.processes() == {}
    assert running.user.leftovers(*SYSTEM_FOLDERS) == []
    assert not (running.folder / "var").exists()

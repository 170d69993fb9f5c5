"""The wheel in an empty environment, outside of any clone: `portcullis demo`, a person at work, and Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from portcullis.quickstart import instance
from tests.e2e.conftest import TREE, Installation, free_port, new_visitor
from tests.e2e.portal import Person, launch, settled, sign_in
from tests.support import ordinary_user
from tests.support.ordinary_user import OrdinaryUser
from tests.support.patience import until


@pytest.fixture(scope="module")
def user() -> Iterator[OrdinaryUser]:
    with ordinary_user.made() as made:
        yield made


@pytest.fixture(scope="module")
def environment(user: OrdinaryUser, installation: Installation) -> Path:
    """A venv with the wheel, and with what the hash lock names: that of the installation, made of the same."""
    folder = user.home.parent / "venv"
    dist = user.home.parent / "dist"
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for command in (
        (str(TREE / "deploy/build.sh"), str(dist)),
        ("/usr/bin/python3", "-m", "venv", "--without-pip", str(folder)),
    ):
        subprocess.run(command, check=True, env=plain, cwd="/", umask=0o022)
    found = instance.load(installation.clone)
    assert found is not None
    (packages,) = (found.release / "environment").resolve().glob("lib/python3*/site-packages")
    (own,) = folder.glob("lib/python3*/site-packages")
    (own / "locked.pth").write_text(f"{packages}\n")
    (wheel,) = dist.glob("*.whl")
    pip = (sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "--disable-pip-version-check")
    command = (*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel))
    subprocess.run(command, check=True, env=plain, cwd="/", umask=0o022)
    return folder


@dataclass
class Demo:
    process: subprocess.Popen[str]
    folder: Path
    """With var/, as a clone has it."""
    said: str

    @property
    def facts(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "var/quickstart.json").read_text()))

    def end(self, number: int = signal.SIGINT) -> str:
        """Until whoever cleans up behind it has ended as well: it has the same output."""
        self.process.send_signal(number)
        assert self.process.stdout is not None
        rest = self.process.stdout.read()
        self.process.wait()
        return rest


@contextlib.contextmanager
def started(command: list[str]) -> Iterator[Demo]:
    with subprocess.Popen(
        command,
        cwd="/",
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        said = ""
        assert process.stdout is not None
        for line in process.stdout:
            said += line
            if "Ctrl-C stops everything" in line:
                break
        folder = re.search(r"secrets in (\S+)/var/quickstart\.json", said)
        assert folder, said
        try:
            yield Demo(process, Path(folder[1]), said)
        finally:
            process.terminate()


def displays_stand(user: OrdinaryUser) -> bool:
    """A server that is killed in its first moments leaves its keyboard map in /tmp, and nobody knows its number yet."""
    servers = [process for process in user.all_processes() if process.info["name"] == "Xvfb"]
    return all(time.time() - process.create_time() > 1 for process in servers)


@pytest.mark.asyncio(loop_scope="session")
async def test_an_ordinary_user_tries_the_wheel_and_nothing_is_left_even_when_it_is_killed(
    user: OrdinaryUser, environment: Path, chromium: Browser
) -> None:
    port = free_port()
    with started(user.command(str(environment / "bin/portcullis"), "demo", "--port", str(port))) as demo:
        facts = demo.facts
        assert facts["url"] == f"http://localhost:{port}" and facts["password"] in demo.said
        assert "unprivileged trial" in demo.said
        visitor = await new_visitor(chromium, Installation(demo.folder, facts))
        page = await visitor.page()
        await sign_in(page, facts["url"], Person(facts["username"], facts["password"], facts["totp_secret"]))
        await launch(page, "XTerm")
        await settled(page)
        await page.keyboard.type("id -un >who.txt\n", delay=10)
        (home,) = (demo.folder / "var/state/homes").iterdir()
        await until(
            lambda: (home / "who.txt").exists() and (home / "who.txt").read_text() == f"{user.name}\n"
        )
        assert visitor.complaints == []
        await visitor.context.close()
        await until(lambda: displays_stand(user))
        demo.end(signal.SIGKILL)
    await until(lambda: user.all_processes() == [])
    assert user.leftovers("/tmp", "/dev/shm", "/tmp/.X11-unix") == []
    assert sorted(path.name for path in user.home.iterdir() if not path.name.startswith(".")) == []


def test_what_is_kept_is_there_for_the_next_time_and_one_at_a_time_has_it(
    user: OrdinaryUser, environment: Path
) -> None:
    """That it is taken up again is what the quickstart does, too (test_unprivileged.py)."""
    command = user.command(str(environment / "bin/portcullis"), "demo", "--keep", str(user.home / "kept"))
    with started(command) as demo:
        before = demo.facts
        (demo.folder / "var/state/homes/letter.txt").write_text("Dear")
        second = subprocess.run(command, cwd="/", text=True, capture_output=True)
        assert second.returncode == 1 and "runs in" in second.stderr
        assert "broker" in user.processes()
        demo.end()
    assert demo.process.returncode == 0
    assert user.all_processes() == []
    assert demo.folder == user.home / "kept" and demo.facts == before
    assert (demo.folder / "var/state/homes/letter.txt").read_text() == "Dear"


def test_root_gets_accounts_for_sessions_and_they_go_in_the_end(environment: Path) -> None:
    with started([str(environment / "bin/portcullis"), "demo"]) as demo:
        key = re.search(r"/var/lib/portcullis-([0-9a-f]{8})/", demo.said)
        assert key and "unprivileged" not in demo.said
        listed = [str(environment / "bin/portcullis"), "--profile", str(demo.folder / "var/profile.json")]
        hosts = subprocess.run(
            [*listed, "get", "hosts", "--json"], capture_output=True, check=True, cwd="/"
        ).stdout
        assert [host["isolation"] for host in json.loads(hosts)] == ["accounts"]
        demo.end()
    assert demo.process.returncode == 0
    left = [*Path("/var/lib").glob(f"*{key[1]}*"), *Path("/run").glob(f"*{key[1]}*"), demo.folder]
    assert [path for path in left if path.exists()] == []
    assert [account.pw_name for account in pwd.getpwall() if key[1] in account.pw_name] == []


def test_an_environment_that_accounts_cannot_read_is_named_to_root(environment: Path) -> None:
    environment.chmod(0o700)
    try:
        done = subprocess.run(
            [str(environment / "bin/portcullis"), "demo"], cwd="/", text=True, capture_output=True
        )
    finally:
        environment.chmod(0o755)
    assert done.returncode == 1
    assert f"cannot read {environment}" in done.stderr


def test_missing_commands_are_named_by_their_packages(user: OrdinaryUser, environment: Path) -> None:
    """In a mount namespace in which two of them cannot be executed."""
    hide = "; ".join(f"mount --bind /dev/null {path}" for path in ("/usr/bin/openbox", "/usr/bin/Xvfb"))
    demo = shlex.join(user.command(str(environment / "bin/portcullis"), "demo"))
    command = ["unshare", "--mount", "sh", "-c", f"{hide}; exec {demo}"]
    done = subprocess.run(command, cwd="/", text=True, capture_output=True)
    assert done.returncode == 1
    assert "apt-get install --no-install-recommends xvfb openbox" in done.stderr

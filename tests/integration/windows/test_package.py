"""portcullis-agent.msi as Wine's installer takes it: installed without a question, joined, replaced, and removed.

Wine sets no UPGRADINGPRODUCTCODE when a package replaces another, so that it does not know an upgrade from a removal:
here the removal of an upgrade is asked for as Windows asks for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from deploy.windows import build, payload
from portcullis.protocol.discovery import Installed
from tests.support import windows_package
from tests.support.patience import patient, until, until_now
from tests.support.running_broker import RunningBroker, running_broker
from tests.support.start_menu import make_links
from tests.support.wine import Wine, wine

SERVICE_KEY = r"HKLM\System\CurrentControlSet\Services\PortcullisAgent"
SECONDS = 60


@dataclass(frozen=True)
class Packages:
    older: Path
    newer: Path


@pytest.fixture(scope="module")
def windows() -> Iterator[Wine]:
    """A prefix of its own: services of other tests have the same name."""
    with wine() as prefix:
        yield prefix


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    folder = tmp_path_factory.mktemp("packages")
    embeddable = folder / "python-test-embed.zip"
    sha256 = windows_package.embeddable(embeddable)
    lock = windows_package.short_lock(folder / "short.lock")
    payload.collect(folder / "payload", embeddable, sha256, "1.0.0", lock)
    made = Packages(folder / "older.msi", folder / "newer.msi")
    build.package(folder / "payload", "1.0.0", made.older)
    build.package(folder / "payload", "1.1.0", made.newer)
    return made


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[RunningBroker]:
    async with running_broker(tmp_path) as site:
        yield site


@pytest.fixture
def clean(windows: Wine, packages: Packages) -> Iterator[None]:
    yield
    if service(windows):
        stop(windows)
        for package in (packages.newer, packages.older):
            msiexec(windows, "/x", package, check=False)


def table(package: Path, name: str) -> list[list[str]]:
    told = subprocess.run(
        ["msiinfo", "export", package, name], capture_output=True, check=True, text=True
    ).stdout
    return [line.split("\t") for line in told.splitlines()[3:]]


def msiexec(windows: Wine, action: str, package: Path, *properties: str, check: bool = True) -> int:
    """Its status. `check`: fails, with what the package's own actions said, unless that is 0."""
    given = (action, windows.path(package), "/qn", "/l*v", "C:\\package.log", *properties)
    done = windows.run("msiexec", *given, timeout=patient(SECONDS), check=False)
    said = windows.drive / "ProgramData/Portcullis/logs/install.log"
    reason = said.read_text() if said.exists() else "nothing was said"
    assert not check or done.returncode == 0, f"{done.returncode}: {reason}\n{done.stdout}{done.stderr}"
    return done.returncode


def service(windows: Wine) -> str:
    """What the registry says of it; nothing: there is none."""
    told = windows.run("reg", "query", SERVICE_KEY, check=False)
    return told.stdout if told.returncode == 0 else ""


def stop(windows: Wine) -> None:
    """And wait for its process: Wine's installer does not, and then cannot remove what that has open."""
    windows.run("net", "stop", "PortcullisAgent", check=False)
    until_now(lambda: not service_runs(windows), SECONDS)


def service_runs(windows: Wine) -> bool:
    for process in psutil.process_iter(["cmdline"]):
        if "agents.windows.service" in (process.info["cmdline"] or ()):
            with contextlib.suppress(psutil.Error):
                if process.environ().get("WINEPREFIX") == str(windows.prefix):
                    return True
    return False


def left(windows: Wine) -> list[str]:
    folders = ("Program Files/Portcullis", "ProgramData/Portcullis")
    found = [path for name in folders for path in (windows.drive / name).rglob("*")]
    return sorted(str(path.relative_to(windows.drive)) for path in found)


def test_the_same_parts_make_the_same_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "quite another place"):
        folder = tmp_path / name / "payload"
        (folder / "Lib").mkdir(parents=True)
        for file in ("python.exe", "python311.dll", "Lib/module.py"):
            (folder / file).write_text(file)
        build.package(folder, "1.0.0", tmp_path / name / "agent.msi")
        monkeypatch.setenv("TZ", "Pacific/Auckland")
    one, other = (tmp_path / name / "agent.msi" for name in ("one", "quite another place"))
    assert one.read_bytes() == other.read_bytes()
    (tmp_path / "one/payload/Lib/module.py").write_text("changed")
    build.package(tmp_path / "one/payload", "1.0.0", one)
    assert one.read_bytes() != other.read_bytes()


def test_the_tables_say_service_upgrade_and_what_stays_secret(packages: Packages) -> None:
    properties = dict(table(packages.newer, "Property"))
    assert properties["ALLUSERS"] == "1" and "JOINTOKEN" in properties["MsiHiddenProperties"].split(";")
    assert {"BROKERURL", "JOINTOKEN", "HOSTNAME"} <= set(properties["SecureCustomProperties"].split(";"))
    ((_, name, _, kind, start, _, _, _, account, _, arguments, _, _),) = table(
        packages.newer, "ServiceInstall"
    )
    assert (name, kind, start, account) == ("PortcullisAgent", "16", "2", "LocalSystem")
    assert arguments == "-I -m agents.windows.service"
    ((_, controlled, event, _, wait, _),) = table(packages.newer, "ServiceControl")
    assert (controlled, int(event), wait) == ("PortcullisAgent", 0x2 | 0x20 | 0x80, "1")
    hidden, as_system, in_script, exe_of_file = 8192, 2048, 1024, 18
    actions = {name: int(kind) for name, kind, *_ in table(packages.newer, "CustomAction")}
    assert actions["PrepareAgent"] == hidden | as_system | in_script | exe_of_file
    older, replaced = (
        {row[-1]: row for row in table(each, "Upgrade")} for each in (packages.older, packages.newer)
    )
    upgrade = replaced["WIX_UPGRADE_DETECTED"]
    assert upgrade[0] == older["WIX_UPGRADE_DETECTED"][0] and upgrade[2] == "1.1.0"
    assert int(upgrade[4]) & 512, "a package of the same version replaces what is there"


def test_every_action_comes_in_its_turn(packages: Packages) -> None:
    found = {name: int(number) for name, _, number in table(packages.newer, "InstallExecuteSequence")}
    turns = "InstallInitialize RemoveExistingProducts StopServices DeleteServices RemoveAgent RemoveFiles"
    turns += " InstallFiles InstallServices PrepareAgent StartAgent InstallFinalize"
    numbers = [found[name] for name in turns.split()]
    assert numbers == sorted(numbers)


async def told_by(site: RunningBroker, host_id: str) -> list[Installed]:
    """What is installed there. A busy machine may not look in the seconds that a broker waits: it is asked again."""
    answers = []

    async def is_done() -> bool:
        answers.append(await site.parts.discovery.applications(host_id, ""))
        return answers[-1][0] == "done"

    await until(is_done, SECONDS)
    return answers[-1][1]


async def test_a_silent_installation_joins_an_upgrade_keeps_and_a_removal_leaves_nothing(
    windows: Wine, packages: Packages, site: RunningBroker, clean: None
) -> None:
    token, _ = await site.parts.join_tokens.mint("host", tenants=[site.tenant])
    program = windows.drive / "ProgramData/Microsoft/Windows/Start Menu/Programs/Notepad.lnk"
    make_links(windows, [{"path": program, "target": r"C:\windows\notepad.exe"}])
    file = windows.drive / "token.txt"
    file.write_text(token.text + "\r\n", encoding="utf-16")
    given = (f"BROKERURL=https://{site.broker.address}/", "HOSTNAME=desk-7", "JOINTOKENFILE=C:\\token.txt")
    await asyncio.to_thread(msiexec, windows, "/i", packages.older, *given)
    host = next(host for host in site.parts.hosts.list() if host.name == "desk-7")
    await until(lambda: site.parts.hosts.is_live(host.id), SECONDS)
    found = await told_by(site, host.id)
    assert [each.command for each in found] == [(r"C:\windows\notepad.exe",)]
    assert '"C:\\Program Files\\Portcullis\\Agent\\1.0.0\\python.exe" -I' in service(windows)
    assert not file.exists(), "the file with the token was left"
    data = windows.drive / "ProgramData/Portcullis"
    for path in (windows.drive / "package.log", *(path for path in data.rglob("*") if path.is_file())):
        assert token.text.encode() not in path.read_bytes()

    identity = (data / "agent/machine.json").read_text()
    (data / "agent.yaml").write_text("log_level: debug\n")
    await asyncio.to_thread(stop, windows)
    msiexec(windows, "/x", packages.older, "UPGRADINGPRODUCTCODE={anything}")
    assert not service(windows) and not (windows.drive / "Program Files/Portcullis").exists()
    spent = f"JOINTOKEN={token.text}"
    await asyncio.to_thread(msiexec, windows, "/i", packages.newer, *given[:2], spent)
    assert (data / "agent/machine.json").read_text() == identity
    assert (data / "agent.yaml").read_text() == "log_level: debug\n"
    assert r"Agent\1.1.0\python.exe" in service(windows)

    stop(windows)
    msiexec(windows, "/x", packages.newer)
    assert left(windows) == [] and not service(windows)


@pytest.mark.long  # what the test before takes apart, as Wine's installer does it in one
def test_a_newer_package_takes_the_place_of_an_older_one_and_not_the_other_way(
    windows: Wine, packages: Packages, clean: None
) -> None:
    msiexec(windows, "/i", packages.older)
    stop(windows)
    msiexec(windows, "/i", packages.newer)
    versions = windows.drive / "Program Files/Portcullis/Agent"
    assert [path.name for path in versions.iterdir()] == ["1.1.0"]
    assert r"Agent\1.1.0\python.exe" in service(windows)
    msiexec(windows, "/i", packages.older, check=False)
    assert [path.name for path in versions.iterdir()] == ["1.1.0"]


def test_an_installation_that_cannot_join_fails_and_says_why(
    windows: Wine, packages: Packages, clean: None
) -> None:
    nobody = ("BROKERURL=127.0.0.1:9", "HOSTNAME=desk-9", f"JOINTOKEN=join_{'0' * 16}_{'x' * 43}_{'0' * 64}")
    assert msiexec(windows, "/i", packages.older, *nobody, check=False) != 0
    assert not service(windows)
    said = (windows.drive / "ProgramData/Portcullis/logs/install.log").read_text()
    assert "join" in said and "x" * 43 not in said

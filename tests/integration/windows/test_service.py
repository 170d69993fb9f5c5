"""The agent as a service of Windows that has joined a site: Wine's service manager starts it, it serves a launch, is
replaced while the session runs, and ends it. Broker, service, helper, worker and application are real.

Wine has no session 0: the service finds "who is signed in" in its own session. docs/windows.md has what that leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support import windows_python
from tests.support.patience import until, until_now
from tests.support.running_broker import RunningBroker, running_broker
from tests.support.wine import Wine

SERVICE, HOST = "PortcullisJoined", "desk-8"
SECONDS = 60


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[RunningBroker]:
    async with running_broker(tmp_path) as site:
        yield site


@pytest.fixture
def service(windows: Wine) -> Iterator[str]:
    python = windows.path(windows_python.PYTHON / "python.exe")
    command = f'"{python}" -I -m agents.windows.service --state C:\\joined --runtime C:\\joined-run'
    windows.run("sc", "create", SERVICE, "type=", "own", "start=", "demand", "binPath=", command)
    yield SERVICE
    windows.run("net", "stop", SERVICE, check=False)
    windows.run("sc", "delete", SERVICE)


async def join(windows: Wine, site: RunningBroker) -> None:
    token, _ = await site.parts.join_tokens.mint("host", tenants=[site.tenant])
    (windows.drive / "token.txt").write_text(token.text)
    given = ("--state", "C:\\joined", "--broker", str(site.broker.address), "--name", HOST)
    await asyncio.to_thread(windows.python, "-m", "agents", "join", *given, "--token-file", "C:\\token.txt")


def is_connected(site: RunningBroker) -> bool:
    return any(host.name == HOST and site.parts.hosts.is_live(host.id) for host in site.parts.hosts.list())


async def test_service_that_joined_serves_a_launch_and_is_replaced_while_the_session_runs(
    windows: Wine, site: RunningBroker, service: str
) -> None:
    await join(windows, site)
    await asyncio.to_thread(windows.run, "net", "start", service)
    await until(lambda: is_connected(site), SECONDS)
    application = await site.publish("Notepad", command=("C:\\windows\\notepad.exe",))
    session = await site.launch(application)

    def state() -> str:
        found = site.parts.sessions.get(site.tenant, session.id)
        return "ended" if found is None else found.state

    await until(lambda: state() == "ready", SECONDS)
    sessions = windows.drive / "joined-run/sessions"
    assert [path.name for path in sessions.iterdir()] == [session.id]

    await asyncio.to_thread(windows.run, "net", "stop", service)
    await until(lambda: not is_connected(site), SECONDS)
    await asyncio.to_thread(windows.run, "net", "start", service)
    await until(lambda: is_connected(site), SECONDS)
    assert state() == "ready"

    await site.parts.lifecycle.log_off(site.tenant, session.id)
    await until(lambda: state() == "ended", SECONDS)
    until_now(lambda: not list(sessions.iterdir()), SECONDS)

"""`portcullis-broker recover-admin`: the way back for a lost administrator, and whom it does not serve."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.grid.embedded import EmbeddedGrid
from broker.grid.scopes import Stores
from broker.grid.seal import SiteKey
from broker.identity.identity import build_identity
from broker.identity.users import new_user
from broker.initialise import InitialSecrets, initialise
from broker.recover import recover_administrator
from broker.repositories.users import Users
from broker.snapshot import Snapshot
from portcullis.errors import InvalidInput, Unavailable
from portcullis.model.user import User
from tests.support.broker_grid import SettableClock
from tests.support.enrolling import token_of
from tests.support.patience import patient

SITE_KEY = SiteKey(bytes(range(32)))
NOBODY = 65534


@pytest.fixture
async def grid(tmp_path: Path) -> AsyncIterator[EmbeddedGrid]:
    grid = await EmbeddedGrid.open(tmp_path / "grid.sqlite")
    yield grid
    await grid.close()


async def founded(grid: EmbeddedGrid, folder: Path, site_key: SiteKey = SITE_KEY) -> InitialSecrets:
    return await initialise(
        grid,
        site_key,
        site_name="lab",
        tenant_name="acme",
        administrator="admin",
        user="demo",
        public_origin="http://localhost:8080",
        secrets_file=folder / "secrets.json",
    )


async def users_of(grid: EmbeddedGrid, secrets: InitialSecrets) -> dict[str, User]:
    store = await Stores(grid, SITE_KEY).tenant(secrets.tenant_id)
    users = [User.from_json(record.value) for record in await store.list("user")]
    return {user.name: user for user in users}


async def recover(grid: EmbeddedGrid, name: str | None = None, tenant: str | None = None) -> str:
    return (await recover_administrator(grid, SITE_KEY, tenant_name=tenant, name=name)).link


async def test_the_link_lets_the_administrator_enrol(grid: EmbeddedGrid, tmp_path: Path) -> None:
    secrets = await founded(grid, tmp_path)
    link = await recover(grid)
    assert link.startswith("http://localhost:8080/#/enrol/enrol_")
    stores, clock = Stores(grid, SITE_KEY), SettableClock()
    snapshot = Snapshot(stores)
    await snapshot.start()
    identity = build_identity(stores, snapshot, clock)
    opened = await identity.enrolment_links.open(token_of(link))
    assert (opened.user.name, opened.tenant.name) == ("admin", "acme")
    await identity.stop()
    await snapshot.stop()
    users = await users_of(grid, secrets)
    assert not users["admin"].enrolled
    assert users["demo"].enrolled


async def test_a_disabled_administrator_is_enabled(grid: EmbeddedGrid, tmp_path: Path) -> None:
    secrets = await founded(grid, tmp_path)
    stores = Stores(grid, SITE_KEY)
    snapshot = Snapshot(stores)
    await snapshot.start()
    admin = (await users_of(grid, secrets))["admin"]
    await Users(stores, snapshot).replace(secrets.tenant_id, replace(admin, disabled=True), "test")
    await snapshot.stop()
    await recover(grid)
    assert not (await users_of(grid, secrets))["admin"].disabled


async def test_where_there_are_several_one_must_be_named(grid: EmbeddedGrid, tmp_path: Path) -> None:
    secrets = await founded(grid, tmp_path)
    stores = Stores(grid, SITE_KEY)
    snapshot = Snapshot(stores)
    await snapshot.start()
    second = new_user("Root", role="administrator")
    await Users(stores, snapshot).create(secrets.tenant_id, second, "test")
    await snapshot.stop()
    with pytest.raises(InvalidInput, match=r"admin, Root"):
        await recover(grid)
    assert (await users_of(grid, secrets))["admin"].enrolled
    await recover(grid, "root")
    assert (await users_of(grid, secrets))["admin"].enrolled


async def test_a_site_without_a_platform_administrator_gets_one(grid: EmbeddedGrid, tmp_path: Path) -> None:
    """As after an older version rewrote the user, who has lost the mark then."""
    secrets = await founded(grid, tmp_path)
    stores = Stores(grid, SITE_KEY)
    snapshot = Snapshot(stores)
    await snapshot.start()
    admin = (await users_of(grid, secrets))["admin"]
    assert admin.platform
    await Users(stores, snapshot).replace(secrets.tenant_id, replace(admin, platform=False), "test")
    await snapshot.stop()
    await recover(grid)
    assert not (await users_of(grid, secrets))["admin"].platform
    await recover_administrator(grid, SITE_KEY, tenant_name=None, name=None, platform=True)
    again = (await users_of(grid, secrets))["admin"]
    assert again.platform and not again.enrolled and again.link_hash


@pytest.mark.parametrize("name", ["demo", "nobody", ""])
async def test_a_user_without_the_role_is_not_recovered(
    grid: EmbeddedGrid, tmp_path: Path, name: str
) -> None:
    secrets = await founded(grid, tmp_path)
    with pytest.raises(InvalidInput, match="the name of an administrator"):
        await recover(grid, name)
    assert (await users_of(grid, secrets))["demo"].enrolled


async def test_an_unknown_tenant_is_named(grid: EmbeddedGrid, tmp_path: Path) -> None:
    await founded(grid, tmp_path)
    with pytest.raises(InvalidInput, match="tenant"):
        await recover(grid, tenant="globex")


async def test_an_empty_grid_has_nobody_to_recover(grid: EmbeddedGrid) -> None:
    with pytest.raises((InvalidInput, Unavailable)):
        await recover(grid)


# --- the command


async def run(*arguments: object) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "broker", *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(patient(60)):
        output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


@pytest.fixture
def state() -> Iterator[Path]:
    """Of another account, as the quickstart leaves it; in a folder that this account may reach."""
    folder = Path(tempfile.mkdtemp(prefix="portcullis-recover-"))
    folder.chmod(0o711)
    state = folder / "broker"
    state.mkdir(mode=0o700)
    yield state
    shutil.rmtree(folder)


async def test_the_command_is_refused_while_the_broker_runs_and_works_once_it_is_stopped(
    state: Path, tmp_path: Path
) -> None:
    grid = await EmbeddedGrid.open(state / "grid.sqlite")
    await founded(grid, tmp_path, SiteKey.create(state / "site.key"))
    for path in (state, *state.iterdir()):
        os.chown(path, NOBODY, NOBODY)
    status, output, errors = await run("recover-admin", "--state", state)
    assert (status, output) == (1, "")
    assert "The broker runs: nothing was changed. Stop it" in errors
    assert len(errors.splitlines()) == 1
    await grid.close()
    status, output, errors = await run("recover-admin", "--state", state)
    assert status == 0
    assert output.startswith("http://localhost:8080/#/enrol/enrol_")
    assert len(output.splitlines()) == 1
    assert "admin enrols anew by this link" in errors
    assert {(path.name, path.stat().st_uid) for path in state.iterdir()} == {
        ("grid.sqlite", NOBODY),
        ("grid.sqlite.lock", NOBODY),
        ("site.key", NOBODY),
    }


@pytest.mark.parametrize("missing", ["state", "site.key"])
async def test_a_folder_that_is_no_state_folder_is_said_in_one_line(tmp_path: Path, missing: str) -> None:
    if missing == "site.key":
        (tmp_path / "grid.sqlite").touch()
    status, output, errors = await run("recover-admin", "--state", tmp_path)
    assert (status, output) == (1, "")
    assert len(errors.splitlines()) == 1
    assert "Traceback" not in errors

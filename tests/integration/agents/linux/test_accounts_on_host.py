import asyncio
import os
import pwd
import shutil
from pathlib import Path

import pytest

from agents.linux.accounts import Accounts, home_name, remove_accounts, user_account_name
from portcullis.errors import Unavailable


async def test_account_is_made_once_however_many_launch_at_once(host):
    found = await asyncio.gather(
        *(Accounts(host.prefix, host.homes).user(host.tenant, host.user_id, "Ada") for _ in range(5)),
        *(host.accounts.worker(0) for _ in range(5)),
    )
    assert len({account.name for account in found[:5]}) == len({account.name for account in found[5:]}) == 1
    mine = [entry for entry in pwd.getpwall() if entry.pw_name.startswith(host.prefix)]
    assert len(mine) == 2 and {entry.pw_shell for entry in mine} == {"/usr/sbin/nologin"}


async def test_no_password_opens_an_account(host):
    account = await host.accounts.user(host.tenant, host.user_id, "Ada")
    lines = Path("/etc/shadow").read_text().splitlines()
    (field,) = [line.split(":")[1] for line in lines if line.startswith(account.name + ":")]
    assert field.startswith("!")


@pytest.mark.parametrize("name", ["Zoë Müller", "a:b,c=d\n", "x" * 200, "漢字", "--root=/", "", "\u202eevil"])
async def test_user_name_of_any_kind_makes_an_account(host, name):
    account = await host.accounts.user(host.tenant, host.user_id, name)
    entry = pwd.getpwnam(account.name)
    assert entry.pw_gecos.startswith("Portcullis ") and f"{host.tenant}/{host.user_id}" in entry.pw_gecos


async def test_users_of_one_name_have_homes_of_their_own(host):
    ada = await host.accounts.user(host.tenant, host.user_id, "Ada")
    other = await host.accounts.user(host.tenant, "f" * 16, "Ada")
    assert ada.home.name.startswith("ada-") and other.home.name.startswith("ada-") and ada.home != other.home


async def test_two_tenants_on_one_host_share_no_account_and_see_no_home_of_each_other(host):
    """The same user, to the id: what tells them apart is the tenant alone."""
    ours = await host.accounts.user(host.tenant, host.user_id, "Ada")
    theirs = await host.accounts.user("b" * 16, host.user_id, "Ada")
    assert {ours.uid, ours.gid} & {theirs.uid, theirs.gid} == set() and ours.home != theirs.home
    assert set(os.getgrouplist(theirs.name, theirs.gid)) == {theirs.gid}
    (ours.home / "secret").write_text("ours")
    assert ours.home.stat().st_mode & 0o077 == 0
    assert remove_accounts(host.prefix, host.tenant) == [ours.name]
    assert not ours.home.exists() and theirs.home.exists() and pwd.getpwnam(theirs.name)


async def test_an_account_whose_name_falls_together_with_another_tenants_is_refused(host, monkeypatch):
    ours = await host.accounts.user(host.tenant, host.user_id, "Ada")
    monkeypatch.setattr("agents.linux.accounts.user_account_name", lambda *_: ours.name)
    with pytest.raises(Unavailable) as refused:
        await host.accounts.user("b" * 16, host.user_id, "Ada")
    assert refused.value.code == "account_failed"


async def test_folder_that_has_the_name_of_a_home_is_not_taken(host):
    account = user_account_name(host.prefix, host.tenant, host.user_id)
    taken = host.homes / home_name("Ada", account)
    taken.mkdir(parents=True)
    found = await host.accounts.user(host.tenant, host.user_id, "Ada")
    assert found.home == host.homes / account and taken.stat().st_uid == 0
    assert found.home.stat().st_uid == found.uid
    remove_accounts(host.prefix)
    assert taken.exists() and not found.home.exists()


async def test_renamed_user_keeps_account_and_home(host):
    before = await host.accounts.user(host.tenant, host.user_id, "Ada")
    assert await host.accounts.user(host.tenant, host.user_id, "Countess") == before
    assert "Countess" in pwd.getpwnam(before.name).pw_gecos


async def test_lost_home_is_made_anew_for_its_owner(host):
    account = await host.accounts.user(host.tenant, host.user_id, "Ada")
    shutil.rmtree(account.home)
    await host.accounts.user(host.tenant, host.user_id, "Ada")
    found = account.home.stat()
    assert (found.st_uid, found.st_mode & 0o777) == (account.uid, 0o700)
    assert {path.stat().st_uid for path in account.home.rglob("*")} == {account.uid}


async def test_strict_umask_of_the_agent_shuts_nobody_out(host):
    before = os.umask(0o077)
    try:
        await host.accounts.user(host.tenant, host.user_id, "Ada")
    finally:
        os.umask(before)
    assert host.homes.stat().st_mode & 0o777 == 0o711


async def test_account_of_that_name_that_is_not_ours_is_refused(host):
    os.system(f"useradd --system --comment Somebody {host.prefix}w0")
    with pytest.raises(Unavailable) as refused:
        await host.accounts.worker(0)
    os.system(f"userdel {host.prefix}w0")
    assert refused.value.code == "account_failed"


async def test_removal_takes_the_instances_accounts_and_homes_alone(host):
    account = await host.accounts.user(host.tenant, host.user_id, "Ada")
    (host.homes / "stays").mkdir()
    await host.accounts.worker(3)
    os.system(f"useradd --system --comment 'Portcullis service' {host.prefix}x")
    removed = remove_accounts(host.prefix)
    os.system(f"userdel {host.prefix}x")
    assert removed == sorted([account.name, f"{host.prefix}w3"])
    assert [path.name for path in host.homes.iterdir()] == ["stays"]
    assert remove_accounts(host.prefix) == []

import os
import pwd

import pytest

from agents.linux import groups
from agents.linux.accounts import Accounts
from agents.linux.hosting import accounts_of
from agents.linux.leader import processes, traces
from agents.linux.one_account import OneAccount
from agents.settings import AgentSettings
from portcullis.errors import InvalidInput, Unavailable

SOMEBODY = pwd.getpwnam("nobody")


@pytest.fixture
def not_root(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY.pw_uid)


@pytest.fixture
def root(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def settings(tmp_path, isolation):
    return AgentSettings(state=tmp_path, homes=tmp_path / "homes", isolation=isolation)


async def test_every_session_has_the_account_of_the_agent(tmp_path, not_root):
    accounts = OneAccount(tmp_path)
    found = [await accounts.user("t", user, user) for user in ("ann", "bob")]
    found += [await accounts.worker(slot, {SOMEBODY.pw_name}) for slot in (0, 1)]
    assert {(each.name, each.uid, each.gid) for each in found} == {
        ("nobody", SOMEBODY.pw_uid, SOMEBODY.pw_gid)
    }


async def test_users_have_private_homes_of_their_own_which_a_new_name_does_not_change(tmp_path, not_root):
    accounts = OneAccount(tmp_path / "homes")
    ann, bob = await accounts.user("t", "1", "Ann"), await accounts.user("t", "2", "Ann")
    assert ann.home != bob.home and ann.home.name.startswith("ann-")
    assert ann.home.stat().st_mode & 0o777 == 0o700
    assert (await accounts.user("t", "1", "Anna")).home == ann.home
    assert (await accounts.user("other", "1", "Ann")).home not in (ann.home, bob.home)


async def test_a_name_cannot_lead_out_of_the_homes(tmp_path, not_root):
    home = (await OneAccount(tmp_path / "homes").user("t", "1", "../../etc/x")).home
    assert home.parent == tmp_path / "homes"


async def test_a_home_that_cannot_be_made_fails_the_account(tmp_path, not_root):
    (tmp_path / "homes").touch()
    with pytest.raises(Unavailable) as failed:
        await OneAccount(tmp_path / "homes").user("t", "1", "Ann")
    assert failed.value.code == "account_failed"


def test_root_never_runs_sessions_as_itself(tmp_path, root):
    with pytest.raises(InvalidInput, match="root"):
        accounts_of(settings(tmp_path, "none"))


def test_root_gets_accounts(tmp_path, root):
    assert isinstance(accounts_of(settings(tmp_path, "accounts")), Accounts)


def test_nobody_falls_into_it_silently(tmp_path, not_root):
    with pytest.raises(InvalidInput, match="--isolation none"):
        accounts_of(settings(tmp_path, "accounts"))
    assert accounts_of(settings(tmp_path, "none")).isolation == "none"


def test_another_isolation_is_refused(tmp_path, not_root):
    with pytest.raises(InvalidInput, match="accounts or none"):
        accounts_of(settings(tmp_path, "some"))


def test_a_user_id_without_a_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000_000)
    with pytest.raises(InvalidInput, match="4000000000"):
        OneAccount(tmp_path)


def test_without_root_no_group_of_the_system_is_asked_for():
    group = groups.unprivileged().group("5e55", groups.Limits(4096, 100))
    assert (group.prefix, group.worker, group.user, group.values) == ((), (), (), {})
    assert group.rlimits["nproc"] == 100


@pytest.mark.parametrize("uid", [0, SOMEBODY.pw_uid])
def test_no_program_of_a_session_becomes_root(monkeypatch, uid):
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    with pytest.raises(PermissionError, match="root"):
        processes._become(pwd.getpwnam("root"))


def test_without_root_a_leader_starts_nothing_as_somebody_else(not_root):
    with pytest.raises(PermissionError, match="daemon"):
        processes._become(pwd.getpwnam("daemon"))
    processes._become(SOMEBODY)  # who it is already: nothing to change, which only root could


def test_a_lock_that_a_living_server_holds_is_left_alone(tmp_path):
    lock = tmp_path / ".X5-lock"
    assert not traces._is_held(lock)
    for content, is_held in ((f"{os.getpid():>10}\n", True), ("4194305\n", False), ("", False), ("x", False)):
        lock.write_text(content)
        assert traces._is_held(lock) is is_held

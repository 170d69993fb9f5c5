"""The accounts that makings run as: each has its own, and ends what ran as it and nothing else."""

import contextlib
import pwd
import subprocess

import pytest

from agents.linux import accounts
from agents.linux.wine import maker
from portcullis.errors import Unavailable


@pytest.fixture
def sleeping():
    """Starts a process of an account."""
    with contextlib.ExitStack() as started:

        def start(account):
            process = subprocess.Popen(["sleep", "600"], user=account.pw_uid, group=account.pw_gid)
            started.enter_context(process)
            started.callback(process.kill)
            return process

        yield start


def names():
    return {each.pw_name for each in pwd.getpwall()}


async def test_a_making_ends_nothing_of_another_nor_of_an_account_that_came_after_it(
    own_names, host, sleeping
):
    first, second = contextlib.ExitStack(), contextlib.ExitStack()
    ended = sleeping(first.enter_context(maker.maker()))
    other = sleeping(second.enter_context(maker.maker()))
    first.close()
    worker = sleeping(pwd.getpwnam((await host.accounts.worker(0)).name))
    assert ended.wait() < 0 and other.poll() is None
    second.close()
    assert other.wait() < 0 and worker.poll() is None
    assert not {own_names, f"{own_names}2"} & names()


def test_what_a_making_left_that_was_killed_is_ended_before_the_next(own_names, sleeping):
    with accounts.locked():
        accounts.run("useradd", "--system", "--user-group", "--comment", maker.COMMENT, own_names)
    left = sleeping(pwd.getpwnam(own_names))
    with maker.maker() as account:
        assert account.pw_name == own_names and left.wait() < 0
    assert own_names not in names()


def test_an_account_of_that_name_which_is_somebodys_is_neither_used_nor_removed(own_names):
    with accounts.locked():
        accounts.run("useradd", "--system", "--user-group", "--comment", "Ada", own_names)
    with pytest.raises(Unavailable, match="belongs to somebody else") as refused, maker.maker():
        pass
    assert refused.value.code == "account_failed" and own_names in names()
    with accounts.locked():
        accounts.run("userdel", own_names)


def test_more_makings_than_a_host_has_accounts_for_are_refused(own_names, monkeypatch):
    monkeypatch.setattr(maker, "MOST", 2)
    refused = pytest.raises(Unavailable, match="2 templates are being made")
    with maker.maker(), maker.maker(), refused, maker.maker():
        pass
    with maker.maker() as account:
        assert account.pw_name == own_names, "it is free again"

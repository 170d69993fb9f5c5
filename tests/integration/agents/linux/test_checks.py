"""What a dry run sees of a real machine: real accounts, programs and folders, and nothing is left behind."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from agents.linux import checks
from agents.linux.accounts import Account, Accounts, user_account_name
from agents.linux.one_account import OneAccount
from portcullis.errors import Unavailable
from portcullis.protocol.checks import Check, CheckResult

TENANT, USER = "0123456789abcdef", "00112233445566aa"
KEY = user_account_name("", TENANT, USER).removeprefix("u")


class NoAccounts(Accounts):
    """Of a machine where no account was made yet, or where one of the name is somebody else's."""

    def __init__(self, homes: Path, found: Account | None = None, *, is_foreign: bool = False) -> None:
        super().__init__("zz9-", homes)
        self._found = found
        self._is_foreign = is_foreign

    def find(self, tenant_id: str, user_id: str) -> Account | None:
        if self._is_foreign:
            raise Unavailable("account_failed", "the account zz9-u1 belongs to somebody else")
        return self._found


def a_check(*command: str, **environment: str) -> Check:
    return Check("0" * 16, TENANT, USER, "Zoë", command, environment)


def look(what: str, check: Check, accounts: Accounts) -> CheckResult:
    return checks.looks(check, accounts)[what]()


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    accounts = Accounts("zz9-", tmp_path / "homes")
    before = [entry.pw_name for entry in pwd.getpwall()]
    for each in checks.looks(a_check("true"), accounts).values():
        each()
    assert [entry.pw_name for entry in pwd.getpwall()] == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "outcome"),
    [
        ("true", "passed"),
        ("/bin/sh", "passed"),
        ("no-such-program", "failed"),
        ("/etc/shadow", "failed"),
        ("/etc", "failed"),
        ("/bin/true; id", "failed"),
        ("-x", "failed"),
        ("$(id)", "failed"),
        ("a" * 4096, "failed"),
        ("../../../bin/true", "passed"),
    ],
)
def test_a_program_is_found_as_the_kernel_would(tmp_path: Path, command: str, outcome: str) -> None:
    result = look("command", a_check(command), NoAccounts(tmp_path))
    assert result.outcome == outcome
    assert result.code == ("" if outcome == "passed" else "application_missing")


def test_the_path_of_the_application_counts_and_so_does_permission(tmp_path: Path) -> None:
    program = tmp_path / "mine"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    me = pwd.getpwuid(os.geteuid())
    accounts = NoAccounts(tmp_path, Account(me.pw_name, me.pw_uid, me.pw_gid, tmp_path))
    assert look("command", a_check("mine"), accounts).outcome == "failed"
    assert look("command", a_check("mine", PATH=str(tmp_path)), accounts).outcome == "passed"
    assert look("command", a_check("./mine"), accounts).outcome == "passed", "sessions begin at home"
    program.chmod(0o600)
    assert look("command", a_check("mine", PATH=str(tmp_path)), accounts).outcome == "failed"
    assert look("command", a_check(), accounts).code == "application_missing"


def test_an_account_of_somebody_else_is_told(tmp_path: Path) -> None:
    result = look("account", a_check("true"), NoAccounts(tmp_path, is_foreign=True))
    assert (result.outcome, result.code) == ("failed", "account_failed")
    assert look("account", a_check("true"), NoAccounts(tmp_path)).detail == "it is made at the first launch"


def test_a_display_needs_its_programs_and_room_for_a_framebuffer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checks.display_start(Path("/dev/shm")).outcome == "passed"
    monkeypatch.setattr(checks, "_DISPLAY_PROGRAMS", ("Xvfb", "no-window-manager"))
    result = checks.display_start(tmp_path)
    assert (result.outcome, result.code) == ("failed", "display_failed")
    assert "no-window-manager" in result.detail
    monkeypatch.setattr(checks, "_DISPLAY_PROGRAMS", ())
    monkeypatch.setattr(checks.display, "FRAMEBUFFER_BYTES", 2**62)
    assert checks.display_start(tmp_path).code == "display_failed"


def test_a_home_without_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = NoAccounts(tmp_path / "not" / "there" / "yet")
    assert look("home", a_check("true"), accounts).outcome == "passed"
    monkeypatch.setattr(checks, "LITTLE_BYTES", 2**62)
    result = look("home", a_check("true"), accounts)
    assert (result.outcome, result.code) == ("failed", "home_full")


def test_one_account_for_all_finds_a_home_that_is_there_and_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.linux.one_account.own_entry", lambda: pwd.getpwnam("nobody"))
    accounts = OneAccount(tmp_path / "homes")
    assert accounts.find(TENANT, USER) is None and accounts.why_none_can_be_made() is None
    assert list(tmp_path.iterdir()) == []
    home = accounts._ensure_home("Zoë", KEY)
    found = accounts.find(TENANT, USER)
    assert found is not None and found.home == home

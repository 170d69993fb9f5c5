"""Sessions of real Wine: Notepad as a user without rights, in a copy of a template that Portcullis made."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from agents.linux import groups
from agents.linux.launcher import LinuxLauncher, this_machine
from agents.linux.wine import making
from agents.linux.wine.bridge import WineHost, copy_folder
from agents.linux.wine.templates import Templates
from portcullis.errors import Refused
from portcullis.model.wine import WineProgram
from portcullis.protocol.checks import Check
from tests.support import windows_python
from tests.support.patience import patient, until
from tests.support.session_host import PATIENCE_SECONDS, TINY_WORKER, processes, until_window, variables
from tests.support.told import until_ended

NOTEPAD = WineProgram("notes", "C:\\Windows\\NOTEPAD.EXE")


@pytest.fixture(scope="module")
def templates():
    """Made of the prefix that all tests of Wine share, as an administrator would."""
    if missing := windows_python.missing():
        pytest.fail(missing)
    state = Path(tempfile.mkdtemp(prefix="pct-wine-"))
    made = Templates.of_state(state)
    making.make(made, making.Wanted("notes", source=windows_python.TEMPLATE))
    yield made
    shutil.rmtree(state)


@pytest.fixture
def launcher(host, templates):
    return LinuxLauncher(
        *(
            host.runtime,
            host.accounts,
            groups.detect(),
            groups.Limits(4096, 2048),
            this_machine(),
            TINY_WORKER,
        ),
        wine_host=WineHost(templates, 5.0),
    )


def order_of(host, program=NOTEPAD):
    return replace(host.order(), command=(), wine=program)


async def started(launcher, host, program=NOTEPAD):
    order = order_of(host, program)
    return order, await launcher.launch(order, host.start(order))


async def copy_of(host, program=NOTEPAD):
    user = await host.accounts.user(host.tenant, host.user_id, "Ada")
    return user, copy_folder(user.home, program, "a" * 16)


def of_session(order):
    return [each for each in processes() if variables(each).get("PORTCULLIS_SESSION") == order.session]


def program_of(order, name):
    """The process of a Windows program, by its file; None: there is none."""
    return next((each for each in of_session(order) if runs(each, name)), None)


def runs(process, name):
    """One that begins or ends has no arguments, or none any more."""
    program, *_ = process.info["cmdline"] or [""]
    return program.lower().endswith(name)


def on_display(order, *words):
    """An X client as the session's user. Whether it did what it was asked for."""
    program = program_of(order, "notepad.exe")
    own = {name: variables(program)[name] for name in ("DISPLAY", "XAUTHORITY", "PATH")}
    done = subprocess.run(
        words,
        env=own,
        user=program.uids().effective,
        stdin=subprocess.DEVNULL,
        timeout=patient(PATIENCE_SECONDS),
    )
    return done.returncode == 0


def close_window(order):
    """As its own button does."""
    assert on_display(
        order, sys.executable, "-I", "-c", "from agents.linux.wine.windows import *; close_all()"
    )


async def test_notepad_runs_as_the_user_in_a_copy_of_their_own_and_leaves_nothing(host, launcher):
    order, link = await started(launcher, host)
    await until_window(link)
    user, folder = await copy_of(host)
    accounts = {each.info["username"] for each in of_session(order)}
    assert user.name in accounts and "root" not in accounts
    assert program_of(order, "notepad.exe")
    assert sorted(path.name for path in (folder / "prefix/dosdevices").iterdir() if ":" in path.name) == [
        "c:",
        "h:",
    ]
    assert (folder / "prefix/drive_c/users/ada/Documents").resolve() == user.home / "Documents"
    assert not (user.home / ".local/share/applications").exists()
    assert not (user.home / ".wine").exists()
    link.end("logged_off", 5)
    assert (await until_ended(link)).code == "logged_off"
    await link.close()
    assert of_session(order) == []

    (folder / "prefix/drive_c/own.txt").write_text("kept")
    again, link = await started(launcher, host)
    await until_window(link)
    assert (folder / "prefix/drive_c/own.txt").read_text() == "kept"
    await launcher.forget(again.session)
    await link.close()


async def test_a_program_that_hands_over_lives_as_long_as_its_window(host, launcher):
    hands_over = WineProgram("notes", "windows/system32/cmd.exe", ("/c", "start", "notepad.exe"))
    order, link = await started(launcher, host, hands_over)
    await until_window(link)  # of Wine itself perhaps, which may still prepare the copy
    await until(lambda: program_of(order, "notepad.exe"), PATIENCE_SECONDS)
    await until(lambda: program_of(order, "cmd.exe") is None, PATIENCE_SECONDS)
    await until(lambda: on_display(order, "xdotool", "search", "--onlyvisible", "--name", "Notepad"))
    close_window(order)
    assert (await until_ended(link)).code == "application_closed"
    assert of_session(order) == []
    await link.close()


async def test_what_was_changed_until_the_log_off_is_written(host, launcher):
    """Notepad writes its settings when it is closed, and the server its registry when it ends."""
    _, link = await started(launcher, host)
    await until_window(link)
    _, folder = await copy_of(host)
    registry = folder / "prefix/user.reg"
    before = registry.read_bytes()
    assert b"Software\\\\Microsoft\\\\Notepad" not in before
    link.end("logged_off", 5)
    await until_ended(link)
    assert b"Software\\\\Microsoft\\\\Notepad" in registry.read_bytes()
    await link.close()


async def test_a_program_that_asks_whether_to_save_is_ended_within_the_grace(host, launcher):
    order, link = await started(launcher, host)
    await until_window(link)
    find = ("xdotool", "search", "--sync", "--onlyvisible", "--name", "Notepad")
    assert on_display(order, *find, "type", "unsaved")
    link.end("logged_off", 5)
    ended = await until_ended(link)
    assert ended.code == "logged_off"
    assert of_session(order) == []
    await link.close()


async def broken_start(launcher, host, program=NOTEPAD):
    order, link = await started(launcher, host, program)
    ended = await until_ended(link)
    await link.close()
    assert of_session(order) == []
    return ended


async def test_a_program_that_is_not_there_is_told(host, launcher):
    ended = await broken_start(launcher, host, WineProgram("notes", "App\\gone.exe"))
    assert ended.code == "wine_program_missing"
    assert "C:\\App\\gone.exe" in ended.detail


async def test_a_copy_of_another_account_is_told(host, launcher):
    _, folder = await copy_of(host)
    (folder / "prefix").mkdir(parents=True)
    user, _ = await copy_of(host)
    for path in (folder, *folder.parents):
        if path == user.home:
            break
        os.chown(path, user.uid, user.gid)
    ended = await broken_start(launcher, host)  # the prefix itself is root's
    assert ended.code == "wine_prefix_foreign"
    assert str(folder / "prefix") in ended.detail


async def test_a_copy_that_lost_its_registry_is_told(host, launcher):
    await broken_start(launcher, host, WineProgram("notes", "gone.exe"))
    _, folder = await copy_of(host)
    (folder / "prefix/system.reg").unlink()
    assert (await broken_start(launcher, host)).code == "wine_prefix_broken"


async def test_a_copy_in_use_is_not_started_again(host, launcher):
    _, folder = await copy_of(host)
    await broken_start(launcher, host, WineProgram("notes", "gone.exe"))
    with (folder / "lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert (await broken_start(launcher, host)).code == "wine_prefix_busy"


async def test_a_disk_that_is_full_is_told(host, launcher):
    """A home of one megabyte."""
    user, folder = await copy_of(host)
    room = f"size=1m,uid={user.uid},mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", room, "tmpfs", user.home], check=True)
    try:
        assert (await broken_start(launcher, host)).code == "home_full"
        assert sorted(path.name for path in folder.iterdir()) == ["lock"]
    finally:
        subprocess.run(["umount", user.home], check=True)


async def test_a_template_that_is_not_there_is_refused_before_anything_starts(host, launcher):
    with pytest.raises(Refused) as refused:
        await started(launcher, host, WineProgram("other", "a.exe"))
    assert refused.value.code == "wine_template_missing"


async def test_the_host_says_what_it_has(host, launcher, templates):
    assert launcher.features >= {"wine", "wine:notes"}
    told = {}
    for program in (NOTEPAD, WineProgram("notes", "gone.exe"), WineProgram("other", "a.exe")):
        check = Check("1" * 16, host.tenant, host.user_id, "Ada", (), {}, wine=program)
        looks = launcher.looks(check)
        told[program.program] = (looks["command"]().outcome, looks["template"]().code)
    assert told == {
        NOTEPAD.program: ("passed", ""),
        "gone.exe": ("passed", "wine_program_missing"),
        "a.exe": ("passed", "wine_template_missing"),
    }


async def test_a_template_is_read_only_and_nobody_else_comes_to_it(templates):
    template = templates.find("notes")
    modes = {path.stat().st_mode & 0o022 for path in template.folder.rglob("*") if not path.is_symlink()}
    assert modes == {0}
    assert {path.lstat().st_uid for path in template.folder.rglob("*")} == {0}
    assert templates.folder.stat().st_mode & 0o077 == 0
    assert sum(path.lstat().st_size for path in template.folder.rglob("*")) < 64 << 20

"""What of this machine would keep an application from starting for somebody, now. Looks, and changes nothing.

Each look is a plain function that blocks for a few milliseconds (a lookup of accounts, a small process as the user);
`dry_runs` runs them beside the loop and gives none of them longer than it has.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agents.linux import display, environment
from agents.linux.accounts import Account, SessionAccounts
from agents.linux.leader.traces import FRAMEBUFFER_ROOT
from agents.linux.rdp.addresses import Network
from agents.linux.rdp.reach import reach
from agents.linux.wine.prefix import program_file
from agents.linux.wine.templates import Templates
from portcullis.errors import PortcullisError, Unavailable
from portcullis.model.rdp import RDP_CLIENT, RdpTarget
from portcullis.model.wine import WINE_LOADER, WineProgram
from portcullis.protocol.checks import Check, CheckResult

Look = Callable[[], CheckResult]

COMMAND_SECONDS = 0.3
SERVER_SECONDS = 0.25
LITTLE_BYTES = 64 * 1024
NOBODY = 65534
_DISPLAY_PROGRAMS = ("Xvfb", "openbox")
_FIND = 'for found; do [ -f "$found" ] && [ -x "$found" ] && exit 0; done; exit 1'
"""Run as the user: access is the kernel's to judge."""


def looks(
    check: Check,
    accounts: SessionAccounts,
    rdp_networks: Sequence[Network] = (),
    templates: Templates | None = None,
) -> dict[str, Look]:
    """By what they look at."""
    rdp, wine = check.rdp, check.wine
    return {
        "account": lambda: account(check, accounts),
        "command": lambda: command(check, accounts),
        **({} if rdp is None else {"server": lambda: server(rdp, rdp_networks)}),
        **({} if wine is None else {"template": lambda: template(wine, templates)}),
        "home": lambda: home(check, accounts),
        "display": lambda: display_start(FRAMEBUFFER_ROOT),
    }


def account(check: Check, accounts: SessionAccounts) -> CheckResult:
    try:
        found = accounts.find(check.tenant, check.user_id)
    except Unavailable as exc:
        return CheckResult("account", "failed", exc.message, "account_failed")
    if found is not None:
        return CheckResult("account", "passed", f"{found.name} exists")
    if (trouble := accounts.why_none_can_be_made()) is not None:
        return CheckResult("account", "failed", trouble, "account_failed")
    return CheckResult("account", "passed", "it is made at the first launch")


def command(check: Check, accounts: SessionAccounts) -> CheckResult:
    """As the user, or as nobody where the account is still to be made."""
    program = _program(check)
    if program is None:
        return CheckResult("command", "failed", "the application has no command", "application_missing")
    found = _found_account(check, accounts)
    path = environment.with_application({"PATH": environment.PATH}, check.environment)["PATH"]
    if can_run(program, path, found):
        return CheckResult("command", "passed", f"{program} is there and executable")
    whom = found.name if found else "a new account"
    detail = f"{program}: not found, or {whom} may not execute it"
    return CheckResult("command", "failed", detail, "application_missing")


def server(rdp: RdpTarget, allowed: Sequence[Network]) -> CheckResult:
    """Its name is resolved and its security asked for; nobody signs in."""
    try:
        target = asyncio.run(asyncio.wait_for(reach(rdp, allowed), SERVER_SECONDS))
    except TimeoutError:
        return CheckResult("server", "skipped", f"no answer within {SERVER_SECONDS * 1000:.0f} ms")
    except PortcullisError as exc:
        return CheckResult("server", "failed", exc.message, exc.code)
    where = target.address or f"the gateway {rdp.gateway}"
    return CheckResult("server", "passed", f"{rdp.server}:{rdp.port} answers at {where}")


def template(program: WineProgram, templates: Templates | None) -> CheckResult:
    """Of the template: what became of the program in the user's own copy only a launch tells."""
    found = None if templates is None else templates.find(program.template)
    if found is None:
        detail = f"there is no template {program.template}"
        return CheckResult("template", "failed", detail, "wine_template_missing")
    if program_file(found.folder / "prefix", program.path) is None:
        detail = f"{program.windows_path} is not in the template {found.name}"
        return CheckResult("template", "failed", detail, "wine_program_missing")
    return CheckResult("template", "passed", f"{found.name} has {program.windows_path}")


def home(check: Check, accounts: SessionAccounts) -> CheckResult:
    found = _found_account(check, accounts)
    folder = _nearest(found.home if found else accounts.homes)
    room = os.statvfs(folder)
    free = room.f_bavail * room.f_frsize
    if free < LITTLE_BYTES:
        return CheckResult("home", "failed", f"no room is left in {folder}", "home_full")
    return CheckResult("home", "passed", f"{free >> 20} MiB are free")


def display_start(framebuffers: Path) -> CheckResult:
    for program in _DISPLAY_PROGRAMS:
        if shutil.which(program, path=environment.PATH) is None:
            return CheckResult("display", "failed", f"{program} is not installed", "display_failed")
    room = os.statvfs(framebuffers)
    if room.f_bavail * room.f_frsize < 2 * display.FRAMEBUFFER_BYTES:
        detail = f"no room for a framebuffer in {framebuffers}"
        return CheckResult("display", "failed", detail, "display_failed")
    return CheckResult("display", "passed", "a display can start")


def can_run(program: str, path: str, found: Account | None) -> bool:
    """Raises OSError, subprocess.TimeoutExpired."""
    candidates = [program] if "/" in program else [f"{folder}/{program}" for folder in path.split(":")]
    folder = found.home if found is not None and found.home.is_dir() else Path("/")
    return _run_as(found, ("/bin/sh", "-c", _FIND, "sh", *candidates), folder)


def _program(check: Check) -> str | None:
    if check.wine is not None:
        return WINE_LOADER
    return RDP_CLIENT if check.rdp is not None else next(iter(check.command), None)


def _run_as(found: Account | None, words: Sequence[str], folder: Path) -> bool:
    who: Mapping[str, int | list[int]] = {}
    if os.geteuid() == 0 and found is not None:
        groups = os.getgrouplist(found.name, found.gid)
        who = {"user": found.uid, "group": found.gid, "extra_groups": groups}
    elif os.geteuid() == 0:
        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    done = subprocess.run(
        words,
        env={},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=COMMAND_SECONDS,
        check=False,
        **who,  # type: ignore[call-overload]
    )
    return bool(done.returncode == 0)


def _found_account(check: Check, accounts: SessionAccounts) -> Account | None:
    """None where there is none yet; what is wrong with it is another look's to say."""
    try:
        return accounts.find(check.tenant, check.user_id)
    except Unavailable:
        return None


def _nearest(folder: Path) -> Path:
    """The folder, or the first above it that is there."""
    return next(each for each in (folder, *folder.parents) if each.is_dir())

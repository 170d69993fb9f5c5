"""What the installation package has the system do beyond files and service: `python -m agents.windows.installation`.

    prepare   private folders for state and logs, restarts of a service that failed, and the join, if there is a token
    start     the service, as often as a busy machine needs
    remove    the sessions, and everything that was made but the identity where it is to stay

Run as LocalSystem, without a window. Windows Installer shows nothing of what it prints: the reason of a failure stands
in `%ProgramData%\\Portcullis\\logs\\install.log`, never with the token.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import platform
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.windows import acl, leaders, paths
from agents.windows.secrets import MachineSecret
from portcullis.enrolment.credentials import Credentials
from portcullis.enrolment.joining import join
from portcullis.errors import InvalidInput, PortcullisError
from portcullis.settings import Address

log = logging.getLogger(__name__)

SERVICE = "PortcullisAgent"
SERVICE_ARGUMENTS = ("-I", "-m", "agents.windows.service")
SLOTS = 1
"""A Windows host has one interactive session."""
OLDEST_BUILD = 14393
"""Of Windows 10 1607 and Server 2016."""
RESTART_MILLISECONDS = (1_000, 5_000, 30_000)
"""Before the first restart, the second, and each further one."""
RESET_SECONDS = 3600
START_ATTEMPTS = 6
START_SECONDS = 60.0
"""For one that says that it starts."""
LOG_BYTES = 1 << 20
TOKEN_FILE_BYTES = 4096

_ADMINISTRATORS = "S-1-5-32-544"
_REPARSE_POINT = 0x400
_TOO_LATE, _DATABASE_LOCKED, _RUNS_ALREADY = 1053, 1055, 1056
_LOOK_SECONDS = 0.5
_START_PENDING, _RUNNING = 2, 4
_INVALID_LEVEL = 124
"""What Wine answers."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the package was given; empty: nothing."""

    broker: str
    name: str
    token: str
    token_file: str

    def __repr__(self) -> str:
        return f"Wish({self.broker!r}, {self.name!r})"

    @property
    def joins(self) -> bool:
        return bool(self.token or self.token_file)


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    try:
        given.run(given)
    except (PortcullisError, OSError) as exc:
        log.error("%s", exc)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="python -m agents.windows.installation", description=__doc__)
    commands = whole.add_subparsers(required=True)
    preparing = commands.add_parser("prepare")
    preparing.add_argument("--broker", default="")
    preparing.add_argument("--name", default="")
    preparing.add_argument("--token", default="")
    preparing.add_argument("--token-file", default="")
    preparing.set_defaults(run=_prepare)
    commands.add_parser("start").set_defaults(run=_start)
    removing = commands.add_parser("remove")
    removing.add_argument("--keep-identity", default="")
    removing.set_defaults(run=_remove)
    return whole


def _prepare(given: argparse.Namespace) -> None:
    wish = Wish(given.broker.strip(), given.name.strip(), given.token.strip(), given.token_file.strip())
    for folder in (paths.program_data(), paths.logs(), paths.state()):
        take(folder)
    _log_to(paths.logs() / "install.log")
    prepare(wish, paths.state())


def _build_of_windows() -> int:
    if sys.platform == "win32":
        return sys.getwindowsversion().platform_version[2]
    return 0


def prepare(wish: Wish, state: Path) -> None:
    """Raises PortcullisError, OSError."""
    check_windows(_build_of_windows())
    set_service(SERVICE, subprocess.list2cmdline((sys.executable, *SERVICE_ARGUMENTS)))
    known = Credentials.load(state, MachineSecret())
    if known is not None:
        log.info("this machine is the host %s of %s", known.name, known.site_name)
        if wish.joins:
            log.info("it has joined before: the token was not used")
    elif wish.joins:
        _join(wish, state)
    else:
        log.info("no token was given: the service waits until this machine has joined")
    if wish.token_file:
        Path(wish.token_file).unlink(missing_ok=True)


def check_windows(build: int) -> None:
    """Raises InvalidInput."""
    if build < OLDEST_BUILD:
        raise InvalidInput("Windows", "Windows 10 1607, Windows Server 2016, or a later one")


def _join(wish: Wish, state: Path) -> None:
    address = broker_address(wish.broker)
    name = wish.name or host_name(platform.node())
    token = wish.token or read_token(Path(wish.token_file))
    credentials = asyncio.run(join(address, token, name, state, MachineSecret(), role="host", slots=SLOTS))
    log.info("%s is a host of %s now", credentials.name, credentials.site_name)


def broker_address(text: str) -> Address:
    """`host:port`, also written as a URL. Raises InvalidInput."""
    if not text:
        raise InvalidInput("BROKERURL", "the address of a broker: it goes with the join token")
    try:
        return Address.parse(text.removeprefix("https://").rstrip("/"))
    except ValueError as exc:
        raise InvalidInput("BROKERURL", "host:port, the inner address of a broker") from exc


def host_name(computer: str) -> str:
    """Names of hosts are those of the network: lower case."""
    return re.sub(r"[^a-z0-9-]", "-", computer.lower())[:63].strip("-")


def read_token(path: Path) -> str:
    """Raises OSError."""
    with path.open("rb") as file:
        raw = file.read(TOKEN_FILE_BYTES)
    # Notepad and PowerShell put a mark in front, and PowerShell 5 writes UTF-16
    kind = "utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return raw.decode(kind, "replace").strip()


def take(folder: Path) -> None:
    """Make the folder, for system and administrators alone. Raises OSError for one that somebody else has made: any
    user may make folders where this one stands, and would stay its owner."""
    with contextlib.suppress(FileNotFoundError):
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or getattr(status, "st_file_attributes", 0) & _REPARSE_POINT:
            raise OSError(f"{folder} is no folder, or leads elsewhere: remove it")
        if owner_of(folder) not in (acl.SYSTEM, _ADMINISTRATORS, acl.own_sid()):
            raise OSError(f"{folder} belongs to another account: remove it")
    acl.make_private(folder)


def owner_of(path: Path) -> str:
    """Raises OSError."""
    import pywintypes
    import win32security

    try:
        found = win32security.GetNamedSecurityInfo(
            str(path), win32security.SE_FILE_OBJECT, win32security.OWNER_SECURITY_INFORMATION
        )
        return str(win32security.ConvertSidToStringSid(found.GetSecurityDescriptorOwner()))
    except pywintypes.error as exc:
        raise OSError(exc.winerror, f"{path}: {exc.strerror}") from exc


def set_service(service: str, command: str) -> None:
    """Its command line, the program in quotation marks: its path has blanks, and without them Windows would try
    `C:\\Program.exe` first. And that it is restarted when it failed. Raises OSError when there is no such service."""
    import pywintypes
    import win32service

    try:
        manager = win32service.OpenSCManager(None, None, win32service.SC_MANAGER_CONNECT)
        try:
            rights = win32service.SERVICE_CHANGE_CONFIG | win32service.SERVICE_START
            handle = win32service.OpenService(manager, service, rights)
            try:
                _set_command(handle, command)
                _set_restarts(handle)
            finally:
                win32service.CloseServiceHandle(handle)
        finally:
            win32service.CloseServiceHandle(manager)
    except pywintypes.error as exc:
        raise OSError(exc.winerror, f"{service}: {exc.strerror}") from exc


def _start(given: argparse.Namespace) -> None:
    import pywintypes
    import win32service

    _log_to(paths.logs() / "install.log")
    try:
        manager = win32service.OpenSCManager(None, None, win32service.SC_MANAGER_CONNECT)
        rights = win32service.SERVICE_START | win32service.SERVICE_QUERY_STATUS
        handle = win32service.OpenService(manager, SERVICE, rights)
    except pywintypes.error as exc:
        raise OSError(exc.winerror, f"{SERVICE}: {exc.strerror}") from exc

    def ask() -> int:
        try:
            win32service.StartService(handle, None)
        except pywintypes.error as exc:
            return int(exc.winerror)
        return 0

    def state() -> int:
        return int(win32service.QueryServiceStatus(handle)[1])

    start(ask, state)


def start(
    ask: Callable[[], int], state: Callable[[], int], wait: Callable[[float], None] = time.sleep
) -> None:
    """`ask`: the service manager's answer, 0: none but yes. A process that does not say soon
    (30 s) that it is a service is given up by the manager, however busy the machine is: so it is asked again. Raises
    OSError."""
    for attempt in range(START_ATTEMPTS):
        answer = ask()
        if answer in (0, _RUNS_ALREADY):
            _until_it_runs(state, wait)
            return
        if answer not in (_TOO_LATE, _DATABASE_LOCKED):
            break
        log.info("the service did not start in time (%d), attempt %d", answer, attempt + 1)
        wait(_LOOK_SECONDS)
    raise OSError(answer, f"{SERVICE} does not start: error {answer}")


def _until_it_runs(state: Callable[[], int], wait: Callable[[float], None]) -> None:
    for _ in range(round(START_SECONDS / _LOOK_SECONDS)):
        found = state()
        if found == _RUNNING:
            return
        if found != _START_PENDING:
            break
        wait(_LOOK_SECONDS)
    raise OSError(f"{SERVICE} does not run: state {found}. See agent.log beside this file")


def _set_command(service: Any, command: str) -> None:
    import win32service

    same = win32service.SERVICE_NO_CHANGE
    win32service.ChangeServiceConfig(service, same, same, same, command, None, False, None, None, None, None)


def _set_restarts(service: Any) -> None:
    """Also when it ended by itself, with an error."""
    import pywintypes
    import win32service

    actions = {
        "ResetPeriod": RESET_SECONDS,
        "RebootMsg": "",
        "Command": "",
        "Actions": [(win32service.SC_ACTION_RESTART, wait) for wait in RESTART_MILLISECONDS],
    }
    for level, value in (
        (win32service.SERVICE_CONFIG_FAILURE_ACTIONS, actions),
        (win32service.SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, True),
    ):
        try:
            win32service.ChangeServiceConfig2(service, level, value)
        except pywintypes.error as exc:
            if exc.winerror != _INVALID_LEVEL:
                raise
            log.warning("this system does not restart services that fail (%d)", level)


def _remove(given: argparse.Namespace) -> None:
    end_sessions(paths.runtime() / "sessions")
    remove(paths.program_data(), paths.state() if given.keep_identity.strip() not in ("", "0") else None)


def end_sessions(folders: Path) -> None:
    """Their helpers, and with them what those started: nobody is there any more who could lead them."""
    for folder in leaders.session_folders(folders):
        notes = leaders.read_notes(folder)
        if notes is not None:
            leaders.end_process(notes.helper)


def remove(folder: Path, kept: Path | None) -> None:
    """`kept`: a folder in it that stays. Raises OSError for what cannot be removed, when all else is."""
    failed: list[OSError] = []
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path == kept:
            continue
        try:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        except OSError as exc:
            failed.append(exc)
    if kept is None and not failed:
        folder.rmdir()
    if failed:
        raise failed[0]


def _log_to(path: Path) -> None:
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.unlink()
    logging.basicConfig(
        filename=path, encoding="utf-8", level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )


if __name__ == "__main__":
    sys.exit(main())

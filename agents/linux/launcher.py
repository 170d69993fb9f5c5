"""Sessions of this host: starts leaders, finds them again, and cleans up after those that were killed.

One folder a session, `<runtime>/sessions/<session id>`: of the agent's account, 0711, or 0700 where it is the only one.
What `launch` holds is made by `build_launch`, which is pure:

    session, about       ids; what the agent that adopts the session wants to know again
    accounts             {"worker", "user"}: names of local accounts
    home                 where the user's programs start
    display              {"command", "environment", "limits", "framebuffer_bytes"}
    worker               {"command", "environment", "limits", "start"}: its first line, without the display's fields
    bus                  {"command", "environment"} or null
    window_manager       {"command", "environment"}
    application          {"command", "environment"}
    files                name -> text, written for the user into the session's folder
    group                {"folders", "worker", "user", "values"}: cgroups (groups.py)
    limits               name of an RLIMIT -> value, for the user's processes
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import stat
import subprocess
import sys
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agents.contracts import Adopted
from agents.linux import display, environment, window_manager
from agents.linux.accounts import Account, SessionAccounts
from agents.linux.groups import Backend, Group, Limits
from portcullis.errors import PortcullisError, ProtocolError, Unavailable
from portcullis.ids import is_id
from portcullis.logs import ids
from portcullis.model.host import Isolation
from portcullis.protocol.channel import Order
from portcullis.protocol.worker_channel import (
    MAXIMUM_LINE_BYTES,
    FromWorker,
    Start,
    Status,
    ToWorker,
    body,
    decode_from_leader,
    encode,
    encode_line,
)

log = logging.getLogger(__name__)

LEADER = Path(__file__).parent / "leader" / "__main__.py"
WORKER_COMMAND = (sys.executable, "-I", "-m", "agents.worker")
START_SECONDS = 10.0
SWEEP_SECONDS = 30.0
WORKER_ADDRESS_SPACE_BYTES = 4 << 30
"""Its threads reserve much more than they use (0.4 GB in all, measured); what lies above is an application's doing."""
WORKER_ENVIRONMENT = {
    "PATH": environment.PATH,
    "LANG": "C.UTF-8",
    "HOME": "/nonexistent",
    "OPENBLAS_NUM_THREADS": "1",  # numpy starts a thread a core at import, and nothing here multiplies matrices
}


@dataclass(frozen=True, slots=True)
class People:
    """The two accounts of a session."""

    worker: Account
    user: Account


class LeaderConnection:
    """A `LeaderLink` over the leader's Unix socket."""

    def __init__(self, session: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._session = session
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, folder: Path) -> LeaderConnection:
        """Raises OSError when no leader listens."""
        reader, writer = await asyncio.open_unix_connection(
            str(folder / "leader.sock"), limit=2 * MAXIMUM_LINE_BYTES
        )
        return cls(folder.name, reader, writer)

    @property
    def session(self) -> str:
        return self._session

    async def receive(self) -> Status | FromWorker | None:
        while True:
            try:
                line = await self._reader.readline()
            except (OSError, ValueError) as exc:
                log.warning("leader's connection broke: %s", exc, extra=ids(session=self._session))
                return None
            if not line.endswith(b"\n"):
                return None
            try:
                message = decode_from_leader(line)
            except ProtocolError as exc:
                log.warning("line dropped: %s", exc.message, extra=ids(session=self._session))
                continue
            if message is not None:
                return message

    def send(self, message: ToWorker) -> None:
        self._write(encode(message))

    def launch(self, launch: dict[str, Any]) -> None:
        self._write(encode_line({"type": "launch", **launch}))

    def end(self, code: str, grace_seconds: float, detail: str | None = None) -> None:
        self._write(
            encode_line({"type": "end", "code": code, "grace_seconds": grace_seconds, "detail": detail})
        )

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def _write(self, line: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(line)


class LinuxLauncher:
    def __init__(
        self,
        runtime: Path,
        accounts: SessionAccounts,
        backend: Backend,
        limits: Limits,
        machine: environment.Machine,
        worker_command: Sequence[str] = WORKER_COMMAND,
    ) -> None:
        self._folders = runtime / "sessions"
        self._accounts = accounts
        self._backend = backend
        self._limits = limits
        self._machine = machine
        self._worker_command = tuple(worker_command)
        self._workers: dict[str, str] = {}  # session -> name of its worker account

    async def launch(self, order: Order, start: Start) -> LeaderConnection:
        user = await self._accounts.user(order.tenant, order.user_id, order.user_name)
        worker = await self._free_worker(order)
        group = self._backend.group(order.session, self._limits)
        folder = self._folders / order.session
        people = People(worker, user)
        launch = build_launch(order, start, people, folder, group, self._machine, self._worker_command)
        try:
            link = await self._start_leader(folder, group)
        except BaseException:
            self._workers.pop(order.session, None)
            raise
        link.launch(launch)
        return link

    async def adopt(self) -> list[Adopted]:
        found = []
        for folder in _session_folders(self._folders):
            if (adopted := await self._adopt(folder)) is not None:
                self._workers[folder.name] = str(adopted.status.about.get("worker", ""))
                found.append(adopted)
        return found

    async def reopen(self, session: str) -> LeaderConnection | None:
        try:
            return await LeaderConnection.open(self._folders / session)
        except OSError:
            return None

    async def ended(self, session: str) -> Status | None:
        self._workers.pop(session, None)
        return _read_ended(self._folders / session)

    async def forget(self, session: str) -> None:
        self._workers.pop(session, None)
        folder = self._folders / session
        if (folder / "session.json").exists():
            await _sweep(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def isolation(self) -> Isolation:
        return self._accounts.isolation

    @property
    def grouping(self) -> str:
        return self._backend.name

    async def _free_worker(self, order: Order) -> Account:
        account = await self._accounts.worker(order.slot, frozenset(self._workers.values()))
        self._workers[order.session] = account.name
        return account

    async def _start_leader(self, folder: Path, group: Group) -> LeaderConnection:
        try:
            mode = self._accounts.folder_mode
            make_passable(self._folders, mode)
            folder.mkdir()
            folder.chmod(mode)
            command = (*group.prefix, sys.executable, "-I", "-S", str(LEADER), str(folder))
            async with asyncio.timeout(START_SECONDS):
                await _run(command)
                return await LeaderConnection.open(folder)
        except (OSError, TimeoutError) as exc:
            raise Unavailable("worker_failed", f"The session's leader did not start: {exc!r}") from exc

    async def _adopt(self, folder: Path) -> Adopted | None:
        if (status := _read_ended(folder)) is not None:
            return Adopted(status, None)
        try:
            link = await LeaderConnection.open(folder)
        except OSError as exc:
            log.warning("session without a leader is removed: %r", exc, extra=ids(session=folder.name))
            await _sweep(folder)
            return None
        try:
            async with asyncio.timeout(START_SECONDS):
                first = await link.receive()
        except TimeoutError:
            log.error("a leader that does not answer is removed", extra=ids(session=folder.name))
            await link.close()
            await _sweep(folder)
            return None
        if isinstance(first, Status) and first.session:
            return Adopted(first, link)
        await _end_and_wait(link, 0)  # the agent died before it sent `launch`
        return None


def build_launch(
    order: Order,
    start: Start,
    people: People,
    folder: Path,
    group: Group,
    machine: environment.Machine,
    worker_command: Sequence[str] = WORKER_COMMAND,
) -> dict[str, Any]:
    """The `launch` line without its type."""
    scale = environment.scale(order.display.device_pixel_ratio)
    user = people.user
    base = environment.environment(user.name, user.home, folder / "user", order.display, machine)
    own = environment.with_application(base, order.environment)
    start = replace(
        start, width=min(start.width, display.MAXIMUM_WIDTH), height=min(start.height, display.MAXIMUM_HEIGHT)
    )
    return {
        "session": order.session,
        "about": {
            "tenant": order.tenant,
            "slot": order.slot,
            "worker": people.worker.name,
            "user": user.name,
            "application": order.application_name,
            "reference": order.reference,
        },
        "accounts": {"worker": people.worker.name, "user": user.name},
        "home": str(user.home),
        "display": {
            "command": display.command(round(environment.BASE_DPI * scale.ratio)),
            "environment": WORKER_ENVIRONMENT,
            "limits": {"as": display.ADDRESS_SPACE_BYTES},
            "framebuffer_bytes": display.FRAMEBUFFER_BYTES,
        },
        "worker": {
            "command": list(worker_command),
            "environment": WORKER_ENVIRONMENT,
            "limits": {"as": WORKER_ADDRESS_SPACE_BYTES},
            "start": {"to": "worker", **body(start)},
        },
        "bus": {"command": bus_command(folder), "environment": base} if machine.bus else None,
        "window_manager": {"command": window_manager.command(folder), "environment": base},
        "application": {"command": list(order.command), "environment": own},
        "files": window_manager.files(folder, scale),
        "group": group.to_json(),
        "limits": dict(group.rlimits),
    }


def make_passable(folder: Path, mode: int) -> None:
    """A folder that the accounts of sessions may pass through, whatever the umask is. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    if folder.lstat().st_uid != os.geteuid() or not stat.S_ISDIR(folder.lstat().st_mode):
        raise PermissionError(f"{folder} is not a folder of this account")
    folder.chmod(mode)


def bus_command(folder: Path) -> list[str]:
    """It prints its address once it listens."""
    address = f"--address=unix:path={folder / 'user' / 'bus'}"
    return ["dbus-daemon", "--session", "--nofork", "--nopidfile", address, "--print-address"]


def this_machine() -> environment.Machine:
    listed = subprocess.run(("locale", "-a"), capture_output=True, text=True, check=False).stdout.split()
    return environment.Machine(
        locales=frozenset(listed),
        time_zones=frozenset(zoneinfo.available_timezones()),
        bus=shutil.which("dbus-daemon") is not None,
    )


async def end_all(runtime: Path, grace_seconds: float) -> int:
    """End every session below `runtime`, without an agent, and wait until nothing is left. Returns how many."""
    folders = _session_folders(runtime / "sessions")
    await asyncio.gather(*(_end_one(folder, grace_seconds) for folder in folders))
    return len(folders)


async def _end_one(folder: Path, grace_seconds: float) -> None:
    with contextlib.suppress(OSError):
        await _end_and_wait(await LeaderConnection.open(folder), grace_seconds)
    if (folder / "session.json").exists():
        await _sweep(folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)


async def _end_and_wait(link: LeaderConnection, grace_seconds: float) -> None:
    """Until the leader has closed the connection: it does so when nothing of the session is left."""
    link.end("logged_off", grace_seconds)
    try:
        async with asyncio.timeout(grace_seconds + SWEEP_SECONDS):
            while await link.receive() is not None:
                pass
    except TimeoutError:
        log.error("a leader does not end its session", extra=ids(session=link.session))
    finally:
        await link.close()


async def _sweep(folder: Path) -> None:
    """One session that cannot be removed (a process that the kernel holds, say) must not keep an agent from others."""
    try:
        async with asyncio.timeout(SWEEP_SECONDS):
            await _run((sys.executable, "-I", "-S", str(LEADER), "--sweep", str(folder)))
    except (OSError, TimeoutError) as exc:
        log.error("session cannot be removed: %r", exc, extra=ids(session=folder.name))


async def _run(command: Sequence[str]) -> None:
    """Raises OSError when it fails."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        cwd="/",
    )
    try:
        _, errors = await process.communicate()
    except BaseException:
        process.kill()
        raise
    if process.returncode != 0:
        raise OSError(
            f"{command[0]} ended with {process.returncode}: {errors.decode(errors='replace')[-500:]}"
        )


def _session_folders(folders: Path) -> list[Path]:
    if not folders.is_dir():
        return []
    return sorted(path for path in folders.iterdir() if is_id(path.name) and path.is_dir())


def _read_ended(folder: Path) -> Status | None:
    try:
        message = decode_from_leader((folder / "ended.json").read_bytes())
    except (OSError, PortcullisError):
        return None
    return message if isinstance(message, Status) else None

"""Sessions of this host: starts leaders, finds them again, and cleans up after those that were killed.

One folder a session, `<runtime>/sessions/<session id>`: of the agent's account, 0711, or 0700 where it is the only one.
What its leader is told, launch_line.py says.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
import subprocess
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.contracts import Adopted, AskCredentials
from agents.desktops import attachments as desktops
from agents.linux import checks, environment
from agents.linux.accounts import Account, SessionAccounts
from agents.linux.desktops.attachments import DisplayAttachments
from agents.linux.forking import Forking
from agents.linux.groups import Backend, Group, Limits
from agents.linux.launch_line import (
    WORKER_COMMAND,
    InPlace,
    People,
    build_attachment,
    build_launch,
    build_warm,
    fitting,
)
from agents.linux.leaders import (
    START_SECONDS,
    LeaderConnection,
    end_and_wait,
    end_one,
    make_passable,
    read_ended,
    session_folders,
    start_leader,
    sweep,
)
from agents.linux.processes import processes_of
from agents.linux.rdp import bridge
from agents.linux.rdp.addresses import Network
from agents.linux.rdp.bridge import ShownServer
from agents.linux.rdp.reach import reach
from agents.linux.warm import WarmPool, WarmSession
from agents.linux.wine.bridge import WineHost, WineRun
from agents.linux.wine.templates import wine_is_installed
from portcullis.errors import Refused
from portcullis.ids import new_id
from portcullis.logs import ids
from portcullis.model.desktops import DesktopTarget
from portcullis.model.host import Isolation
from portcullis.model.wine import WineProgram
from portcullis.protocol.acts import Process
from portcullis.protocol.checks import Check, CheckResult
from portcullis.protocol.desktops import DESKTOPS
from portcullis.protocol.features import RDP
from portcullis.protocol.orders import Order
from portcullis.protocol.wine import WINE, template_features
from portcullis.protocol.worker_channel import Prepare, Start, Status, WorkerState

log = logging.getLogger(__name__)

CRASHES = frozenset(
    {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT, signal.SIGTRAP}
)
ASSIGN_SECONDS = 3.0
"""For a session that was prepared ahead to take the size and keyboard of a user: milliseconds, unless it is broken."""


class LinuxLauncher:
    def __init__(
        self,
        runtime: Path,
        accounts: SessionAccounts,
        backend: Backend,
        limits: Limits,
        machine: environment.Machine,
        worker_command: Sequence[str] = WORKER_COMMAND,
        forking: Forking | None = None,
        rdp_networks: Sequence[Network] = (),
        wine_host: WineHost | None = None,
        attachments: DisplayAttachments | None = None,
    ) -> None:
        """`forking`: begins leaders that have the worker's program loaded; None: leader and worker are run anew."""
        self._folders = runtime / "sessions"
        self._warm_folders = runtime / "warm"
        self._accounts = accounts
        self._backend = backend
        self._limits = limits
        self._machine = machine
        self._worker_command = tuple(worker_command)
        self._forking = forking
        self._rdp_networks = tuple(rdp_networks)
        self._wine_host = wine_host
        self._attachments = attachments or DisplayAttachments(())
        self._attachments.is_led = self._is_led
        self._workers: dict[str, str] = {}  # session -> name of its worker account
        self._warm = WarmPool(self._begin_warm, self._release)
        self._expected = Prepare(1280, 720)

    async def launch(
        self, order: Order, start: Start, credentials: AskCredentials | None = None
    ) -> LeaderConnection:
        if order.desktop is not None:
            return await self._attach(order, order.desktop, start)
        shown = await self._shown(order, credentials)
        user = await self._accounts.user(order.tenant, order.user_id, order.user_name)
        self._expected = Prepare.of(fitting(start))
        while (warm := await self._warm.take()) is not None:
            if (link := await self._assign(warm, order, start, user, shown)) is not None:
                return link
        return await self._launch_anew(order, start, user, shown)

    async def keep_ready(self, count: int, may_begin: bool = True) -> None:
        await self._warm.keep(count, may_begin)

    @property
    def ready(self) -> int:
        return len(self._warm)

    @property
    def ready_memory_bytes(self) -> int:
        return self._warm.memory_bytes

    def looks(self, check: Check) -> Mapping[str, Callable[[], CheckResult]]:
        if check.desktop is not None:
            known = self._attachments
            return desktops.looks(check.user_name, check.desktop, known, known.found)
        templates = self._wine_host.templates if self._wine_host is not None else None
        return checks.looks(check, self._accounts, self._rdp_networks, templates)

    @property
    def features(self) -> frozenset[str]:
        found = frozenset({RDP}) if bridge.is_installed() else frozenset()
        if self._attachments.allowed:
            found |= {DESKTOPS}
        if self._wine_host is None or not wine_is_installed():
            return found
        return found | {WINE} | template_features(self._wine_host.templates.names())

    def processes(self, known: Mapping[str, int]) -> Sequence[Process]:
        return processes_of(known)

    async def adopt(self) -> list[Adopted]:
        if self._forking is not None:
            await self._forking.start()
        # What was prepared ahead ends without its agent; this removes what was killed, and waits for the rest.
        await asyncio.gather(*(end_one(folder, 0) for folder in session_folders(self._warm_folders)))
        found = []
        for folder in session_folders(self._folders):
            if (adopted := await self._adopt(folder)) is not None:
                self._workers[folder.name] = str(adopted.status.about.get("worker", ""))
                self._attachments.adopt(folder.name, adopted.status.about)
                found.append(adopted)
        return found

    async def reopen(self, session: str) -> LeaderConnection | None:
        try:
            return await LeaderConnection.open(self._folders / session)
        except OSError:
            return None

    async def ended(self, session: str) -> Status | None:
        self._workers.pop(session, None)
        status = read_ended(self._folders / session)
        if status is not None and self._forking is not None and has_crashed(status):
            await self._forking.renew()
        return status

    async def forget(self, session: str) -> None:
        self._workers.pop(session, None)
        self._attachments.release(session)
        folder = self._folders / session
        if (folder / "session.json").exists():
            await sweep(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def isolation(self) -> Isolation:
        return self._accounts.isolation

    @property
    def grouping(self) -> str:
        return self._backend.name

    async def _shown(self, order: Order, credentials: AskCredentials | None) -> InPlace | None:
        """None where the order names a program of the host. Nothing is prepared for what cannot be had."""
        if order.wine is not None:
            return self._windows_program(order.wine)
        if order.rdp is None:
            return None
        target = await reach(order.rdp, self._rdp_networks)
        if credentials is None:
            raise Refused("credentials_lost")
        return ShownServer(target, await credentials(order))

    def _windows_program(self, program: WineProgram) -> WineRun:
        if self._wine_host is None or not wine_is_installed():
            raise Refused("wine_failed", "Wine is not installed on this host.")
        return self._wine_host.run_of(program)

    async def _attach(self, order: Order, target: DesktopTarget, start: Start) -> LeaderConnection:
        """Nothing is made for it: neither account nor display."""
        async with self._attachments.beginning(order, target) as attachment:
            group = self._backend.group(order.session, self._limits)
            launch = build_attachment(order, target, start, attachment, group, self._worker_command)
            link = await self._start_leader(self._folders / order.session, group)
        link.launch(launch)
        return link

    def _is_led(self, session: str) -> bool:
        folder = self._folders / session
        return (folder / "leader.sock").exists() and not (folder / "ended.json").exists()

    async def _launch_anew(
        self, order: Order, start: Start, user: Account, shown: InPlace | None
    ) -> LeaderConnection:
        worker = await self._free_worker(order.session, order.slot)
        group = self._backend.group(order.session, self._limits)
        folder = self._folders / order.session
        launch = self._build(order, start, People(worker, user), folder, group, shown)
        try:
            link = await self._start_leader(folder, group)
        except BaseException:
            self._workers.pop(order.session, None)
            raise
        link.launch(launch)
        return link

    async def _start_leader(self, folder: Path, group: Group) -> LeaderConnection:
        return await start_leader(folder, self._accounts.folder_mode, group, self._forking)

    async def _begin_warm(self) -> WarmSession:
        """A leader that prepares for a session like the last one."""
        warm_id = new_id()
        worker = await self._free_worker(warm_id, 0)
        group = self._backend.group(warm_id, self._limits)
        folder = self._warm_folders / warm_id
        try:
            link = await self._start_leader(folder, group)
        except BaseException:
            self._workers.pop(warm_id, None)
            raise
        link.warm(build_warm(warm_id, worker, group, self._expected, self._worker_command))
        return WarmSession(warm_id, folder, worker, group, link)

    async def _assign(
        self, warm: WarmSession, order: Order, start: Start, user: Account, shown: InPlace | None
    ) -> LeaderConnection | None:
        """The session on what was prepared ahead; None when that is broken, and nothing is left of it."""
        folder = self._folders / order.session
        self._workers[order.session] = self._workers.pop(warm.id)
        make_passable(self._folders, self._accounts.folder_mode)
        warm.folder.rename(folder)
        launch = self._build(order, start, People(warm.worker, user), folder, warm.group, shown)
        warm.link.launch({**launch, "folder": str(folder)})
        reason = await _trouble(warm.link)
        if reason is None:
            return warm.link
        fields = ids(session=order.session, warm=warm.id)
        log.warning("a session prepared ahead was broken: %s", reason, extra=fields)
        await end_and_wait(warm.link, 0)
        await self.forget(order.session)
        return None

    def _build(
        self,
        order: Order,
        start: Start,
        people: People,
        folder: Path,
        group: Group,
        shown: InPlace | None,
    ) -> dict[str, Any]:
        return build_launch(order, start, people, folder, group, self._machine, self._worker_command, shown)

    def _release(self, warm: WarmSession) -> None:
        self._workers.pop(warm.id, None)

    async def _free_worker(self, session: str, index: int) -> Account:
        account = await self._accounts.worker(index, frozenset(self._workers.values()))
        self._workers[session] = account.name
        return account

    async def _adopt(self, folder: Path) -> Adopted | None:
        if (status := read_ended(folder)) is not None:
            return Adopted(status, None)
        try:
            link = await LeaderConnection.open(folder)
        except OSError as exc:
            log.warning("session without a leader is removed: %r", exc, extra=ids(session=folder.name))
            await sweep(folder)
            return None
        try:
            async with asyncio.timeout(START_SECONDS):
                first = await link.receive()
        except TimeoutError:
            log.error("a leader that does not answer is removed", extra=ids(session=folder.name))
            await link.close()
            await sweep(folder)
            return None
        if isinstance(first, Status) and first.session:
            return Adopted(first, link)
        await end_and_wait(link, 0)  # the agent died before it sent `launch`
        if folder.exists():
            await sweep(folder)  # moved here already, and its leader did not know
        return None


async def _trouble(link: LeaderConnection) -> str | None:
    """Why display or worker cannot take the session; None: they have. What is received then is received again by who
    follows."""
    heard = []
    try:
        async with asyncio.timeout(ASSIGN_SECONDS):
            while (message := await link.receive()) is not None:
                heard.append(message)
                if isinstance(message, WorkerState):
                    break
                if isinstance(message, Status) and message.code in ("display_failed", "worker_failed"):
                    return message.detail or message.code
                if isinstance(message, Status) and message.code is not None:
                    break  # the application's fault: it would fail on any display
            else:
                return "the leader has gone"
    except TimeoutError:
        return f"no answer within {ASSIGN_SECONDS} s"
    link.unread(heard)
    return None


def has_crashed(status: Status) -> bool:
    """Whether the worker broke. Who made it break may have been looking for where its memory lies: the next one's
    must lie elsewhere."""
    return -status.exit_statuses.get("worker", 0) in CRASHES


def this_machine() -> environment.Machine:
    listed = subprocess.run(("locale", "-a"), capture_output=True, text=True, check=False).stdout.split()
    return environment.Machine(
        locales=frozenset(listed),
        time_zones=frozenset(zoneinfo.available_timezones()),
        bus=shutil.which("dbus-daemon") is not None,
    )


async def end_all(runtime: Path, grace_seconds: float) -> int:
    """End every session below `runtime`, without an agent, and wait until nothing is left. Returns how many."""
    folders = session_folders(runtime / "sessions")
    ahead = session_folders(runtime / "warm")
    await asyncio.gather(*(end_one(folder, grace_seconds) for folder in (*folders, *ahead)))
    return len(folders)

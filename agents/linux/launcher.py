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
    application          {"command", "environment"}, perhaps with "entered", which it finds to read, "folder", which it
                         gets opened as descriptor 3, "exit_codes": what its exit statuses mean, and "ends_its_own":
                         asked to end, it ends what it started
    attached             in place of display, bus, window manager and files: {"display", "answer_seconds", "view_only",
                         "left_seconds"}, a display of `accounts.user`'s own. The application is their helper.
    files                name -> text, written for the user into the session's folder
    group                {"folders", "worker", "user", "values"}: cgroups (groups.py)
    limits               name of an RLIMIT -> value, for the user's processes
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
import subprocess
import sys
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agents.contracts import Adopted, AskCredentials
from agents.desktops import attachments as desktops
from agents.linux import checks, display, environment, window_manager
from agents.linux.accounts import Account, SessionAccounts
from agents.linux.desktops.attachments import Attachment, DisplayAttachments, launch_parts
from agents.linux.forking import Forking
from agents.linux.groups import Backend, Group, Limits
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
from agents.linux.wine import bridge as wine
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
from portcullis.protocol.reports import About
from portcullis.protocol.wine import WINE, template_features
from portcullis.protocol.worker_channel import Prepare, Start, Status, WorkerState, body

log = logging.getLogger(__name__)

WORKER_COMMAND = (sys.executable, "-I", "-m", "agents.worker")
CRASHES = frozenset(
    {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT, signal.SIGTRAP}
)
ASSIGN_SECONDS = 3.0
"""For a session that was prepared ahead to take the size and keyboard of a user: milliseconds, unless it is broken."""
WORKER_ADDRESS_SPACE_BYTES = 4 << 30
"""Its threads reserve much more than they use (0.4 GB in all, measured); what lies above is an application's doing."""
WORKER_ENVIRONMENT = {
    "PATH": environment.PATH,
    "LANG": "C.UTF-8",
    "HOME": "/nonexistent",
    "OPENBLAS_NUM_THREADS": "1",  # numpy starts a thread a core at import, and nothing here multiplies matrices
    "MALLOC_ARENA_MAX": "1",  # its threads take turns; memory that one freed was of no use to the other
}


InPlace = ShownServer | WineRun
"""Of a program of the host."""


@dataclass(frozen=True, slots=True)
class People:
    """The two accounts of a session."""

    worker: Account
    user: Account


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
        self._expected = Prepare.of(_fitting(start))
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


def build_launch(
    order: Order,
    start: Start,
    people: People,
    folder: Path,
    group: Group,
    machine: environment.Machine,
    worker_command: Sequence[str] = WORKER_COMMAND,
    shown: InPlace | None = None,
) -> dict[str, Any]:
    """The `launch` line without its type. `shown`: what is shown or run in place of the order's command."""
    scale = environment.scale(order.display.device_pixel_ratio)
    user = people.user
    base = environment.environment(user.name, user.home, folder / "user", order.display, machine)
    own = environment.with_application(base, order.environment)
    application: dict[str, Any] = {"command": list(order.command), "environment": own}
    if isinstance(shown, ShownServer):
        application = bridge.application(order, shown, own, folder / "user")
    elif isinstance(shown, WineRun):
        application = wine.application(order, shown, own, user.home)
    return {
        "session": order.session,
        "about": {
            "tenant": order.tenant,
            "slot": order.slot,
            "worker": people.worker.name,
            "user": user.name,
            "application": order.application_name,
            "reference": order.reference,
            "order": About.of(order).to_json(),
            **({"rdp": True} if isinstance(shown, ShownServer) else {}),
            **({"wine": True} if isinstance(shown, WineRun) else {}),
        },
        "accounts": {"worker": people.worker.name, "user": user.name},
        "home": str(user.home),
        "display": _display(round(environment.BASE_DPI * scale.ratio)),
        "worker": {
            **_worker(worker_command),
            "start": {"to": "worker", **body(_fitting(start))},
        },
        "bus": {"command": bus_command(folder), "environment": base} if machine.bus else None,
        "window_manager": {"command": window_manager.command(folder), "environment": base},
        "application": application,
        "files": window_manager.files(folder, scale),
        "group": group.to_json(),
        "limits": dict(group.rlimits),
    }


def build_attachment(
    order: Order,
    target: DesktopTarget,
    start: Start,
    attachment: Attachment,
    group: Group,
    worker_command: Sequence[str] = WORKER_COMMAND,
) -> dict[str, Any]:
    """The `launch` line of a session on somebody's own display, as whose account both of its processes run."""
    owner = attachment.owner.name
    return {
        "session": order.session,
        "about": {
            "tenant": order.tenant,
            "slot": order.slot,
            "user": owner,
            "application": order.application_name,
            "reference": order.reference,
            "order": About.of(order).to_json(),
            **desktops.kept(attachment.taken.display, target),
        },
        "accounts": {"user": owner},
        "worker": {**_worker(worker_command), "start": {"to": "worker", **body(start)}},
        "group": group.to_json(),
        "limits": dict(group.rlimits),
        **launch_parts(order, target, attachment),
    }


def build_warm(
    warm_id: str, worker: Account, group: Group, expected: Prepare, worker_command: Sequence[str]
) -> dict[str, Any]:
    """The `warm` line without its type: what `launch` will say of display and worker, as far as it is known."""
    return {
        "session": warm_id,
        "accounts": {"worker": worker.name},
        "display": _display(environment.BASE_DPI),
        "worker": {**_worker(worker_command), "prepare": {"to": "worker", **body(expected)}},
        "group": group.to_json(),
    }


def _display(dots_per_inch: int) -> dict[str, Any]:
    """The worker sets the dots per inch of its session again, by RandR."""
    return {
        "command": display.command(dots_per_inch),
        "environment": WORKER_ENVIRONMENT,
        "limits": {"as": display.ADDRESS_SPACE_BYTES},
        "framebuffer_bytes": display.FRAMEBUFFER_BYTES,
    }


def _worker(command: Sequence[str]) -> dict[str, Any]:
    return {
        "command": list(command),
        "environment": WORKER_ENVIRONMENT,
        "limits": {"as": WORKER_ADDRESS_SPACE_BYTES},
    }


def _fitting(start: Start) -> Start:
    """Of a size that the display can have."""
    width, height = min(start.width, display.MAXIMUM_WIDTH), min(start.height, display.MAXIMUM_HEIGHT)
    return replace(start, width=width, height=height)


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
    folders = session_folders(runtime / "sessions")
    ahead = session_folders(runtime / "warm")
    await asyncio.gather(*(end_one(folder, grace_seconds) for folder in (*folders, *ahead)))
    return len(folders)

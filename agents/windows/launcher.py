"""Sessions of a Windows host: starts helpers in the Windows session of whoever is signed in, and finds them again.

Windows makes sessions, and this makes none: an application runs in the account and on the desktop of the user who is
signed in, whoever asked for it (docs/windows.md). So nothing walls a session off from its worker, or from what else
that user has open: the isolation is `none`, and a host runs one session of an application at a time.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.contracts import Adopted, AskCredentials
from agents.desktops import attachments as desktops
from agents.desktops.attachments import Attachments, Taken
from agents.desktops.rules import FoundDisplay
from agents.windows import acl, checks, leaders, processes
from agents.windows.desktops.attachments import attached_start, launch_parts
from agents.windows.desktops.finding import Seat
from agents.windows.interactive import Place, Places
from agents.windows.leaders import HelperConnection, Notes
from agents.windows.pipe import PipeServer
from portcullis.errors import Refused, Unavailable
from portcullis.logs import ids
from portcullis.model.desktops import DesktopTarget
from portcullis.model.host import Isolation
from portcullis.model.platforms import WINDOWS
from portcullis.protocol.acts import Process
from portcullis.protocol.checks import Check, CheckResult
from portcullis.protocol.desktops import DESKTOPS
from portcullis.protocol.orders import Order
from portcullis.protocol.reports import About
from portcullis.protocol.worker_channel import Start, Status, body

log = logging.getLogger(__name__)

HELPER_COMMAND = (sys.executable, "-I", "-m", "agents.windows.helper")
WORKER_COMMAND = (sys.executable, "-I", "-m", "agents.worker")


class WindowsLauncher:
    isolation: Isolation = "none"
    grouping = "job"
    ready = 0
    ready_memory_bytes = 0

    def __init__(
        self,
        runtime: Path,
        places: Places,
        worker_command: Sequence[str] = WORKER_COMMAND,
        helper_command: Sequence[str] = HELPER_COMMAND,
        attachments: Attachments | None = None,
    ) -> None:
        self._folders = runtime / "sessions"
        self._places = places
        self._worker_command = tuple(worker_command)
        self._helper_command = tuple(helper_command)
        self._attachments = attachments or Attachments((), ignores_case=True)
        self._attachments.is_led = self._is_led

    async def launch(
        self, order: Order, start: Start, credentials: AskCredentials | None = None
    ) -> HelperConnection:
        if order.desktop is not None:
            return await self._attach(order, order.desktop, start)
        if not order.command:
            raise Refused("application_missing", "A Windows host runs programs of its own alone.")
        place = await self._find()
        link = await self._begin(order.session, place)
        link.launch(build_launch(order, start, place, self._worker_command))
        return link

    @property
    def features(self) -> frozenset[str]:
        return frozenset({WINDOWS, DESKTOPS}) if self._attachments.allowed else frozenset({WINDOWS})

    async def keep_ready(self, count: int, may_begin: bool = True) -> None:
        """Nothing: a session is the user's desktop, which is there already."""

    def looks(self, check: Check) -> Mapping[str, Callable[[], CheckResult]]:
        if check.desktop is not None:
            return desktops.looks(check.user_name, check.desktop, self._attachments, self._displays)
        return checks.looks(check, self._places)

    def processes(self, known: Mapping[str, int]) -> Sequence[Process]:
        return processes.processes_of(known)

    async def adopt(self) -> list[Adopted]:
        found = await asyncio.gather(*map(self._adopt, leaders.session_folders(self._folders)))
        adopted = [each for each in found if each is not None]
        for each in adopted:
            self._attachments.adopt(each.status.session, each.status.about)
        return adopted

    async def reopen(self, session: str) -> HelperConnection | None:
        folder = self._folders / session
        notes = leaders.read_notes(folder)
        if notes is None:
            return None
        try:
            return await leaders.open_again(folder, notes, acl.own_sid())
        except (OSError, TimeoutError) as exc:
            log.info("a helper does not come back: %r", exc, extra=ids(session=session))
            return None

    async def ended(self, session: str) -> Status | None:
        """A helper tells by itself how its session ended, unless Windows ended both."""
        notes = leaders.read_notes(self._folders / session)
        if notes is None or await asyncio.to_thread(self._places.is_there, notes.place):
            return None
        detail = f"{notes.place.user} signed out of Windows"
        code = "desktop_closed" if notes.is_attached else "console_signed_out"
        return Status(session, "application", ended=True, code=code, detail=detail)

    async def forget(self, session: str) -> None:
        self._attachments.release(session)
        folder = self._folders / session
        if (notes := leaders.read_notes(folder)) is not None:
            await asyncio.to_thread(leaders.end_process, notes.helper)
        leaders.remove_folder(folder)

    async def _attach(self, order: Order, target: DesktopTarget, start: Start) -> HelperConnection:
        """Its leader runs as whoever is signed in there, which it makes sure of."""
        seats = await self._seats()
        with self._attachments.attaching(order, target, [each.found for each in seats]) as taken:
            seat = next(each for each in seats if each.found == taken.display)
            place = Place(seat.windows_session, seat.found.account, seat.sid)
            link = await self._begin(order.session, place, is_attached=True)
        seconds = self._attachments.left_seconds
        link.launch(build_attachment(order, target, start, taken, seconds, self._worker_command))
        return link

    async def _begin(self, session: str, place: Place, *, is_attached: bool = False) -> HelperConnection:
        folder = self._folders / session
        self._folders.mkdir(parents=True, exist_ok=True)
        leaders.make_folder(folder)
        try:
            return await self._start_helper(folder, place, is_attached)
        except BaseException:
            leaders.remove_folder(folder)
            raise

    async def _seats(self) -> list[Seat]:
        try:
            return await asyncio.to_thread(self._places.seats)
        except OSError as exc:
            raise Unavailable("display_failed", f"Windows does not tell who is signed in: {exc}") from exc

    def _displays(self) -> list[FoundDisplay]:
        return [each.found for each in self._places.seats()]

    def _is_led(self, session: str) -> bool:
        notes = leaders.read_notes(self._folders / session)
        return notes is not None and notes.helper.lives

    async def _find(self) -> Place:
        try:
            return await asyncio.to_thread(self._places.find)
        except OSError as exc:
            raise Unavailable("display_failed", f"Windows does not tell who is signed in: {exc}") from exc

    async def _start_helper(self, folder: Path, place: Place, is_attached: bool) -> HelperConnection:
        """Raises PortcullisError."""
        owner, name = acl.own_sid(), leaders.new_pipe_name()
        try:
            server = PipeServer(name, acl.pipe(owner, place.sid))
        except OSError as exc:
            raise Unavailable("worker_failed", f"No pipe for the session's helper: {exc}") from exc
        try:
            command = (*self._helper_command, name, owner)
            started = await asyncio.to_thread(self._places.start, place, command)
            notes = Notes(name, place, started, is_attached)
            leaders.write_notes(folder, notes)
            return await leaders.let_in(server, folder.name, notes, owner)
        except (OSError, TimeoutError) as exc:
            server.close()
            raise Unavailable("worker_failed", f"The session's helper did not come: {exc!r}") from exc
        except BaseException:
            server.close()
            raise

    async def _adopt(self, folder: Path) -> Adopted | None:
        session = ids(session=folder.name)
        notes = leaders.read_notes(folder)
        try:
            if notes is None:
                raise ProcessLookupError("nothing is noted of its helper")
            link = await leaders.open_again(folder, notes, acl.own_sid())
            async with asyncio.timeout(leaders.START_SECONDS):
                first = await link.receive()
        except (OSError, TimeoutError) as exc:
            log.warning("session without a helper is removed: %r", exc, extra=session)
            await self.forget(folder.name)
            return None
        if isinstance(first, Status) and first.ended:
            await link.close()
            return Adopted(first, None)
        if isinstance(first, Status) and first.session:
            return Adopted(first, link)
        link.end("logged_off", 0)  # the agent died before it sent `launch`
        await link.close()
        await self.forget(folder.name)
        return None


def build_launch(
    order: Order, start: Start, place: Place, worker_command: Sequence[str] = WORKER_COMMAND
) -> dict[str, Any]:
    """The `launch` line without its type."""
    return {
        "session": order.session,
        "about": _about(order, place.user),
        "worker": {"command": list(worker_command), "start": {"to": "worker", **body(start)}},
        "application": {"command": list(order.command), "environment": dict(order.environment)},
    }


def build_attachment(
    order: Order,
    target: DesktopTarget,
    start: Start,
    taken: Taken,
    left_seconds: float,
    worker_command: Sequence[str] = WORKER_COMMAND,
) -> dict[str, Any]:
    """The `launch` line of a session on somebody's own desktop."""
    begun = attached_start(start, target)
    return {
        "session": order.session,
        "about": {**_about(order, taken.display.account), **desktops.kept(taken, target)},
        "worker": {"command": list(worker_command), "start": {"to": "worker", **body(begun)}},
        **launch_parts(order, target, taken, left_seconds),
    }


def _about(order: Order, account: str) -> dict[str, Any]:
    return {
        "tenant": order.tenant,
        "slot": order.slot,
        "user": account,
        "application": order.application_name,
        "reference": order.reference,
        "order": About.of(order).to_json(),
    }

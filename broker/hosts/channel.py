"""The broker's end of the control channel (docs/protocol.md 4): one WebSocket a host.

`ControlServer` accepts channels; a `ControlChannel` is one of them (`broker.machine_channel`). Its end may also come by
a channel of the host to another broker, or by the drain. The writer looks at the snapshot and sends orders or directory
when they differ from what it sent last; cuts, revocations and questions are queued.

Nothing here waits for the grid: announcing the host (`announcing`) and taking its reports (`reports`) are tasks of
their own, so that a broker whose grid is away still holds its hosts, and tells them what they have to know.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from broker.gateways.directory import GatewayDirectory
from broker.hosts.acts import pending_acts
from broker.hosts.announcing import Announcement, Announcing
from broker.hosts.answers import HostAnswer
from broker.hosts.changes import HostChanges
from broker.hosts.checks import pending_checks
from broker.hosts.discovery import pending_discoveries
from broker.hosts.loads import HostLoad, HostLoads
from broker.hosts.orders import KeptOrders
from broker.hosts.registry import ChannelRegistry, ToHost
from broker.hosts.reports import Reports
from broker.launch.waiting import WaitingLines
from broker.machine_channel import (
    CERTIFICATE_REFUSED,
    GOING_AWAY,
    MALFORMED,
    NOT_TAKEN,
    REPLACED,
    SERVICE_RESTART,
    TRY_AGAIN,
    Closing,
    MachineChannel,
)
from broker.repositories.hosts import Hosts, live_path
from broker.repositories.late_ends import LateEnds
from broker.repositories.sessions import Sessions
from broker.sessions.adoption import Adoption
from broker.sessions.figures import SessionFigures
from broker.sessions.lifecycle import Lifecycle
from broker.snapshot import Change, Snapshot
from portcullis.clock import Clock
from portcullis.errors import ProtocolError
from portcullis.logs import ids
from portcullis.model.host import Host
from portcullis.model.session import Display
from portcullis.protocol.acts import Act, Acted
from portcullis.protocol.channel import (
    MAXIMUM_FROM_AGENT_BYTES,
    SUBPROTOCOL,
    FromAgent,
    FromBroker,
    encode,
    parse_from_agent,
)
from portcullis.protocol.checks import Check, Checked
from portcullis.protocol.credentials import CredentialsWanted, GivenCredentials
from portcullis.protocol.directory import HEARTBEAT_SECONDS, Directory, Welcome
from portcullis.protocol.discovery import Discover, Discovered
from portcullis.protocol.features import SESSIONS_WORD
from portcullis.protocol.orders import Order, encode_desired, encode_order
from portcullis.protocol.reports import MAXIMUM_REPORTS, Heartbeat, Hello, Report
from portcullis.protocol.revoked import revocation_messages
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

HELLO_SECONDS = 10.0
SILENCE_SECONDS = 3.0 * HEARTBEAT_SECONDS
PING_SECONDS = 10.0
CLOSE_SECONDS = 2.0
ANNOUNCED_SECONDS = 2.0
"""An agent is welcomed once its host is live, or after so long: the grid may be away, or others come as well."""
DRAIN_SECONDS = 8.0
"""All channels of a broker that drains have been sent elsewhere by then."""
MAXIMUM_GIVING = 64
"""Sessions that a host asks credentials for at once."""

NOBODY = "0" * 16
NO_TENANT = "0" * 16


@dataclass(frozen=True, slots=True)
class ControlServices:
    snapshot: Snapshot
    sessions: Sessions
    hosts: Hosts
    lifecycle: Lifecycle
    late_ends: LateEnds
    directory: GatewayDirectory
    registry: ChannelRegistry
    loads: HostLoads
    figures: SessionFigures
    lines: WaitingLines
    adoption: Adoption
    clock: Clock
    broker_id: str
    credentials: Callable[[str, CredentialsWanted], Awaitable[GivenCredentials]] | None = None
    """What a host gets to sign in to an RDP server; None: nothing."""
    unused: Callable[[Mapping[str, int]], None] = lambda _: None
    """Told for how long nobody has used sessions."""
    revocations: Callable[[str, bool], Sequence[str]] = lambda host_id, is_older: ()
    """All that are in force for a host: it is told them when it comes."""
    goes_elsewhere: Callable[[], bool] = lambda: False
    """Whether this broker drains while another one serves."""
    announcing: Announcing = field(init=False)
    changes: HostChanges = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "announcing", Announcing(self.hosts, self.broker_id))
        object.__setattr__(self, "changes", HostChanges(self.snapshot))


class ControlServer:
    def __init__(self, services: ControlServices) -> None:
        self._services = services
        self._draining: asyncio.Task[None] | None = None

    async def serve(self, request: web.Request, host: Host) -> web.StreamResponse:
        """One channel of `host`, whose certificate has been checked, until it ends."""
        socket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,),
            heartbeat=PING_SECONDS,
            timeout=CLOSE_SECONDS,
            max_msg_size=MAXIMUM_FROM_AGENT_BYTES,
            compress=False,
        )
        await socket.prepare(request)
        if self._services.goes_elsewhere():
            await socket.close(code=SERVICE_RESTART, message=b"the broker drains")
        else:
            await ControlChannel(self._services, host, socket).run()
        return socket

    def drain_changed(self) -> None:
        """Send the hosts elsewhere, a few at a time; those that are left when the drain is taken back stay."""
        if self._services.goes_elsewhere() and (self._draining is None or self._draining.done()):
            self._draining = spawn(self._drain(), name="control channels drain")

    async def stop(self) -> None:
        """End all channels; their handlers finish on their own."""
        await cancel_and_wait(self._draining)
        self._services.registry.end_all(GOING_AWAY, "the broker stops")

    async def _drain(self) -> None:
        hosts = self._services.registry.ids()
        for host_id in hosts:
            if not self._services.goes_elsewhere():
                return
            self._services.registry.end(host_id, SERVICE_RESTART, "the broker drains")
            await asyncio.sleep(min(0.1, DRAIN_SECONDS / len(hosts)))


class ControlChannel(MachineChannel[ToHost]):
    SEND_SECONDS = 10.0

    def __init__(self, services: ControlServices, host: Host, socket: web.WebSocketResponse) -> None:
        super().__init__("host", host.id, socket)
        self._services = services
        self._host = host
        self._is_due = True
        """Whether the orders may be other ones than were sent last."""
        self._checks = pending_checks()
        self._acts = pending_acts()
        self._discoveries = pending_discoveries()
        self._kept = KeptOrders()
        self._orders: tuple[str, ...] | None = None
        self._directory: Directory | None = None
        self._announcement: Announcement | None = None
        self._reports = Reports(services.lifecycle, host.id, services.announcing.at_once, self._report_taken)
        self._orphans: dict[str, Report] = {}
        self._giving: set[asyncio.Task[None]] = set()
        self.is_older = True
        """Its agent knows no words about several sessions, as far as it said."""

    def _begin(self) -> Callable[[], None]:
        self._spawn(self._write(), "writer")
        return self._services.changes.watch(self._host.id, self._changed)

    def _leave(self) -> None:
        self._checks.end()
        self._acts.end()
        self._discoveries.end()
        if self._services.registry.remove(self._host.id, self):
            self._services.loads.forget(self._host.id)

    async def _stop(self) -> None:
        await cancel_and_wait(*self._giving)
        await self._reports.stop()
        if self._announcement is not None:
            await self._announcement.stop()

    async def check(self, check: Check) -> HostAnswer:
        return await self._checks.ask(check.id, lambda: self.queue(check))

    async def act(self, act: Act) -> Acted:
        return await self._acts.ask(act.id, lambda: self.queue(act))

    async def discover(self, question: Discover) -> Discovered:
        return await self._discoveries.ask(question.id, lambda: self.queue(question))

    async def _converse(self) -> None:
        hello = await self._read_hello()
        for pending in (self._checks, self._acts, self._discoveries):
            pending.know(hello.features)
        self.is_older = SESSIONS_WORD not in hello.features
        await self._announce(hello)
        previous = self._services.registry.replace(self._host.id, self)
        if previous is not None:
            previous.end(REPLACED, "another channel of this host took its place")
        await self._welcome()
        log.info("host connected", extra=ids(host=self._host.id, version=hello.version))
        for report in hello.sessions:
            self._reports.add(report)
        self._reports.start()
        self._forget_late_ends(hello)
        while (text := await self._receive(SILENCE_SECONDS)) is not None:
            self._handle(text)

    async def _read_hello(self) -> Hello:
        text = await self._receive(HELLO_SECONDS)
        message = None if text is None else _parse(text)
        if not isinstance(message, Hello):
            raise Closing(MALFORMED, "the first message is not hello")
        return message

    async def _announce(self, hello: Hello) -> None:
        """Goes on in the background if it takes longer than an agent should wait."""
        announcement = Announcement(self._services.announcing, self._host, hello, self._moved)
        self._announcement = announcement
        announcement.start()
        try:
            async with asyncio.timeout(ANNOUNCED_SECONDS):
                await announcement.done.wait()
        except TimeoutError:
            log.warning("a host is welcomed before it is live", extra=ids(host=self._host.id))

    def _moved(self) -> None:
        self.end(REPLACED, "the host holds a channel to another broker")

    def _handle(self, text: str) -> None:
        match _parse(text):
            case Report() as report:
                if not self._reports.add(report):
                    raise Closing(MALFORMED, "more reports than a host has sessions")
            case Heartbeat() as heartbeat:
                load = HostLoad(heartbeat.load, heartbeat.memory_available_bytes)
                self._services.loads.hear(self._host.id, load)
                self._hear_figures(heartbeat)
                if self._announcement is not None:
                    self._announcement.heard()
            case Checked() as checked:
                self._checks.take(checked.id, HostAnswer(checked.results))
            case CredentialsWanted() as wanted:
                self._give(wanted)
            case Acted() as acted:
                self._acts.take(acted.id, acted)
            case Discovered() as discovered:
                self._discoveries.take(discovered.id, discovered)
            case Hello():
                raise Closing(MALFORMED, "hello twice")
            case None:
                pass  # a later version's

    def _give(self, wanted: CredentialsWanted) -> None:
        """In a task: another broker, or the grid, may be asked. A host asks once a session that it starts."""
        if self._services.credentials is None or len(self._giving) >= MAXIMUM_GIVING:
            return
        task = spawn(self._given(wanted), name=f"credentials-{wanted.session}")
        self._giving.add(task)
        task.add_done_callback(self._giving.discard)

    async def _given(self, wanted: CredentialsWanted) -> None:
        assert self._services.credentials is not None
        self.queue(await self._services.credentials(self._host.id, wanted))

    def _hear_figures(self, heartbeat: Heartbeat) -> None:
        """A host speaks for its own sessions."""
        if heartbeat.sessions or heartbeat.unused:
            own = {record.path[1] for record in self._services.sessions.index.of_host(self._host.id)}
            self._services.figures.hear(
                {name: heartbeat.sessions[name] for name in heartbeat.sessions if name in own}
            )
            self._services.unused({name: heartbeat.unused[name] for name in heartbeat.unused if name in own})

    async def _report_taken(self, report: Report, known: bool) -> None:
        if report.state == "ended":
            if self._services.late_ends.is_ended(self._host.id, report.session):
                await self._services.late_ends.forget(self._host.id, [report.session])
            if self._orphans.pop(report.session, None) is not None:
                self._look_anew()
        elif known or await self._is_adopted(report):
            self._orphans.pop(report.session, None)
        else:
            self._take_orphan(report)

    async def _is_adopted(self, report: Report) -> bool:
        """Whether a session without a record, which nobody ended, has one again."""
        ended = self._services.late_ends.is_ended(self._host.id, report.session)
        return not ended and await self._services.adoption.adopt(self._host.id, report)

    def _take_orphan(self, report: Report) -> None:
        """One that was ended while its host was away is ended there, too. Of any other the record may be missing for
        another reason: it is kept.
        """
        if report.session not in self._orphans:
            if len(self._orphans) >= MAXIMUM_REPORTS:
                self.end(MALFORMED, "more sessions without a record than a host can run")
                return
            ended = self._services.late_ends.is_ended(self._host.id, report.session)
            log.warning(
                "host runs a session that ended" if ended else "host runs a session without a record",
                extra=ids(host=self._host.id, tenant=report.tenant, session=report.session),
            )
        self._orphans[report.session] = report
        self._look_anew()

    def orphans(self) -> tuple[Report, ...]:
        """Sessions that run on the host and have no record."""
        return tuple(self._orphans.values())

    def _forget_late_ends(self, hello: Hello) -> None:
        """Of sessions that the host came back without: it says `ended` of them, so that they go the usual way."""
        there = {report.session for report in hello.sessions}
        for session in sorted(self._services.late_ends.of_host(self._host.id) - there):
            self._reports.add(Report(session, NO_TENANT, "ended", "placed"))

    async def _welcome(self) -> None:
        """The first message; what `_write` sends comes after it."""
        self._directory = self._services.directory.for_agents()
        now = self._services.clock.now()
        try:
            await self._send(Welcome(self._host.name, self._host.id, now, self._directory))
        except (TimeoutError, ConnectionError) as exc:
            raise Closing(TRY_AGAIN, NOT_TAKEN) from exc
        for message in self._services.lifecycle.cuts_due(self._host.id):
            self.queue(message)
        for told in revocation_messages(self._services.revocations(self._host.id, self.is_older)):
            self.queue(told)
        self._look_anew()

    def _changed(self, change: Change) -> None:
        if self._is_elsewhere(change):
            self._moved()
        if change.path[:2] != ("live", "host"):
            self._look_anew()

    def _is_elsewhere(self, change: Change) -> bool:
        """Another broker has announced the host after this one did."""
        if change.scope != "site" or change.path != live_path(self._host.id) or change.record is None:
            return False
        announced = self._announcement is not None and self._announcement.done.is_set()
        return announced and change.record.value["broker_id"] != self._services.broker_id

    async def _send_due(self) -> None:
        host = self._services.hosts.get(self._host.id)
        if host is None or host.revoked:
            self.end(CERTIFICATE_REFUSED, "the host was removed from the site")
            return
        if self._directory is None:
            return  # not welcomed yet
        directory = self._services.directory.for_agents()
        if directory != self._directory:
            self._directory = directory
            await self._send(directory)
        if self._is_due:
            self._is_due = False
            await self._send_orders()
        while self._queued:
            await self._send(self._queued.popleft())

    async def _send_orders(self) -> None:
        waiting = self._services.lines.of_host(self._host.id)
        sessions = self._services.sessions.records_of_host(self._host.id)
        orders = self._kept.due(sessions, waiting.keys()) + self._late_orders()
        if orders != self._orders:
            self._orders = orders
            await self._send_text(encode_desired(self._services.snapshot.revision, orders))

    def _look_anew(self) -> None:
        """Orders may be other ones. A message that waits is sent without asking: a rule sends one to every host."""
        self._is_due = True
        self._wake.set()

    def _late_orders(self) -> tuple[str, ...]:
        ended = self._services.late_ends.of_host(self._host.id)
        late = (report for report in self._orphans.values() if report.session in ended)
        return tuple(encode_order(_end_of(report)) for report in late)

    async def _send(self, message: FromBroker) -> None:
        await self._send_text(encode(message))


def _end_of(report: Report) -> Order:
    """Nothing else of the session is known, nor does a host need it to end one."""
    return Order(
        session=report.session,
        tenant=report.tenant,
        user_id=NOBODY,
        user_name="",
        slot=0,
        state="ending",
        application_id=NOBODY,
        application_name="",
        command=(),
        environment={},
        display=Display(),
    )


def _parse(text: str) -> FromAgent | None:
    try:
        return parse_from_agent(text)
    except ProtocolError as exc:
        raise Closing(MALFORMED, exc.message) from exc

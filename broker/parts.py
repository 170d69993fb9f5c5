"""What lies between a broker's grid and its listener: every part made once, started in order, stopped in reverse.

`app` gives it what is there first (stores, snapshot, certificate, presence) and takes routes and jobs from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from ssl import SSLContext

from broker.audit.acts import desktop_events, end_event
from broker.audit.audit import Audit
from broker.audit.copies import Copies
from broker.audit.everywhere import AuditEverywhere
from broker.audit.forgetting import Forgetting
from broker.audit.query import Page, Query
from broker.compaction import PERIOD_SECONDS, Compaction
from broker.configuration.gone_users import GoneUsers
from broker.configuration.service import PERIOD_SECONDS as CHANGES_SECONDS
from broker.configuration.service import Configuration
from broker.credentials.giving import GivesCredentials
from broker.credentials.memory import LaunchCredentials
from broker.credentials.vault import Vault
from broker.drain import Drains
from broker.explain.changes import Changes
from broker.explain.explainer import Explainer
from broker.gateways.channel import GatewayServer, GatewayServices
from broker.gateways.directory import GatewayDirectory
from broker.gateways.registry import GatewayRegistry
from broker.grid.health import GridHealth
from broker.grid.metered import MeteredGrid
from broker.grid.opening import GridChoice
from broker.grid.scopes import Stores
from broker.hosts.acts import HostActs
from broker.hosts.channel import ControlServer, ControlServices
from broker.hosts.checks import HostChecks
from broker.hosts.discovery import HostDiscovery
from broker.hosts.liveness import SWEEP_SECONDS, HostWatch
from broker.hosts.loads import HostLoads
from broker.hosts.registry import ChannelRegistry
from broker.http.callers import login_cookie_name
from broker.http.peers import Peers
from broker.identity.identity import Verdicts, build_identity
from broker.jobs import Job, Work
from broker.launch.index import HostIndex
from broker.launch.launch import Launcher
from broker.launch.outcomes import LaunchOutcomes
from broker.launch.traces import Traces
from broker.launch.waiting import WaitingLines
from broker.live_brokers import LiveBrokers
from broker.news import News
from broker.peers.clock_guard import ClockGuard
from broker.peers.exchange import PeerExchange
from broker.peers.myself import Myself
from broker.pki.authority import Authority
from broker.pki.machines import Machines
from broker.pki.rotation import PERIOD_SECONDS as CA_SECONDS
from broker.pki.rotation import CaRotation
from broker.presence import Presence
from broker.probes.accounts import ProbeAccounts
from broker.probes.counting import count_probe
from broker.probes.health import ProbeHealth
from broker.probes.prober import ROUND_SECONDS as PROBING_SECONDS
from broker.probes.prober import Means, Prober
from broker.probes.records import Probes
from broker.probes.results import ProbeResults
from broker.probes.trust import trust_of
from broker.repositories.api_tokens import ApiTokens
from broker.repositories.applications import Applications
from broker.repositories.gateways import Gateways
from broker.repositories.hosts import Hosts
from broker.repositories.icons import Icons
from broker.repositories.join_tokens import JoinTokens
from broker.repositories.keys import GrantKeys
from broker.repositories.late_ends import LateEnds
from broker.repositories.logins import LoginRecords
from broker.repositories.sessions import Sessions
from broker.repositories.tickets import Tickets
from broker.repositories.traces import TraceStore
from broker.revocation.acts import Acts
from broker.revocation.derived import DerivedRevocations
from broker.revocation.journal import NAME as JOURNAL
from broker.revocation.journal import RevocationJournal
from broker.revocation.office import Revocations
from broker.revocation.pending import NAME as PENDING
from broker.revocation.pending import PendingActs
from broker.revocation.rules import LiveRules
from broker.sessions.adoption import Adoption
from broker.sessions.attach import Attach
from broker.sessions.figures import SessionFigures
from broker.sessions.lifecycle import Lifecycle
from broker.sessions.limits import SessionLimits
from broker.sessions.stages import Stages
from broker.settings import BrokerSettings
from broker.simulation.simulator import Simulator, Ways
from broker.snapshot import Snapshot
from broker.status.findings import findings
from broker.status.overview import Overview, OverviewSources
from broker.status.picture import Finding
from broker.status.watch import StatusWatch
from broker.stepping_back import PERIOD_SECONDS as STEPPING_BACK_SECONDS
from broker.stepping_back import SteppingBack
from broker.tenants.data_keys import PERIOD_SECONDS as DATA_KEYS_SECONDS
from broker.tenants.data_keys import DataKeys
from broker.tenants.keeper import PERIOD_SECONDS as TENANTS_SECONDS
from broker.tenants.keeper import TenantKeeper
from broker.tenants.rates import TenantRates
from portcullis.ids import new_id
from portcullis.measuring import Metrics
from portcullis.model.session import Session, Stage
from portcullis.protocol.acts import Act, Acted


@dataclass(frozen=True, slots=True)
class Ground:
    """What is there before."""

    settings: BrokerSettings
    stores: Stores
    snapshot: Snapshot
    authority: Authority
    clock: ClockGuard
    broker_id: str
    metrics: Metrics
    presence: Presence
    peer_context: SSLContext
    metered: MeteredGrid
    health: GridHealth


class Parts:
    """What lies between grid and listener. Where two parts know each other, the earlier one has a function of these."""

    exchange: PeerExchange
    audit_everywhere: AuditEverywhere

    def __init__(self, ground: Ground) -> None:
        self._settings = ground.settings
        self._broker_id = ground.broker_id
        self._metered = ground.metered
        self.stores = ground.stores
        self.snapshot = ground.snapshot
        self.health = ground.health
        self.presence = ground.presence
        self.metrics = ground.metrics
        self.clock_guard = self._clock = ground.clock
        self.told_clock = ground.clock.held
        self.jobs: list[Job] = []
        """To be started once this broker has a lease."""
        self._make_records(ground.authority)
        self._make_memory()
        self._make_revocation()
        self._make_identity()
        self._make_sessions()
        self._make_launching()
        self._make_upkeep()
        self._make_configuration()
        self._make_questions_to_hosts()
        self._make_explanations()
        self._make_probes()
        self._make_channels()
        self._make_exchange(ground.peer_context)
        self._make_overview()

    def _make_records(self, authority: Authority) -> None:
        """What is in the grid, and the audit on this broker's disk."""
        settings, stores, snapshot = self._settings, self.stores, self.snapshot
        self.audit = Audit(settings.state, self._clock, settings.audit_days, settings.audit_mb)
        self.brokers = LiveBrokers(snapshot)
        self.drains = Drains(stores, snapshot)
        self.sessions = Sessions(stores, snapshot)
        self.hosts = Hosts(stores, snapshot)
        self.gateways = Gateways(stores, snapshot)
        self.applications = Applications(stores, snapshot)
        self.icons = Icons(stores)
        self.join_tokens = JoinTokens(stores, snapshot)
        self.machines = Machines(stores, snapshot, authority)
        self.peers = Peers(self.machines)
        self.keys = GrantKeys(snapshot)
        self.traces = Traces(TraceStore(stores, self._clock), self._clock)
        self.probes = Probes(stores, snapshot)

    def _make_memory(self) -> None:
        """What this broker alone knows."""
        self.registry = ChannelRegistry()
        self.gateway_registry = GatewayRegistry()
        self.loads = HostLoads(self._clock)
        self.figures = SessionFigures(self._clock, self.metrics)
        self.rates = TenantRates(self._clock, self._serving_brokers)
        self._outcomes = LaunchOutcomes(self.metrics, self._clock)
        self.news = News(self.snapshot, self.hosts)
        self.audit.subscribe(self.news.recorded)

    def _make_revocation(self) -> None:
        stores, snapshot, clock, state = self.stores, self.snapshot, self._clock, self._settings.state
        self.revocations = Revocations(stores, snapshot, self.keys, clock)
        self.derived = DerivedRevocations(snapshot, self.revocations, clock)
        self.rules = LiveRules(
            *(snapshot, self.sessions.index, self.revocations, clock, self._broker_id),
            is_older=self.registry.is_older,
        )
        self.journal = RevocationJournal(state / JOURNAL, snapshot, clock)
        self.acts = Acts(
            *(stores, snapshot, self.revocations, self.health),
            *(PendingActs(state / PENDING), self.journal, clock),
            lambda login: self.lifecycle.cut(login),
        )
        self.revocations.subscribe(self.registry.revoke)
        self.revocations.subscribe(self.gateway_registry.revoke)

    def _make_identity(self) -> None:
        self.identity = build_identity(
            *(self.stores, self.snapshot, self._clock, self.told_clock),
            Verdicts(self.revocations.is_void, self.acts.token_is_void),
            self.rates,
        )

    def _make_sessions(self) -> None:
        snapshot, clock = self.snapshot, self._clock
        self.lifecycle = Lifecycle(
            *(snapshot, self.sessions, LoginRecords(self.stores, snapshot), self.hosts, self.traces),
            *(self.registry, self._outcomes, self._ended, clock, self._moved),
        )
        self.limits = SessionLimits(
            snapshot, self.sessions, self.lifecycle, clock, self.registry.ids, self._tell_user
        )
        self.lines = WaitingLines(snapshot, self.sessions.index)
        self.stages = Stages(snapshot, self.traces, self.lines)
        self.attach = Attach(
            *(self.stores, snapshot, self.sessions, self.identity.users, Tickets(self.stores)),
            *(self.keys, clock, self.revocations.is_void),
            withdraw=self.rules.withdraw,
        )

    def _make_launching(self) -> None:
        self.host_index = HostIndex(self.snapshot, self.sessions.index, self.loads)
        entered = LaunchCredentials(self._clock)
        self.vault = Vault(self.stores, self._clock)
        self.credentials = GivesCredentials(
            self.sessions, self.vault, entered, self._broker_id, self._ask_peer
        )
        self.launcher = Launcher(
            *(self.stores, self.snapshot, self.sessions, self.traces, self._clock, self.host_index),
            sessions_per_user=self._settings.sessions_per_user,
            outcomes=self._outcomes,
            rates=self.rates,
            credentials=entered,
            broker_id=self._broker_id,
        )

    def _make_upkeep(self) -> None:
        """What one broker does for all: hosts that are lost, tenants that are gone, the grid's past."""
        stores, snapshot = self.stores, self.snapshot
        self.host_watch = HostWatch(
            *(stores, snapshot, self.sessions, self.hosts, self.lifecycle, self._clock),
            self._settings.host_lost_seconds,
            is_queued=lambda session: self.lines.position(session.host_id, session.id) is not None,
            move=self.launcher.move,
        )
        self.reaper = self._job("reaper", self.host_watch.sweep, SWEEP_SECONDS)
        self.tenants = TenantKeeper(
            *(stores, snapshot, self.sessions, self.hosts, self.join_tokens, self.lifecycle)
        )
        self._job("tenants", self.tenants.sweep, TENANTS_SECONDS)
        self._job("stepping-back", SteppingBack(stores, snapshot).round, STEPPING_BACK_SECONDS)
        self._job("compaction", Compaction(stores.grid, snapshot).round, PERIOD_SECONDS)
        self._job("ca", CaRotation(stores, snapshot).round, CA_SECONDS)
        self._job("data-keys", DataKeys(stores, snapshot).round, DATA_KEYS_SECONDS)

    def _make_configuration(self) -> None:
        stores, snapshot = self.stores, self.snapshot
        gone_users = GoneUsers(stores, self.sessions, self.lifecycle, ApiTokens(stores, snapshot))
        self.configuration = Configuration(stores, snapshot, self._clock, gone_users.clear)
        self._job("changes", self.configuration.round, CHANGES_SECONDS)

    def _make_questions_to_hosts(self) -> None:
        asked = (self.snapshot, self.registry, self._broker_id, self._ask_peer_of_host)
        self.host_acts = HostActs(*asked)
        self.checks = HostChecks(*asked)
        self.discovery = HostDiscovery(*asked)

    def _make_explanations(self) -> None:
        users, applications = self.identity.users, self.applications
        self.simulator = Simulator(
            *(self.snapshot, users, applications, self.gateways, self.told_clock),
            Ways(self.launcher.decide, self.checks.ask),
        )
        self.explainer = Explainer(
            *(self.traces, self._search, self.simulator),
            Changes(self.stores, users, applications, self.hosts),
        )

    def _make_probes(self) -> None:
        tenants = self.identity.tenants
        means = Means(
            urls=self.gateways.serving_origins,
            trust=lambda: trust_of(self.snapshot),
            cookie=lambda: login_cookie_name(tenants.site()),
            epoch=tenants.epoch,
            end_session=lambda tenant_id, session_id: self.lifecycle.log_off(
                tenant_id, session_id, by="the prober"
            ),
            record=self.audit.note,
            organisation=lambda tenant_id: tenant.name if (tenant := tenants.get(tenant_id)) else "",
            broker_id=self._broker_id,
            measured=lambda result: count_probe(self.metrics, result),
        )
        attempts, passwords = self.identity.attempts, self.identity.passwords
        self.probe_accounts = ProbeAccounts(
            *(self.stores, self.snapshot, attempts, passwords, self.told_clock)
        )
        self.prober = Prober(
            *(self.stores, self.probes, self.probe_accounts, self.identity.users, self.applications),
            LoginRecords(self.stores, self.snapshot),
            *(self.traces, self.told_clock, means),
        )
        self._job("prober", self.prober.round, PROBING_SECONDS)
        self.probe_results = ProbeResults(
            *(self.snapshot, self.probes, self.prober.result, self._broker_id),
            *(self._ask_peer, self._search),
        )

    def _make_channels(self) -> None:
        """The ends of what hosts and gateways hold open."""
        self.directory = GatewayDirectory(self.gateways, self.keys, self.snapshot)
        self.control = self._control()
        self.gateway_channels = GatewayServer(
            GatewayServices(
                *(self.snapshot, self.directory, self.gateway_registry, self._clock, self._broker_id),
                revocations=self.revocations.living,
                heard=self.revocations.hear,
                is_clock_wrong=lambda: self._clock.is_wrong,
            )
        )

    def _make_exchange(self, context: SSLContext) -> None:
        """What brokers tell and ask each other."""
        myself = Myself(
            *(self.presence, self.snapshot, self.loads, self.figures, self.registry, self.gateway_registry),
            newest=lambda: max(self._metered.revision, self.exchange.newest_revision()),
            clock=self._clock,
            is_degraded=lambda: not self.health.writable,
            revocations=lambda: tuple(self.acts.unmerged()),
            audit=lambda: self.audit.finding,
        )
        self.exchange = PeerExchange(
            *(myself.state, self.brokers, self.loads, self.figures, context, self._clock),
            self.revocations.hear,
        )
        self.audit_everywhere = AuditEverywhere(self.audit, self._others, self.exchange.post, self._clock)
        self.forgetting = Forgetting(self.audit, self.stores, self.snapshot)
        self.copies = Copies(self.audit, self._others, self.exchange.post)

    def _make_overview(self) -> None:
        self.status = StatusWatch(
            grid=self._metered,
            store_is_etcd=not GridChoice.of(self._settings).is_embedded,
            snapshot=self.snapshot,
            brokers=self.brokers,
            exchange=self.exchange,
            loads=self.loads,
            figures=self.figures,
            hosts=self.hosts,
            gateways=self.gateways,
            sessions=self.sessions,
            probes=ProbeHealth(self.probes, self.applications),
            clock=self._clock,
            version=version("portcullis"),
        )
        self.overview = Overview(
            OverviewSources(
                *(self.snapshot, self.sessions.index, self.hosts, self.loads, self.audit_everywhere),
                findings=self._findings,
                clock=self._clock,
            )
        )

    def _control(self) -> ControlServer:
        services = ControlServices(
            snapshot=self.snapshot,
            sessions=self.sessions,
            hosts=self.hosts,
            lifecycle=self.lifecycle,
            late_ends=LateEnds(self.stores, self.snapshot),
            directory=self.directory,
            registry=self.registry,
            loads=self.loads,
            figures=self.figures,
            lines=self.lines,
            adoption=Adoption(
                *(self.stores, self.snapshot, self.sessions),
                *(self.identity.users, self.applications, self._clock),
            ),
            clock=self._clock,
            broker_id=self._broker_id,
            unused=self.limits.hear,
            credentials=self.credentials.give,
            revocations=lambda host, is_older: self.revocations.living_of(host, is_older=is_older),
            goes_elsewhere=lambda: self.presence.draining and self.brokers.others_serve(self._broker_id),
        )
        server = ControlServer(services)
        self.presence.on_draining(server.drain_changed)
        return server

    def start(self) -> None:
        self.revocations.start()
        self.derived.start()
        self.rules.start()
        self.journal.start()
        self.acts.start()
        self.stages.start()
        self.news.start()
        self.forgetting.start()
        self.lifecycle.start()
        self.limits.start()
        self.identity.start()
        self.host_index.start()

    async def stop(self) -> None:
        """Also after a `start` that did not happen."""
        await self.overview.stop()
        await self.audit_everywhere.stop()
        await self.host_index.stop()
        await self.identity.stop()
        await self.limits.stop()
        self.lifecycle.stop()
        await self.forgetting.stop()
        self.news.stop()
        self.stages.stop()
        await self.acts.stop()
        await self.journal.stop()
        await self.rules.stop()
        self.derived.stop()
        await self.revocations.stop()

    async def _tell_user(self, session: Session, text: str) -> Acted:
        act = Act(new_id(), session.tenant_id, session.id, "tell", text)
        return await self.host_acts.ask(session.host_id, act)

    async def _findings(self) -> list[Finding]:
        return findings(await self.status.picture())

    def _others(self) -> dict[str, str]:
        me = self.presence.me.id
        return {broker.id: broker.name for broker in self.brokers.live() if broker.id != me}

    def _ended(self, session: Session, code: str, detail: str, failed: bool) -> None:
        self.audit.tell(end_event(session, code, detail, failed, self._clock.now()))

    def _moved(self, session: Session, before: Stage) -> None:
        for event in desktop_events(session, before):
            self.audit.tell(event)

    def _job(self, name: str, work: Work, period_seconds: float) -> Job:
        job = Job(
            name,
            self.stores,
            self.snapshot,
            work,
            period_seconds=period_seconds,
            lease=lambda: self.presence.lease,
            may_hold=lambda: not self.presence.draining,
            holder=self._broker_id,
        )
        self.jobs.append(job)
        return job

    async def _search(self, query: Query) -> Page:
        return await self.audit_everywhere.search(query)

    async def _ask_peer(self, broker_id: str, path: str, body: bytes) -> bytes | None:
        return await self.exchange.post(broker_id, path, body)

    async def _ask_peer_of_host(self, broker_id: str, path: str, body: bytes) -> bytes | None:
        """For as long as whoever asks waits."""
        return await self.exchange.post(broker_id, path, body, seconds=None)

    def _serving_brokers(self) -> int:
        return sum(not broker.draining for broker in self.brokers.live())

"""A site with two tenants of the same shape, served by the broker's real parts over plain http on loopback.

    async with api_site(tmp_path) as site:
        async with site.browser() as browser:
            await browser.sign_in("ann", site.acme.ann.password, totp_secret=site.acme.ann.totp_secret)

Only TLS and the gateway are missing: whoever connects counts as a gateway, and `ApiBrowser` adds the gateway's headers.
`site.brokers[1]` is a second broker on the same grid, with a snapshot of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from aiohttp import web

from broker.audit.audit import Audit
from broker.audit.everywhere import AuditEverywhere
from broker.configuration.gone_users import GoneUsers
from broker.configuration.service import Configuration
from broker.credentials.vault import Vault
from broker.explain.changes import Changes
from broker.explain.explainer import Explainer
from broker.grid.embedded import EmbeddedGrid
from broker.grid.health import GridHealth
from broker.grid.scopes import Stores, TenantStore
from broker.grid.seal import SiteKey
from broker.hosts.acts import HostActs
from broker.hosts.checks import HostChecks
from broker.hosts.loads import HostLoads
from broker.hosts.registry import ChannelRegistry
from broker.http.admin.audit import AuditRoutes
from broker.http.public import PublicServices, check_policies, public_middlewares, public_routes
from broker.identity import totp
from broker.identity.api_tokens import new_api_token
from broker.identity.identity import Identity, Verdicts, build_identity
from broker.identity.logins import LIFETIME_SECONDS, new_login
from broker.identity.passwords import hash_password
from broker.launch.index import HostIndex
from broker.launch.launch import Launcher, LaunchRequest
from broker.launch.traces import Traces
from broker.launch.waiting import WaitingLines
from broker.news import News
from broker.peers.clock_guard import ClockGuard
from broker.peers.message import Orphan
from broker.pki.authority import new_ca, new_grant_key
from broker.probes.accounts import ProbeAccounts
from broker.probes.records import Probes
from broker.probes.result import Result
from broker.probes.results import ProbeResults
from broker.repositories.api_tokens import ApiTokens, token_creation
from broker.repositories.applications import Applications
from broker.repositories.gateways import Gateways
from broker.repositories.groups import Groups
from broker.repositories.hosts import Hosts
from broker.repositories.icons import Icons
from broker.repositories.join_tokens import JoinTokens
from broker.repositories.keys import GrantKeys
from broker.repositories.logins import LoginRecords, login_creation
from broker.repositories.policies import Policies
from broker.repositories.sessions import Sessions
from broker.repositories.site_origins import SiteOrigins
from broker.repositories.tickets import Tickets
from broker.repositories.traces import TraceStore
from broker.repositories.users import user_creation
from broker.revocation.acts import Acts
from broker.revocation.journal import RevocationJournal
from broker.revocation.office import Revocations
from broker.revocation.pending import PendingActs
from broker.sessions.attach import Attach
from broker.sessions.figures import SessionFigures
from broker.sessions.lifecycle import Lifecycle
from broker.sessions.stages import Stages
from broker.simulation.simulator import Simulator, Ways
from broker.snapshot import Change, Snapshot
from broker.tenants.keeper import TenantKeeper
from portcullis.ids import name_hash, new_id
from portcullis.measuring import Metrics
from portcullis.model.application import Application, Entitlement
from portcullis.model.host import Gateway, Host
from portcullis.model.session import Display, Session
from portcullis.model.tenant import Site, Tenant
from portcullis.model.user import User
from portcullis.protocol.reports import Report
from tests.support.api_conformance import Conformance
from tests.support.broker_grid import SettableClock
from tests.support.browser import Answer, ApiBrowser, ClientKey
from tests.support.patience import patient

ORIGIN = "https://portal.example"
SITE = Site("5173" * 4, "main", 1, (ORIGIN, "https://second.example:8443"))
COOKIE = "__Host-portcullis-51735173"


@dataclass(frozen=True)
class Account:
    tenant: Tenant
    user: User
    password: str
    api_token: str
    expired_api_token: str

    @property
    def totp_secret(self) -> str:
        return self.user.totp_secret


@dataclass(frozen=True)
class TenantFixture:
    """`ann` is a user, `root` an administrator; the editor is for staff, ann's group; the shell is for nobody."""

    tenant: Tenant
    ann: Account
    root: Account
    editor: Application
    shell: Application
    host: Host


class ApiBroker:
    """One broker's parts on the site's grid."""

    def __init__(self, stores: Stores, clock: SettableClock, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.conformance = Conformance()
        self.snapshot = snapshot = Snapshot(stores)
        self.registry = ChannelRegistry()
        self.office = Revocations(stores, snapshot, GrantKeys(snapshot), clock)
        self.health = GridHealth(lambda: stores.site.get(("meta",)), lambda: stores.grid.lease(5), clock)
        self.journal = RevocationJournal(folder / "revocations.jsonl", snapshot, clock)
        self.acts = Acts(
            *(stores, snapshot, self.office, self.health, PendingActs(folder / "acts.json"), self.journal),
            clock,
            lambda login: self.services.lifecycle.cut(login),
        )
        verdicts = Verdicts(self.office.is_void, self.acts.token_is_void)
        self.identity: Identity = build_identity(stores, snapshot, clock, None, verdicts)
        self.orphans: tuple[Orphan, ...] = ()
        self.figures = SessionFigures(clock, Metrics("broker", "1"))
        self.checks = HostChecks(snapshot, self.registry, "b" * 16, self._no_peer)
        self.probed: dict[tuple[str, str], Result] = {}
        self.services = self._services(stores, clock, Audit(folder, clock))
        self.address = ""

    def _services(self, stores: Stores, clock: SettableClock, audit: Audit) -> PublicServices:
        snapshot = self.snapshot
        sessions, hosts = Sessions(stores, snapshot), Hosts(stores, snapshot)
        traces = Traces(TraceStore(stores, clock), clock)
        lines = WaitingLines(snapshot, sessions.index)
        hosts_seen = HostIndex(snapshot, sessions.index, HostLoads(clock))
        launcher = Launcher(
            *(stores, snapshot, sessions, traces, clock, hosts_seen), sessions_per_user=3, broker_id="b" * 16
        )
        lifecycle = Lifecycle(
            snapshot, sessions, LoginRecords(stores, snapshot), hosts, traces, self.registry
        )
        simulator = Simulator(
            *(snapshot, self.identity.users, Applications(stores, snapshot), Gateways(stores, snapshot)),
            clock,
            Ways(launcher.decide, self.checks.ask),
        )
        probes = Probes(stores, snapshot)
        gone_users = GoneUsers(stores, sessions, lifecycle, ApiTokens(stores, snapshot))
        self.configuration = Configuration(stores, snapshot, clock, gone_users.clear)
        return PublicServices(
            clock=clock,
            snapshot=snapshot,
            identity=self.identity,
            applications=Applications(stores, snapshot),
            groups=Groups(stores, snapshot),
            policies=Policies(stores, snapshot),
            configuration=self.configuration,
            icons=Icons(stores),
            sessions=sessions,
            hosts=hosts,
            gateways=Gateways(stores, snapshot),
            join_tokens=JoinTokens(stores, snapshot),
            site_origins=SiteOrigins(stores, snapshot),
            tenants=TenantKeeper(
                *(stores, snapshot, sessions, hosts, JoinTokens(stores, snapshot), lifecycle),
                ending_seconds=0.05,
            ),
            launcher=launcher,
            simulator=simulator,
            probes=probes,
            probe_accounts=ProbeAccounts(
                *(stores, snapshot, self.identity.attempts, self.identity.passwords, clock)
            ),
            probe_results=ProbeResults(
                *(snapshot, probes, lambda *key: self.probed.get(key), "b" * 16, self._no_peer, audit.search)
            ),
            explainer=Explainer(
                *(traces, audit.search, simulator),
                Changes(stores, self.identity.users, Applications(stores, snapshot), hosts),
            ),
            attach=Attach(
                *(stores, snapshot, sessions, self.identity.users, Tickets(stores), GrantKeys(snapshot)),
                *(clock, self.office.is_void),
            ),
            lifecycle=lifecycle,
            stages=Stages(snapshot, traces, lines),
            figures=self.figures,
            lines=lines,
            traces=traces,
            vault=Vault(stores, clock),
            health=self.health,
            clock_guard=looked(clock),
            acts=self.acts,
            audit=audit,
            news=News(snapshot, hosts),
            host_acts=HostActs(snapshot, self.registry, "b" * 16, self._no_peer),
            orphans=lambda: self.orphans,
            from_gateway=lambda request: "Portcullis-Origin" in request.headers,
        )

    async def _no_peer(self, broker_id: str, path: str, body: bytes) -> None:
        """The brokers of this site do not call each other."""

    async def until_login_ends(self, account: Account) -> None:
        """The next login of the account to end, however it does."""
        ended = asyncio.Event()

        def notice(change: Change) -> None:
            gone = change.path[0] == "login" and change.record is None and change.previous
            if gone and gone.value["user_id"] == account.user.id:
                ended.set()

        unsubscribe = self.snapshot.subscribe(notice)
        async with asyncio.timeout(patient(10)):
            await ended.wait()
        unsubscribe()

    def application(self) -> web.Application:
        middlewares = [self.conformance.middleware, *public_middlewares(self.services)]
        application = web.Application(middlewares=middlewares)
        application.add_routes(public_routes(self.services))
        everywhere = AuditEverywhere(self.services.audit, dict, self._no_peer, self.services.clock)
        application.add_routes(AuditRoutes(self.services, everywhere).routes())
        check_policies(application)
        return application

    async def start(self, undo: AsyncExitStack) -> None:
        await self.snapshot.start()
        undo.push_async_callback(self.snapshot.stop)
        self.office.start()
        undo.push_async_callback(self.office.stop)
        self.acts.start()
        undo.push_async_callback(self.acts.stop)
        self.identity.start()
        undo.push_async_callback(self.identity.stop)
        self.services.stages.start()
        undo.callback(self.services.stages.stop)
        self.services.audit.subscribe(self.services.news.recorded)
        self.services.news.start()
        undo.callback(self.services.news.stop)
        await self.services.audit.start()
        undo.push_async_callback(self.services.audit.stop)
        self.address = await undo.enter_async_context(serving(self.application()))


class ApiSite:
    def __init__(
        self,
        grid: EmbeddedGrid,
        stores: Stores,
        clock: SettableClock,
        tenants: tuple[TenantFixture, ...],
        brokers: list[ApiBroker],
    ) -> None:
        self.grid, self.stores, self.clock = grid, stores, clock
        self.acme, self.globex = (*tenants, *tenants)[:2]
        self.brokers = brokers

    @property
    def services(self) -> PublicServices:
        return self.brokers[0].services

    def browser(self, broker: int = 0, key: ClientKey | None = None) -> ApiBrowser:
        """To be entered with `async with`."""
        return ApiBrowser(self.brokers[broker].address, ORIGIN, as_gateway=True, now=self.clock.now, key=key)

    async def sign_in(self, browser: ApiBrowser, account: Account) -> Answer:
        """With the next code: a moment passes, for a code counts once."""
        self.clock.wall += totp.STEP_SECONDS
        answer = await browser.sign_in(
            account.user.name,
            account.password,
            totp_secret=account.totp_secret,
            organisation=account.tenant.name,
        )
        assert answer.status == 200 and answer.json["signed_in"], answer.body
        return answer

    async def let_in(self, browser: ApiBrowser, account: Account) -> None:
        """What a sign-in leaves behind, without one (which costs a password hash)."""
        secret, login = new_login(account.tenant.id, account.user.id, browser.key.public, self.clock.now())
        store = await self.stores.tenant(account.tenant.id)
        lease = await self.grid.lease(LIFETIME_SECONDS)
        result = await self.stores.commit(login_creation(store, login, lease.id))
        for broker in self.brokers:
            await broker.snapshot.until(result.revision)
        browser.cookies[COOKIE] = secret.text

    async def put_user(self, account: Account, user: User) -> None:
        revision = await self.services.identity.users.replace(account.tenant.id, user, "test")
        for broker in self.brokers:
            await broker.snapshot.until(revision)

    async def put_gateway(self, gateway: Gateway) -> None:
        result = await self.stores.commit(
            self.stores.site.put(("gateway", gateway.id), gateway.to_json(), author="test")
        )
        for broker in self.brokers:
            await broker.snapshot.until(result.revision)

    async def launch(self, tenant: TenantFixture, *, ready: bool = True) -> Session:
        """Ann's editor, and its host's word that it runs."""
        request = LaunchRequest(tenant.tenant.id, tenant.ann.user.id, tenant.editor.id, Display())
        session, _ = await self.services.launcher.launch(request)
        if ready:
            await self.report(session)
        return session

    async def report(
        self, session: Session, state: str = "ready", stage: str = "ready", code: str | None = None
    ) -> None:
        report = Report(session.id, session.tenant_id, state, stage, code)  # type: ignore[arg-type]
        assert await self.services.lifecycle.reported(session.host_id, report)


def looked(clock: SettableClock) -> ClockGuard:
    """Of a broker that is alone."""
    guard = ClockGuard(clock)
    guard.looked()
    return guard


@asynccontextmanager
async def api_site(folder: Path, *, brokers: int = 1, tenants: int = 2) -> AsyncIterator[ApiSite]:
    clock = SettableClock()
    async with AsyncExitStack() as undo:
        grid = await EmbeddedGrid.open(folder / "grid.sqlite")
        undo.push_async_callback(grid.close)
        stores = Stores(grid, SiteKey(bytes(32)), clock)
        await _found_site(stores)
        made = [await _found_tenant(stores, name, clock.now()) for name in ("acme", "globex")[:tenants]]
        running = [ApiBroker(stores, clock, folder / f"broker-{n}") for n in range(brokers)]
        for broker in running:
            await broker.start(undo)
        hosts = running[0].services.hosts
        for tenant in made:
            await hosts.announce(tenant.host.id, "0" * 16, "b" * 16, "1")
        yield ApiSite(grid, stores, clock, tuple(made), running)
        for broker in running:
            broker.conformance.check()


async def _found_site(stores: Stores) -> None:
    site, ca, grant_key = stores.site, new_ca(SITE.id, 0.0), new_grant_key(0.0)
    gateway = Gateway(new_id(), "g1", "127.0.0.1:9", ORIGIN)
    await stores.commit(
        site.put(("meta",), SITE.to_json()),
        site.put(("key", "ca", ca["kid"]), ca),
        site.put(("key", "grant", grant_key["kid"]), grant_key),
        site.put(("gateway", gateway.id), gateway.to_json()),
    )


async def _found_tenant(stores: Stores, name: str, now: float) -> TenantFixture:
    tenant = Tenant(new_id(), name)
    store, data_key = stores.found_tenant(tenant.id)
    site = stores.site
    await stores.commit(
        data_key,
        site.put(("tenant", tenant.id), tenant.to_json()),
        site.put(("tenant-name", name_hash(name)), {"id": tenant.id}),
    )
    ann = await _make_account(stores, store, tenant, "ann", "user", frozenset({"staff"}), now)
    root = await _make_account(stores, store, tenant, "root", "administrator", frozenset(), now)
    editor = Application(
        new_id(), "Editor", ("mousepad",), entitlement=Entitlement(groups=frozenset({"staff"}))
    )
    shell = Application(new_id(), "Shell", ("xterm",))
    host = Host(new_id(), f"{name}-h1", 2, frozenset({tenant.id}))
    await stores.commit(
        *(
            operation
            for application in (editor, shell)
            for operation in (
                store.put(("application", application.id), application.to_json()),
                store.put(("application-name", name_hash(application.name)), {"id": application.id}),
            )
        ),
        site.put(("host", host.id), host.to_json()),
    )
    return TenantFixture(tenant, ann, root, editor, shell, host)


async def _make_account(
    stores: Stores,
    store: TenantStore,
    tenant: Tenant,
    name: str,
    role: str,
    groups: frozenset[str],
    now: float,
) -> Account:
    password = f"{name} of {tenant.name}"
    user = User(new_id(), name, role, groups, False, _hash(password), totp.new_secret())
    operations, conditions = user_creation(store, user)
    secret, token = new_api_token(tenant.id, user.id, "for tests", now)
    expired, expired_token = new_api_token(tenant.id, user.id, "expired", now - 91 * 24 * 3600)
    tokens = [token_creation(store, token), token_creation(store, expired_token)]
    await stores.commit(*operations, *tokens, conditions=conditions)
    return Account(tenant, user, password, secret.text, expired.text)


@cache
def _hash(password: str) -> str:
    return hash_password(password)


@asynccontextmanager
async def serving(application: web.Application) -> AsyncIterator[str]:
    """Its address, over plain http."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def signed_in(site: ApiSite, account: Account, broker: int = 0) -> AsyncIterator[ApiBrowser]:
    """A browser whose sign-in lies behind it: the login is written straight into the grid."""
    async with site.browser(broker) as browser:
        await site.let_in(browser, account)
        yield browser

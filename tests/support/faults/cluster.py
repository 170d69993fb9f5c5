"""A cluster to break: etcd members, broker processes, hosts and people, all from one seed."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from broker.grid.grid import Grid, GridError
from broker.grid.opening import open_grid
from broker.grid.scopes import Condition, SealedOperation, Stores
from broker.grid.seal import SiteKey
from broker.identity.logins import new_login
from broker.initialise import InitialSecrets, initialise, mint_join_tokens
from broker.repositories.users import user_creation
from portcullis.enrolment.credentials import Credentials, client_context
from portcullis.enrolment.joining import join
from portcullis.ids import new_id
from portcullis.model.application import Application, Entitlement
from portcullis.model.user import User
from portcullis.settings import Address
from tests.support.browser import ClientKey
from tests.support.etcd import EtcdCluster
from tests.support.faults.agents import ObedientHost
from tests.support.faults.clients import BrowserOf, Notes, Somebody
from tests.support.faults.partition import FIRST_GROUP, Partition
from tests.support.patience import patient
from tests.support.ports import free_port

ORIGIN = "http://localhost:8080"
START_SECONDS = 30.0
RETRY_SECONDS = 0.1
GROUP = "staff"
EDITOR = Application(
    id=new_id(), name="Editor", command=("editor",), entitlement=Entitlement(groups=frozenset({GROUP}))
)


@dataclass
class BrokerProcess:
    """One broker: its own state folder, one address for all its lives."""

    state: Path
    address: Address
    arguments: tuple[str, ...]
    knobs: tuple[str, ...] = ()
    group: int = 0
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        log = (self.state / "broker.log").open("ab")
        with log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.support.faults.broker_process", *self.knobs, "--", "serve"),
                *("--state", str(self.state), "--listen", str(self.address), "--sessions-per-user", "50"),
                *self.arguments,
                stdout=log,
                stderr=log,
                stdin=asyncio.subprocess.DEVNULL,
                group=self.group,
            )
        async with asyncio.timeout(patient(START_SECONDS)):
            while not await accepts(self.address):
                if self.process.returncode is not None:
                    raise RuntimeError((self.state / "broker.log").read_text()[-2000:])
                await asyncio.sleep(0.05)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGKILL)
            await self.process.wait()


async def accepts(address: Address) -> bool:
    try:
        _, writer = await asyncio.open_connection(address.host, address.port)
    except OSError:
        return False
    writer.close()
    return True


@dataclass
class Cluster:
    etcd: EtcdCluster
    grid: Grid
    """Of the test itself, for what it writes and for the history."""
    stores: Stores
    site_key: SiteKey
    secrets: InitialSecrets
    brokers: list[BrokerProcess]
    gateway: Credentials
    hosts: list[ObedientHost] = field(default_factory=list)
    people: list[Somebody] = field(default_factory=list)
    users: list[User] = field(default_factory=list)
    notes: dict[str, Notes] = field(default_factory=dict)
    """By user id: what the tabs of the user saw."""
    application: Application = field(default_factory=lambda: EDITOR)
    partition: Partition = field(default_factory=Partition)

    @property
    def addresses(self) -> Sequence[Address]:
        return [broker.address for broker in self.brokers]


@dataclass(frozen=True, slots=True)
class Size:
    brokers: int = 3
    hosts: int = 3
    slots: int = 2
    users: int = 8
    tabs: int = 2
    """Of each user, on the same application: they race for one session."""
    lag: float = 0.0
    bug: str = ""
    skew: float = 0.0
    """By how much the clock of the first broker is ahead."""


@contextlib.asynccontextmanager
async def cluster(folder: Path, size: Size, chance: random.Random) -> AsyncIterator[Cluster]:
    """Up, with every host connected. People are there, and idle."""
    async with contextlib.AsyncExitStack() as undo:
        etcd = await undo.enter_async_context(
            EtcdCluster(folder / "etcd", first_group=FIRST_GROUP + size.brokers)
        )
        first = folder / "broker0"
        first.mkdir(parents=True)
        site_key = SiteKey.create(first / "site.key")
        grid = await open_grid(etcd.choice(first), may_create=True)
        undo.push_async_callback(grid.close)
        secrets = await initialise(
            grid,
            site_key,
            site_name="faults",
            tenant_name="acme",
            administrator="admin",
            user="demo",
            public_origin=ORIGIN,
            secrets_file=first / "secrets.json",
        )
        brokers = [_broker(folder, number, etcd, size) for number in range(size.brokers)]
        for broker in brokers:
            undo.push_async_callback(broker.kill)
        await asyncio.gather(*(broker.start() for broker in brokers))
        gateway = await join(
            brokers[-1].address,
            secrets.gateway_join_token,
            "gw",
            folder / "gateway",
            address="127.0.0.1:9443",
            public_origin=ORIGIN,
        )
        built = Cluster(etcd, grid, Stores(grid, site_key), site_key, secrets, brokers, gateway)
        undo.enter_context(built.partition)
        await _add_hosts(built, folder, size, undo)
        await _add_people(built, size, chance)
        yield built


def _broker(folder: Path, number: int, etcd: EtcdCluster, size: Size) -> BrokerProcess:
    state = folder / f"broker{number}"
    if number:
        state.mkdir()
        (state / "site.key").write_bytes((folder / "broker0" / "site.key").read_bytes())
        (state / "site.key").chmod(0o400)
    knobs = ("--lag", str(size.lag)) + (("--bug", size.bug) if size.bug else ())
    knobs += (f"--skew={size.skew if number == 0 else 0.0}",)
    return BrokerProcess(
        state, Address("127.0.0.1", free_port()), etcd.arguments, knobs, FIRST_GROUP + number
    )


async def _add_hosts(built: Cluster, folder: Path, size: Size, undo: contextlib.AsyncExitStack) -> None:
    for number in range(size.hosts):
        name = f"h{number}"
        token = await host_token(built, name)
        credentials = await join(built.addresses[-1], token, name, folder / name, slots=size.slots)
        turned = [*built.addresses[number % size.brokers :], *built.addresses[: number % size.brokers]]
        host = ObedientHost(credentials, lambda turned=turned: turned, size.slots)
        built.hosts.append(host)
        undo.push_async_callback(host.stop)
        host.start()
    async with asyncio.timeout(patient(START_SECONDS)):
        await asyncio.gather(*(host.connected.wait() for host in built.hosts))


async def _add_people(built: Cluster, size: Size, chance: random.Random) -> None:
    """Each with an application that everybody may start."""
    tenant = await built.stores.tenant(built.secrets.tenant_id)
    await built.stores.commit(tenant.put(("application", built.application.id), built.application.to_json()))
    for number in range(size.users):
        await add_user(built, f"u{number}", size.tabs, chance)


async def commit(built: Cluster, *operations: SealedOperation, conditions: Sequence[Condition] = ()) -> None:
    """While the last fault heals an election may outlast a call. Operations of whose outcome nothing is known are not
    harmed by a second time: then the conditions may not hold any more.
    """
    is_unknown = False
    async with asyncio.timeout(patient(START_SECONDS)):
        while True:
            try:
                result = await built.stores.commit(*operations, conditions=conditions)
            except GridError:
                is_unknown = True
                await asyncio.sleep(RETRY_SECONDS)
            else:
                assert result.succeeded or is_unknown
                return


async def add_user(built: Cluster, name: str, tabs: int, chance: random.Random) -> list[Somebody]:
    """A user with a login, written as a sign-in writes it; the tabs of the browser."""
    tenant_id = built.secrets.tenant_id
    tenant = await built.stores.tenant(tenant_id)
    key = ClientKey()
    user = User(id=new_id(), name=name, password_hash="-", groups=frozenset({GROUP}), totp_secret="-")
    secret, login = new_login(tenant_id, user.id, key.public, built.stores.clock.now())
    made, free = user_creation(tenant, user)
    put = tenant.put(("login", login.hash), login.to_json())
    await commit(built, *made, put, conditions=free)
    cookie = (f"__Host-portcullis-{built.secrets.site_id[:8]}", secret.text)
    notes = Notes()
    opened = []
    for tab in range(tabs):
        browser = BrowserOf(cookie, key, built.addresses, client_context(built.gateway), ORIGIN)
        dice = random.Random(chance.random())
        opened.append(Somebody(f"{name}.{tab}", built.application.id, browser, dice, notes))
    built.people += opened
    built.users.append(user)
    built.notes[user.id] = notes
    return opened


async def host_token(built: Cluster, name: str) -> str:
    """Made as an operator makes it on the machine of a broker."""
    target = built.brokers[0].state / f"token-{name}.json"
    made = await mint_join_tokens(built.grid, built.site_key, tenant_name="acme", secrets_file=target)
    return made.host_join_token

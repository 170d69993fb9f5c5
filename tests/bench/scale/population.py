"""A big site written straight into its grid: sealed records as the broker writes them, by the hundred a transaction.

Hosts, users, sessions with their slots and `own` keys, and one application that everybody may launch. The ids follow
from the numbers, so that a simulated agent knows which host it is without asking.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from broker.grid.grid import MAXIMUM_OPERATIONS
from broker.grid.scopes import Scope, SealedOperation, Stores
from broker.launch.plan import LaunchRequest
from broker.repositories.sessions import own_path, slot_path
from portcullis.ids import name_hash
from portcullis.model.application import Application, Entitlement
from portcullis.model.host import Host
from portcullis.model.session import Display, Session
from portcullis.model.user import User

STAFF = "staff"
APPLICATION = Application(
    "a" * 16,
    "Editor",
    ("mousepad", "--disable-server"),
    {"LANG": "en_GB.UTF-8"},
    Entitlement(groups=frozenset({STAFF})),
)
OPERATIONS_AT_ONCE = MAXIMUM_OPERATIONS // 2  # the history of configuration doubles them
IN_FLIGHT = 8
CREATED = 1_763_676_000.0

_TRACE = (
    ("user", "passed", "{user}, in staff"),
    ("application", "passed", "Editor"),
    ("entitlement", "passed", "by group staff"),
    ("enabled", "passed", "the application is enabled"),
    ("reconnect", "info", "no session of this application runs"),
    ("quota", "passed", "0 of 10 sessions"),
    ("hosts", "passed", "{hosts} and 968 more"),
    ("placement", "passed", "{host}, slot {slot}, the least loaded of 1000"),
)


@dataclass(frozen=True, slots=True)
class Size:
    hosts: int
    users: int
    sessions: int
    spare_slots: int = 50
    """Free on each host beside its sessions."""

    @property
    def sessions_a_host(self) -> int:
        return -(-self.sessions // self.hosts)

    @property
    def slots(self) -> int:
        return self.sessions_a_host + self.spare_slots


class Population:
    """`write` fills the site of a tenant that exists."""

    def __init__(self, stores: Stores, tenant_id: str, size: Size) -> None:
        self._stores = stores
        self._tenant_id = tenant_id
        self.size = size

    async def write(self) -> int:
        """How many records, history left out."""
        tenant = await self._stores.tenant(self._tenant_id)
        records = 0
        in_flight: set[asyncio.Task[object]] = set()
        for batch in _batches(self._operations(tenant)):
            records += len(batch)
            if len(in_flight) >= IN_FLIGHT:
                done, in_flight = await asyncio.wait(in_flight, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            in_flight.add(asyncio.ensure_future(self._stores.commit(*batch)))
        await asyncio.gather(*in_flight)
        return records

    def host(self, number: int) -> Host:
        return Host(
            id_of("host", number), f"host-{number:04d}", self.size.slots, frozenset({self._tenant_id})
        )

    def user(self, number: int) -> User:
        return User(
            id_of("user", number),
            f"user-{number:06d}",
            groups=frozenset({STAFF, f"department-{number % 40}"}),
            password_hash=f"$argon2id$v=19$m=65536,t=3,p=4${id_of('salt', number)}${id_of('hash', number) * 2}",
            totp_secret=id_of("totp", number).upper() * 2,
        )

    def session(self, number: int) -> Session:
        host, slot = self.host(number % self.size.hosts), number // self.size.hosts
        user = self.user(number % self.size.users)
        hosts = ", ".join(f"host-{one:04d}" for one in range(32))
        details = {"user": user.name, "hosts": hosts, "host": host.name, "slot": slot}
        return Session(
            id=id_of("session", number),
            tenant_id=self._tenant_id,
            user_id=user.id,
            user_name=user.name,
            application_id=APPLICATION.id,
            application_name=APPLICATION.name,
            command=APPLICATION.command,
            environment=dict(APPLICATION.environment),
            host_id=host.id,
            host_name=host.name,
            slot=slot,
            display=Display(1920, 1080, time_zone="Europe/Berlin"),
            reference=id_of("reference", number),
            created=CREATED + number,
            state="disconnected" if number % 3 == 0 else "active",
            stage="ready",
            e=1,
            client_address=f"192.0.2.{number % 250}",
            clipboard="both",
            login=hashlib.sha256(user.id.encode()).hexdigest(),
            trace=tuple(
                {"step": step, "outcome": outcome, "detail": detail.format(**details)}
                for step, outcome, detail in _TRACE
            ),
        )

    def request(self, user_number: int) -> LaunchRequest:
        return LaunchRequest(self._tenant_id, id_of("user", user_number), APPLICATION.id, Display())

    def _operations(self, tenant: Scope) -> Iterator[SealedOperation]:
        site = self._stores.site
        yield tenant.put(("application", APPLICATION.id), APPLICATION.to_json())
        for number in range(self.size.hosts):
            host = self.host(number)
            yield site.put(("host", host.id), host.to_json())
            yield site.put(("host-name", name_hash(host.name)), {"id": host.id})
        for number in range(self.size.users):
            user = self.user(number)
            yield tenant.put(("user", user.id), user.to_json())
            yield tenant.put(("user-name", name_hash(user.name)), {"id": user.id})
        for number in range(self.size.sessions):
            session = self.session(number)
            yield site.put(slot_path(session), {"tenant": session.tenant_id, "session": session.id})
            yield tenant.put(("session", session.id), session.to_json())
            yield tenant.put(own_path(session), {"session": session.id})


def id_of(kind: str, number: int) -> str:
    """16 hex digits, as every id of the site."""
    return hashlib.sha256(f"{kind}-{number}".encode()).hexdigest()[:16]


def _batches(operations: Iterable[SealedOperation]) -> Iterator[list[SealedOperation]]:
    batch: list[SealedOperation] = []
    for operation in operations:
        batch.append(operation)
        if len(batch) == OPERATIONS_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch

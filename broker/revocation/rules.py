"""Policies, groups and entitlements that change while people are connected: connections follow within two seconds.

Each session that somebody has attached to says where from and with which clipboard. When a policy, a group, a user's
groups or an entitlement changes, when hours end, and when somebody attaches, it is compared with what counts now. Who
may not be connected any more is cut off, and told why when the page asks for a new ticket. A clipboard that is taken
away is taken where the connection stands; who gets more of it is cut off and back a moment later with the right grant,
some hundred a second. Applications go on.

That somebody is kept away is told by every broker, like every revocation that follows from records. What changes a
connection that goes on is told by one alone, which holds the host's channel: a second word would cut the new one.

A site has 100,000 sessions: what the rules say is worked out once for all who are alike (`judging`), what follows is
said in one word for many sessions of a host, and both go in slices, so that nobody waits for it. One task runs from
`start` to `stop`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from broker.policy.conditions import is_open
from broker.repositories.people_index import PeopleIndex
from broker.repositories.session_facts import SessionFacts
from broker.repositories.session_index import SessionIndex
from broker.revocation.judging import ANEW, KEPT_AWAY, Bench, Verdict
from broker.revocation.office import Revocations
from broker.snapshot import Change, Snapshot
from portcullis.clock import Clock
from portcullis.errors import Unavailable
from portcullis.logs import ids
from portcullis.model.policy import FIELDS, Policy
from portcullis.model.session import Session
from portcullis.tasks import Turn, cancel_and_wait, spawn

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
JUDGED_AT_ONCE = 200
HOSTS_AT_ONCE = 64
"""Are told together: a gateway's channel queues messages, not words."""
ANEW_A_SECOND = 200
"""Each of them asks for a ticket and redeems it: that is two transactions."""
NAMED = 20
"""Connections that the log names, of one look."""


@dataclass
class _Due:
    """Whose sessions are to be looked at."""

    all: bool = False
    users: set[str] = field(default_factory=set)
    applications: set[str] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)


class LiveRules:
    """`sessions` is told of a change before this one is."""

    def __init__(
        self,
        snapshot: Snapshot,
        sessions: SessionIndex,
        office: Revocations,
        clock: Clock,
        broker_id: str,
        is_older: Callable[[str], bool] = lambda host_id: False,
    ) -> None:
        """`is_older`: the channel of the host is here, and its agent knows no words about several sessions."""
        self._snapshot = snapshot
        self._sessions = sessions
        self._office = office
        self._clock = clock
        self._broker_id = broker_id
        self._is_older = is_older
        snapshot.index(PeopleIndex)  # it fills while the snapshot does
        self._due: dict[str, _Due] = {}
        self._narrowed: dict[str, tuple[int, str]] = {}
        """By session: the attach epoch, and the clipboard that was left to it since."""
        self._anew: dict[tuple[str, str], None] = {}
        """Tenant and session, in line to be connected anew."""
        self._second, self._made_anew = 0.0, 0
        self._words: dict[str, list[str]] = {}
        """By host: signed, and not told yet."""
        self._wake = asyncio.Event()
        self._hours: dict[str, list[tuple[list[dict[str, object]], str]]] = {}
        self._open: dict[str, list[bool]] = {}
        self._unsubscribe: Callable[[], None] = lambda: None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Hours may have ended while no broker lived."""
        for tenant in self._snapshot.tenants():
            self._learn_hours(tenant.path[1])
            if self._hours[tenant.path[1]]:
                self._due_of(tenant.path[1]).all = True
        self._unsubscribe = self._snapshot.subscribe(self._changed)
        self._task = spawn(self._run(), name="live-rules")

    async def stop(self) -> None:
        self._unsubscribe()
        await cancel_and_wait(self._task)

    def withdraw(self, session: Session) -> None:
        """Whoever is connected to it may not be any more."""
        self._tell(session.tenant_id, session.host_id, [(session.id, session.user_id)], KEPT_AWAY)
        self._say()

    def _changed(self, change: Change) -> None:
        match change.path[0]:
            case "policy":
                self._hours.pop(change.scope, None)
                if change.path[1] == "user":
                    self._due_of(change.scope).users.add(change.path[2])
                elif change.path[1] == "application":
                    self._due_of(change.scope).applications.add(change.path[2])
                else:
                    self._due_of(change.scope).all = True
            case "group":
                self._due_of(change.scope).all = True
            case "user" if _differs(change, "groups"):
                self._due_of(change.scope).users.add(change.path[1])
            case "application" if _differs(change, "entitled"):
                self._due_of(change.scope).applications.add(change.path[1])
            case "session" if change.record is None:
                self._narrowed.pop(change.path[1], None)
            case "session" if _differs(change, "e"):
                self._due_of(change.scope).sessions.add(change.path[1])

    def _due_of(self, tenant_id: str) -> _Due:
        self._wake.set()
        return self._due.setdefault(tenant_id, _Due())

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                self._look_at_clock()
            self._wake.clear()
            while self._due:
                tenant_id = next(iter(self._due))
                await self._look(tenant_id, self._sessions_of(tenant_id, self._due.pop(tenant_id)))
            self._connect_anew()

    def _sessions_of(self, tenant_id: str, due: _Due) -> Sequence[SessionFacts]:
        """As they are now."""
        facts = self._sessions.facts(tenant_id)
        if due.all:
            return list(facts.values())
        found = {each.id: each for each in facts.values() if each.application_id in due.applications}
        for user_id in due.users:
            found |= {each.id: each for each in self._sessions.facts_of_user(tenant_id, user_id)}
        found |= {session_id: facts[session_id] for session_id in due.sessions if session_id in facts}
        return list(found.values())

    def _look_at_clock(self) -> None:
        """Some hours have ended: whom that concerns is found by looking at everybody."""
        for tenant in self._snapshot.tenants():
            tenant_id = tenant.path[1]
            if tenant_id not in self._hours:
                self._learn_hours(tenant_id)
                before = [True] * len(self._hours[tenant_id])  # they may have ended since the policy changed
            else:
                before = self._open[tenant_id]
            now = self._open[tenant_id] = self._opened(tenant_id)
            if any(was and not is_now for was, is_now in zip(before, now, strict=True)):
                self._due_of(tenant_id).all = True

    def _learn_hours(self, tenant_id: str) -> None:
        """All that could count for somebody: hours of one level may meet the time zone of another."""
        policies = [Policy.from_json(record.value) for record in self._snapshot.list(tenant_id, "policy")]
        zones = {FIELDS["time_zone"].default}
        zones |= {policy.values["time_zone"] for policy in policies if "time_zone" in policy.values}
        hours = [policy.values["hours"] for policy in policies if policy.values.get("hours")]
        self._hours[tenant_id] = [(each, zone) for each in hours for zone in sorted(zones)]
        self._open[tenant_id] = self._opened(tenant_id)

    def _opened(self, tenant_id: str) -> list[bool]:
        now = self._clock.now()
        return [is_open(hours, zone, now) for hours, zone in self._hours[tenant_id]]

    async def _look(self, tenant_id: str, sessions: Sequence[SessionFacts]) -> None:
        """At their moment; who comes meanwhile is looked at after them."""
        bench = Bench(self._snapshot, tenant_id, self._clock.now())
        found: defaultdict[str, list[tuple[SessionFacts, Verdict]]] = defaultdict(list)
        turn = Turn()
        for start in range(0, len(sessions), JUDGED_AT_ONCE):
            for session in sessions[start : start + JUDGED_AT_ONCE]:
                verdict = bench.verdict(session, self._clipboard(session))
                if verdict is not None:
                    found[session.host_id].append((session, verdict))
            await turn.end()
        _note(found)
        for host_id, of_host in found.items():
            self._act(tenant_id, host_id, of_host)
            if len(self._words) >= HOSTS_AT_ONCE:
                self._say()
            await turn.end()
        self._say()

    def _clipboard(self, session: SessionFacts) -> str:
        """That it has by now."""
        narrowed = self._narrowed.get(session.id)
        return session.clipboard if narrowed is None or narrowed[0] != session.e else narrowed[1]

    def _act(self, tenant_id: str, host_id: str, found: Iterable[tuple[SessionFacts, Verdict]]) -> None:
        is_mine = self._is_mine(host_id)
        away: list[tuple[str, str]] = []
        narrowed: dict[frozenset[str], list[tuple[str, str]]] = {}
        for session, verdict in found:
            if verdict.code == KEPT_AWAY:
                away.append((session.id, session.user_id))
                continue
            if not is_mine:
                continue
            if verdict.channels is not None:
                narrowed.setdefault(verdict.channels, []).append((session.id, session.user_id))
            if verdict.code == ANEW:
                self._anew[tenant_id, session.id] = None
            else:
                self._narrowed[session.id] = (session.e, verdict.clipboard)
        if away:
            self._tell(tenant_id, host_id, away, KEPT_AWAY)
        for channels, sessions in narrowed.items():
            self._tell(tenant_id, host_id, sessions, ANEW, channels)

    def _connect_anew(self) -> None:
        """As many as may now, if that is still due; the rest after the next look at the clock."""
        now = self._clock.monotonic()
        if now - self._second >= 1:
            self._second, self._made_anew = now, 0
        benches: dict[str, Bench] = {}
        while self._anew and self._made_anew < ANEW_A_SECOND:
            tenant_id, session_id = next(iter(self._anew))
            del self._anew[tenant_id, session_id]
            session = self._sessions.facts(tenant_id).get(session_id)
            if session is None or not self._is_mine(session.host_id):
                continue
            bench = benches.setdefault(tenant_id, Bench(self._snapshot, tenant_id, self._clock.now()))
            verdict = bench.verdict(session, self._clipboard(session))
            if verdict is not None and verdict.code == ANEW:
                self._made_anew += 1
                self._narrowed.pop(session_id, None)
                self._tell(tenant_id, session.host_id, [(session_id, session.user_id)], ANEW)
        self._say()

    def _say(self) -> None:
        words, self._words = self._words, {}
        if words:
            self._office.tell_hosts(words)

    def _is_mine(self, host_id: str) -> bool:
        """Whether this broker holds the channel of the session's host, or nobody does."""
        live = self._snapshot.get("site", ("live", "host", host_id))
        return live is None or live.value.get("broker_id") == self._broker_id

    def _tell(
        self,
        tenant_id: str,
        host_id: str,
        sessions: Sequence[tuple[str, str]],
        code: str,
        channels: frozenset[str] | None = None,
    ) -> None:
        """To be followed by `_say`. `sessions`: each with its user. An older agent cannot narrow: its connections are
        made anew.
        """
        try:
            if self._is_older(host_id):
                sign = self._office.sign
                self._office.tell(
                    [sign("user", tenant_id, user, code=code, session=id) for id, user in sessions]
                )
            else:
                named = [id for id, _ in sessions]
                words = self._office.sign_sessions(tenant_id, host_id, named, code, channels)
                self._words.setdefault(host_id, []).extend(words)
        except Unavailable as exc:
            log.error("connections cannot be cut: %s", exc)


def _differs(change: Change, name: str) -> bool:
    if change.record is None or change.previous is None:
        return False
    return bool(change.record.value.get(name) != change.previous.value.get(name))


def _note(found: Mapping[str, Sequence[tuple[SessionFacts, Verdict]]]) -> None:
    """Some by name: with thousands it is the number that tells."""
    number = sum(map(len, found.values()))
    for session, verdict in islice(chain.from_iterable(found.values()), NAMED):
        names = ids(session=session.id, user=session.user_id, code=verdict.code or "narrowed")
        log.info("a rule changes a connection", extra=names)
    if number > NAMED:
        log.info("rules change %d connections on %d hosts", number, len(found))

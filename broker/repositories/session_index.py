"""Which sessions a user has and a host runs, kept up with the snapshot: asking costs what the answer holds.

A site may hold 100,000 sessions, so nobody walks them all to find one user's. Records stay unparsed here. The index
subscribes when it is made and is told of each change before whoever subscribes after it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from broker.grid.scopes import Record
from broker.repositories.session_facts import SessionFacts, SessionFactsIndex
from broker.snapshot import Change, Snapshot


@dataclass(slots=True)
class _OnHost:
    sessions: dict[str, Record] = field(default_factory=dict)
    unaccepted: dict[str, Record] = field(default_factory=dict)
    starting: set[str] = field(default_factory=set)
    tenants: Counter[str] = field(default_factory=Counter)
    line: tuple[str, ...] | None = None
    """Ids of the unaccepted, oldest first; None until somebody asks."""


class SessionIndex:
    def __init__(self, snapshot: Snapshot) -> None:
        self._facts = snapshot.index(SessionFactsIndex)
        self._of_user: defaultdict[tuple[str, str], dict[str, Record]] = defaultdict(dict)
        self._hosts: defaultdict[str, _OnHost] = defaultdict(_OnHost)
        self.states: Counter[str] = Counter()
        """How many sessions are in each."""
        self._states_of: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._running: Counter[str] = Counter()  # by tenant, those that are not ending
        for tenant in snapshot.tenants():
            for record in snapshot.list(tenant.path[1], "session"):
                self._add(record)
        snapshot.subscribe(self._changed)

    def of_user(self, tenant_id: str, user_id: str) -> Sequence[Record]:
        return list(self._of_user.get((tenant_id, user_id), {}).values())

    def of_host(self, host_id: str) -> Sequence[Record]:
        """In no particular order."""
        return list(self._hosts[host_id].sessions.values()) if host_id in self._hosts else []

    def facts(self, tenant_id: str) -> Mapping[str, SessionFacts]:
        """Of all sessions of the tenant, by their ids; it changes under whoever waits."""
        return self._facts.all(tenant_id)

    def facts_of_host(self, host_id: str) -> Sequence[SessionFacts]:
        return [self._facts.all(record.scope)[record.path[1]] for record in self.of_host(host_id)]

    def facts_of_user(self, tenant_id: str, user_id: str) -> Sequence[SessionFacts]:
        sessions = self._of_user.get((tenant_id, user_id), ())
        facts = self._facts.all(tenant_id)
        return [facts[session_id] for session_id in sessions]

    def hosts(self) -> Sequence[str]:
        """Ids of those that have sessions."""
        return list(self._hosts)

    def count(self, host_id: str, tenant_id: str) -> int:
        """How many sessions of the tenant the host has."""
        return self._hosts[host_id].tenants[tenant_id] if host_id in self._hosts else 0

    def running(self, tenant_id: str) -> int:
        """How many sessions the tenant has, without those that are ending."""
        return self._running[tenant_id]

    def states_of(self, tenant_id: str) -> dict[str, int]:
        """How many sessions of the tenant are in each state."""
        return {state: number for state, number in self._states_of[tenant_id].items() if number}

    def pending(self) -> Sequence[Record]:
        """Those that their hosts have not accepted yet, of all hosts."""
        return [record for on_host in self._hosts.values() for record in on_host.unaccepted.values()]

    def starting(self, host_id: str) -> int:
        """How many sessions the host has accepted and has not shown a window of yet."""
        return len(self._hosts[host_id].starting) if host_id in self._hosts else 0

    def unaccepted(self, host_id: str) -> tuple[str, ...]:
        """Ids of the host's sessions that it has not accepted yet, oldest first."""
        if host_id not in self._hosts:
            return ()
        on_host = self._hosts[host_id]
        if on_host.line is None:
            on_host.line = tuple(sorted(on_host.unaccepted, key=lambda id: _age(on_host.unaccepted[id])))
        return on_host.line

    def _changed(self, change: Change) -> None:
        if change.path[0] != "session":
            return
        if change.previous is not None:
            self._remove(change.previous)
        if change.record is not None:
            self._add(change.record)

    def _add(self, record: Record) -> None:
        session_id, host_id = record.path[1], record.value["host_id"]
        self._of_user[record.scope, record.value["user_id"]][session_id] = record
        on_host = self._hosts[host_id]
        on_host.sessions[session_id] = record
        on_host.tenants[record.scope] += 1
        self.states[record.value["state"]] += 1
        self._states_of[record.scope][record.value["state"]] += 1
        self._running[record.scope] += record.value["state"] != "ending"
        if is_unaccepted(record):
            on_host.unaccepted[session_id] = record
            on_host.line = None
        elif record.value["state"] in ("pending", "starting"):
            on_host.starting.add(session_id)

    def _remove(self, record: Record) -> None:
        session_id, host_id = record.path[1], record.value["host_id"]
        user = (record.scope, record.value["user_id"])
        self._of_user[user].pop(session_id, None)
        if not self._of_user[user]:
            del self._of_user[user]
        on_host = self._hosts[host_id]
        if on_host.sessions.pop(session_id, None) is not None:
            on_host.tenants[record.scope] -= 1
            self.states[record.value["state"]] -= 1
            self._states_of[record.scope][record.value["state"]] -= 1
            self._running[record.scope] -= record.value["state"] != "ending"
        if on_host.unaccepted.pop(session_id, None) is not None:
            on_host.line = None
        on_host.starting.discard(session_id)
        if not on_host.sessions:
            del self._hosts[host_id]


def is_unaccepted(record: Record) -> bool:
    return bool(record.value["state"] == "pending" and record.value["stage"] == "placed")


def _age(record: Record) -> tuple[int, str]:
    return record.create_revision, record.path[1]

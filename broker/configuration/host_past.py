"""Which hosts were in which groups, and who changed it when: out of the history of the hosts' own records. Pure.

Hosts are the site's, and may serve several tenants: a tenant sees a host as long as it serves the tenant, and who put
it into groups as long as it serves nobody else.
"""

from __future__ import annotations

import bisect
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from broker.grid.scopes import Record

PLATFORM = "platform"
"""Whoever changes what several tenants use, as one of them is told."""
NOWHERE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class HostWrite:
    """One write of a host's record, as far as its groups are concerned."""

    revision: int
    stamp: str
    id: str
    name: str
    groups: frozenset[str]
    tenants: frozenset[str]
    time: float
    author: str
    reason: str
    change: str

    def groups_for(self, tenant_id: str) -> frozenset[str]:
        return self.groups if tenant_id in self.tenants else NOWHERE


@dataclass(frozen=True, slots=True)
class GroupChange:
    """What one transaction did to one host group. Hosts by name."""

    write: HostWrite
    """One of those that it was."""
    author: str
    name: str
    before: tuple[str, ...]
    after: tuple[str, ...]


class HostPast:
    """Every write of every host of the site."""

    def __init__(self) -> None:
        self._by_host: dict[str, list[HostWrite]] = {}

    def take(self, records: Iterable[Record]) -> None:
        for record in records:
            host_id, stamp = record.path[2], record.path[3]
            writes = self._by_host.setdefault(host_id, [])
            if all(stamp != other.stamp for other in reversed(writes)):
                bisect.insort(writes, _write(record, host_id, stamp), key=lambda each: each.revision)

    def group_changes(self, tenant_id: str) -> list[GroupChange]:
        """In the order in which they were made."""
        members: dict[str, dict[str, str]] = {}
        found: list[GroupChange] = []
        for _, together in groupby(self._steps(tenant_id), key=lambda step: step[1].revision):
            found += _changed(list(together), tenant_id, members)
        return found

    def groups_at(
        self, tenant_id: str, revision: int, under_way: Collection[str]
    ) -> Mapping[str, frozenset[str]]:
        """By id of the host, of those whose groups were changed since and that were there then. A change that was
        being written counts as a whole.
        """
        found: dict[str, frozenset[str]] = {}
        for host_id, writes in self._by_host.items():
            then = [each for each in writes if each.revision <= revision or each.change in under_way]
            if not then or len(then) == len(writes):
                continue
            groups = then[-1].groups_for(tenant_id)
            if tenant_id in then[-1].tenants and groups != writes[-1].groups_for(tenant_id):
                found[host_id] = groups
        return found

    def changes_at(self, revision: int) -> set[str]:
        """Ids of the changes that had begun by then."""
        writes = (each for writes in self._by_host.values() for each in writes)
        return {each.change for each in writes if each.change and each.revision <= revision}

    def _steps(self, tenant_id: str) -> Iterator[tuple[HostWrite | None, HostWrite]]:
        """Each write that changed the host's groups, as the tenant sees them, with the one before it."""
        steps: list[tuple[HostWrite | None, HostWrite]] = []
        for writes in self._by_host.values():
            before: HostWrite | None = None
            for write in writes:
                was = before.groups_for(tenant_id) if before else NOWHERE
                if was != write.groups_for(tenant_id):
                    steps.append((before, write))
                before = write
        return iter(sorted(steps, key=lambda step: (step[1].revision, step[1].id)))


def _changed(
    steps: Iterable[tuple[HostWrite | None, HostWrite]], tenant_id: str, members: dict[str, dict[str, str]]
) -> Iterator[GroupChange]:
    """Of one transaction. `members`: names of hosts by id, by group; kept up."""
    touched: dict[str, tuple[str, ...]] = {}
    author, last = "", None
    for before, write in steps:
        was = before.groups_for(tenant_id) if before else NOWHERE
        now = write.groups_for(tenant_id)
        for group in sorted(was ^ now):
            of_group = members.setdefault(group, {})
            touched.setdefault(group, _names(of_group))
            if group in now:
                of_group[write.id] = write.name
            else:
                of_group.pop(write.id, None)
        tenants = write.tenants | (before.tenants if before else NOWHERE)
        author = write.author if tenants <= {tenant_id} else PLATFORM
        last = write
    for group, was_in_it in touched.items():
        assert last is not None
        yield GroupChange(last, author, group, was_in_it, _names(members[group]))


def _names(of_group: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(of_group.values()))


def _write(record: Record, host_id: str, stamp: str) -> HostWrite:
    entry = record.value
    value = entry.get("value") or {}
    return HostWrite(
        revision=record.create_revision,
        stamp=stamp,
        id=host_id,
        name=value.get("name", ""),
        groups=frozenset(value.get("groups", ())),
        tenants=frozenset(value.get("tenants", ())),
        time=entry.get("time", 0.0),
        author=entry.get("author", "system"),
        reason=entry.get("reason", ""),
        change=entry.get("change", ""),
    )

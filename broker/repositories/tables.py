"""The lists that may be large, as tables: one each over the snapshot (`snapshot.index(SessionTable)`)."""

from __future__ import annotations

import functools

from broker.grid.scopes import Record
from broker.repositories.people_index import PeopleIndex, Person
from broker.repositories.record_table import Column, RecordTable, Value
from broker.repositories.session_facts import SessionFactsIndex
from broker.snapshot import Snapshot

_NAMED = frozenset({"id", "name"})


class SessionTable(RecordTable):
    def __init__(self, snapshot: Snapshot) -> None:
        columns: dict[str, Column] = {
            "id": lambda facts: facts.id,
            "user": lambda facts: facts.user_name,
            "application": lambda facts: facts.application_name,
            "host": lambda facts: facts.host_name,
            "state": lambda facts: facts.state,
            "stage": lambda facts: facts.stage,
            "created": lambda facts: facts.created,
            "reference": lambda facts: facts.reference,
        }
        searched = ("id", "user", "application", "host", "reference")
        single = frozenset({"id", "user", "created", "reference"})
        source = snapshot.index(SessionFactsIndex)
        super().__init__(snapshot, "session", columns, searched, "created", single, source)


class UserTable(RecordTable):
    def __init__(self, snapshot: Snapshot) -> None:
        columns: dict[str, Column] = {
            "id": lambda person: person.id,
            "name": lambda person: person.name,
            "role": lambda person: person.role,
            "groups": _groups,
            "disabled": lambda person: person.is_disabled,
        }
        searched = ("id", "name", "role", "groups")
        source = snapshot.index(PeopleIndex)
        super().__init__(snapshot, "user", columns, searched, "name", _NAMED, source)


class ApplicationTable(RecordTable):
    def __init__(self, snapshot: Snapshot) -> None:
        columns: dict[str, Column] = {
            "id": lambda record: record.path[-1],
            "name": lambda record: _text(record, "name"),
            "command": lambda record: " ".join(_texts(record, "command")),
            "disabled": lambda record: bool(record.value.get("disabled")),
            "host_groups": lambda record: _texts(record, "host_groups"),
            "groups": lambda record: _entitled(record, "groups"),
            "users": lambda record: _entitled(record, "users"),
        }
        searched = ("id", "name", "command", "groups")
        super().__init__(snapshot, "application", columns, searched, "name", _NAMED)


def _groups(person: Person) -> Value:
    return _in_order(person.groups)


@functools.lru_cache(maxsize=4096)
def _in_order(groups: frozenset[str]) -> tuple[str, ...]:
    """One for all who are in the same."""
    return tuple(sorted(groups))


def _text(record: Record, name: str) -> str:
    return str(record.value.get(name) or "")


def _texts(record: Record, name: str) -> tuple[str, ...]:
    return tuple(str(each) for each in record.value.get(name) or ())


def _entitled(record: Record, name: str) -> tuple[str, ...]:
    return tuple(str(each) for each in (record.value.get("entitled") or {}).get(name) or ())

"""The lists that may be large, as tables: one each over the snapshot (`snapshot.index(SessionTable)`)."""

from __future__ import annotations

from broker.grid.scopes import Record
from broker.repositories.record_table import RecordTable, Value
from broker.snapshot import Snapshot

_NAMED = frozenset({"id", "name"})


class SessionTable(RecordTable):
    def __init__(self, snapshot: Snapshot) -> None:
        columns = {
            "id": _id,
            "user": lambda record: _text(record, "user_name"),
            "application": lambda record: _text(record, "application_name"),
            "host": lambda record: _text(record, "host_name"),
            "state": lambda record: _text(record, "state"),
            "stage": lambda record: _text(record, "stage"),
            "created": lambda record: float(record.value.get("created") or 0.0),
            "reference": lambda record: _text(record, "reference"),
        }
        searched = ("id", "user", "application", "host", "reference")
        single = frozenset({"id", "created", "reference"})
        super().__init__(snapshot, "session", columns, searched, sort="created", single=single)


class UserTable(RecordTable):
    def __init__(self, snapshot: Snapshot) -> None:
        columns = {
            "id": _id,
            "name": lambda record: _text(record, "name"),
            "role": lambda record: _text(record, "role"),
            "groups": lambda record: _texts(record, "groups"),
            "disabled": lambda record: bool(record.value.get("disabled")),
        }
        super().__init__(
            snapshot, "user", columns, ("id", "name", "role", "groups"), sort="name", single=_NAMED
        )


class ApplicationTable(RecordTable):
    def __init__(self, snapshot: Snapshot) -> None:
        columns = {
            "id": _id,
            "name": lambda record: _text(record, "name"),
            "command": lambda record: " ".join(_texts(record, "command")),
            "disabled": lambda record: bool(record.value.get("disabled")),
            "host_groups": lambda record: _texts(record, "host_groups"),
            "groups": lambda record: _entitled(record, "groups"),
            "users": lambda record: _entitled(record, "users"),
        }
        super().__init__(
            snapshot, "application", columns, ("id", "name", "command", "groups"), sort="name", single=_NAMED
        )


def _id(record: Record) -> Value:
    return record.path[-1]


def _text(record: Record, name: str) -> str:
    return str(record.value.get(name) or "")


def _texts(record: Record, name: str) -> tuple[str, ...]:
    return tuple(str(each) for each in record.value.get(name) or ())


def _entitled(record: Record, name: str) -> tuple[str, ...]:
    return tuple(str(each) for each in (record.value.get("entitled") or {}).get(name) or ())

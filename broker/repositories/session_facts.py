"""What is asked of all sessions again and again, kept up with the snapshot: by rules, by limits and by lists.

A session's record is two kilobytes of JSON, most of it the trace of its launch. Whoever goes over 100,000 of them takes
these facts, in which what many sessions have alike is kept once.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from broker.grid.scopes import Record
from broker.snapshot import Change, Snapshot
from portcullis.model.desktops import DesktopTarget


class SessionFacts(NamedTuple):
    id: str
    tenant_id: str
    user_id: str
    user_name: str
    application_id: str
    application_name: str
    host_id: str
    host_name: str
    state: str
    state_since: float
    stage: str
    created: float
    reference: str
    e: int
    client_address: str
    clipboard: str
    desktop: str = ""
    """How tight a policy may be for it to go on (`DesktopTarget.level`); empty: it is no existing desktop."""


_NOTHING: Mapping[str, SessionFacts] = {}


class SessionFactsIndex:
    def __init__(self, snapshot: Snapshot) -> None:
        self._facts: defaultdict[str, dict[str, SessionFacts]] = defaultdict(dict)
        for tenant in snapshot.tenants():
            for record in snapshot.list(tenant.path[1], "session"):
                self._facts[record.scope][record.path[1]] = _facts_of(record)
        snapshot.subscribe(self._changed)

    def all(self, tenant_id: str) -> Mapping[str, SessionFacts]:
        """By their ids; it changes under whoever waits."""
        return self._facts.get(tenant_id, _NOTHING)

    def _changed(self, change: Change) -> None:
        if change.path[0] != "session":
            return
        if change.record is not None:
            self._facts[change.scope][change.path[1]] = _facts_of(change.record)
        else:
            self._facts[change.scope].pop(change.path[1], None)


def _facts_of(record: Record) -> SessionFacts:
    value = record.value
    return SessionFacts(
        id=record.path[1],
        tenant_id=sys.intern(record.scope),
        user_id=_kept_once(value, "user_id"),
        user_name=str(value.get("user_name") or ""),
        application_id=_kept_once(value, "application_id"),
        application_name=_kept_once(value, "application_name"),
        host_id=_kept_once(value, "host_id"),
        host_name=_kept_once(value, "host_name"),
        state=_kept_once(value, "state"),
        state_since=float(value.get("state_since") or 0.0),
        stage=_kept_once(value, "stage"),
        created=float(value.get("created") or 0.0),
        reference=str(value.get("reference") or ""),
        e=int(value.get("e") or 0),
        client_address=_kept_once(value, "client_address"),
        clipboard=_kept_once(value, "clipboard"),
        desktop=DesktopTarget.from_json(value["desktop"]).level if value.get("desktop") else "",
    )


def _kept_once(value: Mapping[str, object], name: str) -> str:
    return sys.intern(str(value.get(name) or ""))

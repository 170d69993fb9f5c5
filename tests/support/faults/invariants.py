"""What must hold of a grid at every revision of its history, whoever was killed meanwhile.

`violations` folds the history and looks after each revision. Each sentence that it answers names the revision: with the
seed of the run that is enough to see how it came about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.faults.history import Place, Revision, Written


@dataclass
class World:
    """The grid as it was after a revision."""

    records: dict[Place, dict[str, Any]] = field(default_factory=dict)
    by_kind: dict[str, dict[Place, dict[str, Any]]] = field(default_factory=dict)
    ended: dict[str, tuple[int, bool]] = field(default_factory=dict)
    """Reference of a launch -> when its session's record went, and whether its host was live and had accepted it."""

    def get(self, scope: str, *path: str) -> dict[str, Any] | None:
        return self.records.get((scope, path))

    def of_kind(self, kind: str) -> Mapping[Place, dict[str, Any]]:
        return self.by_kind.get(kind, {})

    def apply(self, written: Written) -> None:
        kind = self.by_kind.setdefault(written.kind, {})
        if written.value is None:
            self.records.pop(written.place, None)
            kind.pop(written.place, None)
        else:
            self.records[written.place] = kind[written.place] = written.value


@dataclass(frozen=True, slots=True)
class Moment:
    number: int
    before: Mapping[Place, dict[str, Any] | None]
    """What the keys that this revision wrote held before it."""
    written: Sequence[Written]
    world: World
    """After it."""

    def of_kind(self, kind: str) -> Iterator[tuple[Written, dict[str, Any] | None]]:
        for written in self.written:
            if written.kind == kind:
                yield written, self.before[written.place]


Rule = Callable[[Moment], Iterable[str]]


def slots_change_hands_empty(moment: Moment) -> Iterable[str]:
    """A slot never goes from one session to another without having been free."""
    for written, before in moment.of_kind("slot"):
        if before and written.value and before["session"] != written.value["session"]:
            yield f"slot {written.path[1:]} goes from {before['session']} to {written.value['session']}"


def slots_stay_within_capacity(moment: Moment) -> Iterable[str]:
    """A session is placed on a slot that its host has."""
    for written, before in moment.of_kind("slot"):
        host = moment.world.get("site", "host", written.path[1])
        if written.value and before is None and host and int(written.path[2]) >= host["slots"]:
            yield f"slot {written.path[1:]} of a host with {host['slots']}"


def records_of_a_session_agree(moment: Moment) -> Iterable[str]:
    """Session, slot and `own` are written and deleted together."""
    for written, _ in moment.of_kind("session"):
        session = written.path[1]
        if written.value is not None:
            yield from _record_without_its_keys(moment.world, written)
        for place, slot in moment.world.of_kind("slot").items():
            if written.value is None and slot["session"] == session:
                yield f"session {session} is gone, its slot {place[1][1:]} is not"
    for written, _ in moment.of_kind("slot"):
        slot = written.value
        if slot and moment.world.get(slot["tenant"], "session", slot["session"]) is None:
            yield f"slot {written.path[1:]} of {slot['session']}, which has no record"


def _record_without_its_keys(world: World, written: Written) -> Iterable[str]:
    value = written.value or {}
    slot = world.get("site", "slot", value["host_id"], str(value["slot"]))
    own = world.get(written.scope, "own", value["user_id"], value["application_id"])
    if slot is None or slot["session"] != value["id"]:
        yield f"session {value['id']} without its slot {value['host_id']}/{value['slot']}"
    if own is None or own["session"] != value["id"]:
        yield f"session {value['id']} without its own key"


def nobody_disabled_starts(moment: Moment) -> Iterable[str]:
    """No session begins, and no ticket is spent, for a user who is disabled or gone."""
    for written, before in moment.of_kind("session"):
        value = written.value
        if value is None or (before is not None and before["e"] == value["e"]):
            continue
        user = moment.world.get(written.scope, "user", value["user_id"])
        if user is None or user["disabled"]:
            what = "begins" if before is None else f"is attached to as {value['e']}"
            yield f"session {value['id']} {what}; its user {value['user_id']} may not"


def nothing_starts_on_a_host_that_is_gone(moment: Moment) -> Iterable[str]:
    """A launch names the life of the agent that it relies on: the host lives at that revision, and takes sessions."""
    for written, before in moment.of_kind("session"):
        value = written.value
        if value is None or before is not None:
            continue
        host = moment.world.get("site", "host", value["host_id"])
        if moment.world.get("site", "live", "host", value["host_id"]) is None:
            yield f"session {value['id']} begins on {value['host_id']}, which is not live"
        if host is None or host["draining"] or host["revoked"]:
            yield f"session {value['id']} begins on {value['host_id']}, which takes none"


def epochs_grow_by_one_ticket(moment: Moment) -> Iterable[str]:
    """The attach epoch is raised by one, by the transaction that spends a ticket of the session, never otherwise."""
    tickets = [before for written, before in moment.of_kind("ticket") if written.value is None and before]
    for written, before in moment.of_kind("session"):
        if written.value is None or before is None or before["e"] == written.value["e"]:
            continue
        spent = sum(ticket["session"] == written.path[1] for ticket in tickets)
        if written.value["e"] != before["e"] + 1:
            yield f"session {written.path[1]} goes from epoch {before['e']} to {written.value['e']}"
        if spent != 1:
            yield f"session {written.path[1]} goes to epoch {written.value['e']} with {spent} tickets"


def the_living_are_not_reaped(moment: Moment) -> Iterable[str]:
    """A session that its host had accepted is given up as lost only while its host is not live."""
    for written, before in moment.of_kind("session"):
        if written.value is None and before is not None:
            alive = moment.world.get("site", "live", "host", before["host_id"]) is not None
            accepted = before["state"] not in ("pending", "ending")
            moment.world.ended[before["reference"]] = (moment.number, alive and accepted)
    for written, _ in moment.of_kind("trace"):
        number, wrongly = moment.world.ended.get(written.path[1], (0, False))
        if written.value and written.value.get("code") == "host_lost" and wrongly:
            yield f"launch {written.path[1]} was given up as lost at {number}, and its host was live"


RULES: Sequence[Rule] = (
    slots_change_hands_empty,
    slots_stay_within_capacity,
    records_of_a_session_agree,
    nobody_disabled_starts,
    nothing_starts_on_a_host_that_is_gone,
    epochs_grow_by_one_ticket,
    the_living_are_not_reaped,
)


def violations(history: Sequence[Revision], rules: Sequence[Rule] = RULES) -> list[str]:
    world, found = World(), []
    for revision in history:
        before = {written.place: world.records.get(written.place) for written in revision.written}
        for written in revision.written:
            world.apply(written)
        moment = Moment(revision.number, before, revision.written, world)
        found += [f"revision {revision.number}: {said}" for rule in rules for said in rule(moment)]
    return found


def sessions_begun(history: Sequence[Revision]) -> dict[str, int]:
    """Session -> how often its record came into being."""
    world, begun = World(), dict[str, int]()
    for revision in history:
        for written in revision.written:
            if written.kind == "session" and written.value and written.place not in world.records:
                begun[written.path[1]] = begun.get(written.path[1], 0) + 1
            world.apply(written)
    return begun


@dataclass(frozen=True, slots=True)
class Life:
    """Of a session's record: revision and time at which it was seen to come, and to go (0: it stayed)."""

    user: str
    begun: int
    begun_at: float
    gone_at: float = 0.0


def lives(history: Sequence[Revision]) -> dict[str, Life]:
    """By session id; of the last time, should one have begun twice."""
    found: dict[str, Life] = {}
    for revision in history:
        for written in revision.written:
            if written.kind != "session":
                continue
            session = written.path[1]
            known = found.get(session)
            if written.value is None and known is not None:
                found[session] = replace(known, gone_at=revision.seen)
            elif written.value is not None and (known is None or known.gone_at):
                found[session] = Life(written.value["user_id"], revision.number, revision.seen)
    return found

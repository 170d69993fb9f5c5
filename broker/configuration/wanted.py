"""From documents to what shall be: defaults filled in, names as they are spelled, lists in order. Pure.

Documents come checked against their schema (`portcullis.schemas.checking`), icons as hashes. What depends on other
objects is checked here, against the state as it will be: `findings` says of which document and field it is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from broker.configuration.objects import (
    DEFAULTS,
    KEPT_WHERE_ABSENT,
    ORDER,
    OWN,
    Fields,
    Held,
    State,
    key_of,
    policy_name,
)
from portcullis.model.application import MAXIMUM_ENTITLED
from portcullis.model.desktops import DesktopTarget
from portcullis.model.policy import parse_locked, parse_values
from portcullis.model.rdp import PINS_RULE, RdpTarget, plain_fingerprint
from portcullis.model.wine import WineProgram

Place = tuple[str, str]
"""Kind and key."""


@dataclass(frozen=True, slots=True)
class Request:
    documents: Sequence[Fields] = ()
    deletes: Sequence[tuple[str, str]] = ()
    """Kind and name."""
    prune: Mapping[str, str] = field(default_factory=dict)
    """Labels: what carries all of them and is in no document goes. Empty: nothing."""


@dataclass(frozen=True, slots=True)
class DocumentFinding:
    """`place`: such as `documents[3].entitled.users[0]`."""

    place: str
    expected: str


@dataclass(slots=True)
class Wanted:
    """What shall be of each object that the request concerns, by kind and key; None: it goes."""

    state: State
    objects: dict[Place, Held | None] = field(default_factory=dict)
    documents: dict[Place, int] = field(default_factory=dict)
    findings: list[DocumentFinding] = field(default_factory=list)

    def find(self, kind: str, name: str) -> Held | None:
        """As it will be."""
        place = (kind, key_of(kind, name))
        if place in self.objects:
            return self.objects[place]
        return self.state.of(kind).get(place[1])

    def held(self, place: Place) -> Held | None:
        """As it is."""
        return self.state.of(place[0]).get(place[1])

    def refuse(self, index: int, path: str, expected: str) -> None:
        self.findings.append(DocumentFinding(f"documents[{index}].{path}", expected))

    def after(self) -> State:
        return self.state.with_objects(self.objects)


def wanted(state: State, request: Request) -> Wanted:
    found = Wanted(state)
    by_kind: dict[str, list[tuple[int, Fields]]] = {kind: [] for kind in ORDER}
    for index, document in enumerate(request.documents):
        by_kind[document["kind"]].append((index, document))
        _claim(found, index, document)
    _take_away(found, request)
    for kind in ORDER:
        for index, document in by_kind[kind]:
            place = _place(document)
            if found.documents.get(place) == index:
                found.objects[place] = _MADE[kind](found, index, document)
    _grant(found)
    _follow_deletes(found)
    return found


def name_of(document: Fields) -> str:
    """What a document's object is called."""
    kind = document["kind"]
    if kind == "tenant":
        return OWN
    if kind == "policy":
        return policy_name(document["level"], document.get("of", "-"))
    name: str = document.get("name") or document["application"]
    return unicodedata.normalize("NFC", name)


def _place(document: Fields) -> Place:
    kind: str = document["kind"]
    return kind, key_of(kind, name_of(document))


def _claim(found: Wanted, index: int, document: Fields) -> None:
    place = _place(document)
    if place in found.documents:
        other = found.documents[place] + 1
        what = "level" if place[0] == "policy" else "kind" if place[0] == "tenant" else "name"
        found.refuse(
            index, what, f"one that no document before has ({name_of(document)!r}: document {other})"
        )
    else:
        found.documents[place] = index


def _take_away(found: Wanted, request: Request) -> None:
    for index, (kind, name) in enumerate(request.deletes):
        held = found.state.find(kind, name)
        place = (kind, key_of(kind, name))
        if held is None or kind == "tenant" or place in found.documents:
            found.findings.append(DocumentFinding(f"delete[{index}].name", f"the name of an existing {kind}"))
        else:
            found.objects[place] = None
    if not request.prune:
        return
    for kind in ORDER:
        for key, held in found.state.of(kind).items():
            if request.prune.items() <= held.labels.items() and (kind, key) not in found.documents:
                found.objects[kind, key] = None


def _filled(found: Wanted, document: Fields) -> Held:
    """With the fields that the document does not name, before anything is looked up."""
    kind = document["kind"]
    before = found.held(_place(document))
    kept = KEPT_WHERE_ABSENT.get(kind, frozenset())
    fields: dict[str, Any] = {}
    for name, default in DEFAULTS[kind].items():
        if name in document:
            value = document[name]
            fields[name] = {**default, **value} if isinstance(default, dict) and default else value
        else:
            fields[name] = before.fields[name] if before and name in kept else default
    labels = document.get("labels", before.labels if before else {})
    base = before or Held(kind, name_of(document), {})
    name = name_of(document) if kind == "application" else base.name
    return replace(base, name=name, fields=fields, labels=dict(labels))


def _ordered(names: Iterable[str]) -> list[str]:
    return sorted({unicodedata.normalize("NFC", name) for name in names})


def _tenant(found: Wanted, index: int, document: Fields) -> Held:
    made = _filled(found, document)
    theme = dict(made.fields["theme"])
    theme["accent"] = theme["accent"].lower() if theme["accent"] else None
    return replace(made, fields={**made.fields, "theme": theme})


def _role(found: Wanted, index: int, document: Fields) -> Held:
    made = _filled(found, document)
    return replace(made, fields={"permissions": sorted(set(made.fields["permissions"]))})


def _group(found: Wanted, index: int, document: Fields) -> Held:
    made = _filled(found, document)
    inner = _ordered(made.fields["members"]["groups"])
    return replace(made, fields={**made.fields, "members": {"groups": inner}})


def _user(found: Wanted, index: int, document: Fields) -> Held:
    made = _filled(found, document)
    return replace(made, fields={**made.fields, "groups": _ordered(made.fields["groups"])})


def _host_group(found: Wanted, index: int, document: Fields) -> Held | None:
    """A host group is where its hosts say so: one without hosts is none."""
    made = _filled(found, document)
    for position, host in enumerate(made.fields["hosts"]):
        if host not in found.state.hosts:
            found.refuse(index, f"hosts[{position}]", "the name of a host of the tenant")
    hosts = _ordered(made.fields["hosts"])
    return replace(made, fields={"hosts": hosts}) if hosts or made.labels else None


def _application(found: Wanted, index: int, document: Fields) -> Held:
    made = _filled(found, document)
    entitled = made.fields["entitled"]
    before = found.held((made.kind, made.key))
    known = before.fields["entitled"]["users"] if before else ()
    fields = {
        **made.fields,
        "command": list(made.fields["command"]),
        "host_groups": _ordered(made.fields["host_groups"]),
        "minimum_memory_bytes": int(made.fields["minimum_memory_bytes"]),
        "rdp": _rdp(found, index, made.fields["rdp"]),
        "wine": _wine(made.fields["wine"]),
        "desktop": _desktop(made.fields["desktop"]),
        "entitled": {
            "users": _users(found, index, "entitled.users", entitled["users"], known),
            "groups": _ordered(entitled["groups"]),
        },
    }
    return replace(made, fields=fields)


def _rdp(found: Wanted, index: int, said: Fields | None) -> dict[str, Any] | None:
    """With what the document does not say, and the fingerprint as it is kept."""
    if said is None:
        return None
    read = RdpTarget.from_json(said)
    target = replace(
        read,
        port=int(read.port),
        certificate=plain_fingerprint(read.certificate),
        gateway_certificate=plain_fingerprint(read.gateway_certificate),
    )
    if not target.pins_agree:
        found.refuse(index, "rdp.gateway_certificate", PINS_RULE)
    return target.to_json()


def _desktop(said: Fields | None) -> dict[str, Any] | None:
    """With what the document does not say."""
    if said is None:
        return None
    target = DesktopTarget.from_json(said)
    return replace(target, answer_seconds=int(target.answer_seconds)).to_json()


def _wine(said: Fields | None) -> dict[str, Any] | None:
    return None if said is None else WineProgram.from_json(said).to_json()


def _entitlement(found: Wanted, index: int, document: Fields) -> Held:
    made = _filled(found, document)
    before = found.held((made.kind, made.key))
    application = found.find("application", made.fields["application"])
    if application is None:
        found.refuse(index, "application", "the name of an application that is there, or in these documents")
    fields = {
        "application": application.name if application else "",
        "users": _users(
            found, index, "users", made.fields["users"], before.fields["users"] if before else ()
        ),
        "groups": _ordered(made.fields["groups"]),
    }
    return replace(made, fields=fields)


def _users(
    found: Wanted, index: int, path: str, names: Sequence[str], known: Collection[str] = ()
) -> list[str]:
    """By the names that they have, whatever case was written. `known`: may stand there though they are gone."""
    users = set()
    for position, name in enumerate(names):
        user = found.find("user", name)
        if user is not None:
            users.add(user.name)
        elif name in known:
            users.add(name)
        else:
            expected = "the name of a user who is there, or in these documents"
            found.refuse(index, f"{path}[{position}]", expected)
    return sorted(users)


def _policy(found: Wanted, index: int, document: Fields) -> Held | None:
    """One that sets and locks nothing is none."""
    made = _filled(found, document)
    level, of = made.fields["level"], unicodedata.normalize("NFC", made.fields["of"])
    if level in ("application", "user"):
        owner = found.find(level, of)
        if owner is None:
            found.refuse(index, "of", f"the name of a {level} that is there, or in these documents")
        of = owner.name if owner else of
    values = parse_values(made.fields["values"])
    locked = sorted(parse_locked(list(made.fields["locked"])))
    fields = {"level": level, "of": of, "values": values, "locked": locked}
    if not values and not locked and not made.labels:
        return None
    return replace(made, name=policy_name(level, of), fields=fields)


_MADE = {
    "tenant": _tenant,
    "role": _role,
    "group": _group,
    "user": _user,
    "host-group": _host_group,
    "application": _application,
    "entitlement": _entitlement,
    "policy": _policy,
}


def _grant(found: Wanted) -> None:
    """Entitlements are written into their applications: what each added is remembered, so that it goes with it."""
    given = _by_application(found.after().of("entitlement").values())
    earlier = _by_application(found.state.of("entitlement").values())
    own = {key for kind, key in found.objects if kind == "application" and (kind, key) in found.documents}
    touched = {place[1] for place in found.objects if place[0] == "entitlement"}
    concerned = {
        key_of("application", held.fields["application"])
        for held in (*found.after().of("entitlement").values(), *found.state.of("entitlement").values())
        if held.key in touched or key_of("application", held.fields["application"]) in own
    }
    for key in sorted(concerned):
        application = found.find("application", key)
        if application is not None:
            _grant_one(found, application, given.get(key, []), earlier.get(key, []), is_own=key in own)


def _grant_one(
    found: Wanted, application: Held, given: Sequence[Held], earlier: Sequence[Held], *, is_own: bool
) -> None:
    entitled: dict[str, list[str]] = {}
    added: dict[str, dict[str, list[str]]] = {held.key: {} for held in given}
    for part in ("users", "groups"):
        base = set(application.fields["entitled"][part])
        if not is_own:
            base -= {name for held in earlier for name in held.added.get(part, ())}
        for held in given:
            added[held.key][part] = sorted(set(held.fields[part]) - base)
        entitled[part] = sorted(base.union(*(held.fields[part] for held in given)))
        if len(entitled[part]) > MAXIMUM_ENTITLED:
            expected = f"at most {MAXIMUM_ENTITLED} {part} for one application, all its entitlements together"
            index = min((found.documents.get(("entitlement", held.key), 0) for held in given), default=0)
            found.refuse(index, part, expected)
    for held in given:
        found.objects["entitlement", held.key] = replace(held, added=added[held.key])
    fields = {**application.fields, "entitled": entitled}
    found.objects["application", application.key] = replace(application, fields=fields)


def _by_application(entitlements: Iterable[Held]) -> dict[str, list[Held]]:
    found: dict[str, list[Held]] = {}
    for held in entitlements:
        found.setdefault(key_of("application", held.fields["application"]), []).append(held)
    return found


def _follow_deletes(found: Wanted) -> None:
    """What is about something that goes, goes with it, and so does a group's place in others."""
    gone = {place for place, held in found.objects.items() if held is None}
    if not gone:
        return
    for held in found.state.of("policy").values():
        level = held.fields["level"]
        if (level, key_of(level, held.fields["of"])) in gone and ("policy", held.key) not in found.documents:
            found.objects["policy", held.key] = None
    for held in found.state.of("entitlement").values():
        application = ("application", key_of("application", held.fields["application"]))
        if application in gone and ("entitlement", held.key) not in found.documents:
            found.objects["entitlement", held.key] = None
    for held in found.state.of("group").values():
        inner = [name for name in held.fields["members"]["groups"] if ("group", name) not in gone]
        place = ("group", held.key)
        if place not in found.objects and len(inner) < len(held.fields["members"]["groups"]):
            found.objects[place] = replace(held, fields={**held.fields, "members": {"groups": inner}})

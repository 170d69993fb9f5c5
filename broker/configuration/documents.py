"""A tenant's configuration as documents, which applied again change nothing. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from broker.configuration.objects import DEFAULTS, KEPT_WHERE_ABSENT, ORDER, Held, State, key_of
from portcullis.model.desktops import DesktopTarget
from portcullis.model.rdp import RdpTarget


def documents_of(state: State, kinds: Collection[str] = ()) -> list[dict[str, Any]]:
    """Of these kinds, or of all; by kind and name. What a document need not say is left out."""
    added = _added(state)
    return [
        _document(held, added.get(held.key, {}) if kind == "application" else {})
        for kind in ORDER
        if not kinds or kind in kinds
        for held in sorted(state.of(kind).values(), key=lambda held: (held.name.casefold(), held.name))
        if not (kind == "policy" and _is_of_nobody(held))
    ]


def _document(held: Held, added: dict[str, set[str]]) -> dict[str, Any]:
    named = held.kind not in ("tenant", "policy")
    labels = {"labels": dict(held.labels)} if held.labels else {}
    return {"kind": held.kind, **({"name": held.name} if named else {}), **dict(_said(held, added)), **labels}


def _said(held: Held, added: dict[str, set[str]]) -> Iterator[tuple[str, Any]]:
    kept = KEPT_WHERE_ABSENT.get(held.kind, frozenset())
    for name, default in DEFAULTS[held.kind].items():
        value = held.fields[name]
        if held.kind == "application" and name == "icon":
            value = {"hash": value} if value else None
        elif held.kind == "application" and name == "entitled":
            value = {
                part: names
                for part in ("users", "groups")
                if (names := [name for name in value[part] if name not in added.get(part, ())])
            }
            if not value:
                continue
        elif held.kind == "application" and name == "rdp" and value:
            plain = RdpTarget("").to_json()
            value = {part: each for part, each in value.items() if each != plain[part]}
        elif held.kind == "application" and name == "desktop" and value:
            # At least one part is told: a mapping that says nothing reads as if there were none.
            usual = DesktopTarget().to_json()
            value = {part: each for part, each in value.items() if part == "display" or each != usual[part]}
        elif held.kind == "application" and name == "wine" and value:
            value = {part: each for part, each in value.items() if each != []}
        elif held.kind == "tenant" and name == "theme":
            logo = value["logo"]
            value = {**value, "logo": {"hash": logo} if logo else None}
        if value != default or name in kept or name == "permissions":
            yield name, value


def _added(state: State) -> dict[str, dict[str, set[str]]]:
    """By application: what its entitlements gave."""
    found: dict[str, dict[str, set[str]]] = {}
    for held in state.of("entitlement").values():
        key = key_of("application", held.fields["application"])
        for part, names in held.added.items():
            found.setdefault(key, {}).setdefault(part, set()).update(names)
    return found


def _is_of_nobody(held: Held) -> bool:
    """Of a group that has no record and no user: its name is not known."""
    return held.fields["level"] == "group" and len(held.fields["of"]) == 64 and held.fields["of"].isalnum()

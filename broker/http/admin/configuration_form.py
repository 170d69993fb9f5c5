"""Documents of a request, checked against their schema before anybody looks at them; pictures as hashes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from broker.configuration.checks import Powers
from broker.configuration.objects import ORDER
from broker.configuration.planning import TOLD_FINDINGS, Unfit
from broker.configuration.wanted import DocumentFinding, Request
from broker.http.access import Caller
from broker.http.admin.icon_form import read_icon
from broker.http.body import Fields
from broker.http.services import PublicServices
from broker.repositories.icons import Icon
from portcullis.cli.documents import ManifestError, Place, read_documents
from portcullis.errors import InvalidInput
from portcullis.model.names import MAXIMUM_NAME_LENGTH
from portcullis.model.roles import PERMISSIONS, with_enrol
from portcullis.model.user import User
from portcullis.schemas.checking import sent_findings
from portcullis.schemas.places import path_of, spell

MAXIMUM_DOCUMENTS = 20_000
MAXIMUM_REASON_LENGTH = 500
_PICTURE = re.compile(r"data:(image/png|image/svg\+xml);base64,([A-Za-z0-9+/=\s]*)")
_DOCUMENT = re.compile(r"documents\[([0-9]+)\]\.?(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sent:
    request: Request
    pictures: Mapping[str, Icon] = field(default_factory=dict)
    places: Sequence[Place] = ()
    """Of the documents in `text`."""

    def invalid(self, unfit: Unfit) -> InvalidInput:
        """The first finding, with all of them beside it."""
        first = unfit.findings[0]
        error = InvalidInput(first.place, first.expected)
        error.data["findings"] = [
            {"field": each.place, "expected": each.expected, **_line(each.place, self.places)}
            for each in unfit.findings
        ]
        return error


async def read_sent(fields: Fields) -> Sent:
    """`documents` or `text`, `delete` and `prune`. Raises InvalidInput with every finding."""
    documents = fields.raw("documents", [])
    if not isinstance(documents, list) or len(documents) > MAXIMUM_DOCUMENTS:
        raise InvalidInput("documents", f"a list of at most {MAXIMUM_DOCUMENTS} documents")
    text = fields.raw("text")
    if text is not None and (not isinstance(text, str) or documents):
        raise InvalidInput("text", "documents in YAML or JSON, instead of `documents`")
    deletes = _deletes(fields)
    prune = _prune(fields)
    return await asyncio.to_thread(_sent, documents, text, deletes, prune)


def reason_of(fields: Fields) -> str:
    expected = f"text of at most {MAXIMUM_REASON_LENGTH} characters"
    return fields.optional_text("reason", expected, longest=MAXIMUM_REASON_LENGTH) or ""


def powers_of(services: PublicServices, caller: Caller) -> Powers:
    others = services.identity.users.platform_administrators()
    elsewhere = any(
        record.scope != caller.tenant.id and _can_sign_in(User.from_json(record.value)) for record in others
    )
    return Powers(with_enrol(caller.permissions), elsewhere)


def planning_powers_of(services: PublicServices, caller: Caller) -> Powers:
    """Who may plan and not apply sees of what they may read what it would become, as if they were to apply it: a check
    of a proposal needs no right to change anything.
    """
    powers = powers_of(services, caller)
    if caller.may("configuration.apply"):
        return powers
    return replace(powers, permissions=frozenset(PERMISSIONS), reads=caller.permissions)


def _can_sign_in(user: User) -> bool:
    return user.enrolled and not user.disabled


def _sent(
    documents: list[Any], text: str | None, deletes: list[tuple[str, str]], prune: Mapping[str, str]
) -> Sent:
    places: list[Place] = []
    if text:
        places, documents = _read(text)
    findings = list(_findings(documents))
    if findings:
        raise Sent(Request(), places=places).invalid(Unfit(findings))
    pictures: dict[str, Icon] = {}
    taken = [_with_pictures(document, f"documents[{n}]", pictures) for n, document in enumerate(documents)]
    return Sent(Request(taken, deletes, prune), pictures, places)


def _read(text: str) -> tuple[list[Place], list[Any]]:
    """Raises InvalidInput."""
    try:
        found = read_documents(text.encode(), "line")
    except ManifestError as exc:
        raise InvalidInput("text", f"documents ({exc})") from exc
    return [place for place, _ in found], [_without_files(document) for _, document in found]


def _without_files(document: Any) -> Any:
    """A picture that is a name or a file is on its author's machine: it stays as it is. One that the document holds
    itself is taken.
    """
    if not isinstance(document, dict):
        return document
    if isinstance(document.get("icon"), str):
        icon = document["icon"]
        if (held := _PICTURE.fullmatch(icon)) is not None:
            return {**document, "icon": {"content_type": held[1], "data": "".join(held[2].split())}}
        kept = {name: value for name, value in document.items() if name != "icon"}
        return {**kept, "icon": None} if icon == "none" else kept
    return document


def _line(field: str, places: Sequence[Place]) -> dict[str, int]:
    """Where it stands in `text`."""
    match = _DOCUMENT.match(field)
    if match is None or int(match[1]) >= len(places):
        return {}
    place, path = places[int(match[1])], path_of(match[2])
    mark = place.mark(path)
    return {} if mark is None else {"line": mark.line, "column": mark.column}


def _findings(documents: Iterable[Any]) -> Iterable[DocumentFinding]:
    told = 0
    for index, document in enumerate(documents):
        for finding in sent_findings(document):
            path = spell(finding.path)
            yield DocumentFinding(
                f"documents[{index}].{path}" if path else f"documents[{index}]", finding.expected
            )
            told += 1
            if told == TOLD_FINDINGS:
                return


def _with_pictures(document: dict[str, Any], place: str, pictures: dict[str, Icon]) -> dict[str, Any]:
    """The document with hashes where its pictures stood. Raises InvalidInput."""
    if document["kind"] == "application" and "icon" in document:
        return {**document, "icon": _hash(document["icon"], f"{place}.icon", pictures)}
    if document["kind"] == "tenant" and "logo" in document.get("theme", {}):
        logo = _hash(document["theme"]["logo"], f"{place}.theme.logo", pictures)
        return {**document, "theme": {**document["theme"], "logo": logo}}
    return document


def _hash(picture: Mapping[str, str] | None, place: str, pictures: dict[str, Icon]) -> str | None:
    if picture is None:
        return None
    if "hash" in picture:
        return picture["hash"]
    icon = read_icon(Fields(dict(picture), place))
    pictures[icon.hash] = icon
    return icon.hash


def _deletes(fields: Fields) -> list[tuple[str, str]]:
    raw = fields.raw("delete", [])
    if not isinstance(raw, list) or len(raw) > MAXIMUM_DOCUMENTS:
        raise InvalidInput("delete", 'a list of {"kind", "name"}')
    return [
        _named(Fields(each, f"delete[{n}]") if isinstance(each, dict) else None, n)
        for n, each in enumerate(raw)
    ]


def _named(fields: Fields | None, index: int) -> tuple[str, str]:
    if fields is None:
        raise InvalidInput(f"delete[{index}]", 'an object such as {"kind": "application", "name": "Paint"}')
    kind = fields.text("kind", f"one of {', '.join(ORDER)}", longest=32)
    name = fields.text("name", "a name", longest=2 * MAXIMUM_NAME_LENGTH)
    fields.finish()
    if kind not in ORDER:
        raise InvalidInput(f"delete[{index}].kind", f"one of {', '.join(ORDER)}")
    return kind, name


def _prune(fields: Fields) -> dict[str, str]:
    raw = fields.raw("prune")
    if raw is None:
        return {}
    is_fit = isinstance(raw, dict) and raw and all(isinstance(value, str) and value for value in raw.values())
    if not is_fit:
        raise InvalidInput("prune", 'labels such as {"owner": "platform-team"}')
    return dict(raw)

"""The documents that `portcullis apply` takes, YAML (several, separated by `---`) or JSON (one, or a list).

    kind: application
    name: Text editor
    command: [mousepad]
    icon: mousepad            # optional: name, file or none; absent keeps the one that is published
    environment: {}           # optional
    entitled: {users: [demo], groups: [staff]}
    disabled: false           # optional
    host_groups: [gpu]        # optional: it runs on hosts of any of these groups alone
    minimum_memory_bytes: 0   # optional: only hosts with so much memory available start it

Everything is checked before anything is sent. A ManifestError names file, line, column, field and what was expected
there. No I/O; documents.py reads, this file knows the fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from portcullis.cli.documents import MAXIMUM_BYTES, FieldPath, ManifestError, Place, read_documents
from portcullis.model.names import NAME_RULE, is_fit_name
from portcullis.schemas.checking import one_of
from portcullis.schemas.documents import KINDS

__all__ = ["MAXIMUM_BYTES", "ApplicationDocument", "FieldPath", "ManifestError", "Place", "named", "parse"]

_FIELDS = (
    *("kind", "name", "command", "icon", "environment", "entitled", "disabled"),
    *("host_groups", "minimum_memory_bytes"),
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class ApplicationDocument:
    """A checked document. `icon`: None for none, absent when `keeps_icon`."""

    place: Place
    name: str
    command: tuple[str, ...]
    environment: dict[str, str]
    users: tuple[str, ...]
    groups: tuple[str, ...]
    icon: str | None
    keeps_icon: bool
    disabled: bool
    host_groups: tuple[str, ...] = ()
    minimum_memory_bytes: int = 0

    def body(self) -> dict[str, Any]:
        """Of the PUT request, without the icon. What asks for nothing is left out: older brokers do not know it."""
        body = {
            "command": list(self.command),
            "environment": self.environment,
            "entitled": {"users": list(self.users), "groups": list(self.groups)},
            "disabled": self.disabled,
        }
        placement = {
            "host_groups": list(self.host_groups),
            "minimum_memory_bytes": self.minimum_memory_bytes,
        }
        return body | {name: value for name, value in placement.items() if value}


def parse(content: bytes, source: str) -> list[ApplicationDocument]:
    """All documents of a file. Raises ManifestError with every finding."""
    findings: list[str] = []
    documents = []
    for place, data in read_documents(content, source):
        try:
            documents.append(application_of(place, data))
        except ManifestError as exc:
            findings.append(str(exc))
    findings += _twice(documents)
    if findings:
        raise ManifestError("\n".join(findings))
    if not documents:
        raise ManifestError(f"{source}: expected at least one document")
    return documents


def named(content: bytes, source: str) -> list[tuple[Place, str]]:
    """Kind and name alone of every document: what `delete` needs of what `apply` took. Raises ManifestError."""
    findings: list[str] = []
    found = []
    for place, data in read_documents(content, source):
        check = _Checker(place)
        try:
            mapping = check.mapping((), data, "a mapping with kind: application")
            check.kind(mapping)
            found.append((place, check.name(("name",), mapping.get("name"))))
        except ManifestError as exc:
            findings.append(str(exc))
    if findings:
        raise ManifestError("\n".join(findings))
    if not found:
        raise ManifestError(f"{source}: expected at least one document")
    return found


def application_of(place: Place, data: Any) -> ApplicationDocument:
    """Raises ManifestError."""
    check = _Checker(place)
    mapping = check.mapping((), data, "a mapping with kind: application")
    if "kind" in mapping:
        check.kind(mapping, KINDS)
    check.known((), mapping, _FIELDS)
    check.kind(mapping, KINDS)
    entitled = check.mapping(("entitled",), mapping.get("entitled", {}), "a mapping of users and groups")
    check.known(("entitled",), entitled, ("users", "groups"))
    return ApplicationDocument(
        place=place,
        name=check.name(("name",), mapping.get("name")),
        command=check.command(("command",), mapping.get("command")),
        environment=check.environment(("environment",), mapping.get("environment", {})),
        users=check.texts(("entitled", "users"), entitled.get("users", []), "a list of user names"),
        groups=check.texts(("entitled", "groups"), entitled.get("groups", []), "a list of group names"),
        icon=check.icon(("icon",), mapping.get("icon")),
        keeps_icon="icon" not in mapping,
        disabled=check.boolean(("disabled",), mapping.get("disabled", False)),
        host_groups=check.texts(("host_groups",), mapping.get("host_groups", []), "a list of host groups"),
        minimum_memory_bytes=check.count(("minimum_memory_bytes",), mapping.get("minimum_memory_bytes", 0)),
    )


class _Checker:
    """One method a kind of field; the first finding of a document ends its check."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def fail(self, path: FieldPath, expected: str, *, key: bool = False) -> None:
        raise ManifestError(self._place.message(path, expected, key=key))

    def mapping(self, path: FieldPath, value: Any, expected: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.fail(path, expected)
        for key in value:
            if not isinstance(key, str):
                self.fail((*path, str(key)), "text as the key (quote it)", key=True)
        return dict(value)

    def kind(self, mapping: dict[str, Any], kinds: Sequence[str] = ("application",)) -> None:
        """`kinds`: that are named, for a file with any other than this one is sent another way (tree.py)."""
        if (kind := mapping.get("kind")) != "application":
            self.fail(("kind",), one_of(str(kind), kinds))

    def known(self, path: FieldPath, value: Iterable[str], names: tuple[str, ...]) -> None:
        for key in value:
            if key not in names:
                self.fail((*path, key), one_of(key, names), key=True)

    def text(self, path: FieldPath, value: Any, expected: str) -> str:
        if not isinstance(value, str):
            self.fail(path, f"{expected}{_quoting_hint(value)}")
        if "\0" in value or not _is_unicode(value):
            self.fail(path, f"{expected} (without control characters)")
        return str(value)

    def name(self, path: FieldPath, value: Any) -> str:
        expected = f"a name of {NAME_RULE}"
        text = self.text(path, value, expected)
        if not is_fit_name(text):
            self.fail(path, expected)
        return text

    def texts(self, path: FieldPath, value: Any, expected: str) -> tuple[str, ...]:
        if not isinstance(value, list):
            self.fail(path, expected)
        texts = tuple(self.text((*path, index), item, "text") for index, item in enumerate(value))
        for index, text in enumerate(texts):
            if not text:
                self.fail((*path, index), "text that is not empty")
        return texts

    def command(self, path: FieldPath, value: Any) -> tuple[str, ...]:
        expected = "the program and its arguments as a list, such as [mousepad]"
        if not isinstance(value, list) or not value:
            self.fail(path, expected)
        words = tuple(self.text((*path, index), word, "text") for index, word in enumerate(value))
        if not words[0].strip():
            self.fail((*path, 0), "a program's name or path")
        return words

    def environment(self, path: FieldPath, value: Any) -> dict[str, str]:
        mapping = self.mapping(path, value, "a mapping of variables to text")
        for name in mapping:
            if not _VARIABLE.fullmatch(name):
                self.fail((*path, name), "a variable's name (letters, digits and _)", key=True)
        return {name: self.text((*path, name), text, "text") for name, text in mapping.items()}

    def icon(self, path: FieldPath, value: Any) -> str | None:
        if value is None:
            return None
        text = self.text(path, value, "an icon's name, a PNG or SVG file, or none")
        if not text:
            self.fail(path, "an icon's name, a PNG or SVG file, or none")
        return None if text == "none" else text

    def count(self, path: FieldPath, value: Any) -> int:
        if type(value) is not int or value < 0:
            self.fail(path, "a whole number, 0 or more")
        return int(value)

    def boolean(self, path: FieldPath, value: Any) -> bool:
        if not isinstance(value, bool):
            self.fail(path, "true or false")
        return bool(value)


def _quoting_hint(value: Any) -> str:
    """YAML reads `no`, `5` and `2024-01-01` as something else than text."""
    if value is None or isinstance(value, (dict, list)):
        return ""
    return f" (quote it: it is read as {type(value).__name__} {value})"


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON can spell
        return False
    return True


def _twice(documents: list[ApplicationDocument]) -> list[str]:
    seen: set[str] = set()
    findings = []
    for document in documents:
        if document.name in seen:
            expected = f"a name that no document before has ({document.name!r} is there twice)"
            findings.append(document.place.message(("name",), expected))
        seen.add(document.name)
    return findings

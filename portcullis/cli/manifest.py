"""The documents that `portcullis apply` takes, YAML (several, separated by `---`) or JSON (one, or a list).

    kind: application
    name: Text editor
    command: [mousepad]
    icon: mousepad            # optional: name, file or none; absent keeps the one that is published
    environment: {}           # optional
    entitled: {users: [demo], groups: [staff]}
    disabled: false           # optional

Everything is checked before anything is sent. A ManifestError names file, document, line, field and what was
expected there. No I/O.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from portcullis.model.names import NAME_RULE, is_fit_name

MAXIMUM_BYTES = 1 << 20

FieldPath = tuple[str | int, ...]

_FIELDS = ("kind", "name", "command", "icon", "environment", "entitled", "disabled")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class ManifestError(Exception):
    """One line a finding; nothing was applied."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document stands, for messages about it."""

    source: str
    number: int
    lines: Mapping[FieldPath, int] = field(default_factory=dict)

    def message(self, path: FieldPath, expected: str) -> str:
        """`app.yaml, document 2, line 7: entitled.users[0]: expected …`"""
        line = next(
            (self.lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in self.lines), None
        )
        where = f"{self.source}, document {self.number}" + (f", line {line}" if line else "")
        return f"{where}: {spell(path)}: expected {expected}" if path else f"{where}: expected {expected}"


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

    def body(self) -> dict[str, Any]:
        """Of the PUT request, without the icon."""
        return {
            "command": list(self.command),
            "environment": self.environment,
            "entitled": {"users": list(self.users), "groups": list(self.groups)},
            "disabled": self.disabled,
        }


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


def read_documents(content: bytes, source: str) -> list[tuple[Place, Any]]:
    if len(content) > MAXIMUM_BYTES:
        raise ManifestError(f"{source}: expected at most {MAXIMUM_BYTES} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError as exc:
        raise ManifestError(f"{source}: expected UTF-8 (byte {exc.start} is not)") from exc
    if text.lstrip().startswith(("{", "[")):
        try:
            return _read_json(text, source)
        except json.JSONDecodeError:
            pass  # YAML may be written in braces as well, and its reader gives the better message
    return _read_yaml(text, source)


def _read_json(text: str, source: str) -> list[tuple[Place, Any]]:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in items]
        for key in keys:
            if keys.count(key) > 1:
                raise ManifestError(f"{source}: expected {key!r} once in an object")
        return dict(items)

    try:
        data = json.loads(text, object_pairs_hook=pairs)
    except RecursionError as exc:
        raise ManifestError(f"{source}: expected fewer nested brackets") from exc
    documents = data if isinstance(data, list) else [data]
    return [(Place(source, number), document) for number, document in enumerate(documents, 1)]


def _read_yaml(text: str, source: str) -> list[tuple[Place, Any]]:
    documents = []
    try:
        nodes = [node for node in yaml.compose_all(text, yaml.SafeLoader) if not _is_empty(node)]
        for number, node in enumerate(nodes, 1):
            place = Place(source, number, _lines(node, source))
            documents.append((place, _construct(node)))
    except yaml.MarkedYAMLError as exc:
        line = f", line {exc.problem_mark.line + 1}" if exc.problem_mark else ""
        raise ManifestError(f"{source}{line}: not YAML: {exc.problem}") from exc
    except (yaml.YAMLError, ValueError) as exc:
        raise ManifestError(f"{source}: not YAML: {exc}") from exc
    except RecursionError as exc:
        raise ManifestError(f"{source}: expected fewer nested values") from exc
    return documents


def _is_empty(node: yaml.Node | None) -> bool:
    return node is None or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null"))


def _construct(node: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _lines(node: yaml.Node, source: str) -> dict[FieldPath, int]:
    """The line of every field. Raises ManifestError on a key given twice, which YAML would take silently."""
    lines: dict[FieldPath, int] = {}
    open_nodes: list[tuple[FieldPath, yaml.Node]] = [((), node)]
    seen: set[int] = set()
    while open_nodes:
        path, current = open_nodes.pop()
        lines[path] = current.start_mark.line + 1
        if id(current) in seen:
            continue  # an alias: its children were listed where it was defined
        seen.add(id(current))
        if isinstance(current, yaml.MappingNode):
            keys: set[str] = set()
            for key, value in current.value:
                name = str(key.value)
                if name in keys:
                    raise ManifestError(f"{source}, line {key.start_mark.line + 1}: expected {name!r} once")
                keys.add(name)
                open_nodes.append(((*path, name), value))
        elif isinstance(current, yaml.SequenceNode):
            open_nodes += [((*path, index), value) for index, value in enumerate(current.value)]
    return lines


def application_of(place: Place, data: Any) -> ApplicationDocument:
    """Raises ManifestError."""
    check = _Checker(place)
    mapping = check.mapping((), data, "a mapping with kind: application")
    check.known((), mapping, _FIELDS)
    if mapping.get("kind") != "application":
        check.fail(("kind",), "application")
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
    )


class _Checker:
    """One method a kind of field; the first finding of a document ends its check."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def fail(self, path: FieldPath, expected: str) -> None:
        raise ManifestError(self._place.message(path, expected))

    def mapping(self, path: FieldPath, value: Any, expected: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.fail(path, expected)
        for key in value:
            if not isinstance(key, str):
                self.fail((*path, str(key)), "text as the key (quote it)")
        return dict(value)

    def known(self, path: FieldPath, value: Iterable[str], names: tuple[str, ...]) -> None:
        for key in value:
            if key not in names:
                close = difflib.get_close_matches(key, names, 1)
                self.fail((*path, key), f"{close[0]!r} instead" if close else f"one of {', '.join(names)}")

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
                self.fail((*path, name), "a variable's name (letters, digits and _)")
        return {name: self.text((*path, name), text, "text") for name, text in mapping.items()}

    def icon(self, path: FieldPath, value: Any) -> str | None:
        if value is None:
            return None
        text = self.text(path, value, "an icon's name, a PNG or SVG file, or none")
        if not text:
            self.fail(path, "an icon's name, a PNG or SVG file, or none")
        return None if text == "none" else text

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
    names = [document.name for document in documents]
    return [
        document.place.message(
            ("name",), f"a name that no document before has ({document.name!r} is there twice)"
        )
        for index, document in enumerate(documents)
        if document.name in names[:index]
    ]


def spell(path: FieldPath) -> str:
    """`entitled.users[0]`."""
    text = ""
    for segment in path:
        text += f"[{segment}]" if isinstance(segment, int) else f".{segment}" if text else segment
    return text

"""YAML or JSON documents with the place of everything in them, for messages that say where: `app.yaml:7:12: ...`.

Several YAML documents are separated by `---`; JSON is one document or a list of them. What YAML would take silently is
refused: a key given twice, aliases that make a value of itself or a document larger than a file may be. No I/O.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from portcullis.schemas.places import FieldPath, spell

__all__ = ["MAXIMUM_BYTES", "FieldPath", "ManifestError", "Mark", "Place", "read_documents", "spell"]

MAXIMUM_BYTES = 1 << 20
"""Of a file, and of all that a document says once its aliases are written out."""

MAXIMUM_DEPTH = 64
"""Of values in values. No document needs a tenth of it."""

_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LINE_BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
"""As YAML has them."""


class ManifestError(Exception):
    """One line a finding; nothing was applied."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Both count from 1; columns are characters."""

    line: int
    column: int

    @classmethod
    def of(cls, mark: yaml.Mark) -> Mark:
        return cls(mark.line + 1, mark.column + 1)

    @classmethod
    def at(cls, text: str, index: int) -> Mark:
        """Of the character at this index."""
        lines = _LINE_BREAK.split(text[:index])
        return cls(len(lines), len(lines[-1]) + 1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document stands, for messages about it."""

    source: str
    number: int
    values: Mapping[FieldPath, Mark] = field(default_factory=dict)
    keys: Mapping[FieldPath, Mark] = field(default_factory=dict)
    """Where the names of fields stand."""

    def mark(self, path: FieldPath = (), *, key: bool = False) -> Mark | None:
        """Of the field, or of the nearest thing round it that is there."""
        if key and path in self.keys:
            return self.keys[path]
        near = (self.values.get(path[:end]) for end in range(len(path), -1, -1))
        return next((mark for mark in near if mark is not None), None)

    def where(self, path: FieldPath = (), *, key: bool = False) -> str:
        """`app.yaml:7:12`, as `mark`."""
        mark = self.mark(path, key=key)
        return f"{self.source}, document {self.number}" if mark is None else located(self.source, mark)

    def message(self, path: FieldPath, expected: str, *, key: bool = False) -> str:
        """`app.yaml:7:12: entitled.users[0]: expected …`"""
        named = f"{spell(path)}: " if path else ""
        return f"{self.where(path, key=key)}: {named}expected {expected}"


def located(source: str, mark: Mark) -> str:
    return f"{source}:{mark.line}:{mark.column}"


def read_documents(content: bytes, source: str) -> list[tuple[Place, Any]]:
    """Every document that is not empty, with its place. Raises ManifestError."""
    if len(content) > MAXIMUM_BYTES:
        raise ManifestError(f"{source}: expected at most {MAXIMUM_BYTES} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError as exc:
        read = content[: exc.start].decode()
        raise ManifestError(f"{located(source, Mark.at(read, len(read)))}: expected UTF-8") from exc
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

    places = _places_of_json(text, source)
    try:
        data = json.loads(text, object_pairs_hook=pairs)
    except RecursionError as exc:
        raise ManifestError(f"{source}: expected fewer nested brackets") from exc
    documents = data if isinstance(data, list) else [data]
    return [
        (places.get(number, Place(source, number)), document) for number, document in enumerate(documents, 1)
    ]


def _places_of_json(text: str, source: str) -> dict[int, Place]:
    """JSON is YAML, nearly always: where it is not, its documents have numbers instead of places."""
    try:
        (node,) = _nodes(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    return {number: _place(each, source, number) for number, each in enumerate(nodes, 1)}


def _nodes(text: str) -> list[yaml.Node]:
    """By the parser in C, ten times as fast. Where it finds fault, the one in Python says better what and where.

    Raises RecursionError for what is nested too deeply, before the one in C, which has no such guard, would crash.
    """
    try:
        _check_depth(yaml.parse(text, _FAST))
        return list(yaml.compose_all(text, _FAST))
    except (yaml.YAMLError, ValueError):
        return list(yaml.compose_all(text, yaml.SafeLoader))


def _check_depth(events: Iterator[yaml.Event]) -> None:
    depth = 0
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAXIMUM_DEPTH:
                raise RecursionError
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _read_yaml(text: str, source: str) -> list[tuple[Place, Any]]:
    documents = []
    try:
        nodes = [node for node in _nodes(text) if not _is_empty(node)]
        for number, node in enumerate(nodes, 1):
            place = _place(node, source, number)
            _check_size(node, place)
            documents.append((place, _construct(node)))
    except yaml.MarkedYAMLError as exc:
        where = located(source, Mark.of(exc.problem_mark)) if exc.problem_mark else source
        raise ManifestError(f"{where}: not YAML: {exc.problem}") from exc
    except yaml.reader.ReaderError as exc:
        where = located(source, Mark.at(text, exc.position))
        raise ManifestError(f"{where}: not YAML: a character that may not stand here") from exc
    except (yaml.YAMLError, ValueError) as exc:
        raise ManifestError(f"{source}: not YAML: {exc}") from exc
    except RecursionError as exc:
        raise ManifestError(f"{source}: expected fewer nested values") from exc
    return documents


def _is_empty(node: yaml.Node | None) -> bool:
    return node is None or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null"))


def _construct(node: yaml.Node) -> Any:
    return yaml.constructor.SafeConstructor().construct_document(node)


def _place(node: yaml.Node, source: str, number: int) -> Place:
    """Where every field stands. Raises ManifestError on a key given twice, which YAML would take silently."""
    values: dict[FieldPath, Mark] = {}
    keys: dict[FieldPath, Mark] = {}
    open_nodes: list[tuple[FieldPath, yaml.Node]] = [((), node)]
    seen: set[int] = set()
    while open_nodes:
        path, current = open_nodes.pop()
        values[path] = Mark.of(current.start_mark)
        if id(current) in seen:
            continue  # an alias: its children were listed where it was defined
        seen.add(id(current))
        for step, key, value in _children(current):
            inner = (*path, step)
            if inner in keys:
                where = located(source, Mark.of(key.start_mark))
                raise ManifestError(
                    f"{where}: {spell(inner)}: expected once (it stands in line {keys[inner].line})"
                )
            keys[inner] = Mark.of(key.start_mark)
            open_nodes.append((inner, value))
    return Place(source, number, values, keys)


def _children(node: yaml.Node) -> Iterator[tuple[str | int, yaml.Node, yaml.Node]]:
    """Each value with its step in a path and the node that names it."""
    if isinstance(node, yaml.MappingNode):
        yield from ((str(key.value), key, value) for key, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from ((index, value, value) for index, value in enumerate(node.value))


def _check_size(node: yaml.Node, place: Place) -> None:
    """A few lines of aliases can stand for more than any memory holds. Raises ManifestError."""
    sizes: dict[int, int | None] = {}

    def size(node: yaml.Node) -> int:
        if id(node) in sizes:
            known = sizes[id(node)]
            if known is None:
                raise ManifestError(
                    f"{located(place.source, Mark.of(node.start_mark))}: expected no value of itself"
                )
            return known
        sizes[id(node)] = None  # while it is being measured
        children = sum(
            size(value) + (size(key) if key is not value else 0) for _, key, value in _children(node)
        )
        own = len(node.value) if isinstance(node, yaml.ScalarNode) else 1
        total = sizes[id(node)] = own + children
        if total > MAXIMUM_BYTES:
            where = located(place.source, Mark.of(node.start_mark))
            raise ManifestError(f"{where}: expected at most {MAXIMUM_BYTES} characters, aliases written out")
        return total

    size(node)

"""SVG as it may be served: a drawing that runs nothing, takes nothing from elsewhere and is no more than it seems.

Pictures are shown by `<img>`, where an SVG runs nothing; one that holds scripts, handlers, entities or references to
elsewhere is refused all the same, for it could be opened by itself. So is one whose references multiply: a few lines
of `use` inside `use` keep a browser busy for ever.
"""

from __future__ import annotations

import base64
import binascii
import re
import xml.etree.ElementTree as ElementTree  # entities are refused before it parses; expat loads nothing
from collections.abc import Iterator, Mapping

from broker.http.admin.png import Malformed, cleaned

MAXIMUM_DRAWN = 20_000
"""Elements, each counted as often as it is drawn."""
MAXIMUM_DEPTH = 64

_NAMESPACE = "{http://www.w3.org/2000/svg}"
_DECLARATIONS = re.compile(rb"<!ENTITY|<!ATTLIST|<!DOCTYPE[^>]*\[|<\?xml-stylesheet", re.IGNORECASE)
_ACTIVE_ELEMENTS = frozenset({"script", "foreignObject", "iframe", "embed", "object", "handler", "listener"})
_CSS_REFERENCE = re.compile(r"@import|url\(\s*['\"]?(?!#)|expression\(", re.IGNORECASE)
_OWN_REFERENCE = re.compile(r"url\(\s*['\"]?#([^'\")]+)", re.IGNORECASE)
_EMBEDDED = re.compile(r"data:image/png;base64,(.*)", re.DOTALL)


def is_inert(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    if b"\0" in data or _DECLARATIONS.search(data):
        return False
    try:
        root = ElementTree.fromstring(data)  # noqa: S314  (see the import)
        is_quiet = not any(_is_active(element) for element in root.iter())
        return root.tag == f"{_NAMESPACE}svg" and is_quiet and _is_small(root)
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError):
        return False


def _is_active(element: ElementTree.Element) -> bool:
    local = _local(element.tag)
    if local in _ACTIVE_ELEMENTS or (local == "style" and _CSS_REFERENCE.search(element.text or "")):
        return True
    return any(_is_active_attribute(key, value) for key, value in _attributes(element))


def _attributes(element: ElementTree.Element) -> Iterator[tuple[str, str]]:
    return ((_local(key), value) for key, value in element.attrib.items())


def _is_active_attribute(key: str, value: str) -> bool:
    if key.lower().startswith("on"):
        return True
    if key == "href":
        return not value.strip().startswith("#") and not _is_picture(value.strip())
    return _CSS_REFERENCE.search(value) is not None or "javascript:" in value.lower()


def _is_picture(value: str) -> bool:
    """A PNG inside it, of the size that one by itself may have."""
    match = _EMBEDDED.fullmatch(value)
    try:
        return match is not None and bool(cleaned(base64.b64decode("".join(match[1].split()), validate=True)))
    except (Malformed, binascii.Error, ValueError):
        return False


def _is_small(root: ElementTree.Element) -> bool:
    named = {name: element for element in root.iter() if (name := element.get("id"))}
    styles = "".join(element.text or "" for element in root.iter(f"{_NAMESPACE}style"))
    by_style = _OWN_REFERENCE.findall(styles)
    drawn: dict[ElementTree.Element, int] = {}
    if _cost(root, named, drawn, 0) > MAXIMUM_DRAWN:
        return False
    # A rule may touch every element: what it refers to counts as often.
    ruled = sum(drawn.get(named[name], 1) for name in by_style if name in named)
    return drawn[root] + ruled * len(drawn) <= MAXIMUM_DRAWN * 4


def _cost(
    element: ElementTree.Element,
    named: Mapping[str, ElementTree.Element],
    known: dict[ElementTree.Element, int],
    depth: int,
) -> int:
    """How many elements are drawn for it. Raises RecursionError for what is drawn inside itself, or too deep."""
    if element in known:
        if known[element] == 0:
            raise RecursionError("it is drawn inside itself")
        return known[element]
    if depth > MAXIMUM_DEPTH:
        raise RecursionError("too deep")
    known[element] = 0
    parts = [*element, *(named[name] for name in _references(element) if name in named)]
    known[element] = min(2 * MAXIMUM_DRAWN, 1 + sum(_cost(part, named, known, depth + 1) for part in parts))
    return known[element]


def _references(element: ElementTree.Element) -> Iterator[str]:
    for key, value in _attributes(element):
        if key == "href" and value.strip().startswith("#"):
            yield value.strip()[1:]
        else:
            yield from _OWN_REFERENCE.findall(value)


def _local(name: object) -> str:
    return str(name).rpartition("}")[2]

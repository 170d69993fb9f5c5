"""Icons as administrators send them: PNG or SVG, small, and what they say they are.

Pictures are shown by `<img>`, where an SVG runs nothing; one that holds scripts, handlers, entities or
references to elsewhere is refused all the same, for it could be opened by itself.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
import xml.etree.ElementTree as ElementTree  # entities are refused before it parses; expat loads nothing
from collections.abc import Callable, Iterator

from broker.http.body import Fields
from broker.repositories.icons import Icon
from portcullis.errors import InvalidInput

MAXIMUM_ICON_BYTES = 32 * 1024
MAXIMUM_SIDE = 1024

_PNG = b"\x89PNG\r\n\x1a\n"
_SVG_NAMESPACE = "{http://www.w3.org/2000/svg}"
_DECLARATIONS = re.compile(rb"<!ENTITY|<!ATTLIST|<!DOCTYPE[^>]*\[|<\?xml-stylesheet", re.IGNORECASE)
_ACTIVE_ELEMENTS = frozenset({"script", "foreignObject", "iframe", "embed", "object", "handler", "listener"})
_CSS_REFERENCE = re.compile(r"@import|url\(\s*['\"]?(?!#)|expression\(", re.IGNORECASE)


def read_icon(fields: Fields) -> Icon:
    """Out of `{"content_type", "data": base64}`. Raises InvalidInput."""
    content_type: object = fields.raw("content_type")
    text: object = fields.raw("data")
    fields.finish()
    expected = f"base64 of 1 to {MAXIMUM_ICON_BYTES} bytes"
    if not isinstance(text, str) or len(text) > 4 * MAXIMUM_ICON_BYTES // 3 + 4:
        raise InvalidInput(fields.name("data"), expected)
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise InvalidInput(fields.name("data"), expected) from exc
    return parse_icon(content_type, data, fields.name)


def parse_icon(content_type: object, data: bytes, name: Callable[[str], str]) -> Icon:
    """`name` spells a field of the icon. Raises InvalidInput."""
    if not 1 <= len(data) <= MAXIMUM_ICON_BYTES:
        raise InvalidInput(name("data"), f"base64 of 1 to {MAXIMUM_ICON_BYTES} bytes")
    if content_type == "image/png":
        if not _is_png(data):
            raise InvalidInput(name("data"), f"a PNG of at most {MAXIMUM_SIDE} x {MAXIMUM_SIDE} pixels")
        return Icon("image/png", data)
    if content_type == "image/svg+xml":
        if not _is_inert_svg(data):
            raise InvalidInput(
                name("data"), "an SVG in UTF-8 without scripts, entities and outside references"
            )
        return Icon("image/svg+xml", data)
    raise InvalidInput(name("content_type"), "image/png or image/svg+xml")


def _is_png(data: bytes) -> bool:
    """By signature and header, whose size bounds what a decoder has to allocate."""
    if len(data) < 33 or not data.startswith(_PNG) or data[8:16] != b"\0\0\0\x0dIHDR":
        return False
    sides: tuple[int, int] = struct.unpack(">II", data[16:24])
    return all(1 <= side <= MAXIMUM_SIDE for side in sides)


def _is_inert_svg(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    if b"\0" in data or _DECLARATIONS.search(data):
        return False
    try:
        root = ElementTree.fromstring(data)  # noqa: S314  (see the import)
    except (ElementTree.ParseError, ValueError, LookupError):
        return False
    return root.tag == f"{_SVG_NAMESPACE}svg" and not any(_is_active(element) for element in root.iter())


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
        return not value.strip().startswith(("#", "data:image/png;", "data:image/jpeg;"))
    return _CSS_REFERENCE.search(value) is not None or "javascript:" in value.lower()


def _local(name: object) -> str:
    return str(name).rpartition("}")[2]

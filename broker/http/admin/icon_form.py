"""Icons as administrators send them: PNG or SVG, small, and what they say they are.

What is kept is not always what was sent: a PNG is written anew of what makes the picture (`png`), an SVG is taken as it
is or not at all (`svg`).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from broker.http.admin import svg
from broker.http.admin.png import MAXIMUM_SIDE, Malformed, cleaned
from broker.http.body import Fields
from broker.repositories.icons import Icon
from portcullis.errors import InvalidInput

MAXIMUM_ICON_BYTES = 32 * 1024


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
        try:
            return Icon("image/png", cleaned(data))
        except Malformed as exc:
            expected = f"a PNG of at most {MAXIMUM_SIDE} x {MAXIMUM_SIDE} pixels"
            raise InvalidInput(name("data"), expected) from exc
    if content_type == "image/svg+xml":
        if not svg.is_inert(data):
            expected = "an SVG in UTF-8 without scripts, entities and outside references, drawn in little"
            raise InvalidInput(name("data"), expected)
        return Icon("image/svg+xml", data)
    raise InvalidInput(name("content_type"), "image/png or image/svg+xml")

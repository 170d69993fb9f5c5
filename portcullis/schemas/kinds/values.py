"""What documents of every kind are made of: names, lists, mappings, icons, each with the words for what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portcullis.model.application import MAXIMUM_ENTITLED
from portcullis.model.names import GROUP_RULE, MAXIMUM_NAME_LENGTH, NAME_RULE
from portcullis.model.rdp import PRINTABLE_PATTERN
from portcullis.schemas.shapes import Schema

MAXIMUM_LABELS = 16
NAME_FORMAT = "portcullis-name"
GROUP_FORMAT = "portcullis-group"
_EDGE, _INNER = r"[^\s/\\%]", r"[^/\\%\u0000-\u001f]"
_NAME_PATTERN = f"^{_EDGE}({_INNER}*{_EDGE})?$"
_GROUP_PATTERN = r"^\S([^\u0000-\u001f]*\S)?$"
_LABEL = r"^[a-z][a-z0-9_.-]{0,62}$"


def said(expected: str, **rules: Any) -> Schema:
    return {"x-expected": expected, **rules}


def name(what: str = "") -> Schema:
    return said(
        f"a name of {NAME_RULE}",
        type="string",
        minLength=1,
        maxLength=MAXIMUM_NAME_LENGTH,
        pattern=_NAME_PATTERN,
        format=NAME_FORMAT,
        **({"description": what} if what else {}),
    )


def group() -> Schema:
    return said(
        GROUP_RULE,
        type="string",
        minLength=1,
        maxLength=MAXIMUM_NAME_LENGTH,
        pattern=_GROUP_PATTERN,
        format=GROUP_FORMAT,
    )


def list_of(items: Schema, expected: str, most: int, *, least: int = 0, about: str = "") -> Schema:
    schema = said(expected, type="array", items=items, maxItems=most)
    return schema | ({"minItems": least} if least else {}) | ({"description": about} if about else {})


def mapping(expected: str, properties: Mapping[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    return said(
        expected,
        type="object",
        properties=dict(properties),
        additionalProperties=False,
        **({"required": list(required)} if required else {}),
    )


def flag(about: str) -> Schema:
    return said("true or false", type="boolean", description=about)


TEXT = {"type": "string", "pattern": "^[^\\u0000]*$"}
LINE = {"type": "string", "pattern": PRINTABLE_PATTERN}
LABELS = said(
    f"a mapping of at most {MAXIMUM_LABELS} labels to text, such as {{owner: platform-team}}",
    type="object",
    maxProperties=MAXIMUM_LABELS,
    propertyNames=said("a label of lower-case letters, digits, ., _ and -", pattern=_LABEL),
    additionalProperties=said(GROUP_RULE, type="string", minLength=1, maxLength=MAXIMUM_NAME_LENGTH),
    description="Who looks after it: `--prune owner=x` deletes what carries the label and is in no file.",
)
ENTITLED = {
    "users": list_of(name(), "a list of user names", MAXIMUM_ENTITLED, about="Users, by name."),
    "groups": list_of(group(), "a list of group names", MAXIMUM_ENTITLED, about="Groups, by name."),
}
FILE_ICON = said(
    "an icon's name, a PNG or SVG file, or none",
    type=["string", "null"],
    minLength=1,
    description="An icon's or application's name on this machine, a file beside this one, a data: URL, or none. "
    "Absent: as it is.",
)
_HASH = said("64 hexadecimal digits", type="string", pattern="^[0-9a-f]{64}$")
SENT_ICON = said(
    'null, {"content_type", "data"} (base64), or {"hash"} of one that was sent before',
    oneOf=[
        {"type": "null"},
        mapping("an icon", {"hash": _HASH}, ("hash",)),
        mapping(
            "an icon",
            {
                "content_type": said(
                    "image/png or image/svg+xml", type="string", enum=["image/png", "image/svg+xml"]
                ),
                "data": said("base64", type="string", maxLength=45_000),
            },
            ("content_type", "data"),
        ),
    ],
)

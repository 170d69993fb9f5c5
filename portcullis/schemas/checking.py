"""Checks documents of configuration against their schema: every finding with the place that it is about.

What a schema cannot say (which characters are printable, which time zones there are) is checked beside it. No I/O.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from portcullis.errors import InvalidInput
from portcullis.model.names import is_fit_group, is_fit_name
from portcullis.model.policy import parse_values
from portcullis.model.rdp import GATEWAY_FORMAT, HOST_FORMAT, is_fit_gateway, is_fit_host
from portcullis.model.wine import PROGRAM_FORMAT, TEMPLATE_FORMAT, is_fit_program, is_fit_template
from portcullis.schemas.documents import FILE_KINDS, KINDS, SENT_KINDS
from portcullis.schemas.kinds.values import GROUP_FORMAT, NAME_FORMAT
from portcullis.schemas.places import FieldPath, path_of
from portcullis.schemas.shapes import Schema

_PLAINLY_MEANT = 0.7
"""Of difflib's ratio: `comand` is `command`, and `enabled` is not `entitled`."""


@dataclass(frozen=True, slots=True)
class Finding:
    path: FieldPath
    expected: str
    of_key: bool = False
    """It is the name of the field that is wrong, not its value."""


def file_findings(document: Any) -> list[Finding]:
    """What is wrong with a document of a file; nothing when it is right."""
    return _findings(document, in_files=True)


def sent_findings(document: Any) -> list[Finding]:
    """The same of a document of a request, whose icons are contents."""
    return _findings(document, in_files=False)


def _findings(document: Any, *, in_files: bool) -> list[Finding]:
    if not isinstance(document, Mapping):
        return [Finding((), "a mapping with kind: application, or another kind")]
    strange = [str(key) for key in document if not isinstance(key, str)]
    if strange:
        return [Finding((strange[0],), "text as the key (quote it)", of_key=True)]
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        return [Finding(("kind",), one_of(str(kind), KINDS))]
    validator = _validator(kind, in_files)
    found = [finding for error in validator.iter_errors(document) for finding in _told(error)]
    return list(dict.fromkeys(found)) or list(_beyond_the_schema(kind, document))


@cache
def _validator(kind: str, in_files: bool) -> Draft202012Validator:
    schema = (FILE_KINDS if in_files else SENT_KINDS)[kind]
    return Draft202012Validator(schema, format_checker=_formats())


def _formats() -> FormatChecker:
    checker = FormatChecker(formats=())
    checker.checks(NAME_FORMAT)(lambda value: not isinstance(value, str) or is_fit_name(value))
    checker.checks(GROUP_FORMAT)(lambda value: not isinstance(value, str) or is_fit_group(value))
    checker.checks(HOST_FORMAT)(lambda value: not isinstance(value, str) or is_fit_host(value))
    checker.checks(GATEWAY_FORMAT)(lambda value: not isinstance(value, str) or is_fit_gateway(value))
    checker.checks(TEMPLATE_FORMAT)(lambda value: not isinstance(value, str) or is_fit_template(value))
    checker.checks(PROGRAM_FORMAT)(lambda value: not isinstance(value, str) or is_fit_program(value))
    return checker


def _told(error: ValidationError) -> Iterator[Finding]:
    path: FieldPath = tuple(error.absolute_path)
    schema: Schema = error.schema if isinstance(error.schema, dict) else {}
    if error.validator == "required":
        yield from _missing(path, schema, error.instance)
    elif error.validator == "additionalProperties":
        yield from _unknown(path, schema, error.instance)
    elif "propertyNames" in error.absolute_schema_path:
        yield Finding((*path, str(error.instance)), _expected(error), of_key=True)
    else:
        yield Finding(path, _expected(error))


def _missing(path: FieldPath, schema: Schema, instance: Any) -> Iterator[Finding]:
    for name in schema["required"]:
        if name not in instance:
            yield Finding((*path, name), schema["properties"][name]["x-expected"])


def _unknown(path: FieldPath, schema: Schema, instance: Any) -> Iterator[Finding]:
    known = list(schema["properties"])
    for key in instance:
        if key not in known:
            yield Finding((*path, str(key)), one_of(str(key), known), of_key=True)


def one_of(wrong: str, known: Sequence[str]) -> str:
    """What is expected in place of `wrong`: the one that was meant, where that is plain, else all there are."""
    close = difflib.get_close_matches(wrong, known, 1, _PLAINLY_MEANT)
    if close:
        return f"{close[0]!r} instead"
    return f"one of {', '.join(known)}" if len(known) > 1 else known[0]


def _expected(error: ValidationError) -> str:
    """In the words of the nearest schema that has some, with a hint where YAML read text as something else."""
    node: Any = error
    while node is not None:
        words = node.schema.get("x-expected") if isinstance(node.schema, dict) else None
        if words:
            return f"{words}{_limit(error, words)}{_quoting_hint(error)}"
        node = node.parent
    return f"something else ({error.message})"


def _limit(error: ValidationError, words: str) -> str:
    """Of sizes, where the words do not tell it."""
    most = str(error.validator_value)
    told = {
        "maxItems": f", at most {most} of them",
        "maxLength": f", at most {most} characters",
        "maxProperties": f", at most {most} of them",
        "maximum": f", at most {most}",
    }
    return "" if most in words else told.get(str(error.validator), "")


def _quoting_hint(error: ValidationError) -> str:
    """YAML reads `no`, `5` and `2024-01-01` as something else than text."""
    value = error.instance
    if error.validator != "type" or error.validator_value not in ("string", ["string", "null"]):
        return ""
    if value is None or isinstance(value, (dict, list)):
        return ""
    return f" (quote it: it is read as {type(value).__name__} {value})"


def _beyond_the_schema(kind: str, document: Mapping[str, Any]) -> Iterator[Finding]:
    for path, text in _texts(document):
        if not _is_unicode(text):
            yield Finding(path, "text of whole characters")
            return
    if kind == "policy" and "values" in document:
        try:
            parse_values(document["values"])
        except InvalidInput as exc:
            yield Finding(path_of(exc.field), exc.expected)


def _texts(value: Any, path: FieldPath = ()) -> Iterator[tuple[FieldPath, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*path, index))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON can spell
        return False
    return True

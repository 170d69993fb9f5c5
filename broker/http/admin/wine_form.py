"""The Windows program of an application that runs through Wine, as an administrator sends it; parsed strictly."""

from __future__ import annotations

from collections.abc import Callable

from broker.http.body import Fields
from portcullis.errors import InvalidInput
from portcullis.model.application import MAXIMUM_ARGUMENT_LENGTH, MAXIMUM_ARGUMENTS
from portcullis.model.wine import (
    PROGRAM_RULE,
    TEMPLATE_RULE,
    WineProgram,
    is_fit_argument,
    is_fit_program,
    is_fit_template,
)


def parse_wine(fields: Fields) -> WineProgram | None:
    """None where the application starts no Windows program. Raises InvalidInput."""
    if fields.raw("wine") is None:
        return None
    nested = fields.nested("wine")
    expected = f"a string of at most {MAXIMUM_ARGUMENT_LENGTH} characters without NUL"
    program = WineProgram(
        _fit(nested, "template", is_fit_template, TEMPLATE_RULE),
        _fit(nested, "program", is_fit_program, PROGRAM_RULE),
        tuple(nested.texts("arguments", _is_argument, expected, most=MAXIMUM_ARGUMENTS)),
    )
    nested.finish()
    return program


def _fit(fields: Fields, key: str, check: Callable[[str], bool], expected: str) -> str:
    value = fields.raw(key, None)
    if not isinstance(value, str) or not check(value):
        raise InvalidInput(fields.name(key), expected)
    return value


def _is_argument(text: str) -> bool:
    return is_fit_argument(text, MAXIMUM_ARGUMENT_LENGTH)

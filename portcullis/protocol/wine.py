"""Windows programs in orders and dry runs (docs/protocol.md 4), and what hosts say that can run them.

A host names the feature `wine`, and `wine:<template>` for each template that it has: placement asks for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from portcullis.errors import ProtocolError
from portcullis.model.application import MAXIMUM_ARGUMENT_LENGTH, MAXIMUM_ARGUMENTS
from portcullis.model.wine import (
    MAXIMUM_PATH_LENGTH,
    MAXIMUM_TEMPLATE_LENGTH,
    WineProgram,
    is_fit_argument,
    is_fit_program,
    is_fit_template,
)
from portcullis.protocol.fields import Fields

WINE = "wine"
"""The feature of a host that runs Windows programs: its agent knows how, and Wine is there."""
WINE_TEMPLATE = "wine:"
MAXIMUM_TEMPLATES = 32
"""That a host tells of: a hello holds 64 features in all."""


def template_feature(name: str) -> str:
    return f"{WINE_TEMPLATE}{name}"


def template_features(names: Iterable[str]) -> frozenset[str]:
    return frozenset(template_feature(name) for name in sorted(names)[:MAXIMUM_TEMPLATES])


def is_template_feature(feature: str) -> bool:
    return feature.startswith(WINE_TEMPLATE) and is_fit_template(feature.removeprefix(WINE_TEMPLATE))


def read_program(fields: Fields) -> WineProgram | None:
    """Of `wine` in an order's or a check's application; None where it is absent. Raises ProtocolError."""
    if not fields.holds("wine"):
        return None
    inner = fields.inner("wine")
    read = WineProgram(
        inner.text("template", MAXIMUM_TEMPLATE_LENGTH),
        inner.text("program", MAXIMUM_PATH_LENGTH),
        tuple(inner.texts("arguments", MAXIMUM_ARGUMENTS, MAXIMUM_ARGUMENT_LENGTH)),
    )
    fits = is_fit_template(read.template) and is_fit_program(read.program)
    if not fits or not all(is_fit_argument(each, MAXIMUM_ARGUMENT_LENGTH) for each in read.arguments):
        raise ProtocolError("application.wine: expected a program of a template")
    return read


def program_json(program: WineProgram | None) -> Mapping[str, Any]:
    return {"wine": program.to_json()} if program else {}

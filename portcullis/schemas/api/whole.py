"""What the routes of the public REST API take and answer: `DOCS` by method and path, `SHAPES` by name.

The broker makes its OpenAPI description of them (`broker/http/openapi.py`); tests hold the answers
of a real broker against them. Pure.
"""

from __future__ import annotations

from portcullis.schemas.api import (
    access,
    applications,
    configuration,
    launches,
    machines,
    people,
    platform,
    policies,
    probes,
    records,
    signing_in,
    work,
)
from portcullis.schemas.shapes import Doc, Schema

_AREAS = (
    signing_in,
    work,
    applications,
    people,
    access,
    policies,
    machines,
    launches,
    probes,
    records,
    configuration,
    platform,
)

DOCS: dict[str, Doc] = {route: doc for area in _AREAS for route, doc in area.DOCS.items()}
SHAPES: dict[str, Schema] = {name: shape for area in _AREAS for name, shape in area.SHAPES.items()}

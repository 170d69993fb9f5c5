"""The OpenAPI 3.1 description of the public API, made from the routes of the running code.

Paths, methods, what a route asks of its callers and how a browser must sign come from the routes themselves; what goes
in and out from `portcullis.schemas.api`. A route that is not described there makes no description at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from aiohttp import web

from broker.http.access import PREFIX, READS, Access, Needs, Policy, access_of, route
from broker.http.callers import TENANT_HEADER
from broker.http.views import answer
from portcullis.schemas.api.whole import DOCS, SHAPES
from portcullis.schemas.shapes import COUNT, TEXT, Doc, Schema, thing

PATH = "/api/v1/openapi.json"
_DESCRIPTION = (
    "Publishing applications of remote hosts, and looking after who may start them. Rules that hold for \
every route (signatures, revisions, lists, errors): docs/api.md."
)
_PLACEHOLDER = re.compile(r"{(\w+)}")
_LISTED: Mapping[str, Schema] = {
    "search": {**TEXT, "description": "In any field."},
    "sort": {**TEXT, "description": "A field; `-` before it turns the order round."},
    "offset": COUNT,
    "limit": COUNT,
    "format": {"type": "string", "enum": ["json", "csv"]},
}
_FILTER = {
    "name": "filter",
    "in": "query",
    "description": "Any field of an item by its name: what it must be.",
    "style": "form",
    "explode": True,
    "schema": {"type": "object", "additionalProperties": TEXT},
}
_TENANT = {
    "name": TENANT_HEADER,
    "in": "header",
    "description": "The tenant that a platform administrator has entered, percent-encoded.",
    "schema": TEXT,
}
_ERROR = thing(
    {
        "error": thing(
            {"code": TEXT, "message": TEXT},
            {
                "field": TEXT,
                "expected": TEXT,
                "reference": TEXT,
                "retry_after_seconds": {"type": "number"},
                "current": {"description": "What the object is meanwhile."},
            },
        )
    }
)
_SECURITY = {
    "token": {"type": "http", "scheme": "bearer", "description": "An API token: api_<tenant id>_<64 hex>."},
    "login": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-portcullis",
        "description": "Its full name ends in `-` and the first 8 hex of the site's id.",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Portcullis-Signature",
        "description": "Of a change by a browser: v1 <unix ms> <nonce> <signature>.",
    },
}


class DescriptionRoutes:
    """It describes the application that it is in, once: routes do not change while it runs."""

    def __init__(self) -> None:
        self._description: dict[str, Any] | None = None

    def routes(self) -> list[web.RouteDef]:
        return [route("GET", PATH, Policy.USER, self.show)]

    async def show(self, request: web.Request) -> web.Response:
        if self._description is None:
            self._description = describe(request.app)
        return answer(self._description)


def describe(application: web.Application) -> dict[str, Any]:
    """Raises LookupError for a route that nobody described."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path, access in public_routes_of(application):
        paths.setdefault(path, {})[method.lower()] = _operation(method, path, access)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Portcullis", "version": version("portcullis"), "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {**SHAPES, "Error": _ERROR},
            "responses": {
                "Error": {
                    "description": "It was refused, or failed: docs/troubleshooting.md has every code.",
                    "content": _json({"$ref": "#/components/schemas/Error"}),
                }
            },
            "securitySchemes": _SECURITY,
        },
    }


def public_routes_of(application: web.Application) -> Iterator[tuple[str, str, Access]]:
    for entry in application.router.routes():
        path, access = entry.resource.canonical if entry.resource else "", access_of(entry.handler)
        if path.startswith(PREFIX) and access is not None:
            yield entry.method, path, access


def _operation(method: str, path: str, access: Access) -> dict[str, Any]:
    doc = _doc(method, path)
    segments = path.removeprefix(PREFIX).split("/")
    operation: dict[str, Any] = {
        "operationId": "_".join([method.lower(), *(segment.strip("{}") for segment in segments)]),
        "summary": doc.summary,
        "tags": [segments[1] if segments[0] in ("admin", "platform") else segments[0]],
        "security": _security(method, access),
        "parameters": list(_parameters(path, access, doc)),
        "responses": _responses(doc),
    }
    if isinstance(access, Needs):
        operation["x-permission"] = access.permission
        operation["description"] = f"Needs the permission `{access.permission}`."
    if doc.body is not None:
        operation["requestBody"] = {"required": True, "content": _json(doc.body)}
    return operation


def _doc(method: str, path: str) -> Doc:
    doc = DOCS.get(f"{method} {path}")
    if doc is None:
        raise LookupError(f"{method} {path} is not described in portcullis/schemas/api")
    return doc


def _security(method: str, access: Access) -> list[dict[str, list[str]]]:
    """One of these. Strangers may call some routes; what those want of proof stands in docs/api.md."""
    browser: dict[str, list[str]] = {"login": []} if method in READS else {"login": [], "signature": []}
    if access is Policy.ANYONE:
        return [{}]
    return [browser] if access is Policy.BROWSER else [{"token": []}, browser]


def _parameters(path: str, access: Access, doc: Doc) -> Iterator[dict[str, Any]]:
    for name in _PLACEHOLDER.findall(path):
        yield {"name": name, "in": "path", "required": True, "schema": TEXT}
    queried = {**(_LISTED if doc.listed else {}), **doc.query}
    for name, schema in queried.items():
        yield {"name": name, "in": "query", "schema": schema}
    if doc.listed:
        yield _FILTER
    if isinstance(access, Needs):
        yield _TENANT


def _responses(doc: Doc) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "Done."}
    if doc.media:
        done["content"] = {media: {} for media in doc.media}
    elif doc.answer is not None:
        done["content"] = _json(doc.answer)
    more = {
        str(status): {"description": "Done.", "content": _json(schema)} for status, schema in doc.more.items()
    }
    return {str(doc.status): done, **more, "default": {"$ref": "#/components/responses/Error"}}


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}

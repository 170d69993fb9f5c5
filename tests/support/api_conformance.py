"""Holds what a broker answers, and what it takes, against its own description (`portcullis.schemas.api`).

conformance = Conformance()
application = web.Application(middlewares=[conformance.middleware, ...])
...
conformance.check()
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from aiohttp import web
from jsonschema import Draft202012Validator

from portcullis.schemas.api.whole import DOCS, SHAPES
from portcullis.schemas.shapes import Schema

PREFIX = "/api/v1/"
MOST_BYTES = 1 << 16
"""Longer answers hold more of the same."""


class Conformance:
    def __init__(self) -> None:
        self._found: list[str] = []

    def check(self) -> None:
        """Raises AssertionError."""
        assert self._found == [], "\n".join(self._found)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Any) -> web.StreamResponse:
        response: web.StreamResponse = await handler(request)
        resource = request.match_info.route.resource
        path = resource.canonical if resource else ""
        if path.startswith(PREFIX) and response.status < 300:
            self._compare(f"{request.method} {path}", await _body(request), response)
        return response

    def _compare(self, route: str, sent: bytes, response: web.StreamResponse) -> None:
        doc = DOCS.get(route)
        if doc is None:
            self._found.append(f"{route} is not described")
        elif response.status not in (doc.status, *doc.more):
            self._found.append(f"{route} answered {response.status}, described is {doc.status}")
        else:
            if doc.body is not None:
                self._validate(f"{route}, body", doc.body, sent)
            if isinstance(response, web.Response) and response.content_type == "application/json":
                schema = doc.more.get(response.status, doc.answer)
                self._validate(route, schema or False, response.body)

    def _validate(self, what: str, schema: Any, raw: Any) -> None:
        if not isinstance(raw, bytes) or len(raw) > MOST_BYTES:
            return
        for error in validator(json.dumps(schema, sort_keys=True)).iter_errors(json.loads(raw or b"null")):
            self._found.append(f"{what}: {error.json_path}: {error.message[:300]}")


async def _body(request: web.Request) -> bytes:
    return await request.read() if request.can_read_body or request._read_bytes else b""


@cache
def validator(schema: str) -> Draft202012Validator:
    found: Schema | bool = json.loads(schema)
    whole = {"allOf": [found], "components": {"schemas": SHAPES}}
    return Draft202012Validator(whole)

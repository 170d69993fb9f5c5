"""The shared listener as the gateway uses it: malformed requests are answered like everything else here."""

from __future__ import annotations

from aiohttp import web

from gateway.errors import api_error
from gateway.security_headers import security_headers
from portcullis.serving import listener
from portcullis.serving.guard import Limits


class Listener(listener.Listener):
    def __init__(self, app: web.Application, limits: Limits) -> None:
        super().__init__(app, limits, _malformed)


def _malformed(status: int) -> web.StreamResponse:
    answer = api_error(status, "internal_error" if status >= 500 else "invalid_request")
    answer.headers.update(security_headers(None))
    return answer

"""Errors as the public API writes them (docs/api.md), for what the gateway itself refuses."""

from __future__ import annotations

import logging

from aiohttp import web
from aiohttp.typedefs import Handler

from portcullis.errors import CODES, InvalidInput, PortcullisError, Refused, Unavailable

log = logging.getLogger(__name__)

_CODES = {403: "not_permitted", 404: "not_found"}


def api_error(status: int, code: str, message: str | None = None) -> web.Response:
    error = {"code": code, "message": message or CODES[code]}
    return web.json_response({"error": error}, status=status, headers={"Cache-Control": "no-store"})


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The last place before aiohttp's own error pages, which would tell a stranger about us."""
    try:
        return await handler(request)
    except web.HTTPException as exc:
        return _of_http_exception(exc)
    except PortcullisError as exc:
        return api_error(_status(exc), exc.code, exc.message)
    except ConnectionError:
        raise  # the client has gone: there is nobody to answer
    except Exception:
        log.exception("request failed: %s %s", request.method, request.path)
        return api_error(500, "internal_error")


def _of_http_exception(exc: web.HTTPException) -> web.Response:
    answer = api_error(exc.status, _CODES.get(exc.status, "invalid_request"), exc.reason)
    if "Allow" in exc.headers:
        answer.headers["Allow"] = exc.headers["Allow"]
    if exc.status in (400, 408, 413, 415):
        answer.force_close()  # what follows on this connection may be the rest of what was refused
    return answer


def _status(exc: PortcullisError) -> int:
    if isinstance(exc, Unavailable):
        return 503
    if isinstance(exc, Refused):
        return 403
    return 422 if isinstance(exc, InvalidInput) else 400

"""Errors as HTTP: the one place where codes become statuses."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from portcullis.errors import InvalidInput, PortcullisError, Refused, Unavailable
from portcullis.protocol.gateway_channel import ELSEWHERE_HEADER

_STATUSES: dict[str, int] = {
    "sign_in_refused": 401,
    "signed_out": 401,
    "token_refused": 401,
    "signature_refused": 401,
    "clock_skewed": 401,
    "ticket_refused": 401,
    "join_refused": 401,
    "enrolment_refused": 401,
    "join_role": 401,
    "certificate_refused": 401,
    "origin_refused": 403,
    "not_permitted": 403,
    "entry_needed": 403,
    "factor_off": 403,
    "factor_refused": 403,
    "tenant_suspended": 403,
    "grant_refused": 403,
    "session_unknown": 404,
    "session_ended": 404,
    "not_found": 404,
    "reference_unknown": 404,
    "invalid_request": 400,
    "protocol_error": 400,
    "invalid_field": 422,
    "sign_in_blocked": 429,
    "logins_too_fast": 429,
    "launches_too_fast": 429,
    "too_many_connections": 429,
    "unavailable": 503,
    "grid_degraded": 503,
    "clock_wrong": 503,
    "broker_behind": 503,
    "audit_unavailable": 503,
    "broker_unreachable": 503,
    "gateway_unreachable": 503,
    "host_unreachable": 503,
    "internal_error": 500,
}
_SHOWN = ("field", "expected", "findings", "reference", "session", "retry_after_seconds", "current")
"""What of an error's data its reader sees; the rest is for logs."""
_ELSEWHERE = frozenset({"clock_wrong", "broker_behind", "audit_unavailable"})
"""Nothing was done, and another broker can: a gateway asks the next one."""


def status_of(error: PortcullisError) -> int:
    """A refusal that is not in the table is a matter of state: 409."""
    if isinstance(error, InvalidInput):
        return _STATUSES.get(error.code, 422)
    if isinstance(error, Unavailable):
        return 503
    return _STATUSES.get(error.code, 409 if isinstance(error, Refused) else 400)


def error_body(error: PortcullisError) -> dict[str, Any]:
    shown = {name: error.data[name] for name in _SHOWN if error.data.get(name) is not None}
    return {"error": {"code": error.code, "message": error.message, **shown}}


def error_response(error: PortcullisError) -> web.Response:
    response = web.Response(
        status=status_of(error), text=json.dumps(error_body(error)), content_type="application/json"
    )
    response.headers["Cache-Control"] = "no-store"
    if error.code in _ELSEWHERE:
        response.headers[ELSEWHERE_HEADER] = error.code
    if "retry_after_seconds" in error.data:
        response.headers["Retry-After"] = str(error.data["retry_after_seconds"])
    return response


def malformed_answer(status: int) -> web.Response:
    """To what is not HTTP (4xx), and to what failed outside of every handler (5xx)."""
    return error_response(PortcullisError("internal_error") if status >= 500 else Refused("invalid_request"))

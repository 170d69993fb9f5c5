"""What a change is called in the audit, by the route that made it: pure.

`PUT /api/v1/admin/policies/{level}/{name}` is a `change` of `policy` `group:staff`. A route that is not named here is a
`change` of what its first segment says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from broker.audit.event import Actor, Event, Object
from portcullis.ids import is_id
from portcullis.model.launch import Step
from portcullis.model.session import STAGES, Session, Stage

_TYPES = {
    "panic": "revocation",
    "orphans": "revocation",
    "sign-out": "revocation",
    "sign-out-everywhere": "revocation",
    "revoke": "revocation",
    "tokens": "token",
    "join-tokens": "token",
    "entry": "entry",
    "drain": "drain",
    "sessions": "session",
}
"""By a segment of the path; the last one that is here counts."""
_KINDS = {
    "policies": "policy",
    "configuration": "configuration",
    "history": "history",
    "site": "site",
    "panic": "site",
    "orphans": "session",
}
_READING = frozenset({"simulations", "what-if", "plan"})
"""Questions that need a body: nothing changes."""


@dataclass(frozen=True, slots=True)
class Act:
    type: str
    object: Object
    verb: str
    platform: bool
    """Of the whole site, whichever tenant its author is of."""


def end_event(session: Session, code: str, detail: str, failed: bool, now: float) -> Event:
    """Of a session that is gone. One that broke before it showed a window is a launch that failed. Its user is named
    as who did it, though it may have been the host, or an administrator: their act is an event of its own.
    """
    not_started = failed and session.stage != "ready"
    last = Step("start" if not_started else "run", "failed", detail, code, f"host:{session.host_name}")
    more: dict[str, Any] = {"steps": [*session.trace, last.to_json()]} if failed else {}
    if session.circumstances:
        more["circumstances"] = session.circumstances
    return Event(
        "launch_failed" if not_started else "session_ended",
        session.tenant_id,
        Actor(session.user_name, session.user_id),
        Object("application", session.application_id, session.application_name),
        code=code,
        reason=detail,
        reference=session.reference,
        detail={
            "session": session.id,
            "host": session.host_name,
            "stage": session.stage,
            "seconds": round(max(0.0, now - session.created), 1),
            **more,
        },
    )


def desktop_events(session: Session, before: Stage) -> list[Event]:
    """Of a session that is attached to somebody's own desktop and has come from `before` to where it is: whoever is
    there was asked, agreed, or was not to be asked. A refusal is the session's end (`end_event`)."""
    if session.desktop is None:
        return []
    passed = STAGES[STAGES.index(before) + 1 : STAGES.index(session.stage) + 1]
    asks = session.desktop.asks
    types = {
        "display": "desktop_asked" if asks else "",
        "application": "desktop_agreed" if asks else "desktop_attached",
    }
    return [
        Event(
            types[stage],
            session.tenant_id,
            Actor(session.user_name, session.user_id),
            Object("application", session.application_id, session.application_name),
            reference=session.reference,
            detail={
                "session": session.id,
                "host": session.host_name,
                "display": session.desktop.display,
                "consent": session.desktop.consent,
                "view_only": session.desktop.view_only,
            },
        )
        for stage in passed
        if types.get(stage)
    ]


def act_of(method: str, canonical: str, values: Mapping[str, str]) -> Act | None:
    """`canonical`: the route, `/api/v1/admin/users/{name}/disable`; `values`: what stood in its braces. None: it
    changes nothing that an audit asks for.
    """
    area, *rest = canonical.removeprefix("/api/v1/").split("/")
    if area not in ("admin", "platform", "account") or not rest or _READING & set(rest):
        return None
    literal = [segment for segment in rest if not segment.startswith("{")]
    kinds = [_TYPES[segment] for segment in literal if segment in _TYPES]
    kind = "user" if area == "account" else _KINDS.get(literal[0]) or literal[0].removesuffix("s")
    name = ":".join(values[segment.strip("{}")] for segment in rest if segment.startswith("{"))
    verb = literal[-1] if len(literal) > 1 else {"PUT": "put", "DELETE": "delete"}.get(method, "add")
    if method == "DELETE" and verb in ("entry",):
        verb = "leave"
    named = Object(kind, name if is_id(name) else "", "" if is_id(name) else name)
    return Act(
        kinds[-1] if kinds else "change", named, verb, area == "platform" or literal[0] in ("panic", "site")
    )

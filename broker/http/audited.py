"""Who did what, recorded where requests pass: every change, sign-in and launch (docs/audit.md).

A change is recorded when it was made, before it is answered; that the audit could record it is asked before it begins.
Revocations are for emergencies and go on without. Handlers add what the route does not show (`audited`). Sign-ins and
launches say more than a route can: their handlers call `AuditTrail` themselves.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from broker.audit.acts import Act, act_of
from broker.audit.audit import Audit
from broker.audit.event import Actor, Event, Object
from broker.grid.grid import GridUnavailable
from broker.http.access import CALLER, PREFIX, READS, Caller, Handler, goes_without_grid
from broker.http.named import name_of
from broker.http.services import PublicServices
from broker.identity.authenticate import SignIn
from portcullis.errors import PortcullisError
from portcullis.model.launch import Circumstances
from portcullis.model.session import Session
from portcullis.model.tenant import Tenant
from portcullis.model.user import User

log = logging.getLogger(__name__)

BLOCKED_ONCE_IN_SECONDS = 60.0
MOST_BLOCKED = 4096
_CHEAP = frozenset({"sign_in_blocked", "logins_too_fast", "launches_too_fast"})
REVISION_HEADER = "Portcullis-Revision"


@dataclass(slots=True)
class Note:
    """What a handler adds to the event of its request."""

    type: str = ""
    object: Object | None = None
    reason: str = ""
    revision: int = 0
    tenant: str | None = ""
    """"": that of the caller."""
    is_question: bool = False
    detail: dict[str, Any] = field(default_factory=dict)


NOTE = web.RequestKey("audit note", Note)


def only_asked(request: web.Request) -> None:
    """This request changes nothing, though its route can."""
    request.setdefault(NOTE, Note()).is_question = True


def audited(
    request: web.Request,
    *,
    type: str = "",
    object: Object | None = None,
    reason: str = "",
    revision: int = 0,
    tenant: str | None = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Say more of what this request does; what is said later counts. `tenant` None: it concerns the whole site."""
    note = request.setdefault(NOTE, Note())
    note.type = type or note.type
    note.object = object or note.object
    note.reason = reason or note.reason
    note.revision = revision or note.revision
    note.tenant = note.tenant if tenant == "" else tenant
    note.detail.update(detail or {})


class AuditTrail:
    def __init__(self, services: PublicServices) -> None:
        self._services = services
        self._blocked: OrderedDict[tuple[str, str, str], float] = OrderedDict()

    @property
    def _audit(self) -> Audit:
        return self._services.audit

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Round the way in, so that refusals are seen as well."""
        resource = request.match_info.route.resource
        if request.method in READS or resource is None or not request.path.startswith(PREFIX):
            return await handler(request)
        named = {"name": name_of(request)} if "name" in request.match_info else {}
        act = act_of(request.method, resource.canonical, {**request.match_info, **named})
        if act is None:
            return await handler(request)
        if not goes_without_grid(request.match_info.handler):
            self._audit.check()
        code, revision = "internal_error", ""
        try:
            response = await handler(request)
            code, revision = "", response.headers.get(REVISION_HEADER, "")
        except PortcullisError as error:
            code = error.code
            raise
        except GridUnavailable:
            code = "unavailable"
            raise
        finally:  # also of what failed: it may have been done
            await self._changed(request, act, code, int(revision) if revision.isdigit() else 0)
        return response

    async def signed_in(self, request: web.Request, caller: Caller) -> None:
        """Raises Unavailable("audit_unavailable") for whoever may change anything."""
        event = Event("sign_in", caller.tenant.id, actor_of(request, caller), detail={"role": caller.role})
        if caller.permissions:
            await self._audit.record(event)
        else:
            await self._audit.note(event)

    async def sign_in_refused(self, request: web.Request, wanted: SignIn, error: PortcullisError) -> None:
        """A name that is nobody's is not kept: it may be a password in the wrong field."""
        tenant = self._tenant(wanted)
        user = self._services.identity.users.by_name(tenant.id, wanted.username) if tenant else None
        address = address_of(request)
        if not self._counts(user.id if user else "", address, error.code):
            return
        actor = Actor(user.name if user else "", user.id if user else "", address=address)
        tenant_id = tenant.id if tenant else None
        await self._audit.note(Event("sign_in_refused", tenant_id, actor, code=error.code))

    async def signed_out(self, request: web.Request) -> None:
        caller = request[CALLER]
        await self._audit.note(Event("sign_out", caller.tenant.id, actor_of(request, caller)))

    async def enrolled(self, request: web.Request, tenant_id: str, user: User) -> None:
        """Somebody chose a password and a factor by a link."""
        actor = Actor(user.name, user.id, address=address_of(request))
        what = Object("user", user.id, user.name)
        await self._audit.note(Event("change", tenant_id, actor, what, detail={"act": "enrol"}))

    async def launched(
        self, request: web.Request, session: Session, reconnected: bool, told: Circumstances
    ) -> None:
        caller = request[CALLER]
        event = Event(
            "launch",
            caller.tenant.id,
            actor_of(request, caller),
            Object("application", session.application_id, session.application_name),
            code="reconnected" if reconnected else "",
            revision=self._services.snapshot.revision,
            reference=session.reference,
            detail={
                "session": session.id,
                "host": session.host_name,
                "circumstances": told.to_json(),
                "steps": list(session.trace),
            },
        )
        await self._audit.note(event)

    async def launch_refused(
        self, request: web.Request, application_id: str, error: PortcullisError, told: Circumstances
    ) -> None:
        caller, data = request[CALLER], error.data
        if not self._counts(caller.user.id, address_of(request), error.code):
            return
        application = self._services.applications.get(caller.tenant.id, application_id)
        revision = data.get("revision")
        event = Event(
            "launch_refused",
            caller.tenant.id,
            actor_of(request, caller),
            Object("application", application_id, application.name if application else ""),
            code=error.code,
            reason=error.message,
            revision=revision if isinstance(revision, int) else self._services.snapshot.revision,
            reference=str(data.get("reference") or ""),
            detail={"circumstances": told.to_json(), "steps": _steps(data.get("steps"))},
        )
        await self._audit.note(event)

    async def _changed(self, request: web.Request, act: Act, code: str, revision: int) -> None:
        """One that was made and cannot be recorded now is recorded later; those that follow are refused meanwhile."""
        caller = request.get(CALLER)
        if caller is None or code == "audit_unavailable":
            return
        note = request.get(NOTE) or Note()
        if note.is_question:
            return
        detail = {"act": act.verb, **note.detail}
        if caller.home is not None:
            detail["from"] = (
                "platform"  # of which tenant its administrator is a member is that one's business
            )
        tenant = None if act.platform else caller.tenant.id
        event = Event(
            f"{note.type or act.type}_refused" if code else note.type or act.type,
            tenant if note.tenant == "" else note.tenant,
            actor_of(request, caller),
            self._named(caller.tenant.id, note.object or act.object),
            code=code,
            reason=note.reason,
            revision=note.revision or revision,
            detail=detail,
        )
        await self._audit.note(event)

    def _named(self, tenant_id: str, what: Object) -> Object:
        """With id and name, where one of them tells the other."""
        if what.kind == "user" and what.name and not what.id:
            user = self._services.identity.users.by_name(tenant_id, what.name)
            return replace(what, id=user.id if user else "")
        if what.kind == "session" and what.id and not what.name:
            session = self._services.sessions.get(tenant_id, what.id)
            named = f"{session.application_name} of {session.user_name}" if session else ""
            return replace(what, name=named)
        return what

    def _tenant(self, wanted: SignIn) -> Tenant | None:
        tenants = self._services.identity.tenants
        if wanted.at is not None:
            return wanted.at
        if wanted.organisation is not None:
            return tenants.by_name(wanted.organisation)
        every = tenants.list()
        return every[0] if len(every) == 1 else None

    def _counts(self, user_id: str, address: str, code: str) -> bool:
        """Whether a refusal is to be recorded: of those that cost their author nothing, the first of a minute."""
        if code not in _CHEAP:
            return True
        now, known = self._services.clock.monotonic(), (user_id, address, code)
        if now - self._blocked.get(known, -BLOCKED_ONCE_IN_SECONDS) < BLOCKED_ONCE_IN_SECONDS:
            return False
        self._blocked[known] = now
        self._blocked.move_to_end(known)
        if len(self._blocked) > MOST_BLOCKED:
            self._blocked.popitem(last=False)
        return True


def actor_of(request: web.Request, caller: Caller) -> Actor:
    token = caller.token.id if caller.token else ""
    return Actor(caller.user.name, caller.user.id, token, address_of(request))


def address_of(request: web.Request) -> str:
    return request.headers.get("Portcullis-Client-Address", "")[:64]


def _steps(steps: object) -> list[Any]:
    if not isinstance(steps, (list, tuple)):
        return []
    return [step if isinstance(step, dict) else step.to_json() for step in steps]

"""Sessions of the caller: launch, look, attach, log off. One of somebody else does not exist here."""

from __future__ import annotations

import re

from aiohttp import web

from broker.http.audited import AuditTrail
from broker.http.body import Fields, read_fields
from broker.http.credentials import entered_of, state_of
from broker.http.middleware import CALLER, ONCE, Caller, Policy, login_of, route
from broker.http.services import PublicServices
from broker.http.views import answer, figures_view, session_view
from broker.launch.launch import LaunchRequest
from broker.launch.plan import Context, CredentialState
from portcullis.errors import InvalidInput, Refused, Unavailable
from portcullis.ids import is_id
from portcullis.model.application import Application
from portcullis.model.launch import plain_user_agent
from portcullis.model.rdp import Entered
from portcullis.model.session import Display, Session
from portcullis.tickets import TICKET_LIFETIME_SECONDS

PATH = "/api/v1/sessions"
LARGEST_SIDE = 16384
LARGEST_WIDTH, LARGEST_HEIGHT = 3840, 2160  # of a display; a larger window shows a scaled picture

_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8}){0,8}", re.ASCII)
_LAYOUT = re.compile(r"[a-z]{2,8}([_-][a-z0-9]{1,16})*(\([A-Za-z0-9_-]{1,32}\))?", re.ASCII)
TIME_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,31}(/[A-Za-z0-9_+-]{1,32}){0,2}", re.ASCII)


class SessionRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services
        self._trail = AuditTrail(services)

    def routes(self) -> list[web.RouteDef]:
        one = PATH + "/{id}"
        return [
            route("POST", PATH, Policy.USER, self.launch, repeatable=True),
            route("GET", one, Policy.USER, self.show),
            route("DELETE", one, Policy.USER, self.log_off, repeatable=True),
            route("POST", one + "/ticket", Policy.BROWSER, self.ticket, repeatable=True),
            route(
                "POST", one + "/grant", Policy.BROWSER, self.renew_grant, repeatable=True, without_grid=True
            ),
        ]

    async def launch(self, request: web.Request) -> web.Response:
        caller = request[CALLER]
        fields = await read_fields(request)
        application = fields.raw("application")
        if not isinstance(application, str) or not is_id(application):
            raise InvalidInput("application", "the id of an application")
        display = parse_display(fields.nested("display", default={}))
        known = self._services.applications.get(caller.tenant.id, application)
        entered = _entered(fields, known)
        fields.finish()
        state = await state_of(self._services.vault, caller, known, entered)
        wanted = LaunchRequest(
            *(caller.tenant.id, caller.user.id, application, display),
            self._context(request, caller, state),
            entered,
        )
        try:
            session, reconnected = await self._services.launcher.launch(wanted, request.get(ONCE))
        except (Refused, Unavailable) as error:
            await self._trail.launch_refused(request, application, error, wanted.context.told())
            raise
        await self._trail.launched(request, session, reconnected, wanted.context.told())
        view = session_view(session, self._services.applications, self._services.hosts)
        return answer({"session": view, "reconnected": reconnected}, 201, self._services.snapshot.revision)

    def _context(self, request: web.Request, caller: Caller, state: CredentialState) -> Context:
        """Signing in proved the factor, perhaps once more since; an API token never does."""
        return Context(
            client_address=client_address(request),
            user_agent=plain_user_agent(request.headers.get("User-Agent", "")),
            time=self._services.clock.now(),
            factor_time=caller.login.factor_proven if caller.login else None,
            credentials=state,
        )

    async def show(self, request: web.Request) -> web.Response:
        session = self._own(request)
        view = session_view(session, self._services.applications, self._services.hosts)
        return answer({**view, "stream": figures_view(self._services.figures.get(session.id))})

    async def log_off(self, request: web.Request) -> web.Response:
        try:
            session = self._own(request)
        except Refused:
            if not (ONCE in request and request[ONCE].again):
                raise
            return answer({}, 202, self._services.snapshot.revision)  # that was the first time
        await self._services.lifecycle.log_off(session.tenant_id, session.id, by=session.user_id)
        return answer({}, 202, self._services.snapshot.revision)

    async def ticket(self, request: web.Request) -> web.Response:
        (await read_fields(request)).finish()
        session = self._own(request)
        ticket = await self._services.attach.issue_ticket(
            login_of(request), session.id, client_address(request)
        )
        return answer({"ticket": ticket.text, "expires_in_seconds": TICKET_LIFETIME_SECONDS})

    async def renew_grant(self, request: web.Request) -> web.Response:
        fields = await read_fields(request)
        e = fields.integer("e", 0, 2**32 - 1)
        fields.finish()
        session = self._own(request)
        grant = await self._services.attach.renew(login_of(request), session.id, e, client_address(request))
        return answer({"grant": grant, "gateways": self._services.gateways.serving_origins()})

    def _own(self, request: web.Request) -> Session:
        """The caller's session of this id. Raises Refused("session_ended") for any other id, whoever has it."""
        caller, session_id = request[CALLER], request.match_info["id"]
        session = self._services.sessions.get(caller.tenant.id, session_id) if is_id(session_id) else None
        if session is None or session.user_id != caller.user.id:
            raise Refused("session_ended")
        return session


def _entered(fields: Fields, application: Application | None) -> Entered | None:
    """Of an application that shows no server they are passed over: it may have been another one a moment ago."""
    if fields.raw("credentials") is None:
        return None
    nested = fields.nested("credentials")
    target = application.rdp if application else None
    entered = entered_of(nested, target)
    nested.finish()
    return None if target is None else entered


def client_address(request: web.Request) -> str | None:
    """Where the browser is, as the gateway saw it."""
    return request.headers.get("Portcullis-Client-Address")


def parse_display(fields: Fields) -> Display:
    """Absent fields take the defaults. A size beyond the largest display is cut to it."""
    plain = Display()
    display = Display(
        width=min(LARGEST_WIDTH, fields.integer("width", 1, LARGEST_SIDE, plain.width)),
        height=min(LARGEST_HEIGHT, fields.integer("height", 1, LARGEST_SIDE, plain.height)),
        device_pixel_ratio=fields.number("device_pixel_ratio", 0.25, 8, plain.device_pixel_ratio),
        locale=_matching(fields, "locale", _LOCALE, "a language tag such as en-GB", plain.locale),
        layout=_matching(
            fields, "layout", _LAYOUT, "a keyboard layout such as us or de(nodeadkeys)", plain.layout
        ),
        time_zone=_matching(
            fields, "time_zone", TIME_ZONE, "a time zone such as Europe/Berlin", plain.time_zone
        ),
    )
    fields.finish()
    return display


def _matching(fields: Fields, key: str, pattern: re.Pattern[str], expected: str, default: str) -> str:
    value = fields.text(key, expected, longest=64, default=default)
    if not pattern.fullmatch(value):
        raise InvalidInput(fields.name(key), expected)
    return value

"""A person enrols by a link (machines: enrolment.py). The token stands in bodies alone, never in path or query.

Strangers may call these routes, so refusals are counted by the address that the gateway saw. Whoever has a good link is
let in all the same: behind one address (a tunnel, a proxy) a stranger cannot lock the others out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from broker.http.audited import AuditTrail
from broker.http.body import Fields, read_fields
from broker.http.middleware import Policy, check_origin, route
from broker.http.platform.tenant_view import door_view
from broker.http.services import PublicServices
from broker.http.views import answer
from broker.identity import totp
from broker.identity.passwords import MAXIMUM_PASSWORD_BYTES
from broker.identity.refusal_limit import RefusalLimit
from portcullis.errors import InvalidInput, Refused
from portcullis.model.tenant import Tenant
from portcullis.qr import modules

PATH = "/api/v1/enrolment"
_CODE = "the six digits of a verification code"
_QR_BORDER = 4  # as the standard asks for: it is scanned from screens of any colour


class EnrolmentLinkRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services
        self._links = services.identity.enrolment_links
        self._limit = RefusalLimit()
        self._trail = AuditTrail(services)

    def routes(self) -> list[web.RouteDef]:
        return [
            route("POST", PATH, Policy.ANYONE, self.open),
            route("POST", PATH + "/factor", Policy.ANYONE, self.start_factor),
            route("POST", PATH + "/code", Policy.ANYONE, self.check_code),
            route("POST", PATH + "/completion", Policy.ANYONE, self.complete),
        ]

    async def open(self, request: web.Request) -> web.Response:
        fields = await self._fields(request)
        token = _token(fields)
        fields.finish()
        with self._limited(request, token):
            opened = await self._links.open(token)
        return answer(
            {
                "user": {"name": opened.user.name},
                "tenant": {"name": opened.tenant.name},
                "theme": self._theme(request, opened.tenant),
                "expires": opened.link.expires,
                "time": self._services.clock.now(),
            }
        )

    def _theme(self, request: web.Request, tenant: Tenant) -> dict[str, object]:
        """With the logo where a stranger may fetch it: under the tenant's own host name."""
        door = self._services.identity.tenants.by_origin(request.headers.get("Portcullis-Origin", ""))
        is_own = door is not None and door.id == tenant.id
        return {**door_view(tenant), **({} if is_own else {"logo": None})}

    async def start_factor(self, request: web.Request) -> web.Response:
        fields = await self._fields(request)
        token, password = _token(fields), _password(fields)
        fields.finish()
        with self._limited(request, token):
            opened, secret = await self._links.start_factor(token, password)
        uri = totp.provisioning_uri(secret, opened.user.name, f"Portcullis {opened.tenant.name}")
        rows = ["".join("1" if dark else "0" for dark in row) for row in modules(uri, _QR_BORDER)]
        return answer({"totp_secret": secret, "totp_uri": uri, "qr": rows})

    async def check_code(self, request: web.Request) -> web.Response:
        fields = await self._fields(request)
        token, code = _token(fields), fields.text("code", _CODE, longest=64)
        fields.finish()
        with self._limited(request, token):
            return answer({"next_in_seconds": await self._links.check_code(token, code)})

    async def complete(self, request: web.Request) -> web.Response:
        fields = await self._fields(request)
        token, password = _token(fields), _password(fields)
        first, second = fields.texts("codes", lambda text: 1 <= len(text) <= 64, _CODE, least=2, most=2)
        fields.finish()
        with self._limited(request, token):
            opened, recovery = await self._links.complete(token, password, (first, second))
        await self._trail.enrolled(request, opened.tenant.id, opened.user)
        return answer({"user": {"name": opened.user.name}, "recovery_codes": recovery}, 201)

    async def _fields(self, request: web.Request) -> Fields:
        check_origin(request, self._services.gateways.public_origins())
        return await read_fields(request)

    @contextmanager
    def _limited(self, request: web.Request, token: str) -> Iterator[None]:
        """Raises Refused("sign_in_blocked") for an address that was refused too often, unless the link is known."""
        address = request.headers.get("Portcullis-Client-Address", "")
        if wait := self._limit.claim(address, self._services.clock.monotonic()):
            if self._links.is_known(token):
                yield
                return
            raise Refused("sign_in_blocked", retry_after_seconds=max(1, round(wait)))
        try:
            yield
        except InvalidInput:  # the link is good
            self._limit.give_back(address)
            raise
        self._limit.give_back(address)


def _token(fields: Fields) -> str:
    return fields.text("token", "the text behind #/enrol/ in the link", longest=256)


def _password(fields: Fields) -> str:
    expected = f"1 to {MAXIMUM_PASSWORD_BYTES} characters"
    return fields.text("password", expected, longest=MAXIMUM_PASSWORD_BYTES)

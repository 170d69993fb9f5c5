"""Who sent a request: by its API token or its cookie, with what they may do, in the tenant that they act in.

A platform administrator who has entered another tenant names it by the header `Portcullis-Tenant` (percent-encoded), on
administrative routes alone. A browser signs that name with the request: nobody can turn its change to another tenant.
"""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import unquote

from aiohttp import web

from broker.http.access import Access, Caller, Needs, Policy
from broker.http.services import PublicServices
from broker.identity.identity import Identity
from portcullis.errors import Refused
from portcullis.model.tenant import Site, Tenant
from portcullis.model.user import ApiToken, Login, User

TENANT_HEADER = "Portcullis-Tenant"
_ENCODED = re.compile(r"[\x21-\x7e]{1,768}", re.ASCII)


class Callers:
    def __init__(self, services: PublicServices) -> None:
        self._services = services
        self._identity = services.identity

    def identify(self, request: web.Request, access: Access) -> Caller | None:
        """By the token if one is presented, else by the cookie. Raises Refused: token_refused, tenant_suspended,
        entry_needed.
        """
        caller = self._by_token(request) if "Authorization" in request.headers else self._by_cookie(request)
        if caller is not None and caller.tenant.suspended:
            if access is Policy.ANYONE:
                return None
            raise Refused("tenant_suspended")
        named = acted_in(request)
        if caller is None or named is None or not isinstance(access, Needs):
            return caller
        return self._entered(caller, unquote(named))

    def _by_token(self, request: web.Request) -> Caller | None:
        presented = request.headers.getall("Authorization")
        scheme, _, text = presented[0].partition(" ")
        if len(presented) > 1 or scheme.lower() != "bearer":
            raise Refused("token_refused")
        token, user = self._identity.token_check.resolve(
            text, request.headers.get("Portcullis-Client-Address")
        )
        tenant = self._identity.tenants.get(token.tenant_id)
        return caller_of(self._identity, tenant, user, token=token) if tenant else None

    def _by_cookie(self, request: web.Request) -> Caller | None:
        cookie = read_cookie(request, login_cookie_name(self._identity.tenants.site()))
        resolved = self._identity.logins.resolve(cookie) if cookie else None
        if resolved is None:
            return None
        login, user = resolved
        tenant = self._identity.tenants.get(login.tenant_id)
        return caller_of(self._identity, tenant, user, login=login) if tenant else None

    def _entered(self, caller: Caller, name: str) -> Caller:
        """Raises Refused("entry_needed"), also for a tenant that is not there."""
        tenant = self._identity.tenants.by_name(name)
        if tenant is not None and tenant.id == caller.tenant.id:
            return caller
        if tenant is None or not caller.may("platform.enter"):
            raise Refused("entry_needed")
        if self._identity.entries.of(tenant.id, caller.user.id) is None:
            raise Refused("entry_needed")
        return replace(caller, tenant=tenant, home=caller.tenant)


def caller_of(
    identity: Identity,
    tenant: Tenant,
    user: User,
    *,
    login: Login | None = None,
    token: ApiToken | None = None,
) -> Caller:
    permissions = identity.authority.permissions(tenant.id, user, token)
    return Caller(tenant, user, login, token, permissions)


def acted_in(request: web.Request) -> str | None:
    """The tenant that the request names, as it was sent. Raises Refused("invalid_request")."""
    named = request.headers.getall(TENANT_HEADER, [])
    if not named:
        return None
    if len(named) > 1 or not _ENCODED.fullmatch(named[0]):
        raise Refused("invalid_request", f"{TENANT_HEADER} is not one percent-encoded name.")
    return named[0]


def login_cookie_name(site: Site) -> str:
    """Cookies ignore ports, so two sites on one machine need two names."""
    return f"__Host-portcullis-{site.id[:8]}"


def read_cookie(request: web.Request, name: str) -> str | None:
    """The cookie's value, None when it is absent or there twice.

    Read by hand: other services on the same host name may have set cookies that the standard library's parser
    stumbles over, and it would silently choose between two of the same name.
    """
    pairs = (
        part.strip().partition("=")
        for line in request.headers.getall("Cookie", [])
        for part in line.split(";")
    )
    values = [value for key, _, value in pairs if key == name]
    return values[0] if len(values) == 1 else None

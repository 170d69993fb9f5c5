"""What callers keep for RDP servers: they save, change and forget their own. No route answers a password.

`entered` reads what a launch brings along, `state_of` says what the plan has to know.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from broker.credentials.vault import Vault
from broker.http.body import Fields, read_fields
from broker.http.middleware import CALLER, Caller, Policy, route
from broker.http.services import PublicServices
from broker.http.views import answer, done
from broker.launch.plan import CredentialState
from broker.repositories.policy_index import PolicyIndex
from portcullis.errors import InvalidInput, Refused
from portcullis.ids import is_id
from portcullis.model.application import Application
from portcullis.model.rdp import (
    MAXIMUM_PASSWORD_LENGTH,
    MAXIMUM_USER_NAME_LENGTH,
    Entered,
    RdpTarget,
    is_fit_password,
    is_fit_user_name,
)

PATH = "/api/v1/credentials"
_NAME = "the user name on the server, on one line"
_PASSWORD = f"a password of 1 to {MAXIMUM_PASSWORD_LENGTH} characters, on one line"


class CredentialRoutes:
    def __init__(self, services: PublicServices, vault: Vault) -> None:
        self._services = services
        self._vault = vault

    def routes(self) -> list[web.RouteDef]:
        one = PATH + "/{id}"
        return [
            route("GET", PATH, Policy.USER, self.list),
            route("PUT", one, Policy.USER, self.keep),
            route("DELETE", one, Policy.USER, self.forget),
        ]

    async def list(self, request: web.Request) -> web.Response:
        caller, applications = request[CALLER], self._services.applications
        items: list[dict[str, Any]] = []
        for kept in await self._vault.list(caller.tenant.id, caller.user.id):
            application = applications.get(caller.tenant.id, kept.application_id)
            if application is not None:
                target = application.rdp
                items.append(
                    {
                        "application": {"id": application.id, "name": application.name},
                        "user_name": kept.user_name,
                        "saved": kept.saved,
                        "usable": target is not None and kept.destination == target.destination,
                    }
                )
        return answer({"items": sorted(items, key=lambda item: item["application"]["name"].casefold())})

    async def keep(self, request: web.Request) -> web.Response:
        caller = request[CALLER]
        application, target = self._keepable(request)
        fields = await read_fields(request)
        entered = entered_of(fields, target)
        fields.finish()
        revision = await self._vault.keep(
            caller.tenant.id,
            caller.user.id,
            application.id,
            target,
            entered,
            lambda id: self._services.applications.get(caller.tenant.id, id) is not None,
        )
        return done(revision)

    async def forget(self, request: web.Request) -> web.Response:
        caller, application_id = request[CALLER], request.match_info["id"]
        if not is_id(application_id):
            raise Refused("not_found")
        return done(await self._vault.forget(caller.tenant.id, caller.user.id, application_id))

    def _keepable(self, request: web.Request) -> tuple[Application, RdpTarget]:
        """An application of the caller that takes kept credentials. Raises Refused("not_found") for any other."""
        caller, application_id = request[CALLER], request.match_info["id"]
        application = (
            self._services.applications.get(caller.tenant.id, application_id)
            if is_id(application_id)
            else None
        )
        groups = self._services.snapshot.index(PolicyIndex).groups(caller.tenant.id, caller.user)
        if (
            application is None
            or application.rdp is None
            or application.rdp.credentials != "vault"
            or not application.entitlement.admits(caller.user.name, groups)
        ):
            raise Refused("not_found")
        return application, application.rdp


def entered_of(fields: Fields, target: RdpTarget | None) -> Entered:
    """The user name only where the server asks for one; it may be left out where the application makes it."""
    needs_name = target is not None and target.asks_for_name
    name = fields.optional_text("user_name", _NAME, longest=MAXIMUM_USER_NAME_LENGTH)
    if (name is None and needs_name) or (name is not None and not is_fit_user_name(name)):
        raise InvalidInput(fields.name("user_name"), _NAME)
    password = fields.text("password", _PASSWORD, longest=MAXIMUM_PASSWORD_LENGTH)
    if not is_fit_password(password):
        raise InvalidInput(fields.name("password"), _PASSWORD)
    return Entered(name or "" if needs_name else "", password)


async def state_of(
    vault: Vault, caller: Caller, application: Application | None, entered: Entered | None
) -> CredentialState:
    """Raises Unavailable."""
    target = application.rdp if application else None
    if application is None or target is None:
        return "none"
    if entered is not None:
        return "given"
    if target.credentials != "vault":
        return "none"
    holds = await vault.holds(caller.tenant.id, caller.user.id, application.id, target)
    return "kept" if holds else "none"

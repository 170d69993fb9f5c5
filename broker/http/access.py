"""Who may call a route, who is calling, and the one way to make a route.

Every route of the public API is made by `route`, which takes who may call it: `Needs("a.permission")`, or a `Policy`
where no permission is asked for; `check_policies` refuses to start with one that was made otherwise. `middleware` holds
callers to it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto

from aiohttp import web

from broker.repositories.nonces import Once
from portcullis.errors import Refused
from portcullis.model.roles import PERMISSIONS, with_enrol
from portcullis.model.tenant import Tenant
from portcullis.model.user import ApiToken, Login, User

PREFIX = "/api/v1/"
READS = frozenset({"GET", "HEAD"})
_MORE = "That would take more than you may do yourself."

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Policy(Enum):
    """Who may call a route that needs no permission."""

    ANYONE = auto()  # what the handler needs of proof it checks itself
    USER = auto()  # a login or an API token
    BROWSER = auto()  # a login: the route needs its key


@dataclass(frozen=True, slots=True)
class Needs:
    """A route for those who hold a permission (`portcullis.model.roles`), by login or by API token."""

    permission: str

    def __post_init__(self) -> None:
        if self.permission not in PERMISSIONS:
            raise LookupError(f"no such permission: {self.permission}")


Access = Policy | Needs


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking. `tenant` is the only one that a handler of an ordinary route ever looks into: the user's own, or
    the one that a platform administrator has entered.
    """

    tenant: Tenant
    user: User
    login: Login | None = None
    token: ApiToken | None = None
    permissions: frozenset[str] = frozenset()
    home: Tenant | None = None
    """The user's own tenant, where another one is acted in."""

    @property
    def role(self) -> str:
        return self.user.role

    def may(self, permission: str) -> bool:
        """What a handler asks beyond the permission that its route needs."""
        if permission not in PERMISSIONS:
            raise LookupError(f"no such permission: {permission}")
        return permission in self.permissions

    def check(self, permission: str, why: str | None = None) -> None:
        """Raises Refused("not_permitted")."""
        if not self.may(permission):
            raise Refused("not_permitted", why or f"This takes the permission {permission}.")

    def check_covers(self, permissions: frozenset[str], why: str = _MORE) -> None:
        """Nobody hands out, or takes over, more than they hold. Raises Refused("not_permitted")."""
        if not permissions <= with_enrol(self.permissions):
            raise Refused("not_permitted", why)

    @property
    def expires(self) -> float:
        """When the login or token ends by itself."""
        proof = self.login or self.token
        return proof.expires if proof else 0.0

    @property
    def author(self) -> str:
        """Whom history names for a change."""
        entered = ", platform" if self.home else ""
        return f"{self.user.name} ({self.user.id}{entered})"


CALLER = web.RequestKey("caller", Caller)
ONCE = web.RequestKey("once", Once)
"""Of a change that a browser signed."""


def route(
    method: str,
    path: str,
    access: Access,
    handler: Handler,
    *,
    repeatable: bool = False,
    without_grid: bool = False,
) -> web.RouteDef:
    """`repeatable`: to do the same signed change a second time, also while the first is under way, does no harm.
    `without_grid`: a change that is served while the grid takes none.
    """

    async def guarded(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    guarded.access = access  # type: ignore[attr-defined]
    guarded.repeatable = repeatable or method == "PUT"  # type: ignore[attr-defined]
    guarded.without_grid = without_grid or method in READS  # type: ignore[attr-defined]
    return web.RouteDef(method, path, guarded, {"allow_head": False} if method == "GET" else {})


def access_of(handler: object) -> Access | None:
    return getattr(handler, "access", None)


def is_repeatable(handler: object) -> bool:
    return getattr(handler, "repeatable", False)


def goes_without_grid(handler: object) -> bool:
    return getattr(handler, "without_grid", False)


def check_policies(application: web.Application) -> None:
    """Raises LookupError for a public route without a policy. To be called once all routes are there."""
    for entry in application.router.routes():
        path = entry.resource.canonical if entry.resource else ""
        if path.startswith(PREFIX) and access_of(entry.handler) is None:
            raise LookupError(f"{entry.method} {path} declares no policy")


def login_of(request: web.Request) -> Login:
    """Of a route whose policy is BROWSER."""
    login = request[CALLER].login
    if login is None:
        raise Refused("signed_out")
    return login

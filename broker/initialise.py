"""An empty grid becomes a site: one transaction writes site, keys, tenant, first accounts and first join
tokens.

There is no route for this: who may open the grid with the site key may set it up. The secrets that are made
here are shown once, in a file of mode 0600. It is written under another name before the transaction and gets
its own after it, so that a site never exists whose secrets are nowhere.
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from broker.grid import keys
from broker.grid.grid import Grid
from broker.grid.scopes import Condition, SealedOperation, Stores, TenantStore
from broker.grid.seal import SiteKey
from broker.identity.api_tokens import new_api_token
from broker.identity.passwords import generate_password, hash_password
from broker.identity.totp import new_secret as new_totp_secret
from broker.pki.authority import new_ca, new_grant_key
from broker.pki.claims import parse_origin
from broker.repositories.api_tokens import token_creation as api_token_creation
from broker.repositories.join_tokens import JoinTokens, new_join_token
from broker.repositories.join_tokens import token_creation as join_token_creation
from broker.repositories.tenants import Tenants, only_or_named
from broker.repositories.users import user_creation
from broker.schema import check_settled
from broker.snapshot import Snapshot
from portcullis.clock import Clock
from portcullis.enrolment.join_token import JoinTokenText
from portcullis.errors import InvalidInput, Refused
from portcullis.ids import BearerSecret, name_hash, new_id
from portcullis.model.host import JoinToken
from portcullis.model.names import NAME_RULE, is_fit_name
from portcullis.model.tenant import Site, Tenant
from portcullis.model.user import User

FIRST_JOIN_TOKEN_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class InitialSecrets:
    """What `init` writes to its file, field by field."""

    site_id: str
    tenant: str
    tenant_id: str
    username: str
    password: str = field(repr=False)
    totp_secret: str = field(repr=False)
    admin_username: str
    admin_password: str = field(repr=False)
    admin_totp_secret: str = field(repr=False)
    api_token: str = field(repr=False)
    """Of the administrator, for 90 days."""
    gateway_join_token: str = field(repr=False)
    host_join_token: str = field(repr=False)
    """Both for 24 hours; the host's is bound to the tenant."""


@dataclass(frozen=True, slots=True)
class JoinTokenSecrets:
    """What `init --tokens` writes."""

    gateway_join_token: str = field(repr=False)
    host_join_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Account:
    user: User
    password: str = field(repr=False)


async def initialise(
    grid: Grid,
    site_key: SiteKey,
    *,
    site_name: str,
    tenant_name: str,
    administrator: str,
    user: str,
    public_origin: str,
    secrets_file: Path,
    clock: Clock | None = None,
) -> InitialSecrets:
    """Set up an empty grid. Raises Refused("already_exists") when it is not empty, InvalidInput, GridUnavailable."""
    stores = Stores(grid, site_key, clock)
    origin = parse_origin(public_origin)
    _check_names(site=site_name, tenant=tenant_name, administrator=administrator, user=user)
    if name_hash(administrator) == name_hash(user):
        raise InvalidInput("user", "another name than the administrator's")
    if (await grid.range(keys.ROOT)).items:
        raise Refused("already_exists", "The grid holds a site already: nothing was changed.")
    setup = _Setup(
        stores,
        Site(new_id(), site_name, epoch=1, public_origins=(origin,)),
        Tenant(new_id(), tenant_name),
        await _account(administrator, "administrator"),
        await _account(user, "user"),
        (await grid.lease(FIRST_JOIN_TOKEN_SECONDS)).id,
    )
    secrets = setup.secrets()
    file = _SecretsFile(secrets_file, asdict(secrets))
    result = await stores.commit(*setup.operations, conditions=setup.conditions)
    if not result.succeeded:
        file.discard()
        raise Refused("already_exists", "The grid was set up meanwhile: nothing was changed.")
    file.keep()
    return secrets


async def mint_join_tokens(
    grid: Grid,
    site_key: SiteKey,
    *,
    tenant_name: str | None,
    secrets_file: Path,
    gateway_name: str | None = None,
    clock: Clock | None = None,
) -> JoinTokenSecrets:
    """One gateway and one host token of a site that exists, for 24 hours, written to `secrets_file`.

    With `gateway_name` the gateway's is for that name alone, also when there is one that joins anew.

    Raises InvalidInput for an unknown tenant (or none named where there are several), Unavailable without a site.
    """
    stores = Stores(grid, site_key, clock)
    await check_settled(stores)
    snapshot = Snapshot(stores)
    await snapshot.start()
    try:
        tenant = only_or_named(Tenants(snapshot), tenant_name)
        tokens = JoinTokens(stores, snapshot)
        gateway, _ = await tokens.mint(
            "gateway", name=gateway_name, lifetime_seconds=FIRST_JOIN_TOKEN_SECONDS
        )
        host, _ = await tokens.mint("host", tenants=[tenant.id], lifetime_seconds=FIRST_JOIN_TOKEN_SECONDS)
    finally:
        await snapshot.stop()
    secrets = JoinTokenSecrets(gateway.text, host.text)
    _SecretsFile(secrets_file, asdict(secrets)).keep()
    return secrets


class _Setup:
    """The one transaction, and the secrets that its records keep only hashes of."""

    def __init__(
        self, stores: Stores, site: Site, tenant: Tenant, administrator: _Account, user: _Account, lease: int
    ) -> None:
        self.operations: list[SealedOperation] = []
        self.conditions: list[Condition] = []
        self._stores = stores
        self._site = site
        self._tenant = tenant
        self._administrator = administrator
        self._user = user
        self._now = stores.clock.now()
        self._pin = self._add_site()
        store = self._add_tenant()
        self._add_user(store, administrator)
        self._add_user(store, user)
        self._api_token = self._add_api_token(store)
        expires = self._now + FIRST_JOIN_TOKEN_SECONDS
        self._gateway_token = self._add_join_token(
            new_join_token("gateway", site.id, None, (), expires), lease
        )
        self._host_token = self._add_join_token(
            new_join_token("host", site.id, None, [tenant.id], expires), lease
        )

    def secrets(self) -> InitialSecrets:
        return InitialSecrets(
            site_id=self._site.id,
            tenant=self._tenant.name,
            tenant_id=self._tenant.id,
            username=self._user.user.name,
            password=self._user.password,
            totp_secret=self._user.user.totp_secret,
            admin_username=self._administrator.user.name,
            admin_password=self._administrator.password,
            admin_totp_secret=self._administrator.user.totp_secret,
            api_token=self._api_token.text,
            gateway_join_token=self._gateway_token.text,
            host_join_token=self._host_token.text,
        )

    def _add_site(self) -> str:
        """The pin of the new CA."""
        site, ca, grant = self._stores.site, new_ca(self._site.id, self._now), new_grant_key(self._now)
        self.conditions.append(site.absent(("meta",)))
        self.operations += [
            site.put(("meta",), self._site.to_json()),
            site.put(("key", "ca", ca["kid"]), ca),
            site.put(("key", "grant", grant["kid"]), grant),
        ]
        return str(ca["pin"])

    def _add_tenant(self) -> TenantStore:
        site = self._stores.site
        store, data_key = self._stores.found_tenant(self._tenant.id)
        self.operations += [
            data_key,
            site.put(("tenant", self._tenant.id), self._tenant.to_json()),
            site.put(("tenant-name", name_hash(self._tenant.name)), {"id": self._tenant.id}),
        ]
        return store

    def _add_user(self, store: TenantStore, account: _Account) -> None:
        operations, conditions = user_creation(store, account.user)
        self.operations += operations
        self.conditions += conditions

    def _add_api_token(self, store: TenantStore) -> BearerSecret:
        owner = self._administrator.user.id
        secret, token = new_api_token(self._tenant.id, owner, "made by init", self._now)
        self.operations.append(api_token_creation(store, token))
        return secret

    def _add_join_token(self, token: tuple[BearerSecret, JoinToken], lease: int) -> JoinTokenText:
        secret, record = token
        self.operations.append(join_token_creation(self._stores, record, lease))
        return JoinTokenText(secret, self._pin)


class _SecretsFile:
    """A new file of mode 0600 under `<path>.new`, until its fate is known. When it never is, it stays there.

    Raises InvalidInput where it cannot be made, or where an interrupted `init` left one.
    """

    def __init__(self, path: Path, secrets: dict[str, str]) -> None:
        self._path = path
        self._new = path.with_name(path.name + ".new")
        try:
            handle = os.open(self._new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        except FileExistsError as exc:
            expected = "no such file: an interrupted init may have left its secrets there"
            raise InvalidInput(str(self._new), expected) from exc
        except OSError as exc:
            raise InvalidInput(str(self._new), f"a file that can be written ({exc.strerror})") from exc
        with os.fdopen(handle, "w") as file:
            file.write(json.dumps(secrets, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def keep(self) -> None:
        self._new.replace(self._path)

    def discard(self) -> None:
        self._new.unlink()


async def _account(name: str, role: str) -> _Account:
    password = generate_password()
    hashed = await asyncio.to_thread(hash_password, password)
    return _Account(
        User(
            id=new_id(),
            name=name,
            role=role,
            platform=role == "administrator",
            password_hash=hashed,
            totp_secret=new_totp_secret(),
            first_password=True,
        ),
        password,
    )


def _check_names(**names: str) -> None:
    for field_name, name in names.items():
        if not is_fit_name(name):
            raise InvalidInput(field_name, f"a name of {NAME_RULE}")

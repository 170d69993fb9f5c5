"""Everything about who somebody is, put together for the broker's composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from broker.grid.scopes import Stores
from broker.identity import lockout
from broker.identity.accounts import Accounts
from broker.identity.again import FactorAgain
from broker.identity.api_tokens import ApiTokenCheck
from broker.identity.authenticate import Authenticator, Directory
from broker.identity.authority import Authority
from broker.identity.disabled_users import DisabledUsers
from broker.identity.enrolment_links import EnrolmentLinks
from broker.identity.logins import Logins
from broker.identity.passwords import Passwords
from broker.identity.request_signature import RequestSignatures
from broker.repositories.api_tokens import ApiTokens
from broker.repositories.attempts import AttemptRecords
from broker.repositories.entries import Entries
from broker.repositories.logins import LoginRecords
from broker.repositories.nonces import Nonces
from broker.repositories.roles import Roles
from broker.repositories.tenants import Tenants
from broker.repositories.users import Users
from broker.snapshot import Snapshot
from broker.tenants.rates import TenantRates
from portcullis.clock import Clock
from portcullis.model.user import ApiToken, Login


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Whether something is void although its record is still there: it was revoked (`broker.revocation`)."""

    login_is_void: Callable[[Login], bool] = lambda _: False
    token_is_void: Callable[[ApiToken], bool] = lambda _: False


@dataclass(frozen=True, slots=True)
class Identity:
    tenants: Tenants
    users: Users
    attempts: AttemptRecords
    accounts: Accounts
    enrolment_links: EnrolmentLinks
    tokens: ApiTokens
    passwords: Passwords
    authenticator: Authenticator
    factor_again: FactorAgain
    logins: Logins
    signatures: RequestSignatures
    token_check: ApiTokenCheck
    disabled_users: DisabledUsers
    entries: Entries
    roles: Roles
    authority: Authority

    def start(self) -> None:
        """Once the snapshot is loaded."""
        self.disabled_users.start()

    async def stop(self) -> None:
        await self.disabled_users.stop()
        self.passwords.close()


def build_identity(
    stores: Stores,
    snapshot: Snapshot,
    clock: Clock,
    signature_clock: Clock | None = None,
    verdicts: Verdicts | None = None,
    rates: TenantRates | None = None,
) -> Identity:
    """The caller starts and stops it. `signature_clock`: the one that browsers are told, which never goes back."""
    verdicts = verdicts or Verdicts()
    tenants, users = Tenants(snapshot), Users(stores, snapshot)
    tokens, records = ApiTokens(stores, snapshot), LoginRecords(stores, snapshot)
    nonces, roles = Nonces(stores, clock), Roles(stores, snapshot)
    attempts = AttemptRecords(stores, stranger_lease_seconds=lockout.FORGOTTEN_AFTER_SECONDS)
    directory = Directory(tenants, users, attempts, records, nonces)
    passwords = Passwords()
    return Identity(
        tenants=tenants,
        users=users,
        attempts=attempts,
        accounts=Accounts(stores, users, tokens, clock),
        enrolment_links=EnrolmentLinks(stores, snapshot, tenants, users, passwords, clock),
        tokens=tokens,
        passwords=passwords,
        authenticator=Authenticator(
            stores, snapshot, directory, passwords, clock, rates or TenantRates(clock)
        ),
        factor_again=FactorAgain(stores, snapshot, directory, clock),
        logins=Logins(records, users, clock, verdicts.login_is_void),
        signatures=RequestSignatures(nonces, signature_clock or clock),
        token_check=ApiTokenCheck(tokens, users, clock, verdicts.token_is_void),
        disabled_users=DisabledUsers(snapshot, users, records),
        entries=Entries(stores, snapshot, clock),
        roles=roles,
        authority=Authority(snapshot, roles),
    )

"""An empty grid becomes a site whose secrets work, once."""

from __future__ import annotations

import json
import stat
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from broker.grid.embedded import EmbeddedGrid
from broker.grid.grid import MAXIMUM_OPERATIONS, GridUnavailable, Put
from broker.grid.scopes import Stores
from broker.grid.seal import SealBroken, SiteKey
from broker.identity.passwords import verify_password
from broker.initialise import InitialSecrets, initialise, mint_join_tokens
from broker.repositories.join_tokens import JoinTokens
from broker.repositories.keys import GrantKeys
from broker.repositories.tenants import Tenants
from broker.repositories.users import Users
from broker.snapshot import Snapshot
from portcullis.enrolment.join_token import parse_join_token
from portcullis.errors import InvalidInput, Refused
from portcullis.ids import parse_secret
from portcullis.model.user import ApiToken
from tests.support.clock import ManualClock
from tests.support.grid_tap import TappedGrid

SITE_KEY = SiteKey(bytes(range(32)))
DAY = 24 * 3600


@pytest.fixture
async def grid(tmp_path: Path) -> AsyncIterator[TappedGrid]:
    grid = TappedGrid(await EmbeddedGrid.open(tmp_path / "grid.sqlite"))
    yield grid
    await grid.close()


@pytest.fixture
def secrets_file(tmp_path: Path) -> Path:
    return tmp_path / "secrets.json"


def found(grid: TappedGrid, secrets_file: Path, **changes: Any) -> Any:
    arguments = {
        "site_name": "Main site",
        "tenant_name": "Acme",
        "administrator": "admin",
        "user": "demo",
        "public_origin": "http://localhost:8080",
        "clock": ManualClock(),
        **changes,
    }
    return initialise(grid, SITE_KEY, secrets_file=secrets_file, **arguments)


@pytest.fixture
async def secrets(grid: TappedGrid, secrets_file: Path) -> InitialSecrets:
    return await found(grid, secrets_file)


@pytest.fixture
async def snapshot(grid: TappedGrid, secrets: InitialSecrets) -> AsyncIterator[Snapshot]:
    snapshot = Snapshot(Stores(grid, SITE_KEY, ManualClock()))
    await snapshot.start()
    yield snapshot
    await snapshot.stop()


class TestSite:
    async def test_it_takes_one_transaction(self, secrets: InitialSecrets, grid: TappedGrid) -> None:
        assert len(grid.transactions) == 1
        compares, operations = grid.transactions[0]
        assert max(len(compares), len(operations)) < MAXIMUM_OPERATIONS
        assert (await grid.range("/")).revision == 1

    async def test_site_and_tenant_are_there(self, secrets: InitialSecrets, snapshot: Snapshot) -> None:
        site = Tenants(snapshot).site()
        assert (site.id, site.name, site.epoch) == (secrets.site_id, "Main site", 1)
        assert site.public_origins == ("http://localhost:8080",)
        assert Tenants(snapshot).by_name("ACME") == Tenants(snapshot).get(secrets.tenant_id)

    async def test_the_accounts_open_with_their_secrets(
        self, secrets: InitialSecrets, snapshot: Snapshot
    ) -> None:
        users = Users(Stores(snapshot._stores.grid, SITE_KEY), snapshot)
        for name, password, totp, role in (
            ("admin", secrets.admin_password, secrets.admin_totp_secret, "administrator"),
            ("demo", secrets.password, secrets.totp_secret, "user"),
        ):
            user = users.by_name(secrets.tenant_id, name)
            assert user is not None
            assert (user.role, user.totp_secret, user.disabled) == (role, totp, False)
            assert verify_password(password, user.password_hash).correct
            assert not verify_password(password + "x", user.password_hash).correct
            assert len(totp) == 32

    async def test_the_api_token_is_the_administrators_for_ninety_days(
        self, secrets: InitialSecrets, snapshot: Snapshot
    ) -> None:
        secret = parse_secret(secrets.api_token, "api")
        assert secret is not None
        assert secret.scope == secrets.tenant_id
        record = snapshot.get(secrets.tenant_id, ("token", secret.hash))
        assert record is not None
        token = ApiToken.from_json(record.value)
        index = snapshot.list(secrets.tenant_id, "user")
        owner = next(user.value for user in index if user.value["id"] == token.user_id)
        assert (owner["name"], token.expires - token.created) == ("admin", 90 * DAY)

    async def test_the_join_tokens_last_a_day(self, secrets: InitialSecrets, snapshot: Snapshot) -> None:
        tokens = JoinTokens(snapshot._stores, snapshot)
        for text, role, tenants in (
            (secrets.gateway_join_token, "gateway", frozenset()),
            (secrets.host_join_token, "host", frozenset({secrets.tenant_id})),
        ):
            parsed = parse_join_token(text)
            assert parsed is not None
            kept = await tokens.find(parsed.secret)
            assert kept is not None
            record, token = kept
            assert (token.role, token.tenants, token.name) == (role, tenants, None)
            assert token.expires == ManualClock().now() + DAY
            assert record.lease != 0
            assert parsed.pin == snapshot.list("site", "key", "ca")[0].value["pin"]

    async def test_grants_can_be_signed_at_once(self, secrets: InitialSecrets, snapshot: Snapshot) -> None:
        keys = GrantKeys(snapshot)
        assert keys.signing()[0] in keys.verifying()

    async def test_no_secret_stands_in_the_grid_or_in_a_repr(
        self, secrets: InitialSecrets, grid: TappedGrid
    ) -> None:
        stored = b"".join(item.key.encode() + item.value for item in (await grid.range("/")).items)
        secret = {value for name, value in asdict(secrets).items() if "token" in name or "password" in name}
        secret |= {secrets.totp_secret, secrets.admin_totp_secret}
        assert len(secret) == 7
        for value in secret:
            assert value.encode() not in stored
            assert value not in repr(secrets)

    async def test_another_site_key_opens_nothing(self, secrets: InitialSecrets, grid: TappedGrid) -> None:
        with pytest.raises(SealBroken):
            await Snapshot(Stores(grid, SiteKey(bytes(32)))).start()

    async def test_two_sites_share_no_secret(self, secrets: InitialSecrets, tmp_path: Path) -> None:
        (tmp_path / "two").mkdir()
        other = TappedGrid(await EmbeddedGrid.open(tmp_path / "two" / "grid.sqlite"))
        again = asdict(await found(other, tmp_path / "two" / "secrets.json"))
        await other.close()
        same = {name for name, value in asdict(secrets).items() if again[name] == value}
        assert same == {"tenant", "username", "admin_username"}


class TestSecretsFile:
    async def test_it_holds_the_secrets_for_the_owner_alone(
        self, secrets: InitialSecrets, secrets_file: Path
    ) -> None:
        assert json.loads(secrets_file.read_text()) == asdict(secrets)
        assert stat.S_IMODE(secrets_file.stat().st_mode) == 0o600
        assert not secrets_file.with_name("secrets.json.new").exists()

    async def test_where_it_cannot_be_written_no_site_is_made(self, grid: TappedGrid, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput):
            await found(grid, tmp_path / "missing" / "secrets.json")
        assert (await grid.range("/")).items == ()

    async def test_an_interrupted_inits_secrets_are_not_overwritten(
        self, grid: TappedGrid, secrets_file: Path
    ) -> None:
        left = secrets_file.with_name("secrets.json.new")
        left.write_text("left")
        with pytest.raises(InvalidInput, match="interrupted"):
            await found(grid, secrets_file)
        assert (left.read_text(), (await grid.range("/")).items) == ("left", ())

    async def test_after_an_unknown_outcome_the_secrets_are_kept(
        self, grid: TappedGrid, secrets_file: Path
    ) -> None:
        """The site may be there: without them nobody could ever sign in."""
        grid.answers_lost = 1
        with pytest.raises(GridUnavailable):
            await found(grid, secrets_file)
        left = json.loads(secrets_file.with_name("secrets.json.new").read_text())
        snapshot = Snapshot(Stores(grid, SITE_KEY))
        await snapshot.start()
        assert Tenants(snapshot).site().id == left["site_id"]
        await snapshot.stop()


class TestRefusals:
    async def test_a_second_time_changes_nothing(
        self, secrets: InitialSecrets, grid: TappedGrid, secrets_file: Path
    ) -> None:
        before = await grid.range("/")
        with pytest.raises(Refused) as refused:
            await found(grid, secrets_file)
        assert refused.value.code == "already_exists"
        assert await grid.range("/") == before
        assert json.loads(secrets_file.read_text()) == asdict(secrets)

    async def test_a_grid_with_anything_in_it_is_not_empty(
        self, grid: TappedGrid, secrets_file: Path
    ) -> None:
        await grid.txn([], [Put("/p/v1/t/x", b"?")])
        with pytest.raises(Refused):
            await found(grid, secrets_file)
        assert not secrets_file.exists()

    @pytest.mark.parametrize(
        "change",
        [
            {"site_name": ""},
            {"tenant_name": " "},
            {"tenant_name": "a\nb"},
            {"administrator": "x" * 65},
            {"user": " demo"},
            {"user": "ADMIN"},
            {"public_origin": "http://example.com"},
            {"public_origin": "localhost:8080"},
            {"public_origin": "https://a/"},
        ],
    )
    async def test_bad_names_are_refused(self, grid: TappedGrid, secrets_file: Path, change: Any) -> None:
        with pytest.raises(InvalidInput):
            await found(grid, secrets_file, **change)
        assert (await grid.range("/")).items == ()
        assert not secrets_file.exists()


class TestMinting:
    async def test_new_tokens_are_written_and_known(
        self, secrets: InitialSecrets, grid: TappedGrid, tmp_path: Path
    ) -> None:
        file = tmp_path / "tokens.json"
        minted = await mint_join_tokens(
            grid, SITE_KEY, tenant_name=None, secrets_file=file, clock=ManualClock()
        )
        assert json.loads(file.read_text()) == asdict(minted)
        snapshot = Snapshot(Stores(grid, SITE_KEY, ManualClock()))
        await snapshot.start()
        assert len(snapshot.list("site", "join")) == 4
        parsed = parse_join_token(minted.host_join_token)
        assert parsed is not None
        kept = await JoinTokens(snapshot._stores, snapshot).find(parsed.secret)
        assert kept is not None
        assert kept[1].tenants == {secrets.tenant_id}
        await snapshot.stop()

    async def test_an_unknown_tenant_is_refused(
        self, secrets: InitialSecrets, grid: TappedGrid, tmp_path: Path
    ) -> None:
        with pytest.raises(InvalidInput, match="tenant"):
            await mint_join_tokens(grid, SITE_KEY, tenant_name="other", secrets_file=tmp_path / "tokens.json")
        assert not (tmp_path / "tokens.json").exists()

    async def test_there_must_be_a_site(self, grid: TappedGrid, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput):
            await mint_join_tokens(grid, SITE_KEY, tenant_name=None, secrets_file=tmp_path / "tokens.json")

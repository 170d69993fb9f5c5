"""What an operator may meet with etcd: each trouble has its own code and says what is wrong."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker.grid.etcd import inspection, members, versions
from broker.grid.etcd.troubles import (
    GridDenied,
    GridFull,
    GridReplaced,
    GridTlsRefused,
    GridUnreachable,
    GridVersionRefused,
)
from broker.grid.grid import Delete, Grid, GridUnavailable, Put
from broker.grid.opening import GridChoice, open_grid
from portcullis.errors import InvalidInput
from tests.support.etcd import Certificates, EtcdCluster
from tests.support.patience import patient


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[EtcdCluster]:
    async with EtcdCluster(tmp_path, size=1) as cluster:
        yield cluster


@pytest.fixture
def _give_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "START_SECONDS", 1.0)


async def refused(choice: GridChoice) -> GridUnavailable:
    with pytest.raises(GridUnavailable) as caught:
        await open_grid(choice, may_create=True)
    return caught.value


class TestCertificates:
    async def test_each_wrong_certificate_is_named(self, one: EtcdCluster, tmp_path: Path) -> None:
        choice = one.choice(tmp_path)
        assert one.certificates is not None
        stranger = Certificates(tmp_path / "stranger")
        expired, expired_key = one.certificates.issue("expired", days=-1)
        for change, said in (
            ({"ca": stranger.ca}, "not of the CA of --grid-ca"),
            ({"cert": stranger.client, "key": stranger.client_key}, "does not accept the certificate"),
            (
                {"cert": expired, "key": expired_key},
                "the certificate of --grid-cert",
            ),  # newer ones say: has expired
            ({"cert": None, "key": None}, "give --grid-cert and --grid-key"),
            ({"key": stranger.client_key}, "the key is not that of the certificate"),
            ({"ca": choice.key}, "no sound PEM file"),
        ):
            error = await refused(dataclasses.replace(choice, **change))
            assert isinstance(error, GridTlsRefused), change
            assert said in str(error)

    @pytest.mark.usefixtures("_give_up_soon")
    async def test_tls_on_one_side_alone_is_told(self, one: EtcdCluster, tmp_path: Path) -> None:
        plain = GridChoice(one.address.replace("etcds", "etcd"), tmp_path)
        error = await refused(plain)
        assert isinstance(error, GridUnreachable)
        assert "it may ask for it" in str(error)

    @pytest.mark.usefixtures("_give_up_soon")
    async def test_a_dead_address_is_told(self, tmp_path: Path) -> None:
        error = await refused(GridChoice("etcd://127.0.0.1:1,127.0.0.1:2", tmp_path))
        assert isinstance(error, GridUnreachable)
        assert "127.0.0.1:1: nothing listens there; 127.0.0.1:2: nothing" in str(error)


class TestAccess:
    async def test_a_name_without_rights_is_denied_and_one_with_rights_works(
        self, one: EtcdCluster, tmp_path: Path
    ) -> None:
        assert one.certificates is not None
        root, root_key = one.certificates.issue("root")
        await ctl(one, "user", "add", "root:x")
        await ctl(one, "role", "add", "site")
        await ctl(one, "role", "grant-permission", "site", "readwrite", "/p/v1/", "--prefix=true")
        await ctl(one, "user", "add", "portcullis:x")
        await ctl(one, "user", "grant-role", "root", "root")
        await ctl(one, "auth", "enable")
        grid = await open_grid(one.choice(tmp_path), may_create=True)
        for call in (
            grid.get("/p/v1/a"),
            grid.txn([], [Put("/p/v1/a", b"1")]),
            anext(grid.watch("/p/v1/", 1)),
        ):
            with pytest.raises(GridDenied):
                await call
        one.certificates.client, one.certificates.client_key = root, root_key
        await ctl(one, "user", "grant-role", "portcullis", "site")
        result = await grid.txn([], [Put("/p/v1/a", b"1")])
        (member,) = await grid.members()
        assert member.healthy and member.version.startswith("3.")  # also where its state is for root alone
        assert (await grid.range("/p/v1/")).revision == result.revision
        assert (await anext(grid.watch("/p/v1/", 1))).revision == result.revision
        lease = await grid.lease(5)
        await grid.keep_alive(lease.id)
        await grid.revoke(lease.id)
        await grid.close()


class TestFull:
    async def test_a_full_database_is_told_and_passes(self, tmp_path: Path) -> None:
        async with EtcdCluster(tmp_path, size=1, more=["--quota-backend-bytes=262144"]) as etcd:
            grid = await open_grid(etcd.choice(tmp_path), may_create=True)
            await fill(grid)
            (member,) = await grid.members()
            assert (member.alarms, member.healthy) == (("NOSPACE",), False)
            assert "NOSPACE" in member.trouble
            assert await grid.get("/t/0") is not None
            with pytest.raises(GridFull):
                await grid.lease(5)
            keys = [item.key for item in (await grid.range("/t/")).items]
            emptied = await grid.txn([], [Delete(key) for key in keys])
            await ctl(etcd, "compact", str(emptied.revision), "--physical")
            await ctl(etcd, "defrag")
            await ctl(etcd, "alarm", "disarm")
            assert (await grid.txn([], [Put("/t/0", b"again")])).succeeded
            assert (await grid.members())[0].alarms == ()
            await grid.close()


async def fill(grid: Grid) -> None:
    with pytest.raises(GridFull, match=r"docs/etcd\.md"):
        for number in range(100):
            await grid.txn([], [Put(f"/t/{number}", bytes(20_000))])


class TestIdentity:
    async def test_another_cluster_at_the_same_address_stops_the_client(self, one: EtcdCluster) -> None:
        grid = await open_grid(one.choice(one.folder), may_create=True)
        await grid.txn([], [Put("/t/a", b"1")])
        (member,) = one.members
        await member.kill()
        member.wipe()
        member.arguments = [*member.arguments, "--initial-cluster-token=another"]
        await member.start()
        await one.until_healthy()
        with pytest.raises(GridReplaced, match="belongs to another etcd cluster"):
            await grid.get("/t/a")
        async with asyncio.timeout(patient(10)):
            assert "another etcd cluster" in await grid.until_failed()
        with pytest.raises(GridReplaced):
            await anext(grid.watch("/t/", 1))
        await grid.close()

    async def test_a_grid_that_went_back_stops_the_client(
        self, one: EtcdCluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The same cluster by its id, with an empty disk: as after a restore with the same token."""
        monkeypatch.setattr(members, "WENT_BACK_SECONDS", 1.0)
        grid = await open_grid(one.choice(one.folder), may_create=True)
        for number in range(5):
            await grid.txn([], [Put("/t/a", bytes([number]))])
        (member,) = one.members
        await member.kill()
        member.wipe()
        await member.start()
        await one.until_healthy()
        with pytest.raises(GridReplaced, match="restored from an older state"):
            await grid.get("/t/a")
        assert "went back" in await grid.until_failed()
        await grid.close()


class TestVersions:
    async def test_a_version_that_loses_data_is_refused(
        self, one: EtcdCluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(versions, "parse_version", lambda _: (3, 5, 1))
        error = await refused(one.choice(one.folder))
        assert isinstance(error, GridVersionRefused)
        assert "may silently diverge" in str(error)

    @pytest.mark.parametrize(
        "address", ["", "redis://a", "etcds://", "etcd://a:b", "etcd://a,,b", "etcd://a,a"]
    )
    async def test_what_is_no_grid_is_refused(self, address: str, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput):
            await open_grid(GridChoice(address, tmp_path), may_create=True)


async def ctl(etcd: EtcdCluster, *words: str) -> None:
    assert await etcd.control(etcd.members[0], *words) is not None, words

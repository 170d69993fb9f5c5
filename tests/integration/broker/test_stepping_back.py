"""A site with rules that the release before does not know is closed to it, and open again without them."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from broker import schema
from broker.stepping_back import SteppingBack
from portcullis.errors import Unavailable
from portcullis.ids import new_id
from portcullis.model.tenant import KNOWN_SCHEMA, RULES_SCHEMA, SCHEMA_VERSION
from tests.support.broker_grid import TENANT, SmallSite, small_site

META: dict[str, Any] = {
    "id": "a" * 16,
    "name": "lab",
    "epoch": 3,
    "public_origins": ["http://localhost:8080"],
    "schema": SCHEMA_VERSION,
    "of_the_future": 1,
}
ACME: dict[str, Any] = {"id": TENANT, "name": "acme"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[SmallSite]:
    async with small_site(tmp_path) as made:
        await made.put("site", ("meta",), META)
        yield made


async def closed(site: SmallSite) -> bool:
    """After a round of the job."""
    fence = site.stores.site.absent(("job", "of-nobody"))
    await SteppingBack(site.stores, site.snapshot).round(fence)
    record = await site.stores.site.get(("meta",))
    assert record is not None and {**record.value, "schema": 1} == META, "nothing else is written"
    assert await site.snapshot.until(record.mod_revision)
    await schema.bring_up_to_date(site.stores)  # this version starts on either
    return bool(record.value["schema"] == RULES_SCHEMA)


async def test_a_site_without_rules_is_open_and_not_written_again_and_again(site: SmallSite) -> None:
    before = (await site.grid.range("/p/v1/")).revision
    assert not await closed(site)
    assert (await site.grid.range("/p/v1/")).revision == before


@pytest.mark.parametrize(
    "change",
    [
        {"quotas": {"sessions": 5}},
        {"quotas": {"logins_per_second": 0}},
        {"suspended": True},
        {"leaving": True},
    ],
)
async def test_what_a_tenant_must_not_do_closes_it(site: SmallSite, change: dict[str, Any]) -> None:
    await site.put("site", ("tenant", TENANT), {**ACME, **change})
    assert await closed(site)
    await site.put("site", ("tenant", TENANT), {**ACME, "title": "Acme", "quotas": {}})
    assert not await closed(site)


async def test_a_policy_closes_it_until_the_last_one_is_gone(site: SmallSite) -> None:
    for level in ("tenant", "user"):
        await site.put(TENANT, ("policy", level, "-"), {"values": {"clipboard": "none"}, "locked": []})
    assert await closed(site)
    await site.delete(TENANT, "policy", "user", "-")
    assert await closed(site)
    await site.delete(TENANT, "policy", "tenant", "-")
    assert not await closed(site)


async def test_a_second_tenant_closes_it(site: SmallSite) -> None:
    other = new_id()
    _, data_key = site.stores.found_tenant(other)
    result = await site.stores.commit(
        data_key, site.stores.site.put(("tenant", other), {"id": other, "name": "b"})
    )
    await site.snapshot.until(result.revision)
    assert await closed(site)


async def test_a_broker_that_lost_the_job_writes_nothing(site: SmallSite) -> None:
    await site.put("site", ("tenant", TENANT), {**ACME, "suspended": True})
    fence = site.stores.site.created_at(("job", "stepping-back"), 999_999)
    await SteppingBack(site.stores, site.snapshot).round(fence)
    record = await site.stores.site.get(("meta",))
    assert record is not None and record.value["schema"] == SCHEMA_VERSION


async def test_a_site_that_moves_is_left_alone(site: SmallSite) -> None:
    moving = {**META, "schema": schema.MARKED_SCHEMA, "moved": {"to": "etcd"}}
    await site.put("site", ("meta",), moving)
    await SteppingBack(site.stores, site.snapshot).round(site.stores.site.absent(("job", "x")))
    record = await site.stores.site.get(("meta",))
    assert record is not None and record.value == moving


async def test_a_schema_beyond_both_is_refused(site: SmallSite) -> None:
    await site.put("site", ("meta",), {**META, "schema": KNOWN_SCHEMA + 1})
    with pytest.raises(Unavailable) as refused:
        await schema.bring_up_to_date(site.stores)
    assert refused.value.code == "site_too_new"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("key", "ca-next", "b" * 16), {"kid": "b" * 16}),
        (("key", "tenant", "c" * 16), {"data_key": "AAAA", "coming": "BBBB"}),
    ],
)
async def test_while_keys_change_the_step_back_is_closed(
    site: SmallSite, path: tuple[str, ...], value: dict[str, Any]
) -> None:
    await site.put("site", ("key", "ca", "a" * 16), {"kid": "a" * 16})
    assert not await closed(site)
    if path[1] == "tenant":
        value = {name: base64.b64encode(bytes([number]) * 32).decode() for number, name in enumerate(value)}
    await site.put("site", path, value)
    assert await closed(site)

"""The schema of a site's records at a broker's start."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker import schema
from broker.grid.embedded import EmbeddedGrid
from broker.grid.scopes import SealedOperation, Stores
from broker.grid.seal import SiteKey
from portcullis.errors import Unavailable
from portcullis.model.tenant import KNOWN_SCHEMA, SCHEMA_VERSION, Site
from tests.support.running_broker import make_site


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    state = tmp_path / "broker"
    await make_site(state)
    grid = await EmbeddedGrid.open(state / "grid.sqlite")
    yield Stores(grid, SiteKey.load(state / "site.key"))
    await grid.close()


async def site(stores: Stores) -> Site:
    record = await stores.site.get(("meta",))
    assert record is not None
    return Site.from_json(record.value)


async def test_a_new_site_has_the_schema_of_this_program(stores: Stores) -> None:
    before = await site(stores)
    await schema.bring_up_to_date(stores)
    assert await site(stores) == before and before.schema == SCHEMA_VERSION


async def test_records_of_a_newer_program_are_refused(stores: Stores) -> None:
    newer = replace(await site(stores), schema=KNOWN_SCHEMA + 1)
    await stores.commit(stores.site.put(("meta",), newer.to_json()))
    with pytest.raises(Unavailable, match="use a newer one") as refused:
        await schema.bring_up_to_date(stores)
    assert refused.value.code == "site_too_new" and await site(stores) == newer


async def test_records_of_an_older_program_are_brought_up_step_by_step(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = []

    async def step(stores: Stores) -> list[SealedOperation]:
        ran.append((await site(stores)).schema)
        return [stores.site.put(("step", str(len(ran))), {"ran": len(ran)})]

    monkeypatch.setattr(schema, "SCHEMA_VERSION", SCHEMA_VERSION + 2)
    monkeypatch.setattr(schema, "STEPS", {SCHEMA_VERSION: step, SCHEMA_VERSION + 1: step})
    await schema.bring_up_to_date(stores)
    assert ran == [SCHEMA_VERSION, SCHEMA_VERSION + 1]
    assert (await site(stores)).schema == SCHEMA_VERSION + 2
    assert [record.value for record in await stores.site.list("step")] == [{"ran": 1}, {"ran": 2}]
    await schema.bring_up_to_date(stores)
    assert len(ran) == 2

"""Audits of several brokers: a search at any of them finds what each recorded, also what a lost one did."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from broker.audit import copies, everywhere
from broker.audit.event import Actor, Event
from broker.audit.forgetting import Forgetting
from broker.audit.query import Query
from tests.support.patience import patient, until
from tests.support.several_brokers import several_brokers


async def test_a_search_at_one_broker_finds_the_events_of_all(tmp_path: Path) -> None:
    async with several_brokers(tmp_path, 3) as site:
        audits = [running.parts.audit for running in site]
        assert len({audit.store_id for audit in audits}) == 3, "each has a file of its own"
        tenant = site[0].tenant
        kept = [
            await audit.record(Event("sign_in", tenant, Actor(f"user{number}")))
            for audit in audits
            for number in range(4)
        ]
        everywhere = site[0].parts.audit_everywhere
        found, query = [], Query(tenant, types=("sign_in",), limit=5)
        while True:
            page = await everywhere.search(query)
            found += [event.id for event in page.items]
            if not page.before:
                break
            query = Query(tenant, types=("sign_in",), limit=5, before=page.before)
        assert sorted(found) == sorted(event.id for event in kept), "each once"

        counts = await everywhere.counts(tenant)
        assert sum(counts.values()) == len(kept)
        assert counts.total() == (await site[2].parts.audit_everywhere.counts(tenant)).total()


async def test_the_events_of_a_broker_that_is_lost_are_found_by_their_copies(tmp_path: Path) -> None:
    async with several_brokers(tmp_path, 3) as site:
        lost, tenant = site[2], site[0].tenant
        kept = [
            await lost.parts.audit.record(
                Event("change", tenant, reason=str(number), detail={"x": "y" * 999})
            )
            for number in range(450)
        ]
        await lost.parts.copies.ship()
        await lost.broker.stop()
        live = site[0].parts.brokers
        await until(lambda: len(live.live()) <= 2)
        page = await site[1].parts.audit_everywhere.search(Query(tenant, types=("change",), limit=1000))
        assert [event.id for event in page.items] == [event.id for event in kept][::-1]
        assert page.missing == () and page.items[-1] == kept[0]
        counted = await site[1].parts.audit.read(lambda store: store.reached(lost.parts.audit.store_id))
        assert counted == 450


async def test_a_broker_that_does_not_answer_is_named(tmp_path: Path) -> None:
    async with several_brokers(tmp_path, 2) as site:
        everywhere, tenant = site[0].parts.audit_everywhere, site[0].tenant
        await site[0].parts.audit.record(Event("sign_in", tenant))

        async def silent(broker_id: str, path: str, body: bytes) -> None:
            return None

        everywhere._post = silent
        page = await everywhere.search(Query(tenant))
        assert [event.type for event in page.items] == ["sign_in"] and page.missing == ("b2",)


async def test_the_events_of_a_deleted_tenant_go_everywhere_and_others_stay(tmp_path: Path) -> None:
    gone, restored = "a" * 16, "b" * 16
    async with several_brokers(tmp_path, 2) as site:
        stores, tenant = site[0].parts.stores, site[0].tenant
        result = await stores.commit(stores.site.put(("tenant", gone), {"id": gone, "name": "x"}, author="t"))
        for running in site:
            assert await running.parts.snapshot.until(result.revision, 10)
            for scope in (gone, restored, tenant):
                await running.parts.audit.record(Event("change", scope))
        await stores.commit(stores.site.delete(("tenant", gone), author="t"))
        async with asyncio.timeout(patient(10)):
            for running in site:
                while gone in await running.parts.audit.read(lambda store: store.tenants()):
                    await asyncio.sleep(0.02)
                assert await running.parts.audit.read(lambda store: store.tenants()) == {restored, tenant}
        late = site[0].parts.audit
        await late.record(Event("change", gone))
        again = Forgetting(late, stores, site[0].parts.snapshot)
        again.start()
        async with asyncio.timeout(patient(10)):
            while gone in await late.read(lambda store: store.tenants()):
                await asyncio.sleep(0.02)
        await again.stop()
        assert await late.read(lambda store: store.tenants()) == {restored, tenant}


async def test_launches_with_very_many_steps_travel_between_brokers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is too much for one answer comes in shorter pages, and copies in smaller portions."""
    monkeypatch.setattr(everywhere, "MAXIMUM_PACKED_BYTES", 20_000)
    monkeypatch.setattr(copies, "MAXIMUM_PACKED_BYTES", 20_000)
    async with several_brokers(tmp_path, 2) as site:
        tenant, steps = site[0].tenant, [{"detail": secrets.token_hex(40)} for _ in range(100)]
        kept = [
            await site[1].parts.audit.record(Event("launch", tenant, detail={"steps": steps}))
            for _ in range(10)
        ]
        found, query = [], Query(tenant, types=("launch",))
        while True:
            page = await site[0].parts.audit_everywhere.search(query)
            found += page.items
            assert page.missing == ()
            if not page.before:
                break
            query = replace(query, before=page.before)
        assert found == kept[::-1]
        await site[1].parts.copies.ship()
        origin = site[1].parts.audit.store_id
        assert await site[0].parts.audit.read(lambda store: store.reached(origin)) == 10

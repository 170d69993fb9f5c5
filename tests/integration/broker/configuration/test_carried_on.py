"""A whole broker carries on what another one left."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from broker import parts
from broker.configuration.intent import CURRENT, Intent, items_path, packed
from broker.configuration.objects import DEFAULTS
from broker.snapshot import Change
from tests.support.patience import patient
from tests.support.running_broker import running_broker


async def test_a_broker_carries_on_a_change_that_stands_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "CHANGES_SECONDS", 0.05)
    items = [
        {
            **{"kind": "application", "name": f"app {number}", "id": f"{number:016x}", "revision": 0},
            **{"fields": {**DEFAULTS["application"], "command": ["x"]}, "labels": {}, "labelled": False},
        }
        for number in range(3)
    ]
    intent = Intent("0" * 16, 1, len(items), "root", "a broker died", 0.0)
    async with running_broker(tmp_path) as site:
        over = asyncio.Event()

        def notice(change: Change) -> None:
            if change.path == CURRENT and change.record is None:
                over.set()

        site.parts.snapshot.subscribe(notice)
        store = await site.parts.stores.tenant(site.tenant)
        await site.parts.stores.commit(
            store.put(CURRENT, intent.to_json()), store.put(items_path(intent.id), packed(items))
        )
        async with asyncio.timeout(patient(20)):
            await over.wait()
        names = {application.name for application in site.parts.applications.list(site.tenant)}
        assert {"app 1", "app 2"} <= names and "app 0" not in names
        assert await store.list("change-items") == []

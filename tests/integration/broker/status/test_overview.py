"""The first screen of the console, from a whole broker: counted, small, and of one's own tenant."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from broker.audit import tally
from broker.audit.event import Actor, Event
from broker.status import overview
from broker.status.overview import activity
from portcullis.model.application import Entitlement
from tests.support.running_broker import running_broker


async def test_the_overview_counts_what_there_is(tmp_path: Path) -> None:
    async with running_broker(tmp_path) as site:
        parts, tenant = site.parts, site.tenant
        async with site.agent():
            await site.launch(await site.publish(entitlement=Entitlement(users=frozenset({site.user.name}))))
            for kind, code in (
                ("sign_in", ""),
                ("launch_refused", "host_full"),
                ("launch_refused", "host_full"),
            ):
                await parts.audit.record(Event(kind, tenant, Actor("ann"), code=code))
            seen = await parts.overview.of(tenant, sees_site=True)
        assert seen["sessions"] == {"total": 1, "states": {"pending": 1}}
        assert seen["hosts"]["states"] == {"online": 1} and seen["hosts"]["busiest"][0]["sessions"] == 1
        assert (seen["applications"], seen["users"], seen["brokers"]) == (1, 2, 1)
        assert seen["activity"]["totals"]["sign_in"] == 1
        assert seen["activity"]["refused"] == [{"type": "launch_refused", "code": "host_full", "count": 2}]
        assert len(json.dumps(seen)) < 6000
        assert "findings" not in await parts.overview.of(tenant, sees_site=False)
        assert (await parts.overview.of("f" * 16, sees_site=False))["sessions"]["total"] == 0


async def test_many_who_look_cost_one_look(tmp_path: Path) -> None:
    async with running_broker(tmp_path) as site:
        first = await site.parts.overview.of(site.tenant, sees_site=False)
        await site.publish()
        assert (await site.parts.overview.of(site.tenant, sees_site=False)) == first
        site.parts.overview._kept.clear()
        assert (await site.parts.overview.of(site.tenant, sees_site=False))["applications"] == 1


def test_activity_is_a_day_of_quarters_with_the_newest_last() -> None:
    now = 1_763_676_000.0
    newest = tally.bucket_of(now)
    counts = Counter({(newest, "launch", ""): 3, (newest - tally.BUCKETS + 1, "launch", "reconnected"): 2})
    seen = activity(counts, now)
    assert (seen["series"]["launch"][-1], seen["series"]["launch"][0]) == (3, 2)
    assert seen["start"] + tally.BUCKETS * tally.BUCKET_SECONDS > now >= seen["start"]
    assert seen["refused"] == [] and overview.FRESH_SECONDS > 0

"""Acts of help desk over a real control channel: a host that does them, one that cannot, one that is away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from broker.hosts import acts
from portcullis.ids import new_id
from portcullis.protocol.acts import FEATURE, Act, Acted, Process
from portcullis.protocol.orders import Desired
from tests.support.patience import until
from tests.support.running_broker import running_broker
from tests.support.several_brokers import several_brokers

FEATURES = frozenset({FEATURE})
EDITOR = Process(4711, "mousepad", "/usr/bin/mousepad", 1.5, 2**26, 1_763_676_000.0)


def an_act(kind: str = "processes", text: str = "") -> Act:
    return Act(new_id(), new_id(), new_id(), kind, text)  # type: ignore[arg-type]


async def test_a_host_is_asked_by_whichever_broker_holds_its_channel(tmp_path: Path) -> None:
    async with several_brokers(tmp_path, 2) as site, site[0].agent(features=FEATURES) as agent:
        await agent.expect(Desired)
        live = site[1].parts.snapshot
        await until(lambda: live.list("site", "live", "host"))
        for running in site:
            act = an_act()
            asked = asyncio.ensure_future(running.parts.host_acts.ask(site[0].host.id, act))
            heard = await agent.expect(Act)
            assert heard == act
            await agent.send(Acted(heard.id, "done", (EDITOR,)))
            assert await asked == Acted(act.id, "done", (EDITOR,))


async def test_who_cannot_or_does_not_answer_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acts, "ANSWER_SECONDS", 0.01)
    async with running_broker(tmp_path) as site:
        ask = site.parts.host_acts.ask
        assert (await ask(site.host.id, an_act())).outcome == "away"
        async with site.agent() as agent:
            await agent.expect(Desired)
            assert (await ask(site.host.id, an_act())).outcome == "older"
        async with site.agent(features=FEATURES) as agent:
            await agent.expect(Desired)
            assert (await ask(site.host.id, an_act())).outcome == "away"
            late = await agent.expect(Act)
            await agent.send(Acted(late.id, "done"))
            await agent.send_text('{"type": "acted", "id": "' + "0" * 16 + '", "outcome": "done"}')
            assert (await ask(site.host.id, an_act("disconnect"))).outcome == "away", "the channel stands"

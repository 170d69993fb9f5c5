"""Sessions that nobody uses, or that nobody is connected to: when they are warned about and logged off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from broker.sessions.limits import WARNING, SessionLimits
from portcullis.model.session import Session
from portcullis.protocol.reports import Report
from portcullis.tasks import spawn
from tests.support.broker_grid import HOST, TENANT, SmallSite, small_site


@dataclass
class Limited:
    """`told` are the sessions whose users were warned."""

    site: SmallSite
    session: Session
    limits: SessionLimits
    told: list[str] = field(default_factory=list)

    async def policy(self, **values: Any) -> None:
        await self.site.put(TENANT, ("policy", "tenant", "-"), {"values": values, "locked": []})

    async def report(self, state: str) -> None:
        assert await self.site.lifecycle.reported(
            HOST.id,
            Report(self.session.id, TENANT, state, "ready"),  # type: ignore[arg-type]
        )

    async def look(self, seconds: float = 0.0, *, unused: int | None = None) -> str | None:
        """The code with which it ends after so many seconds more."""
        self.site.clock.passed += seconds
        if unused is not None:
            self.limits.hear({self.session.id: unused})
        await self.limits.look()
        found = self.site.sessions.get(TENANT, self.session.id)
        assert found is not None
        return found.end_code


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[Limited]:
    async with small_site(tmp_path) as site:
        session, _ = await site.launch()
        told: list[str] = []

        async def tell(session: Session, text: str) -> None:
            assert text == WARNING
            told.append(session.id)

        limits = SessionLimits(
            site.snapshot, site.sessions, site.lifecycle, site.clock, lambda: [HOST.id], tell
        )
        made = Limited(site, session, limits, told)
        await made.report("ready")
        limits.start()
        yield made
        await limits.stop()


async def test_a_session_in_use_stays(limited: Limited) -> None:
    await limited.policy(idle_minutes=10)
    await limited.report("active")
    for _ in range(5):
        assert await limited.look(300, unused=30) is None
    assert limited.told == []


async def test_an_idle_session_is_warned_of_once_and_then_logged_off(limited: Limited) -> None:
    await limited.policy(idle_minutes=10)
    await limited.report("active")
    assert await limited.look(unused=535) is None
    assert limited.told == []
    assert await limited.look(10, unused=545) is None
    assert await limited.look(5, unused=551) is None
    await settled()
    assert limited.told == [limited.session.id]
    assert await limited.look(50, unused=601) == "idle_limit"


async def test_who_comes_back_after_the_warning_is_warned_again_the_next_time(limited: Limited) -> None:
    await limited.policy(idle_minutes=10)
    await limited.report("active")
    await limited.look(unused=545)
    await limited.look(30, unused=1)
    assert await limited.look(545, unused=545) is None
    await settled()
    assert limited.told == [limited.session.id] * 2


async def test_a_session_whose_worker_does_not_say_is_never_idle(limited: Limited) -> None:
    await limited.policy(idle_minutes=1)
    await limited.report("active")
    assert await limited.look(100_000) is None


async def test_a_session_without_a_connection_ends_when_its_time_is_over_and_a_connection_begins_it_anew(
    limited: Limited,
) -> None:
    await limited.policy(disconnected_minutes=10)
    await limited.report("active")
    assert await limited.look(3600) is None
    await limited.report("disconnected")
    assert await limited.look(599) is None
    await limited.report("active")
    assert await limited.look(1) is None
    await limited.report("disconnected")
    assert await limited.look(599) is None
    assert await limited.look(1) == "disconnected_limit"


async def test_a_session_of_before_counts_from_when_it_was_first_seen(limited: Limited) -> None:
    """An older broker wrote no time into its record."""
    await limited.policy(disconnected_minutes=10)
    record = limited.site.snapshot.get(TENANT, ("session", limited.session.id))
    assert record is not None
    old = {name: value for name, value in record.value.items() if name != "state_since"}
    await limited.site.put(TENANT, ("session", limited.session.id), old)
    assert await limited.look(5000) is None
    assert await limited.look(599) is None
    assert await limited.look(1) == "disconnected_limit"


async def test_without_a_policy_nothing_ends(limited: Limited) -> None:
    assert await limited.look(10**7, unused=10**7) is None
    await limited.policy(clipboard="none")
    assert await limited.look(10**7, unused=10**7) is None


async def settled() -> None:
    """What was spawned before has run."""
    await spawn(nothing(), name="nothing")


async def nothing() -> None: ...

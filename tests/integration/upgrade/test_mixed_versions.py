"""This version and the one before it work together, both ways; each part is changed under a session that goes on."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from broker.grid.embedded import EmbeddedGrid
from broker.grid.scopes import Stores
from broker.grid.seal import SiteKey
from portcullis.model.tenant import KNOWN_SCHEMA
from tests.support import previous_release
from tests.support.mixed_site import MixedSite, Part, Person, Version

STEPS: tuple[tuple[Part, Version], ...] = (
    ("broker", "new"),
    ("gateway", "new"),
    ("agent", "new"),
    ("broker", "old"),
    ("gateway", "old"),
)
"""One part at a time, and back: with the beginning, every two parts meet in all four ways."""


def test_the_archive_of_the_old_release_is_the_one_that_was_packed() -> None:
    assert hashlib.sha256(previous_release.content()).hexdigest() == previous_release.CONTENT_SHA256


async def test_every_part_is_upgraded_and_downgraded_under_a_session_that_goes_on(site: MixedSite) -> None:
    await site.start("old", "old", "old", people=len(STEPS) + 2)
    async with site.person(0) as worker:
        await worker.launch()
        await worker.type("before everything")
        processes = worker.processes()
        for number, (part, version) in enumerate(STEPS, 1):
            if part == "gateway":
                await site.change(part, version)
                await worker.resume()
            else:
                await asyncio.gather(site.change(part, version), types(worker, f"{number} {part}"))
            await worker.type(f"{number} {part} {version}")
            assert worker.processes() == processes, f"{part} {version}"
            await worker.renew()
            await works(site, number)
        await worker.attach()
        await worker.type("by a new ticket")
        await worker.log_off()


async def types(worker: Person, what: str) -> None:
    """On the stream that stands: neither broker nor agent is on its way."""
    stream = worker.stream
    for line in range(8):
        await worker.type(f"{what}, line {line}")
    assert worker.stream is stream


async def works(site: MixedSite, number: int) -> None:
    """A working day in short, of somebody who was not there before."""
    async with site.person(number) as person:
        await person.launch()
        await person.type("hello")
        await person.resume()
        await person.type("hello again")
        assert site.typed(person.session) == ["hello", "hello again"]
        await person.log_off()
        assert person.processes() == set()


async def test_any_three_work_together(site: MixedSite, versions: tuple[Version, Version, Version]) -> None:
    """Broker, gateway, agent; one of the eight ways; `-m long`: the others."""
    await site.start(*versions, people=2)
    await works(site, 0)


@pytest.mark.parametrize("version", ["old", "new"])
async def test_a_grid_of_a_newer_program_is_refused_in_one_clear_line(
    site: MixedSite, version: Version
) -> None:
    await site.start("new", "new", "new", people=1)
    site.stop("broker")
    await mark(site, schema=KNOWN_SCHEMA + 1)
    said = site.refused("broker", version)
    assert f"have schema {KNOWN_SCHEMA + 1}, this program knows" in said and "use a newer one" in said
    assert "Traceback" not in said and len(said.splitlines()) == 1


async def test_no_broker_of_either_version_starts_on_a_grid_that_the_site_was_moved_away_from(
    site: MixedSite,
) -> None:
    await site.start("old", "new", "new", people=1)
    site.stop("broker")
    await mark(site, schema=1_000_000, moved={"to": "etcds://a:2379", "time": 1.0, "schema": 1, "done": True})
    assert "use a newer one" in site.refused("broker", "old")
    assert "start brokers with `--grid etcds://a:2379`" in site.refused("broker", "new")


async def mark(site: MixedSite, **changes: object) -> None:
    grid = await EmbeddedGrid.open(site.state / "grid.sqlite", may_create=False)
    stores = Stores(grid, SiteKey.load(site.state / "site.key"))
    record = await stores.site.get(("meta",))
    assert record is not None
    await stores.commit(stores.site.put(("meta",), {**record.value, **changes}))
    await grid.close()

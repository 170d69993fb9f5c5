"""This version and the one before it work together, both ways; each part is changed under a session that goes on."""

from __future__ import annotations

import hashlib

from tests.support import previous_release
from tests.support.mixed_site import MixedSite, Part, Version

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
            await site.change(part, version)
            await worker.resume()
            await worker.type(f"{number} {part} {version}")
            assert worker.processes() == processes, f"{part} {version}"
            await worker.renew()
            await works(site, number)
        await worker.attach()
        await worker.type("by a new ticket")
        await worker.log_off()


async def works(site: MixedSite, number: int) -> None:
    """A working day in short, of somebody who was not there before."""
    async with site.person(number) as person:
        await person.launch()
        await person.type("hello")
        await person.resume()
        await person.type("hello again")
        await person.log_off()

"""Sessions of real hosts outlive the grid: an empty one, a restored one, and one that is half filled."""

from __future__ import annotations

from broker.backup.filling import Arrival, Filling
from broker.backup.vault import site_seal
from broker.grid import keys
from broker.grid.embedded import EmbeddedGrid
from broker.grid.seal import SiteKey
from tests.support.mixed_site import RECOVERY_CODE, MixedSite


async def test_a_session_goes_on_through_a_restore_and_its_user_has_it_again(site: MixedSite) -> None:
    await site.start("new", "new", "new", people=2)
    site.run("new", "broker", "backup", "--state", site.state, "--to", site.folder / "backup")
    async with site.person(0) as worker:
        await worker.launch()
        await worker.type("before")
        processes = worker.processes()
        site.stop("broker")
        lose_grid(site)
        await worker.resume()
        await worker.type("without any grid")
        restore(site)
        await site.serve("broker")
        await worker.resume()
        await worker.type("by the grant of before")
        assert worker.processes() == processes
        async with site.person(0, RECOVERY_CODE) as again:
            await again.return_to(worker)
            await again.attach()
            await again.type("by a new sign-in")
            assert again.processes() == processes
            await again.log_off()


async def test_half_a_grid_takes_no_broker_and_ends_no_session(site: MixedSite) -> None:
    await site.start("new", "new", "new", people=2)
    async with site.person(0) as worker:
        await worker.launch()
        await worker.type("before")
        processes = worker.processes()
        site.stop("broker")
        await halve_grid(site)
        assert "run the same command again" in site.refused("broker", "new")
        await worker.resume()
        await worker.type("meanwhile")
        assert worker.processes() == processes


def lose_grid(site: MixedSite) -> None:
    for path in site.state.glob("grid.sqlite*"):
        path.unlink()


def restore(site: MixedSite) -> None:
    site.run(
        *("new", "broker", "restore", "--state", site.state),
        *("--from", site.folder / "backup", "--without-journal"),
    )


async def halve_grid(site: MixedSite) -> None:
    """As an interrupted restore leaves it."""
    grid = await EmbeddedGrid.open(site.state / "grid.sqlite", may_create=False)
    items = (await grid.range(keys.ROOT)).items
    seal = site_seal(SiteKey.load(site.state / "site.key"))
    filling = Filling(grid, seal, Arrival("a backup", "a" * 16, 1, 2.0))
    await filling.begin(items, may_clear=True)
    await filling.put([item for item in items if not item.lease][::2])
    await grid.close()

"""A broker that has not heard of what a browser knows already judges no change by its old picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.grid.grid import GridUnavailable
from tests.support.api_site import ApiSite, api_site
from tests.support.browser import ApiBrowser

SESSIONS = "/api/v1/sessions"


async def change_behind(site: ApiSite, browser: ApiBrowser) -> tuple[int, str | None, str | None]:
    """Of a session that is not there, for what this broker knows; as somebody who has seen a newer revision."""
    revision = site.brokers[0].snapshot.revision
    headers = {"Portcullis-Revision": str(revision)}
    answer = await browser.change("DELETE", f"{SESSIONS}/{'0' * 16}", headers=headers)
    return answer.status, answer.code, answer.headers.get("Portcullis-Elsewhere")


async def test_a_broker_that_is_behind_sends_a_change_to_another(tmp_path: Path) -> None:
    async with api_site(tmp_path, brokers=2) as site, site.browser(1) as browser:
        await site.sign_in(browser, site.acme.ann)
        assert await change_behind(site, browser) == (404, "session_ended", None)
        await site.brokers[1].snapshot.stop()
        async with site.browser(0) as other:
            await site.sign_in(other, site.acme.root)
        assert await change_behind(site, browser) == (503, "broker_behind", "broker_behind")


async def test_a_broker_that_cannot_ask_the_grid_sends_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with api_site(tmp_path, brokers=2) as site, site.browser(1) as browser:
        await site.sign_in(browser, site.acme.ann)

        async def cut_off() -> int:
            raise GridUnavailable("cut off")

        monkeypatch.setattr(site.brokers[1].snapshot, "newest", cut_off)
        await site.brokers[1].snapshot.stop()
        async with site.browser(0) as other:
            await site.sign_in(other, site.acme.root)
        assert (await change_behind(site, browser))[1] == "broker_behind"


async def test_a_revision_of_another_grid_keeps_nobody_out(tmp_path: Path) -> None:
    """After a restore or a move pages know revisions that this grid has not reached."""
    async with api_site(tmp_path) as site, site.browser() as browser:
        await site.sign_in(browser, site.acme.ann)
        headers = {"Portcullis-Revision": "999999999"}
        answer = await browser.change("DELETE", f"{SESSIONS}/{'0' * 16}", headers=headers)
        assert answer.code == "session_ended"

"""The names of the site: which are its own, who may change them, and what follows for changes from pages."""

from __future__ import annotations

import pytest

from tests.support.api_site import ORIGIN, SITE, ApiSite, api_site, signed_in

PATH = "/api/v1/admin/site/origins"


@pytest.fixture
async def alone(tmp_path):
    """A site of one tenant."""
    async with api_site(tmp_path, tenants=1) as running:
        yield running


async def test_the_sites_own_names_and_those_of_its_gateways_are_shown(alone: ApiSite) -> None:
    async with signed_in(alone, alone.acme.root) as browser:
        shown = (await browser.get(PATH)).json
    assert shown == {
        "origins": list(SITE.public_origins),
        "gateways": [{"name": "g1", "public_origin": ORIGIN}],
    }


async def test_a_page_of_a_name_that_was_added_may_change_things(alone: ApiSite) -> None:
    new = "https://apps.example"
    headers = {"Portcullis-Origin": new, "Origin": new}
    async with signed_in(alone, alone.acme.root) as browser:
        change = ("DELETE", "/api/v1/admin/applications/nothing")
        assert (await browser.change(*change, headers=headers)).code == "origin_refused"
        answer = await browser.change("PUT", PATH, {"origins": [ORIGIN, new, new]})
        assert (answer.status, answer.json["origins"]) == (200, [ORIGIN, new])
        assert (await browser.change(*change, headers=headers)).code == "not_found"


@pytest.mark.parametrize(
    "origins",
    [
        None,
        [],
        "https://apps.example",
        [7],
        ["apps.example"],
        ["https://apps.example/path"],
        ["http://apps.example"],
        ["https://user@apps.example"],
        ["https://apps.example"] * 33,
    ],
)
async def test_what_browsers_would_not_send_is_no_origin(alone: ApiSite, origins: object) -> None:
    async with signed_in(alone, alone.acme.root) as browser:
        answer = await browser.change("PUT", PATH, {"origins": origins})
        assert (answer.status, answer.json["error"]["field"]) == (422, "origins")
        assert (await browser.get(PATH)).json["origins"] == list(SITE.public_origins)


async def test_a_user_neither_sees_nor_changes_them(alone: ApiSite) -> None:
    async with signed_in(alone, alone.acme.ann) as browser:
        assert (await browser.get(PATH)).code == "not_permitted"
        assert (await browser.change("PUT", PATH, {"origins": [ORIGIN]})).code == "not_permitted"


async def test_no_tenants_administrator_changes_the_names_of_all(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as browser:
        assert (await browser.change("PUT", PATH, {"origins": ["https://apps.example"]})).code == (
            "not_permitted"
        )


async def test_what_else_the_site_record_holds_is_kept(alone: ApiSite) -> None:
    before = (await alone.stores.site.get(("meta",))).value
    async with signed_in(alone, alone.acme.root) as browser:
        await browser.change("PUT", PATH, {"origins": ["https://apps.example"]})
    after = (await alone.stores.site.get(("meta",))).value
    assert after == {**before, "public_origins": ["https://apps.example"]}

"""Every administrative list is searched, sorted, filtered, paged and exported the same way."""

from __future__ import annotations

import csv
import io

import pytest

from tests.support.api_site import ApiSite
from tests.support.browser import ApiBrowser

ADMIN = "/api/v1/admin/"


async def names(browser: ApiBrowser, path: str) -> list[str]:
    answer = await browser.get(ADMIN + path)
    assert answer.status == 200, answer.body
    return [item["name"] for item in answer.json["items"]]


@pytest.fixture
async def root(site: ApiSite):  # type: ignore[no-untyped-def]
    async with site.browser() as browser:
        await site.let_in(browser, site.acme.root)
        for name in ("Zebra", "alpha", "=cmd()"):
            made = await browser.change(
                "PUT",
                f"{ADMIN}applications/{name.replace('=', '%3D')}",
                {"command": ["/bin/true"], "entitled": {"users": [], "groups": ["staff"]}},
            )
            assert made.status == 200, made.body
        yield browser


async def test_without_parameters_a_list_is_whole(root: ApiBrowser) -> None:
    answer = (await root.get(ADMIN + "applications")).json
    assert answer["total"] == len(answer["items"]) == 5 and answer["revision"] > 0


async def test_lists_are_sorted_paged_and_searched_whatever_the_case(root: ApiBrowser) -> None:
    everything = await names(root, "applications?sort=name")
    assert everything == sorted(everything, key=str.casefold)
    assert await names(root, "applications?sort=-name") == everything[::-1]
    assert await names(root, "applications?sort=name&offset=1&limit=2") == everything[1:3]
    assert await names(root, "applications?search=ZEB") == ["Zebra"]
    assert await names(root, "applications?groups=STAFF&search=zebra") == ["Zebra"]
    assert (await root.get(ADMIN + "applications?limit=0")).json["total"] == 5


async def test_a_change_is_in_the_next_page(root: ApiBrowser) -> None:
    assert await names(root, "applications?search=alpha") == ["alpha"]
    await root.change("DELETE", ADMIN + "applications/alpha")
    assert await names(root, "applications?search=alpha") == []


async def test_small_lists_take_the_same_parameters(root: ApiBrowser, site: ApiSite) -> None:
    assert await names(root, "hosts?search=h") and await names(root, "hosts?online=maybe") == []
    assert await names(root, "users?role=administrator") == ["root"]
    assert await names(root, "users?sort=-name&limit=1") == ["root"]
    tokens = (await root.get(ADMIN + "tokens?user=root")).json
    assert {item["user"]["name"] for item in tokens["items"]} <= {"root"}


async def test_sessions_are_found_by_user_host_and_state(root: ApiBrowser, site: ApiSite) -> None:
    session = await site.launch(site.acme)
    other = await site.launch(site.globex)
    for query in (
        "user=ann",
        f"search={session.host_name}",
        "state=ready",
        f"application={session.application_name}",
    ):
        items = (await root.get(f"{ADMIN}sessions?{query}")).json["items"]
        assert [item["id"] for item in items] == [session.id], query
    assert other.id not in str((await root.get(ADMIN + "sessions")).json)


async def test_an_export_has_all_rows_and_no_formulas(root: ApiBrowser) -> None:
    answer = await root.get(ADMIN + "applications?format=csv&sort=name")
    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
    assert answer.headers["Content-Type"].startswith("text/csv") and len(rows) == 5
    assert "'=cmd()" in {row["name"] for row in rows}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("sort=colour", "sort"),
        ("offset=-1", "offset"),
        ("limit=x", "limit"),
        ("limit=99999999", "limit"),
        ("colour=red", "colour"),
        ("format=pdf", "format"),
        ("search=a&search=b", "search"),
    ],
)
@pytest.mark.parametrize("path", ["applications", "hosts"])
async def test_what_a_list_does_not_know_is_named(
    root: ApiBrowser, path: str, query: str, field: str
) -> None:
    answer = await root.get(f"{ADMIN}{path}?{query}")
    assert answer.code == "invalid_field" and answer.json["error"]["field"] == field

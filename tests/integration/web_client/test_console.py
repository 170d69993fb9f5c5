"""The console in real Chromium before a whole broker: the way in, lists, keys, live changes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.support.console_desk import Desk, row_names
from tests.support.console_windows import desk_of, grid, publish
from tests.support.pages import be_patient

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_portal_leads_administrators_to_the_console_and_nobody_else(
    chromium: Browser, desk: Desk
) -> None:
    page = await desk.open("")
    await page.goto(desk.site.url)
    await page.get_by_role("link", name="Administration").click()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    async with desk_of(chromium, desk.site, "demo") as user:
        portal = await user.context.new_page()
        await portal.goto(desk.site.url)
        await expect(portal.get_by_label("Search applications")).to_be_visible()
        await expect(portal.get_by_role("link", name="Administration")).to_have_count(0)
        console = await user.open("hosts")
        await expect(console.get_by_text("may not administer anything")).to_be_visible()


async def test_a_deep_link_waits_for_the_sign_in_and_leads_back(chromium: Browser, desk: Desk) -> None:
    await publish(desk.site, "Editor")
    stranger = await chromium.new_context()
    be_patient(stranger)
    page = await stranger.new_page()
    await page.goto(f"{desk.site.url}/admin.html#/applications/Editor?search=ed")
    await expect(page.get_by_label("User name")).to_be_visible()
    assert page.url == f"{desk.site.url}/#/admin/applications/Editor?search=ed"
    await stranger.close()
    page = await desk.open("")
    await page.goto(f"{desk.site.url}/#/admin/applications/Editor?search=ed")
    await expect(page.get_by_role("heading", name="Editor", exact=True)).to_be_visible()
    await expect(page.get_by_label("Search applications")).to_have_value("ed")


async def test_the_row_of_a_deep_link_is_the_one_that_keys_act_on(desk: Desk) -> None:
    await publish(desk.site, "A1", "B2", "C3")
    page = await desk.list("applications/B2")
    await expect(page.locator(".grid-row.active")).to_contain_text("B2")


async def test_a_login_that_ends_takes_nothing_away_that_was_entered(desk: Desk) -> None:
    page = await desk.open("applications/+")
    await page.get_by_label("Name", exact=True).fill("Half entered")
    other = await desk.context.new_page()
    await other.goto(desk.site.url)
    await other.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("dialog")).to_contain_text("You are signed out")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await desk.site.let_in(desk.context)
    await other.evaluate("new BroadcastChannel('portcullis').postMessage('signed_in')")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.get_by_label("Command").fill("true")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_role("status").filter(has_text="Half entered is published.")).to_be_visible()


async def test_a_list_is_searched_sorted_and_filtered_and_its_address_says_so(desk: Desk) -> None:
    await publish(desk.site, "Calculator", "Editor", "Terminal")
    await publish(desk.site, "Zebra", disabled=True)
    page = await desk.list("applications")
    assert await row_names(page) == ["Calculator", "Editor", "Terminal", "Zebra"]
    await page.keyboard.press("/")
    await page.keyboard.type("or")
    await expect(page.get_by_text("2 rows")).to_be_visible()
    await expect(page).to_have_url(re.compile("search=or"))
    await page.get_by_role("columnheader", name="Name").click()
    await page.get_by_role("columnheader", name="Name").click()
    await expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "descending")
    await expect(page.locator(".grid-body .grid-row").first).to_contain_text("Editor")
    address = page.url
    again = await desk.open("")
    await again.goto(address)
    await again.reload()
    await expect(again.locator(".grid-body .grid-row").first).to_contain_text("Editor")
    await page.get_by_role("button", name="Clear").click()
    await page.get_by_label("State").first.select_option("true")
    await expect(page.get_by_text("1 row", exact=True)).to_be_visible()
    assert await row_names(page) == ["Zebra"]
    await page.keyboard.press("/")
    await page.keyboard.type("nothing like it")
    await expect(page.get_by_text("Nothing fits")).to_be_visible()


async def test_everything_can_be_done_by_keys(desk: Desk) -> None:
    await publish(desk.site, "A1", "B2", "C3")
    page = await desk.list("applications")
    await expect(grid(page)).to_be_focused()
    await page.keyboard.press("j")
    active = await grid(page).get_attribute("aria-activedescendant")
    assert await page.locator(f"#{active}").get_attribute("aria-rowindex") == "3"
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="B2")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(grid(page)).to_be_focused()
    await page.keyboard.press("x")
    await page.keyboard.press("Shift+ArrowDown")
    await expect(page.get_by_text("2 selected")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_text("2 selected")).to_be_hidden()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keys")).to_contain_text("Go to: Users")
    await page.keyboard.press("Escape")
    await page.keyboard.press("g")
    await page.keyboard.press("u")
    await expect(page.get_by_role("heading", name="Users")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("heading", name="Applications")).to_be_visible()


async def test_cells_and_the_head_are_reached_by_arrows(desk: Desk) -> None:
    await publish(desk.site, "A1", "B2")
    page = await desk.list("applications")
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("ArrowRight")
    active = await grid(page).get_attribute("aria-activedescendant")
    await expect(page.locator(f"#{active}")).to_have_attribute("role", "columnheader")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "descending")
    await expect(page.locator(".grid-body .grid-row").first).to_contain_text("B2")


async def test_of_100_000_rows_only_those_in_view_exist(desk: Desk) -> None:
    page = await desk.list("applications")
    await page.evaluate(
        """async () => {
            const { DataTable } = await import('/ui/data_table.js');
            const text = (key) => key;
            const total = 100_000;
            const items = (offset, length) => Array.from({ length }, (_, at) => ({ id: `row ${offset + at}` }));
            const load = async (_, { offset, limit }) =>
                ({ total, items: items(offset, Math.min(limit, total - offset)) });
            const columns = [{ id: 'id', title: 'Id', text: ({ id }) => id }, { id: 'x', title: 'X', text: () => 'x' }];
            const table = new DataTable({
                texts: text, label: 'Many', search: 'Search', columns, load, key: ({ id }) => id, open() {},
                empty: () => '', failed: String, acts: [{ id: 'a', title: 'A', run() {} }],
            });
            document.querySelector('main').replaceChildren(table.element);
            table.element.style.height = '500px';
            table.focus();
        }"""
    )
    many = page.get_by_role("grid", name="Many")
    await expect(many.get_by_text("row 0", exact=True)).to_be_visible()
    await expect(many).to_have_attribute("aria-rowcount", "100001")
    await page.keyboard.press("End")
    await expect(many.get_by_text("row 99999", exact=True)).to_be_visible()
    assert await page.locator(".grid-body .grid-row").count() < 60
    await page.keyboard.press("Space")
    await page.keyboard.press("Home")
    await expect(many.get_by_text("row 0", exact=True)).to_be_visible()
    await page.keyboard.press("Space")
    await expect(page.locator(".grid-body [aria-selected=true]")).to_have_count(1)
    await expect(page.locator(".bulk")).to_contain_text("table.selected")


async def test_changes_of_others_appear_while_focus_selection_and_scroll_stay(desk: Desk) -> None:
    await publish(desk.site, *(f"App {number:02}" for number in range(40)))
    page = await desk.list("applications")
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    for _ in range(30):
        await page.keyboard.press("j")
    await page.keyboard.press("x")
    await grid(page).evaluate("(grid) => grid.scrollTo(0, 400)")
    await expect(page.get_by_text("App 11")).to_be_visible()
    top = await page.get_by_text("App 20").bounding_box()
    await publish(desk.site, "App 00a", "App 00b")
    await expect(page.get_by_text("42 rows")).to_be_visible()
    await expect(grid(page)).to_have_attribute("aria-busy", "false")
    assert await page.get_by_text("App 20").bounding_box() == top
    await expect(page.locator(".grid-row.active")).to_contain_text("App 30")
    await expect(page.locator(".grid-body [aria-selected=true]")).to_contain_text("App 30")
    await expect(grid(page)).to_be_focused()


async def test_a_list_says_that_the_broker_does_not_answer_and_recovers(desk: Desk) -> None:
    await publish(desk.site, "Editor")
    page = await desk.list("users")
    desk.site.outage = True
    await page.keyboard.press("g")
    await page.keyboard.press("a")
    await expect(page.get_by_role("alert")).to_contain_text("No broker.")
    desk.site.outage = False
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_text("Editor")).to_be_visible()


async def test_a_list_is_saved_as_csv_without_formulas(desk: Desk) -> None:
    await publish(desk.site, "=1+1", "Editor")
    page = await desk.list("applications")
    async with page.expect_download() as download:
        await page.get_by_role("button", name="CSV").click()
    text = Path(await (await download.value).path()).read_text("utf-8-sig")
    assert [line.split(",")[0] for line in text.splitlines()] == ["Name", "'=1+1", "Editor"]

"""The console in real Chromium before a whole broker: forms, conflicts, many at once, undo, hostile names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.support.console_desk import HOSTILE, Desk, row_names
from tests.support.console_windows import desk_of, grid, publish

pytestmark = pytest.mark.asyncio(loop_scope="session")


OUTPUT = Path(__file__).parents[2] / "output"


async def test_an_application_is_published_by_the_keyboard_alone(desk: Desk) -> None:
    page = await desk.list("applications")
    await page.keyboard.press("n")
    await expect(page.get_by_label("Name", exact=True)).to_be_focused()
    await page.keyboard.type("Text editor")
    await page.get_by_label("Command").focus()
    await page.keyboard.type("mousepad\n--quit\na b")
    await page.get_by_label("Users", exact=True).focus()
    await expect(page.locator("datalist option[value=demo]")).to_be_attached()
    await page.get_by_label("Groups", exact=True).focus()
    await page.keyboard.type("staff,artists")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_role("heading", name="Text editor")).to_be_visible()
    (made,) = (await desk.site.api("GET", "applications"))["items"]
    assert made["command"] == ["mousepad", "--quit", "a b"]
    assert made["entitled"] == {"users": [], "groups": ["artists", "staff"]}


async def test_an_error_stands_at_its_field_and_the_summary_leads_there(desk: Desk) -> None:
    page = await desk.open("applications/+")
    await page.get_by_label("Name", exact=True).fill("Paint")
    await page.get_by_label("Command").fill("gimp")
    await page.get_by_label("Users", exact=True).fill("nobody-known")
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_role("alert")).to_be_focused()
    field = page.get_by_label("Users", exact=True)
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(page.locator(".form-field.wrong .field-error")).to_contain_text(
        "the name of an existing user"
    )
    await page.get_by_role("alert").get_by_role("link").click()
    await expect(field).to_be_focused()


async def test_two_who_change_the_same_are_shown_both_versions(desk: Desk) -> None:
    await publish(desk.site, "Paint")
    page = await desk.open("applications/Paint")
    await page.get_by_label("Command").fill("gimp\n--mine")
    await page.get_by_label("Disabled").check()
    body = {"command": ["gimp", "--theirs"], "entitled": {"users": ["demo"], "groups": []}}
    await desk.site.api("PUT", "applications/Paint", body)
    await page.get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Paint was changed meanwhile")
    await expect(dialog.get_by_role("row", name="Command")).to_contain_text("gimp, --theirs")
    await dialog.get_by_label("Command: save yours").check()
    await dialog.get_by_role("button", name="Save this").click()
    await expect(page.get_by_text("Paint is saved.")).to_be_visible()
    (now,) = (await desk.site.api("GET", "applications"))["items"]
    assert (now["command"], now["entitled"]["users"]) == (["gimp", "--mine"], ["demo"])
    assert now["disabled"] is True


async def test_what_others_change_does_not_touch_a_form_that_is_being_filled_in(desk: Desk) -> None:
    await publish(desk.site, "Paint", "Other")
    page = await desk.open("applications/Paint")
    await page.get_by_label("Command").fill("gimp")
    await publish(desk.site, "Paint", "Third", disabled=True)
    await expect(page.get_by_text("3 rows")).to_be_visible()
    await expect(page.get_by_label("Command")).to_have_value("gimp")
    await expect(page.get_by_label("Command")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_contain_text("Discard your changes?")
    await page.get_by_role("button", name="Go on editing").click()
    await page.get_by_role("navigation").get_by_role("link", name="Users").click()
    await page.get_by_role("button", name="Go on editing").click()
    await expect(page).to_have_url(re.compile("#/applications/Paint$"))
    await expect(page.get_by_label("Command")).to_have_value("gimp")
    await page.get_by_role("navigation").get_by_role("link", name="Users").click()
    await page.get_by_role("button", name="Discard").click()
    await expect(page.get_by_role("heading", name="Users")).to_be_visible()


async def test_a_deleted_application_comes_back_with_its_icon_and_its_policy(desk: Desk) -> None:
    data = "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4="
    icon = {"content_type": "image/svg+xml", "data": data}
    await publish(desk.site, "Paint", icon=icon, entitled={"users": ["demo"], "groups": ["artists"]})
    await desk.site.api("PUT", "policies/application/Paint", {"values": {"clipboard": "none"}})
    (before,) = (await desk.site.api("GET", "applications"))["items"]
    page = await desk.open("applications/Paint")
    await page.get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("dialog")).to_contain_text("for the group artists, demo")
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("Nothing is published yet.")).to_be_visible()
    await page.keyboard.press("z")
    await expect(grid(page).get_by_text("Paint")).to_be_visible()
    (after,) = (await desk.site.api("GET", "applications"))["items"]
    kept = ("name", "command", "entitled", "icon")
    assert [after[name] for name in kept] == [before[name] for name in kept]
    await expect(page.get_by_text("Undone.")).to_be_visible()
    policy = (await desk.site.api("GET", "policies/application/Paint"))["policy"]
    assert policy["values"] == {"clipboard": "none"}


async def test_what_is_selected_is_acted_on_together_and_undone_together(desk: Desk) -> None:
    await publish(desk.site, "A1", "B2", "C3")
    page = await desk.list("applications")
    await page.keyboard.press("Control+a")
    await page.get_by_role("button", name="Disable").click()
    await expect(page.get_by_text("3 applications are disabled.")).to_be_visible()
    await expect(page.get_by_text("3 selected")).to_be_hidden()
    assert all(each["disabled"] for each in (await desk.site.api("GET", "applications"))["items"])
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("Undone.")).to_be_visible()
    assert not any(each["disabled"] for each in (await desk.site.api("GET", "applications"))["items"])


async def test_several_users_come_into_a_group_in_one_change_and_leave_it_by_undo(desk: Desk) -> None:
    """Who was in it before stays."""
    for name, groups in (("crew-ann", ["crew", "night"]), ("crew-bob", ["crew"]), ("crew-cid", ["crew"])):
        await desk.site.api("POST", "users", {"name": name, "groups": groups})
    page = await desk.list("users?groups=crew")
    await page.keyboard.press("Control+a")
    await page.get_by_role("button", name="Into a group…").click()
    await page.get_by_role("dialog").get_by_role("combobox", name="Group").fill("night")
    await page.get_by_role("dialog").get_by_role("button", name="Put in").click()
    await expect(page.get_by_text("2 users came into night.")).to_be_visible()
    assert (await desk.site.api("GET", "groups/night"))["group"]["users"] == [
        "crew-ann",
        "crew-bob",
        "crew-cid",
    ]
    entries = (await desk.site.api("GET", "history?kind=user&limit=2"))["items"]
    assert len({each["revision"] for each in entries}) == 1, "one change"
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("Undone.")).to_be_visible()
    assert (await desk.site.api("GET", "groups/night"))["group"]["users"] == ["crew-ann"]


async def test_an_invited_users_link_is_shown_once(desk: Desk) -> None:
    page = await desk.list("users")
    await page.get_by_role("button", name="Invite a user").click()
    await expect(page.get_by_label("Name", exact=True)).to_be_focused()
    await page.keyboard.type("carol")
    await page.get_by_role("complementary").get_by_label("Role").select_option("help_desk")
    await page.get_by_role("button", name="Invite", exact=True).click()
    link = await page.get_by_label("Enrolment link").input_value()
    assert link.startswith(f"{desk.site.url}/#/enrol/enrol_")
    await page.get_by_role("link", name="Show carol").click()
    await expect(page.get_by_role("heading", name="carol")).to_be_visible()
    assert link not in await page.content()
    invited = next(each for each in (await desk.site.api("GET", "users"))["items"] if each["name"] == "carol")
    assert (invited["role"], invited["state"]) == ("help_desk", "invited")


async def test_deleting_a_user_says_what_they_lose_and_wants_the_name(desk: Desk) -> None:
    await desk.site.api("POST", "users", {"name": "mallory"})
    page = await desk.open("users/mallory")
    await page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("This cannot be undone.")
    await expect(dialog.get_by_role("button", name="Delete")).to_be_disabled()
    await dialog.get_by_role("textbox").fill("mallory")
    await dialog.get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("mallory is deleted.")).to_be_visible()
    assert "mallory" not in [each["name"] for each in (await desk.site.api("GET", "users"))["items"]]


async def test_the_help_desk_sees_what_it_may_and_changes_nothing_else(chromium: Browser, desk: Desk) -> None:
    await publish(desk.site, "Editor")
    await desk.site.api("PUT", "users/demo", {"role": "help_desk"})
    async with desk_of(chromium, desk.site, "demo") as helen:
        page = await helen.list("applications/Editor")
        await expect(page.get_by_role("heading", name="Editor")).to_be_visible()
        for name in ("New application", "Save", "Delete"):
            await expect(page.get_by_role("button", name=name)).to_have_count(0)
        nav = page.get_by_role("navigation")
        await expect(nav.get_by_role("link", name="Sessions")).to_be_visible()
        for name in ("Audit", "Roles", "Brokers"):
            await expect(nav.get_by_role("link", name=name)).to_have_count(0)
        await page.goto(f"{desk.site.url}/admin.html#/brokers")
        await expect(page.get_by_text("not for your role")).to_be_visible()
        assert helen.complaints == []
    await desk.site.api("PUT", "users/demo", {"role": "user"})


async def test_a_drained_host_is_taken_back_by_undo(desk: Desk) -> None:
    page = await desk.open("hosts/h1")
    await page.get_by_role("button", name="Drain", exact=True).click()
    await expect(page.get_by_text("h1 is draining.")).to_be_visible()
    assert (await desk.site.api("GET", "hosts"))["items"][0]["draining"] is True
    await page.keyboard.press("z")
    await expect(page.get_by_text("Undone.")).to_be_visible()
    assert (await desk.site.api("GET", "hosts"))["items"][0]["draining"] is False


async def test_a_host_group_is_made_of_hosts_and_says_when_nothing_can_run_there(desk: Desk) -> None:
    await publish(desk.site, "Renderer", host_groups=["gpu"])
    page = await desk.open("hostgroups/gpu")
    await expect(page.get_by_text("they cannot start")).to_be_visible()
    await page.get_by_label("Hosts", exact=True).fill("h1")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("The groups of h1 are set.")).to_be_visible()
    assert (await desk.site.api("GET", "hosts"))["items"][0]["groups"] == ["gpu"]


async def test_joining_a_host_shows_what_to_type_there(desk: Desk) -> None:
    page = await desk.open("hosts/+")
    await page.get_by_label("Name").fill("Bad name!")
    await page.get_by_role("button", name="Make a join token").click()
    await expect(page.locator(".field-error")).to_be_visible()
    await page.get_by_label("Name").fill("h7")
    await page.get_by_role("button", name="Make a join token").click()
    command = page.get_by_label("Command")
    await expect(command).to_contain_text(
        re.compile(r"JOIN_TOKEN=join_\w+ deploy/host.sh --broker \S+ --name h7")
    )
    await expect(page.get_by_label("To type on Windows")).to_contain_text(
        re.compile(r"install\.ps1 -Source portcullis-agent\.msi -Broker \S+ -Name h7")
    )
    await expect(page.get_by_label("To type on Windows")).not_to_contain_text("join_")


async def test_no_name_is_ever_markup(desk: Desk) -> None:
    name = quote(HOSTILE, safe="")
    await desk.site.api("POST", "users", {"name": HOSTILE, "groups": [HOSTILE]})
    entitled = {"users": [HOSTILE], "groups": [HOSTILE]}
    await publish(desk.site, HOSTILE, entitled=entitled, environment={"A": HOSTILE}, host_groups=[HOSTILE])
    await desk.site.api("PUT", "hosts/h1", {"groups": [HOSTILE]})
    page = await desk.open("overview")
    for place in ("overview", "applications", f"applications/{name}", f"applications/%2B{name}", "users"):
        await assert_harmless(page, place)
    for place in ("hosts/h1", "hostgroups", f"hostgroups/{name}", f"{name}/{name}?search=x", f"users/{name}"):
        await assert_harmless(page, place)
    await page.get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("dialog")).to_contain_text(f"Delete {HOSTILE}?")
    await page.get_by_role("dialog").get_by_role("textbox").fill(HOSTILE)
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text(f"{HOSTILE} is deleted.")).to_be_visible()


async def assert_harmless(page: Page, place: str) -> None:
    await page.evaluate("(place) => (location.hash = `#/${place}`)", place)
    await expect(page.locator("main :is(a, [role=grid])").first).to_be_visible()
    await expect(page.locator("[aria-busy=true], .loading")).to_have_count(0)
    assert await page.locator("img[src='x']").count() == 0


async def test_users_are_filtered_by_the_groups_that_there_are(desk: Desk) -> None:
    await desk.site.api("POST", "users", {"name": "grouped", "groups": ["painters"]})
    page = await desk.list("users")
    await page.get_by_label("Group", exact=True).select_option("painters")
    await expect(page.get_by_text("1 row", exact=True)).to_be_visible()
    assert await row_names(page) == ["grouped"]


async def test_a_panic_takes_the_name_of_the_site_typed_out(desk: Desk) -> None:
    """What it does is tried where brokers are; here the broker never hears of it, for others are signed in."""
    asked: list[Any] = []

    async def hear(route: Route) -> None:
        asked.append(route.request.post_data_json)
        await route.fulfill(json={"merged": True, "epoch": 2})

    page = await desk.open("")
    await page.route("**/api/v1/admin/panic", hear)
    await page.get_by_text("Emergency", exact=True).click()
    await page.get_by_role("button", name="Void all logins", exact=True).click()
    dialog = page.get_by_role("dialog")
    act = dialog.get_by_role("button", name="Void all logins", exact=True)
    await expect(act).to_be_disabled()
    await dialog.get_by_label("Type the name of the site, lab").fill("lap")
    await expect(act).to_be_disabled()
    await page.screenshot(path=OUTPUT / "console-panic.png")
    await dialog.get_by_role("button", name="Cancel").click()
    assert asked == []
    await page.get_by_role("button", name="Void all logins and API tokens").click()
    await dialog.get_by_label("Type the name of the site, lab").fill("lab")
    async with page.expect_response("**/api/v1/admin/panic"):
        await page.keyboard.press("Enter")
    await expect(dialog).to_have_count(0)
    assert asked == [{"confirm": "lab", "api_tokens": True}]

"""The console's screens about who may what, before a whole broker: hostile names everywhere, axe-core, by keys alone.

Pictures: tests/output/console-*.png.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.support.console_desk import HOSTILE, Desk, bring_up, new_desk, seed
from tests.support.console_site import ConsoleSite, console_site
from tests.support.looks import ON_PHONES, PHONE, RULES, look, nothing_is_beyond_the_edge
from tests.support.pages import be_patient

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def seeded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[ConsoleSite, str]]:
    async with console_site(tmp_path_factory.mktemp("console")) as site:
        yield site, await seed(site)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(chromium: Browser, seeded: tuple[ConsoleSite, str], axe: Path) -> AsyncIterator[Desk]:
    desk = await new_desk(chromium, seeded, axe, viewport={"width": 1280, "height": 800})
    yield desk
    await desk.context.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def dark_phone(chromium: Browser, seeded: tuple[ConsoleSite, str], axe: Path) -> AsyncIterator[Desk]:
    desk = await new_desk(chromium, seeded, axe, viewport=PHONE, color_scheme="dark")
    yield desk
    await desk.context.close()


# --- every screen


NAME = quote(HOSTILE, safe="")
SCREENS = {
    "simulation": (f"simulation?user={NAME}&application={NAME}", "could not start"),
    "launches": ("launches", "not_entitled"),
    "launch": ("launches/REFERENCE", "If it were tried now"),
    "entitlements-application": (f"entitlements/application%2F{NAME}", "by name"),
    "entitlements-user": (f"entitlements/user%2F{NAME}", "by name"),
    "group": (f"groups/{NAME}", "Whoever is in one of them"),
    "policy": (f"policies/group%2F{NAME}", "has no effect here"),
    "policy-hours": (f"policies/user%2F{NAME}", "Add hours"),
    "effective": (f"effective?user={NAME}", "without effect"),
    "role": (f"roles/{NAME}", "See the applications"),
    "token-new": ("tokens/%2B", "Days until it expires"),
    "tokens": ("tokens", "made by init"),
    "whatif": ("whatif", "See what a change would do"),
    "probe": (f"probes/{NAME}", "Did not pass"),
    "probe-new": ("probes/%2B", "acts as a user of its own"),
    "probe-account": ("probes/%2F%2B", "only the brokers know"),
    "history": ("history", "idle_minutes"),
    "rollback": ("history/12", "objects change"),
    "audit": ("audit", "not_entitled"),
    "tenant": ("tenant", "Launches a second"),
    "tenants": ("tenants/globex", "Sign-ins a second"),
}


@pytest.mark.parametrize("name", SCREENS)
async def test_axe_finds_nothing_and_no_name_is_markup(desk: Desk, dark_phone: Desk, name: str) -> None:
    address, text = SCREENS[name]
    for each, rules in ((desk, RULES), (dark_phone, ON_PHONES)):
        page = await each.page_at(address.replace("REFERENCE", each.reference))
        await expect(page.get_by_text(re.compile(text)).first).to_be_visible()
        await look(page, f"console-{name}-{'phone' if each is dark_phone else 'desk'}", rules)
        await nothing_is_beyond_the_edge(page)
        assert await page.locator("img[src=x]").count() == 0
        assert each.complaints == []


# --- simulation and launches


async def test_a_simulation_is_asked_read_and_copied_by_keys_alone(desk: Desk) -> None:
    await bring_up(desk.site)
    page = await desk.page_at("simulation")
    await page.get_by_label("User", exact=True).fill("ann")
    await page.get_by_label("Application", exact=True).fill("Editor")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").filter(has_text="ann could start Editor")).to_be_visible()
    assert "user=ann" in page.url
    await look(page, "console-simulation-starts-desk")
    steps = page.locator(".walk-steps > li")
    assert await steps.first.get_attribute("data-step") == "user"
    await page.locator(".walk-steps summary").first.focus()
    for _ in range(await steps.count()):
        await page.keyboard.press("ArrowDown")
        if await page.evaluate("document.activeElement.parentElement.parentElement.dataset.step") == "hosts":
            break
    await page.keyboard.press("Enter")
    hosts = page.locator(".walk-hosts > li")
    await expect(hosts.first).to_have_class("chosen")
    await expect(hosts.nth(5)).to_contain_text("host_")
    await page.get_by_role("button", name="more", exact=False).last.click()
    await expect(hosts).to_have_count(len((await desk.site.api("GET", "hosts"))["items"]))
    await page.get_by_role("button", name="Copy as text").click()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("ann could start Editor\n")
    assert "\n+ Entitlement: " in copied


async def test_a_refusal_opens_the_step_that_decided_and_leads_to_what_decided(desk: Desk) -> None:
    page = await desk.page_at("simulation?user=admin&application=Editor")
    step = page.locator(".walk-steps > li.failed")
    await expect(step.locator("details")).to_have_attribute("open", "")
    await expect(step).to_contain_text("not_entitled")
    await page.locator(".walk-verdict").get_by_role("link", name="application Editor").click()
    await expect(page.get_by_role("heading", name="Who can start Editor")).to_be_visible()


async def test_a_simulation_of_nobody_says_so_and_keeps_the_form(desk: Desk) -> None:
    page = await desk.page_at("simulation?user=nobody&application=Editor")
    await expect(
        page.get_by_text(re.compile("no such user|does not exist|nobody could not"))
    ).not_to_have_count(0)
    await expect(page.get_by_label("User", exact=True)).to_have_value("nobody")


async def test_the_steps_play_in_order_and_can_be_skipped(
    chromium: Browser, seeded: tuple[ConsoleSite, str], axe: Path
) -> None:
    moving = await new_desk(chromium, seeded, axe, reduced_motion="no-preference")
    page = await moving.open("simulation?user=admin&application=Editor")
    await expect(page.locator(".walk-steps > li.now")).to_have_count(1)
    await expect(page.locator(".walk-verdict")).to_be_empty()
    await page.get_by_role("button", name="Skip").click()
    await expect(page.locator(".walk-steps > li:is(.now, .later)")).to_have_count(0)
    await expect(page.locator(".walk-verdict")).to_contain_text("could not start")
    await expect(page.get_by_role("button", name="Play again")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(".walkthrough.playing")).to_have_count(1)
    await expect(page.locator(".walkthrough.playing")).to_have_count(0)
    await moving.context.close()


async def test_a_reference_opens_how_it_was_and_what_changed_since(desk: Desk) -> None:
    await desk.site.api("PUT", "policies/tenant/-", {"values": {"clipboard": "none"}, "locked": []})
    page = await desk.page_at("launches")
    await page.get_by_placeholder("Reference").fill(desk.reference)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name=f"Launch {desk.reference}")).to_be_focused()
    await expect(page.locator(".walkthrough")).to_have_count(2)
    await expect(page.get_by_role("heading", name="What has changed since")).to_be_visible()


# --- entitlements, policies


async def test_an_entitlement_is_given_seen_and_taken_back(desk: Desk) -> None:
    page = await desk.page_at("entitlements/application%2FEditor")
    await expect(page.get_by_role("row", name="ann")).to_be_visible()
    await page.get_by_label("Groups").fill("staff")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="What if?").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("heading", name="1 gains access")).to_be_visible()
    await look(page, "console-whatif-dialog-desk")
    await dialog.get_by_role("button", name="Close").click()
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".grid-body .grid-row")).to_have_count(2)
    await expect(page.get_by_role("row").filter(has_text=HOSTILE)).to_contain_text("staff")
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator(".grid-body .grid-row")).to_have_count(1)
    applications = (await desk.site.api("GET", "applications?name=Editor"))["items"]
    assert applications[0]["entitled"] == {"users": ["ann"], "groups": []}


async def test_a_policy_is_set_with_its_errors_at_their_fields(desk: Desk) -> None:
    page = await desk.page_at("policies/user%2Fann")
    hours = page.get_by_role("group", name="Hours").first
    await hours.get_by_label("Set here").check()
    await hours.get_by_role("button", name="Add hours").click()
    await hours.get_by_label("To").fill("25:99")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("Hours: expected a time")
    await expect(hours.locator(".field-error")).to_contain_text("a time")
    await hours.get_by_label("To").fill("24:00")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".toast").last).to_contain_text("policy is saved")
    policy = (await desk.site.api("GET", "policies/user/ann"))["policy"]
    window = {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "24:00"}
    assert policy["values"] == {"hours": [window]}


async def test_a_policy_that_was_changed_meanwhile_is_not_written_over(desk: Desk) -> None:
    page = await desk.page_at("policies/group%2Fstaff")
    idle = page.get_by_role("group", name="Log off when idle")
    await idle.get_by_label("Set here").check()
    await idle.get_by_role("spinbutton").fill("5")
    await desk.site.api("PUT", "policies/group/staff", {"values": {"sessions": 3}})
    await page.get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("changed meanwhile")
    await dialog.get_by_role("button", name="Save this").click()
    await expect(page.locator(".toast").last).to_contain_text("policy is saved")
    policy = (await desk.site.api("GET", "policies/group/staff"))["policy"]
    assert policy["values"] == {"idle_minutes": 5, "sessions": 3}


async def test_what_counts_is_told_with_where_it_is_from(desk: Desk) -> None:
    page = await desk.page_at("effective?user=ann")
    row = page.get_by_role("row").filter(has_text="Log off when idle")
    await row.get_by_role("link", name="group staff").click()
    await expect(page.get_by_role("heading", name="Policy of the group staff")).to_be_visible()


# --- tokens, history, what if, audit


async def test_the_text_of_a_token_is_shown_once(desk: Desk) -> None:
    page = await desk.page_at("tokens/%2B")
    await page.get_by_label("Note").fill("Backup")
    await page.get_by_label("It may do").select_option("some")
    await page.get_by_label("audit.read").check()
    await page.get_by_role("button", name="Create").click()
    secret = await page.locator(".secret").text_content()
    assert secret is not None and secret.startswith("api_")
    await page.get_by_role("button", name="Done").click()
    await expect(page.get_by_role("row").filter(has_text="Backup")).to_contain_text("1 permission")
    assert secret not in await page.content()


async def test_a_user_for_probes_is_made_and_then_a_probe_that_acts_as_it(desk: Desk) -> None:
    page = await desk.page_at("probes/%2B")
    await page.get_by_role("complementary").get_by_role("link", name="New account for probes").click()
    name = page.get_by_label("Name", exact=True)
    await name.fill("ann")
    await page.get_by_role("button", name="Make it").click()
    await expect(page.get_by_role("alert").filter(has_text="There is a user of this name")).to_be_visible()
    await name.fill("watchman")
    await page.get_by_label("Groups").fill("staff")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Make it").click()
    await expect(page.get_by_label("As the user")).to_have_value("watchman")
    (made,) = (await desk.site.api("GET", "users?search=watchman"))["items"]
    assert made["groups"] == ["staff"]
    await page.get_by_label("Application", exact=True).fill("Editor")
    await page.get_by_role("button", name="Create", exact=True).click()
    await expect(page.get_by_text("The probe of Editor is saved.")).to_be_visible()
    items = (await desk.site.api("GET", "probes"))["items"]
    assert [each["user"] for each in items if each["application"] == "Editor"] == ["watchman"]
    await desk.site.api("DELETE", "probes/Editor")
    await desk.site.api("DELETE", "users/watchman")


async def test_an_application_whose_name_begins_with_the_sign_of_a_new_one_has_its_own_probe(
    desk: Desk,
) -> None:
    page = await desk.page_at("probes/%2Bann")
    await expect(page.get_by_role("complementary").get_by_role("heading", name="+ann")).to_be_visible()
    await expect(page.get_by_label("As the user")).to_have_count(0)


async def test_a_rollback_is_looked_at_before_it_is_done(desk: Desk) -> None:
    await desk.site.api("PUT", "groups/temporary", {"description": "soon gone"})
    page = await desk.page_at("history?kind=group&name=temporary")
    await page.get_by_role("link", name="Roll back").first.click()
    await expect(page.get_by_role("heading", name="1 object changes")).to_be_visible()
    await expect(page.locator(".change-list")).to_contain_text("temporary")
    await page.get_by_label("Reason").fill("a mistake")
    await page.get_by_role("button", name="Roll back").click()
    await page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    await expect(page.get_by_role("table").get_by_text("a mistake")).to_be_visible()
    names = [each["name"] for each in (await desk.site.api("GET", "groups"))["items"]]
    assert "temporary" not in names


async def test_a_change_is_replayed_before_it_is_made_and_then_applied(desk: Desk) -> None:
    page = await desk.page_at("whatif")
    await page.get_by_label("Name").fill("Editor")
    await page.get_by_role("button", name="Fetch").click()
    text = page.get_by_label("Documents", exact=True)
    await expect(text).to_have_value(re.compile("mousepad"))
    document = json.loads(await text.input_value())
    document["entitled"] = {"users": ["admin"], "groups": []}
    await text.fill(json.dumps(document))
    await page.get_by_role("button", name="What if?").click()
    await expect(page.get_by_role("heading", name="1 loses access")).to_be_visible()
    await expect(page.locator(".access.lost")).to_contain_text("Editor: ann")
    await look(page, "console-whatif-answer-desk")
    await page.get_by_role("button", name="Apply").click()
    await expect(page.locator(".toast").last).to_contain_text("1 object is changed")
    await text.fill("kind: group\nname: staff\ndescription: [1]\n")
    await page.get_by_role("button", name="What if?").click()
    await page.get_by_role("button", name=re.compile("Line 3: .*description")).click()
    assert await text.evaluate("area => area.value.slice(0, area.selectionStart).split('\\n').length") == 3


async def test_the_audit_is_searched_followed_and_saved(desk: Desk) -> None:
    page = await desk.page_at("audit?type=launch_refused")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.get_by_role("button", name="Clear").click()
    await page.get_by_role("button", name="Follow").click()
    await desk.site.api("PUT", "groups/followed", {"description": "now"})
    await expect(page.locator("tbody tr.fresh").filter(has_text="followed")).to_be_visible()
    await page.get_by_label("Of", exact=True).select_option("site")
    await expect(page.locator("tbody tr").filter(has_text="followed")).to_have_count(0)
    assert any(each.startswith("GET /api/v1/platform/audit") for each in desk.site.requests)
    await page.get_by_label("Of", exact=True).select_option("")
    await expect(page.locator("tbody tr").filter(has_text="followed")).to_have_count(1)
    async with page.expect_download() as download:
        await page.get_by_role("button", name="CSV").click()
    content = Path(await (await download.value).path()).read_text()
    assert "followed" in content
    assert content.count("\n") > 10


# --- organisations


async def test_an_organisation_is_entered_for_a_reason_and_left(desk: Desk) -> None:
    page = await desk.open("tenants/globex")
    await page.get_by_role("button", name="Enter", exact=True).click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Reason").fill("ticket 4711")
    await dialog.get_by_role("button", name="Enter").click()
    banner = page.get_by_role("complementary", name="Entered organisation")
    await expect(banner).to_contain_text("You act in globex")
    await page.goto(page.url.partition("#")[0] + "#/users")
    await expect(page.get_by_role("row").filter(has_text="gina")).to_be_visible()
    await expect(page.get_by_role("row").filter(has_text="ann")).to_have_count(0)
    await page.goto(page.url.partition("#")[0] + "#/groups/%2B")
    await page.get_by_label("Name").fill("theirs")
    await page.get_by_role("button", name="Create").click()
    await expect(page.get_by_role("row").filter(has_text="theirs")).to_be_visible()
    await look(page, "console-entered-desk")
    await banner.get_by_role("button", name="Leave").click()
    await expect(page.get_by_role("row").filter(has_text="globex")).to_be_visible()
    await expect(banner).to_have_count(0)
    names = [each["name"] for each in (await desk.site.api("GET", "groups"))["items"]]
    assert "theirs" not in names
    await page.close()


async def test_a_host_is_given_to_an_organisation(desk: Desk) -> None:
    page = await desk.page_at("tenants/globex")
    await page.get_by_text("Change its hosts").click()
    form = page.locator(".tenant-hosts")
    await form.get_by_label("Hosts").fill("h99")
    await form.get_by_role("button", name="Save hosts").click()
    await expect(form.get_by_role("alert")).to_contain_text("no host h99")
    await form.get_by_label("Hosts").fill("h13")
    await form.get_by_role("button", name="Save hosts").click()
    await expect(page.locator(".facts").get_by_text("h13")).to_be_visible()
    items = (await desk.site.api("GET", "../platform/hosts"))["items"]
    assert [each["tenants"] for each in items if each["name"] == "h13"] == [["acme", "globex"]]


# --- roles


async def test_help_desks_see_what_they_may_and_change_nothing(desk: Desk, chromium: Browser) -> None:
    await desk.site.api("POST", "users", {"name": "helen", "role": "help_desk"})
    parts, tenant = desk.site.broker.parts, desk.site.broker.tenant
    (helen,) = [user for user in parts.identity.users.list(tenant) if user.name == "helen"]
    enrolled = replace(helen, password_hash="a hash", totp_secret="A" * 32)
    await parts.snapshot.until(await parts.identity.users.replace(tenant, enrolled, "test"))
    context = await chromium.new_context(locale="en-US")
    be_patient(context)
    await desk.site.let_in(context, "helen")
    page = await context.new_page()
    await page.goto(f"{desk.site.url}/admin.html#/policies/tenant%2F-")
    await expect(page.locator(".panel-body dt").filter(has_text="Clipboard")).to_be_visible()
    await expect(page.get_by_role("button", name="Save")).to_have_count(0)
    menu = page.get_by_role("navigation")
    await expect(menu.get_by_role("link", name="Simulation")).to_be_visible()
    for hidden in ("Audit", "History", "Roles", "API tokens", "What if", "Organisations"):
        await expect(menu.get_by_role("link", name=hidden, exact=True)).to_have_count(0)
    await context.close()


async def test_no_page_complained_of_anything(desk: Desk, dark_phone: Desk) -> None:
    assert desk.complaints + dark_phone.complaints == []

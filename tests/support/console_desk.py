"""An administrator's browser at the console, what its pages complained of, and a site whose every name is hostile."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from broker.probes.result import Result
from portcullis.ids import new_id
from portcullis.model.host import Gateway, Host
from tests.support.console_site import ConsoleSite, NotDone
from tests.support.pages import be_patient

HOSTILE = '"><img src=x onerror=boom()>'
"""A user, an application, a group, a role, a note: whatever has a name."""
DISPLAY = {
    "width": 800,
    "height": 600,
    "device_pixel_ratio": 1,
    "locale": "en",
    "layout": "us",
    "time_zone": "UTC",
}
EXPECTED = re.compile(r"the server responded with a status of (4|5)\d\d")
"""What the browser says of every refusal."""
REPORT_VIOLATIONS = """
addEventListener('securitypolicyviolation', (event) =>
    console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


class Desk:
    """The administrator's browser, and what its pages complained of."""

    def __init__(self, site: ConsoleSite, context: BrowserContext, reference: str = "") -> None:
        """`reference`: of a launch that was refused."""
        self.site = site
        self.context = context
        self.reference = reference
        self.complaints: list[str] = []
        self._page: Page | None = None

    async def page_at(self, address: str) -> Page:
        """In the one page that goes from screen to screen, as people do."""
        if self._page is None:
            self._page = await self.open(address)
        else:
            await self._page.evaluate("(address) => (location.hash = `#/${address}`)", address)
        return self._page

    async def open(self, address: str) -> Page:
        page = await self.context.new_page()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        await page.goto(f"{self.site.url}/admin.html#/{address}")
        return page

    async def list(self, screen: str) -> Page:
        """Its rows are there."""
        page = await self.open(screen)
        await expect(page.get_by_role("grid")).to_have_attribute("aria-busy", "false")
        return page

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not EXPECTED.search(message.text):
            self.complaints.append(f"{message.type}: {message.text}")


async def row_names(page: Page) -> list[str]:
    """The first cells of the rows, in order."""
    return await page.locator(".grid-body .grid-cell[data-cell='0'] bdi").all_inner_texts()


async def seed(site: ConsoleSite) -> str:
    """Answers with the reference of a launch that was refused."""
    name = quote(HOSTILE, safe="")
    await site.api("POST", "users", {"name": HOSTILE, "groups": [HOSTILE, "staff"]})
    await site.api("POST", "users", {"name": "ann", "groups": ["staff"]})
    await site.api("PUT", f"groups/{name}", {"description": HOSTILE, "members": {"groups": ["staff"]}})
    command = ["mousepad", HOSTILE]
    entitled = {"users": [HOSTILE], "groups": [HOSTILE]}
    await site.api("PUT", f"applications/{name}", {"command": command, "entitled": entitled})
    await site.api(
        "PUT", "applications/Editor", {"command": ["mousepad"], "entitled": {"users": ["ann"], "groups": []}}
    )
    await site.api(
        "PUT", "policies/tenant/-", {"values": {"clipboard": "to_application"}, "locked": ["clipboard"]}
    )
    hours = [{"days": ["mon", "tue", "wed", "sat"], "from": "00:00", "to": "24:00"}]
    await site.api("PUT", f"policies/group/{name}", {"values": {"clipboard": "both", "idle_minutes": 30}})
    await site.api("PUT", f"policies/user/{name}", {"values": {"hours": hours}})
    await site.api("PUT", f"roles/{name}", {"permissions": ["applications.read", "simulate"]})
    await site.api(
        "POST", "tokens", {"note": HOSTILE, "permissions": ["audit.read"], "networks": ["192.0.2.0/24"]}
    )
    await site.api("PUT", f"probes/{name}", {"user": HOSTILE, "every_seconds": 86400})
    await fail_probe(site)
    tenant = {"title": HOSTILE, "administrator": "gina", "quotas": {"sessions": 50}}
    await site.api("PUT", "../platform/tenants/globex", tenant)
    await put_hosts(site)
    applications = (await site.api("GET", "applications"))["items"]
    wanted = next(each["id"] for each in applications if each["name"] == HOSTILE)
    with pytest.raises(NotDone) as refused:
        await site.api("POST", "../sessions", {"application": wanted, "display": DISPLAY})
    return str(json.loads(refused.value.args[3])["error"]["reference"])


async def fail_probe(site: ConsoleSite) -> None:
    """As the prober keeps it."""
    parts = site.broker.parts
    (probe,) = parts.probes.list(site.broker.tenant)
    stages, code = {"sign_in": 41.0, "launch": 63.0}, "window_timeout"
    failed = Result("failed", time.time(), stages, code, HOSTILE, "k7h3m2pa", "h1", "ready", failures=3)
    store = await parts.stores.tenant(site.broker.tenant)
    await parts.stores.commit(store.put(("probing", probe.application_id), {"result": failed.to_json()}))


async def put_hosts(site: ConsoleSite) -> None:
    parts = site.broker.parts
    gateway = Gateway(new_id(), "front", "127.0.0.1:9", site.url)
    await parts.stores.commit(parts.stores.site.put(("gateway", gateway.id), gateway.to_json()))
    for number in range(14):
        host = Host(new_id(), f"h{number}", 4, frozenset({site.broker.tenant}), draining=number % 5 == 4)
        await parts.stores.commit(parts.stores.site.put(("host", host.id), host.to_json()))


async def new_desk(chromium: Browser, seeded: tuple[ConsoleSite, str], axe: Path, **options: Any) -> Desk:
    site, reference = seeded
    context = await chromium.new_context(**{"locale": "en-US", "reduced_motion": "reduce", **options})
    be_patient(context)
    await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url)
    await context.add_init_script(REPORT_VIOLATIONS)
    await context.add_init_script(path=axe)
    await site.let_in(context)
    return Desk(site, context, reference)


async def bring_up(site: ConsoleSite, hosts: int = 3) -> None:
    """These hosts answer for as long as their leases last, and a gateway lets people in."""
    parts = site.broker.parts
    for host in sorted(parts.hosts.list(), key=lambda each: int(each.name[1:]))[:hosts]:
        await parts.hosts.announce(host.id, "0" * 16, "b" * 16, "1")
    (gateway,) = [each for each in parts.gateways.list() if each.name == "front"]
    await parts.gateways.mark_live(gateway.id)
    await site.api("GET", "hosts")

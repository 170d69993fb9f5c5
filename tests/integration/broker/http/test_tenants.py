"""Tenants as the platform sees them: made, reached, limited, suspended, entered, deleted."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broker.grid import keys
from broker.launch.launch import LaunchRequest
from portcullis.errors import Refused
from portcullis.ids import new_id
from portcullis.model.host import Host
from portcullis.model.session import Display
from portcullis.model.user import User
from tests.support.api_site import Account, ApiSite, api_site, signed_in
from tests.support.browser import Answer, ApiBrowser

PATH = "/api/v1/platform/tenants"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>'
LOGO = {"content_type": "image/svg+xml", "data": base64.b64encode(SVG).decode()}


@asynccontextmanager
async def platform(site: ApiSite) -> AsyncIterator[ApiBrowser]:
    """Acme's root, who is a platform administrator."""
    await site.put_user(site.acme.root, replace(site.acme.root.user, platform=True))
    async with signed_in(site, site.acme.root) as browser:
        yield browser


async def _put(browser: ApiBrowser, name: str, **fields: Any) -> Answer:
    return await browser.change("PUT", f"{PATH}/{name}", fields)


async def _sign_in(site: ApiSite, account: Account, origin: str | None = None, **more: Any) -> Answer:
    async with site.browser() as browser:
        browser.origin = origin or browser.origin
        site.clock.wall += 30
        return await browser.sign_in(
            account.user.name, account.password, totp_secret=account.totp_secret, **more
        )


async def test_a_tenant_is_made_with_its_administrator_and_found_whatever_the_case(site: ApiSite) -> None:
    async with platform(site) as root:
        made = await _put(root, "Initech", title="Initech Ltd", administrator="bill")
        again = await _put(root, "INITECH", title="Initech Ltd", administrator="bill")
        listed = (await root.get(PATH)).json["items"]
        one = (await root.get(f"{PATH}/initech")).json
    assert made.status == 201 and made.json["enrolment"]["link"].startswith("https://portal.example/#/enrol/")
    assert (again.json["outcome"], "enrolment" in again.json) == ("unchanged", False)
    assert [each["name"] for each in listed] == ["acme", "globex", "Initech"]
    assert (one["title"], one["users"], one["sessions"], one["hosts"]) == ("Initech Ltd", 1, 0, [])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "administrator"),
        ({"administrator": "a/b"}, "name"),
        ({"administrator": "bill", "host_names": ["10.0.0.1"]}, "host_names[0]"),
        ({"administrator": "bill", "host_names": ["portal.example"]}, "host_names[0]"),
        ({"administrator": "bill", "theme": {"accent": "red"}}, "theme.accent"),
        (
            {"administrator": "bill", "theme": {"logo": {"content_type": "image/png", "data": "AA=="}}},
            "theme.logo.data",
        ),
        ({"administrator": "bill", "quotas": {"sessions": -1}}, "quotas.sessions"),
        ({"administrator": "bill", "quotas": {"sessions": True}}, "quotas.sessions"),
        ({"administrator": "bill", "quotas": {"users": 1}}, "quotas.users"),
        ({"administrator": "bill", "suspended": True}, "suspended"),
        ({"administrator": "bill", "title": "a\u202eb"}, "title"),
    ],
)
async def test_a_tenant_is_refused_by_the_field_that_is_wrong(site: ApiSite, fields: Any, field: str) -> None:
    async with platform(site) as root:
        refused = await _put(root, "initech", **fields)
        assert refused.status == 422 and refused.json["error"]["field"] == field
        assert (await root.get(f"{PATH}/initech")).code == "not_found"


async def test_a_host_name_belongs_to_one_tenant_and_is_free_when_that_lets_it_go(site: ApiSite) -> None:
    async with platform(site) as root:
        assert (await _put(root, "globex", host_names=["Apps.Globex.example"])).status == 200
        taken = await _put(root, "initech", administrator="bill", host_names=["apps.globex.example"])
        assert taken.status == 422 and taken.json["error"]["field"] == "host_names[0]"
        assert (await _put(root, "globex", host_names=[])).status == 200
        free = await _put(root, "initech", administrator="bill", host_names=["apps.globex.example"])
    assert free.json["tenant"]["host_names"] == ["apps.globex.example"]


async def test_a_host_name_chooses_its_tenant_and_shows_its_theme_to_strangers(site: ApiSite) -> None:
    origin = "https://apps.globex.example"
    async with platform(site) as root:
        theme = {"accent": "#0A7F3F", "logo": LOGO}
        await _put(root, "globex", title="Globex", host_names=["apps.globex.example"], theme=theme)
    async with site.browser() as stranger:
        stranger.origin = origin
        seen = (await stranger.get("/api/v1/login")).json
        logo = await stranger.get(seen["theme"]["logo"])
        stranger.origin = "https://portal.example"
        elsewhere = await stranger.get(seen["theme"]["logo"])
        plain = (await stranger.get("/api/v1/login")).json
    assert seen["organisations"] == [] and (seen["theme"]["title"], seen["theme"]["accent"]) == (
        "Globex",
        "#0a7f3f",
    )
    assert logo.body == SVG and "sandbox" in logo.headers["Content-Security-Policy"]
    assert elsewhere.code == "not_found" and plain["theme"] is None
    assert (await _sign_in(site, site.globex.ann, origin)).json["theme"]["title"] == "Globex"


async def test_whoever_is_invited_meets_the_look_of_their_tenant(site: ApiSite) -> None:
    """The logo only under its own host name: elsewhere strangers cannot fetch it."""
    async with platform(site) as root:
        theme = {"accent": "#0a7f3f", "logo": LOGO}
        fields = {
            "title": "Initech",
            "host_names": ["initech.example"],
            "theme": theme,
            "administrator": "bill",
        }
        link = (await _put(root, "initech", **fields)).json["enrolment"]["link"]
    origin, _, token = link.partition("/#/enrol/")
    async with site.browser() as browser:
        browser.origin = origin
        own = (await browser.change("POST", "/api/v1/enrolment", {"token": token})).json["theme"]
        browser.origin = "https://portal.example"
        elsewhere = (await browser.change("POST", "/api/v1/enrolment", {"token": token})).json["theme"]
    assert origin == "https://initech.example"
    assert (own["title"], own["accent"], bool(own["logo"])) == ("Initech", "#0a7f3f", True)
    assert elsewhere == {**own, "logo": None}


async def test_at_a_tenants_own_name_nobody_else_signs_in(site: ApiSite) -> None:
    origin = "https://apps.globex.example"
    async with platform(site) as root:
        await _put(root, "globex", host_names=["apps.globex.example"])
    assert (await _sign_in(site, site.acme.ann, origin)).code == "sign_in_refused"
    assert (await _sign_in(site, site.acme.ann, origin, organisation="acme")).code == "sign_in_refused"
    assert (await _sign_in(site, site.globex.ann, origin, organisation="GLOBEX")).status == 200


async def test_a_suspended_tenant_is_shut_at_once_and_its_sessions_are_logged_off(site: ApiSite) -> None:
    session = await site.launch(site.globex)
    async with signed_in(site, site.globex.ann) as ann, platform(site) as root:
        suspended = await root.change("POST", f"{PATH}/globex/suspend", {})
        assert suspended.json["tenant"]["suspended"] is True
        assert (await ann.get("/api/v1/catalogue")).code == "signed_out"
        ending = site.services.sessions.get(session.tenant_id, session.id)
        assert ending is not None and (ending.state, ending.end_code) == ("ending", "tenant_suspended")
        assert (await _sign_in(site, site.globex.ann, organisation="globex")).code == "tenant_suspended"
        wrong = replace(site.globex.ann, password="wrong")
        assert (await _sign_in(site, wrong, organisation="globex")).code == "sign_in_refused"
        bearer = {"Authorization": f"Bearer {site.globex.root.api_token}"}
        assert (await ann.get("/api/v1/admin/users", bearer)).code == "tenant_suspended"
        with pytest.raises(Refused) as refused:
            await site.launch(site.globex)
        assert refused.value.code == "tenant_suspended"
        assert (await root.change("POST", f"{PATH}/globex/resume", {})).json["tenant"]["suspended"] is False
    assert (await _sign_in(site, site.globex.ann, organisation="globex")).status == 200


async def test_nobody_shuts_or_deletes_the_tenant_that_they_belong_to(site: ApiSite) -> None:
    async with platform(site) as root:
        assert (await root.change("POST", f"{PATH}/acme/suspend", {})).code == "own_tenant"
        assert (await root.change("DELETE", f"{PATH}/acme", {"confirm": "acme"})).code == "own_tenant"
        assert (
            await root.change("POST", f"{PATH}/acme/entry", {"reason": "x", "minutes": 1})
        ).code == "own_tenant"


async def test_a_quota_of_sessions_counts_those_of_all_users(site: ApiSite) -> None:
    async with platform(site) as root:
        await _put(root, "globex", quotas={"sessions": 1})
        first = await site.launch(site.globex)
        with pytest.raises(Refused) as refused:
            await _launch_other(site)
        assert refused.value.code == "quota_tenant_sessions" and refused.value.data["reference"]
        await site.services.lifecycle.log_off(first.tenant_id, first.id)
        await _launch_other(site)
        assert (await _put(root, "globex", quotas={"sessions": None})).json["tenant"]["quotas"][
            "sessions"
        ] is None


async def _launch_other(site: ApiSite) -> None:
    """The editor of globex, by its root."""
    tenant = site.globex
    root = replace(tenant.root.user, groups=frozenset({"staff"}))
    if site.services.identity.users.get(tenant.tenant.id, root.id) != root:
        await site.put_user(tenant.root, root)
    await site.launch(replace(tenant, ann=replace(tenant.root, user=root)), ready=False)


async def test_launches_at_one_moment_do_not_exceed_the_quota(site: ApiSite) -> None:
    tenant = site.globex
    await site.services.hosts.change(tenant.host.id, lambda known: replace(known, slots=16), "test")
    async with platform(site) as root:
        await _put(root, "globex", quotas={"sessions": 3})
    requests = []
    for number in range(8):
        user = User(new_id(), f"user {number}", groups=frozenset({"staff"}))
        revision = await site.services.identity.users.create(tenant.tenant.id, user, "test")
        await site.services.snapshot.until(revision)
        requests.append(LaunchRequest(tenant.tenant.id, user.id, tenant.editor.id, Display()))
    launches = (site.services.launcher.launch(request) for request in requests)
    answers = await asyncio.gather(*launches, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert len(answers) - len(refused) == 3
    assert {answer.code for answer in refused if isinstance(answer, Refused)} == {"quota_tenant_sessions"}


async def test_two_brokers_may_delete_a_tenant_at_once(two_brokers: ApiSite) -> None:
    site, tenant_id = two_brokers, two_brokers.globex.tenant.id
    session = await site.launch(site.globex)
    await site.services.tenants.records.leave(tenant_id, "test")
    keepers = [broker.services.tenants for broker in site.brokers]
    for broker in site.brokers:
        await broker.snapshot.until(site.services.snapshot.revision)
    for _ in range(3):
        await asyncio.gather(*(keeper.settle(tenant_id) for keeper in keepers))
        for broker in site.brokers:
            await broker.snapshot.until(site.services.snapshot.revision)
    assert not (await site.grid.range(keys.prefix(tenant_id))).items
    for broker in site.brokers:
        assert broker.identity.tenants.record(tenant_id) is None
        assert broker.services.sessions.get(tenant_id, session.id) is None


@pytest.mark.parametrize("quota", ["sessions", "launches_per_second", "logins_per_second"])
async def test_a_quota_of_nothing_allows_nothing(site: ApiSite, quota: str) -> None:
    codes = {"sessions": "quota_tenant_sessions", "launches_per_second": "launches_too_fast"}
    async with platform(site) as root:
        await _put(root, "globex", quotas={quota: 0})
    if quota in codes:
        with pytest.raises(Refused) as refused:
            await site.launch(site.globex)
        assert refused.value.code == codes[quota]
        assert await site.launch(site.acme)
    else:
        assert (await _sign_in(site, site.globex.ann, organisation="globex")).code == "logins_too_fast"
        assert (await _sign_in(site, site.acme.ann, organisation="acme")).status == 200


async def test_an_entry_opens_the_tenant_for_its_time_and_no_longer(site: ApiSite) -> None:
    named = {"Portcullis-Tenant": "globex"}
    users = "/api/v1/admin/users"
    async with platform(site) as root:
        assert (await root.get(users, named)).code == "entry_needed"
        entered = await root.change("POST", f"{PATH}/globex/entry", {"reason": "ticket 7", "minutes": 5})
        assert entered.json["until"] == site.clock.now() + 300
        inside = {each["id"] for each in (await root.get(users, named)).json["items"]}
        at_home = {each["id"] for each in (await root.get(users)).json["items"]}
        shown = (await root.get("/api/v1/admin/tenant", named)).json
        site.clock.wall += 301
        over = await root.get(users, named)
        await root.change("POST", f"{PATH}/globex/entry", {"reason": "again", "minutes": 60})
        assert (await root.get(users, named)).status == 200
        assert (await root.change("DELETE", f"{PATH}/globex/entry")).status == 204
        left = await root.get(users, named)
    assert inside == {site.globex.ann.user.id, site.globex.root.user.id} and not inside & at_home
    assert [(each["user"], each["reason"]) for each in shown["entries"]] == [("root", "ticket 7")]
    assert over.code == left.code == "entry_needed"


async def test_an_entry_stands_in_the_audit_of_the_tenant_that_was_entered(site: ApiSite) -> None:
    async with platform(site) as root:
        await root.change("POST", f"{PATH}/globex/entry", {"reason": "ticket 7", "minutes": 5})
        named = {"Portcullis-Tenant": "globex"}
        await root.change("POST", "/api/v1/admin/users/ann/sign-out", {}, headers=named)
    async with signed_in(site, site.globex.root) as theirs, signed_in(site, site.acme.root) as ours:
        seen = (await theirs.get("/api/v1/admin/audit")).json["items"]
        at_home = (await ours.get("/api/v1/admin/audit")).json["items"]
    entry = next(each for each in seen if each["type"] == "entry")
    assert (entry["actor"]["user"], entry["reason"], entry["detail"]["minutes"]) == ("root", "ticket 7", 5)
    assert any(each["detail"].get("from") == "platform" for each in seen)
    assert "acme" not in json.dumps(seen) and not any(each["type"] == "entry" for each in at_home)


@pytest.mark.parametrize(
    "fields",
    [
        {"minutes": 5},
        {"reason": " ", "minutes": 5},
        {"reason": "x", "minutes": 61},
        {"reason": "x\n", "minutes": 0},
    ],
)
async def test_an_entry_needs_a_reason_and_an_hour_at_most(site: ApiSite, fields: Any) -> None:
    async with platform(site) as root:
        assert (await root.change("POST", f"{PATH}/globex/entry", fields)).status == 422
    assert site.services.identity.entries.list(site.globex.tenant.id) == []


async def test_a_deleted_tenant_leaves_nothing_behind(site: ApiSite) -> None:
    """Its host does not answer, so the session goes without it."""
    tenant_id, services = site.globex.tenant.id, site.services
    session = await site.launch(site.globex)
    async with signed_in(site, site.globex.ann) as ann, platform(site) as root:
        unsure = await root.change("DELETE", f"{PATH}/globex", {"confirm": "globe"})
        assert unsure.json["error"]["field"] == "confirm"
        deleted = await root.change("DELETE", f"{PATH}/globex", {"confirm": "globex"})
        assert (deleted.status, deleted.json) == (200, {"deleted": True})
        assert (await ann.get("/api/v1/catalogue")).code == "signed_out"
        assert (await root.get(f"{PATH}/globex")).code == "not_found"
    await services.tenants.settle(tenant_id)
    left = [item.key for item in (await site.grid.range(keys.ROOT)).items if tenant_id in item.key]
    assert all("/history/tenant/" in key for key in left)
    assert services.snapshot.get("site", ("ended", session.host_id, session.id)) is not None
    host = services.hosts.get(site.globex.host.id)
    assert host is not None and host.tenants == frozenset()
    assert (await _sign_in(site, site.globex.ann, organisation="globex")).code == "sign_in_refused"
    with pytest.raises(Refused):
        await site.stores.tenant(tenant_id)


async def test_a_deletion_that_was_cut_off_is_finished_by_the_next_round(site: ApiSite) -> None:
    tenant_id, keeper = site.globex.tenant.id, site.services.tenants
    await keeper.records.leave(tenant_id, "test")
    assert site.services.identity.tenants.get(tenant_id) is None
    fence = site.stores.site.absent(("job", "tenants"))
    for _ in range(2):
        await keeper.sweep(fence)
    assert site.services.identity.tenants.record(tenant_id) is None
    assert not (await site.grid.range(keys.prefix(tenant_id))).items


async def test_a_name_is_free_again_after_a_deletion(site: ApiSite) -> None:
    async with platform(site) as root:
        await _put(root, "globex", host_names=["apps.globex.example"])
        await root.change("DELETE", f"{PATH}/globex?confirm=globex")
        made = await _put(root, "Globex", administrator="new", host_names=["apps.globex.example"])
        again = (await root.get(f"{PATH}/globex")).json
    assert made.status == 201 and again["id"] != site.globex.tenant.id and again["users"] == 1


async def test_a_host_serves_the_tenants_that_it_is_given(site: ApiSite) -> None:
    path = "/api/v1/platform/hosts/acme-h1/tenants"
    async with platform(site) as root:
        both = await root.change("PUT", path, {"tenants": ["acme", "GLOBEX"]})
        unknown = await root.change("PUT", path, {"tenants": ["nobody"]})
        listed = (await root.get("/api/v1/platform/hosts")).json["items"]
    assert both.json["host"]["tenants"] == ["acme", "globex"]
    assert unknown.json["error"]["field"] == "tenants[0]"
    assert {each["name"]: each["tenants"] for each in listed} == {
        "acme-h1": ["acme", "globex"],
        "globex-h1": ["globex"],
    }


async def test_a_host_with_one_account_for_all_never_serves_a_second_tenant(site: ApiSite) -> None:
    host: Host = site.acme.host
    await site.services.hosts.change(host.id, lambda known: replace(known, isolation="none"), "test")
    path = f"/api/v1/platform/hosts/{host.name}/tenants"
    async with platform(site) as root:
        assert (await root.change("PUT", path, {"tenants": ["acme", "globex"]})).code == "host_not_isolated"
        assert (await root.change("PUT", path, {"tenants": ["globex"]})).code == "host_not_isolated"
        assert (await root.change("PUT", path, {"tenants": []})).status == 200
        assert (await root.change("PUT", path, {"tenants": ["acme"]})).code == "host_not_isolated"


async def test_a_tenants_administrator_sets_its_look_and_nothing_else(site: ApiSite) -> None:
    path = "/api/v1/admin/tenant"
    async with signed_in(site, site.acme.root) as root:
        changed = await root.change("PUT", path, {"title": "Acme", "theme": {"accent": "#123456"}})
        for fields in ({"quotas": {"sessions": 9}}, {"host_names": ["apps.acme.example"]}):
            assert (await root.change("PUT", path, fields)).code == "not_permitted"
        old = (await root.get(path)).json["revision"]
        await root.change("PUT", path, {"title": "Acme Inc", "revision": old})
        late = await root.change("PUT", path, {"title": "Acme Ltd", "revision": old})
    assert (changed.json["title"], changed.json["theme"]["accent"]) == ("Acme", "#123456")
    assert late.code == "changed_meanwhile" and late.json["error"]["current"]["title"] == "Acme Inc"


async def test_the_administrator_of_an_old_site_stays_a_platform_administrator(tmp_path: Path) -> None:
    """One who counts as such because there is one tenant, and makes a second one."""
    async with api_site(tmp_path, tenants=1) as site, signed_in(site, site.acme.root) as root:
        assert (await _put(root, "globex", administrator="new")).status == 201
        assert (await root.get(PATH)).status == 200
        user = site.services.identity.users.get(site.acme.tenant.id, site.acme.root.user.id)
    assert user is not None and user.platform


async def test_display_of_a_launch_needs_no_tenant_record_fields(site: ApiSite) -> None:
    """A record of the previous version has a name and an id alone."""
    site_store, tenant = site.stores.site, site.globex.tenant
    result = await site.stores.commit(
        site_store.put(("tenant", tenant.id), {"id": tenant.id, "name": tenant.name}, author="old")
    )
    await site.services.snapshot.until(result.revision)
    assert (await site.launch(site.globex)).display == Display()

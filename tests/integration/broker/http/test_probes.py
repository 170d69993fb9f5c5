"""Scheduled test launches over the API: who may set them, and what is told of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from broker.audit.event import Event, Object
from broker.probes.result import Result
from portcullis import reasons
from tests.support.api_site import ApiSite, signed_in
from tests.support.browser import Answer, ApiBrowser

PROBES = "/api/v1/admin/probes"
OK = Result("ok", 10.0, {"sign_in": 3.0, "echo": 40.0}, host="acme-h1")


@pytest.fixture
async def root(site: ApiSite) -> AsyncIterator[ApiBrowser]:
    async with signed_in(site, site.acme.root) as browser:
        yield browser


async def put(browser: ApiBrowser, name: str = "Editor", **body: Any) -> Answer:
    return await browser.change("PUT", f"{PROBES}/{name}", {"user": "ann", **body})


async def test_a_probe_waits_until_there_is_a_result_and_then_tells_it(
    site: ApiSite, root: ApiBrowser
) -> None:
    made = await put(root, every_seconds=60)
    assert made.json["probe"] == {
        "application": "Editor",
        "application_id": site.acme.editor.id,
        "user": "ann",
        "every_seconds": 60,
        "state": "waiting",
        "remedy": None,
        "last": None,
    }
    site.brokers[0].probed[site.acme.tenant.id, site.acme.editor.id] = OK
    (item,) = (await root.get(PROBES)).json["items"]
    assert (item["state"], item["last"]["stages"]) == ("ok", {"sign_in": 3.0, "echo": 40.0})
    assert (await root.get(f"{PROBES}/Editor")).json["probe"] == item
    assert (await put(root)).json["probe"]["every_seconds"] == 300
    assert (await root.change("DELETE", f"{PROBES}/Editor")).status == 200
    assert (await root.get(PROBES)).json["items"] == []
    assert (await root.get(f"{PROBES}/Editor")).code == "not_found"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"user": "nobody"}, "user"),
        ({"user": ""}, "user"),
        ({"user": 7}, "user"),
        ({"every_seconds": 59}, "every_seconds"),
        ({"every_seconds": 86401}, "every_seconds"),
        ({"every_seconds": "often"}, "every_seconds"),
        ({"more": 1}, "more"),
    ],
)
async def test_what_is_malformed_is_refused_by_its_field(root: ApiBrowser, body: Any, field: str) -> None:
    answer = await put(root, **body)
    assert (answer.status, answer.code) == (422, "invalid_field") and field in answer.json["error"]["field"]
    assert (await root.get(PROBES)).json["items"] == []


async def test_a_probe_of_nothing_is_refused(root: ApiBrowser) -> None:
    assert (await put(root, "Nothing")).code == "not_found"
    assert (await root.change("DELETE", f"{PROBES}/Editor")).code == "not_found"


async def test_people_at_their_desktops_are_not_asked_on_a_schedule(root: ApiBrowser) -> None:
    body = {"desktop": {"display": ":0"}, "entitled": {"users": ["ann"]}}
    published = await root.change("PUT", "/api/v1/admin/applications/Reception", body)
    assert published.json["application"]["desktop"]["consent"] == "ask"
    answer = await put(root, "Reception")
    assert (answer.status, answer.code) == (422, "invalid_field")
    assert answer.json["error"]["field"] == "application"


async def test_nobody_has_a_probe_act_as_somebody_who_may_do_more(site: ApiSite, root: ApiBrowser) -> None:
    await root.change("PUT", "/api/v1/admin/roles/prober", {"permissions": ["probes.read", "probes.write"]})
    await root.change("POST", "/api/v1/admin/users", {"name": "bob"})
    await root.change("PUT", "/api/v1/admin/users/ann", {"role": "prober"})
    async with signed_in(site, site.acme.ann) as ann:
        assert (await put(ann, user="root")).code == "not_permitted"
        assert (await put(ann, user="bob")).status == 200


async def test_what_the_audit_kept_is_told_where_no_prober_knows_more(
    site: ApiSite, root: ApiBrowser
) -> None:
    await put(root)
    editor = Object("application", site.acme.editor.id, "Editor")
    for result in (OK, Result("failed", 20.0, code="window_timeout")):
        await site.services.audit.record(
            Event("probe", site.acme.tenant.id, object=editor, code=result.code, detail=result.to_json())
        )
    (item,) = (await root.get(PROBES)).json["items"]
    assert (item["state"], item["last"]["code"]) == ("failed", "window_timeout")


async def test_probes_of_one_tenant_are_none_of_another(site: ApiSite, root: ApiBrowser) -> None:
    await put(root)
    async with signed_in(site, site.globex.root) as foreign:
        assert (await foreign.get(PROBES)).json["items"] == []
        assert (await foreign.get(f"{PROBES}/Editor")).code == "not_found"


async def test_an_account_for_probes_is_enrolled_and_may_do_nothing_but_launch(
    site: ApiSite, root: ApiBrowser
) -> None:
    made = await root.change("POST", f"{PROBES[:-1]}-accounts", {"name": "probe", "groups": ["staff"]})
    assert (made.status, made.json["user"]["name"], made.json["user"]["groups"]) == (201, "probe", ["staff"])
    assert set(made.json["user"]) == {"id", "name", "groups"}, "no secret is told"
    user = site.services.identity.users.by_name(site.acme.tenant.id, "probe")
    assert user is not None and user.enrolled and user.role == "user"
    assert site.services.probe_accounts.is_one(site.acme.tenant.id, user)
    twice = await root.change("POST", f"{PROBES[:-1]}-accounts", {"name": "Probe"})
    assert twice.code == "already_exists"
    assert (await put(root, user="probe")).status == 200
    await root.change("POST", "/api/v1/admin/users/probe/reset", {})
    user = site.services.identity.users.by_name(site.acme.tenant.id, "probe")
    assert user is not None and not site.services.probe_accounts.is_one(site.acme.tenant.id, user)
    await root.change("DELETE", "/api/v1/admin/users/probe")
    left = await site.stores.tenant(site.acme.tenant.id)
    assert await left.list("probe-account") == []


async def test_the_result_in_the_grid_counts_before_what_the_audit_kept(
    site: ApiSite, root: ApiBrowser
) -> None:
    await put(root)
    tenant, editor = site.acme.tenant.id, site.acme.editor.id
    failed = Result("failed", 20.0, {"sign_in": 1.0}, code="window_timeout", stage="ready", failures=2)
    store = await site.stores.tenant(tenant)
    done = await site.stores.commit(store.put(("probing", editor), {"result": failed.to_json()}))
    await site.services.snapshot.until(done.revision)
    (item,) = (await root.get(PROBES)).json["items"]
    assert (item["state"], item["last"]["stage"], item["last"]["failures"]) == ("failed", "ready", 2)
    assert item["remedy"] == reasons.remedy("window_timeout", sees_steps=True)

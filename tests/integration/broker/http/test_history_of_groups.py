"""The history of host groups, labels and entitlements, and taking it back, by the API of a real broker."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broker.grid.keys import HISTORY
from tests.support.api_site import ApiSite, signed_in
from tests.support.browser import ApiBrowser

ADMIN = "/api/v1/admin"
HOST = f"{ADMIN}/hosts/acme-h1"
PAINT: dict[str, Any] = {"kind": "application", "name": "Paint", "command": ["gimp"]}


async def history(browser: ApiBrowser, query: str = "") -> list[dict[str, Any]]:
    answer = await browser.get(f"{ADMIN}/history{query}")
    assert answer.status == 200, answer.body
    items: list[dict[str, Any]] = answer.json["items"]
    return items


async def apply(browser: ApiBrowser, *documents: dict[str, Any], **more: Any) -> int:
    answer = await browser.change(
        "POST", f"{ADMIN}/configuration/apply", {"documents": list(documents), **more}
    )
    assert answer.status == 200, answer.body
    revision: int = answer.json["revision"]
    return revision


async def groups(browser: ApiBrowser, *names: str) -> int:
    answer = await browser.change("PUT", HOST, {"groups": list(names)})
    assert answer.status == 200, answer.body
    return int(answer.headers["Portcullis-Revision"])


async def roll_back(browser: ApiBrowser, revision: int) -> list[dict[str, Any]]:
    answer = await browser.change("POST", f"{ADMIN}/history/rollback", {"revision": revision})
    assert answer.status == 200, answer.body
    changes: list[dict[str, Any]] = answer.json["changes"]
    return changes


async def exported(browser: ApiBrowser) -> dict[tuple[str, str], dict[str, Any]]:
    answer = await browser.get(f"{ADMIN}/configuration/export")
    return {(each["kind"], each.get("name", "")): each for each in answer.json["documents"]}


async def test_history_tells_who_put_which_host_into_which_group_and_takes_it_back(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        first = await groups(root, "gpu")
        await groups(root, "gpu", "eu")
        await groups(root, "eu")
        told = await history(root, "?kind=host-group")
        gpu = await history(root, "?kind=host-group&name=gpu&author=root")
        planned = await roll_back(root, first)
        (host,) = (await root.get(f"{ADMIN}/hosts")).json["items"]
        undone = await history(root, "?kind=host-group&limit=2")
    assert [(each["action"], each["name"]) for each in told] == [
        *(("delete", "gpu"), ("create", "eu"), ("create", "gpu"))
    ]
    assert told[1]["fields"] == [{"field": "hosts", "from": None, "to": ["acme-h1"]}]
    assert [each["revision"] for each in gpu] == [told[0]["revision"], first]
    assert all(each["author"].startswith("root (") for each in told)
    assert {(each["action"], each["name"]) for each in planned} == {("create", "gpu"), ("delete", "eu")}
    assert host["groups"] == ["gpu"]
    assert {each["reason"] for each in undone} == {f"rollback to revision {first}"}


async def test_history_tells_who_changed_which_label_and_takes_it_back(site: ApiSite) -> None:
    gpu = {"kind": "host-group", "name": "gpu", "hosts": []}
    async with signed_in(site, site.acme.root) as root:
        first = await apply(root, {**PAINT, "labels": {"owner": "design"}}, {**gpu, "labels": {"a": "b"}})
        await apply(root, {**PAINT, "labels": {"owner": "press", "tier": "2"}}, reason="moved")
        await apply(root, {**PAINT, "labels": {}}, {**gpu, "hosts": ["acme-h1"], "labels": {"a": "c"}})
        paint = await history(root, "?kind=application&name=Paint")
        group = await history(root, "?kind=host-group")
        await roll_back(root, first)
        after = await exported(root)
    assert paint[1]["fields"] == [
        {"field": "labels.owner", "from": "design", "to": "press"},
        {"field": "labels.tier", "from": None, "to": "2"},
    ]
    assert (paint[1]["action"], paint[1]["reason"]) == ("change", "moved")
    assert paint[0]["fields"][0] == {"field": "labels.owner", "from": "press", "to": None}
    assert [each["revision"] for each in paint] == sorted({each["revision"] for each in paint}, reverse=True)
    assert {change["field"] for change in group[0]["fields"]} == {"hosts", "labels.a"}
    assert after["application", "Paint"]["labels"] == {"owner": "design"}
    assert after["host-group", "gpu"]["labels"] == {"a": "b"}
    assert not after["host-group", "gpu"].get("hosts")


async def test_what_was_deleted_comes_back_with_its_labels(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        there = await apply(root, {**PAINT, "labels": {"owner": "design"}})
        await apply(root, delete=[{"kind": "application", "name": "Paint"}])
        (gone, *_) = await history(root, "?kind=application&name=Paint")
        await roll_back(root, there)
        after = await exported(root)
    assert (gone["action"], gone["fields"]) == ("delete", [])
    assert after["application", "Paint"]["labels"] == {"owner": "design"}


async def test_entitlements_have_a_history_and_go_back(site: ApiSite) -> None:
    grant = {"kind": "entitlement", "name": "guests", "application": "Shell"}
    async with signed_in(site, site.acme.root) as root:
        first = await apply(root, {**grant, "groups": ["guests"]})
        await apply(root, {**grant, "groups": ["guests", "press"]})
        told = await history(root, "?kind=entitlement")
        await roll_back(root, first)
        shell = next(
            each
            for each in (await root.get(f"{ADMIN}/applications")).json["items"]
            if each["name"] == "Shell"
        )
        before = first - 1
        await roll_back(root, before)
        last = await exported(root)
    assert [(each["action"], each["name"]) for each in told] == [("change", "guests"), ("create", "guests")]
    assert {"field": "groups", "from": ["guests"], "to": ["guests", "press"]} in told[0]["fields"]
    assert "press" not in shell["entitled"]["groups"] and "guests" in shell["entitled"]["groups"]
    assert ("entitlement", "guests") not in last


async def test_a_label_of_before_there_was_a_history_is_left_as_it_is(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        then = await apply(root, {**PAINT, "command": ["krita"], "labels": {"owner": "design"}})
        store = await site.stores.tenant(site.acme.tenant.id)
        for record in await store.list(HISTORY, "label"):
            await site.stores.commit(store.delete(record.path))
        await apply(root, {**PAINT, "labels": {"owner": "press"}})
        await roll_back(root, then)
        after = await exported(root)
    assert after["application", "Paint"]["command"] == ["krita"]
    assert after["application", "Paint"]["labels"] == {"owner": "press"}


async def test_of_a_shared_host_no_tenant_learns_who_else_changed_its_groups(site: ApiSite) -> None:
    hosts = site.services.hosts
    host = next(each for each in hosts.list() if each.name == "acme-h1")
    both = frozenset({site.acme.tenant.id, site.globex.tenant.id})
    async with signed_in(site, site.acme.root) as root, signed_in(site, site.globex.root) as other:
        own = await groups(root, "mine")
        await hosts.change(host.id, lambda known: replace(known, tenants=both), "canary (0123456789abcdef)")
        await hosts.change(
            host.id, lambda known: replace(known, groups=frozenset({"ours"})), "canary (0123456789abcdef)"
        )
        seen, theirs = (
            await history(root, "?kind=host-group"),
            await history(other, "?kind=host-group&name=ours"),
        )
        planned = await roll_back(root, own)
        known = next(each for each in hosts.list() if each.id == host.id)
    assert {(each["action"], each["name"], each["author"]) for each in seen[:2]} == {
        *(("delete", "mine", "platform"), ("create", "ours", "platform"))
    }
    assert seen[-1]["author"].startswith("root (")
    assert [(each["action"], each["author"]) for each in theirs] == [("create", "platform")]
    assert "canary" not in str([seen, theirs])
    assert planned == [] and known.groups == {"ours"}

"""Hosts and their join tokens over the administrators' API."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from portcullis.model.host import Host
from tests.support.administering import ADMIN, items_of
from tests.support.api_site import ORIGIN, ApiSite, signed_in


async def test_hosts_of_the_tenant_are_listed_with_its_own_sessions(site: ApiSite) -> None:
    await site.launch(site.acme)
    shared = Host("5" * 16, "shared", 4, frozenset({site.acme.tenant.id, site.globex.tenant.id}))
    await site.stores.commit(site.stores.site.put(("host", shared.id), shared.to_json()))
    async with signed_in(site, site.acme.root) as root:
        hosts = await items_of(root, "hosts")
        gateways = await items_of(root, "gateways")
    assert [(item["name"], item["online"], item["sessions"]) for item in hosts] == [
        ("acme-h1", True, 1),
        ("shared", False, 0),
    ]
    fields = {"id", "name", "slots", "sessions", "online", "draining", "revoked", "isolation"}
    assert hosts[0].keys() == fields | {"groups", "starting_limit", "revision"}
    assert [(item["name"], item["public_origin"], item["online"]) for item in gateways] == [
        ("g1", ORIGIN, False)
    ]


async def test_host_groups_are_set_whole_and_kept_in_the_history(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        put = await root.change("PUT", f"{ADMIN}/hosts/acme-h1", {"groups": ["gpu", "lab"]})
        again = await root.change("PUT", f"{ADMIN}/hosts/acme-h1", {"groups": ["lab"]})
        (listed,) = await items_of(root, "hosts")
    assert put.json["host"]["groups"] == ["gpu", "lab"]
    assert again.json["host"]["groups"] == listed["groups"] == ["lab"]
    records = await site.stores.site.list("history", "host", listed["id"])
    history = sorted(records, key=lambda record: record.mod_revision)
    assert [entry.value["value"]["groups"] for entry in history][-2:] == [["gpu", "lab"], ["lab"]]


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("acme-h1", {}, 422, "invalid_field"),
        ("acme-h1", {"groups": "gpu"}, 422, "invalid_field"),
        ("acme-h1", {"groups": ["\u200b"]}, 422, "invalid_field"),
        ("acme-h1", {"groups": [], "slots": 99}, 422, "invalid_field"),
        ("globex-h1", {"groups": ["gpu"]}, 404, "not_found"),
        ("nowhere", {"groups": ["gpu"]}, 404, "not_found"),
        ("shared", {"groups": ["gpu"]}, 403, "not_permitted"),
    ],
)
async def test_groups_are_refused_that_are_malformed_or_of_a_host_that_is_not_the_tenants_own(
    site: ApiSite, name: str, body: object, status: int, code: str
) -> None:
    shared = Host("5" * 16, "shared", 4, frozenset({site.acme.tenant.id, site.globex.tenant.id}))
    await site.stores.commit(site.stores.site.put(("host", shared.id), shared.to_json()))
    async with signed_in(site, site.acme.root) as root:
        answer = await root.change("PUT", f"{ADMIN}/hosts/{name}", body)
    assert (answer.status, answer.json["error"]["code"]) == (status, code)


async def test_a_join_token_is_for_a_host_of_the_tenant_alone(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        made = await root.change("POST", f"{ADMIN}/join-tokens", {"role": "host", "name": "h2"})
    assert made.status == 201
    assert made.json["token"].startswith("join_5173517351735173_")
    (record,) = site.services.snapshot.list("site", "join")
    assert (record.value["role"], record.value["name"]) == ("host", "h2")
    assert record.value["tenants"] == [site.acme.tenant.id]
    assert record.lease
    assert made.json["expires"] == record.value["expires"] == site.clock.now() + 900


async def test_a_gateways_join_token_is_the_operators_where_there_are_several_tenants(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        made = await root.change("POST", f"{ADMIN}/join-tokens", {"role": "gateway"})
    assert (made.status, made.code) == (403, "not_permitted")
    assert "init --tokens" in made.json["error"]["message"]
    assert not site.services.snapshot.list("site", "join")


@pytest.mark.parametrize(
    ("addresses", "reachable"),
    [
        (("127.0.0.1:8444", "127.0.0.1:9443"), False),
        (("192.0.2.1:8444", "127.0.0.1:9443"), False),
        (("192.0.2.1:8444", "192.0.2.1:9443"), True),
    ],
)
async def test_a_join_token_comes_with_where_to_join_and_whether_it_can_be_reached(
    site: ApiSite, addresses: tuple[str, str], reachable: bool
) -> None:
    broker, gateway = addresses
    stores = site.services.snapshot._stores
    (known,) = site.services.gateways.list()
    result = await stores.commit(
        stores.site.put(("live", "broker", "0" * 16), {"address": broker}),
        stores.site.put(("gateway", known.id), replace(known, address=gateway).to_json()),
    )
    assert await site.services.snapshot.until(result.revision)
    async with signed_in(site, site.acme.root) as root:
        made = await root.change("POST", f"{ADMIN}/join-tokens", {"role": "host"})
    assert (made.json["brokers"], made.json["reachable"]) == ([broker], reachable)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "role"),
        ({"role": "broker"}, "role"),
        ({"role": "host", "name": "a b"}, "name"),
        ({"role": "host", "name": "../x"}, "name"),
        ({"role": "host", "name": ""}, "name"),
        ({"role": "host", "tenants": []}, "tenants"),
    ],
)
async def test_a_malformed_join_token_is_refused_by_field(site: ApiSite, body: object, field: str) -> None:
    async with signed_in(site, site.acme.root) as root:
        answer = await root.change("POST", f"{ADMIN}/join-tokens", body)
    assert (answer.status, answer.json["error"]["field"]) == (422, field)


async def test_a_revoked_token_is_worth_nothing_at_once(site: ApiSite) -> None:
    headers = {"Authorization": f"Bearer {site.acme.root.api_token}"}
    async with signed_in(site, site.acme.root) as root, site.browser() as script:
        assert (await script.get(f"{ADMIN}/tokens", headers)).status == 200
        tokens = await items_of(root, "tokens")
        mine = next(t for t in tokens if t["user"]["name"] == "root" and t["note"] == "for tests")
        assert (await root.change("DELETE", f"{ADMIN}/tokens/{mine['id']}")).status == 204
        assert (await script.get(f"{ADMIN}/tokens", headers)).code == "token_refused"
        assert (await root.change("DELETE", f"{ADMIN}/tokens/{mine['id']}")).code == "not_found"
    assert mine.keys() == {"id", "user", "note", "created", "expires", "permissions", "networks", "enrols"}
    assert len(mine["id"]) == 16
    assert site.acme.root.api_token.split("_")[2] not in json.dumps(tokens)


async def test_tokens_of_another_tenant_are_not_found(site: ApiSite) -> None:
    theirs = site.services.identity.tokens.list(site.globex.tenant.id)
    async with signed_in(site, site.acme.root) as root:
        answers = [
            await root.change("DELETE", f"{ADMIN}/tokens/{token_id}")
            for token_id in (theirs[0].id, "0" * 16, "nonsense", "*", theirs[0].hash)
        ]
    assert {(answer.status, answer.body) for answer in answers} == {(404, answers[0].body)}
    assert site.services.identity.tokens.list(site.globex.tenant.id) == theirs

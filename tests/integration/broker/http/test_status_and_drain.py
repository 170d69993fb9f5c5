"""Who may see the state of the site, and take which part of it out of service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from portcullis.ids import new_id
from tests.support.running_broker import RunningBroker
from tests.support.several_brokers import several_brokers


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Sequence[RunningBroker]]:
    async with several_brokers(tmp_path, 2) as brokers:
        yield brokers


async def ask(broker: RunningBroker, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    """As the administrator's command line, through a gateway."""
    headers = {"Authorization": f"Bearer {broker.secrets.api_token}"}
    async with (
        aiohttp.ClientSession() as http,
        http.request(
            method,
            f"https://{broker.broker.address}/api/v1/admin/{path}",
            json=body,
            headers=headers,
            ssl=broker.context("gateway"),
        ) as response,
    ):
        return response.status, await response.json()


async def drain(broker: RunningBroker, part: str, draining: Any = True) -> tuple[int, dict[str, Any]]:
    return await ask(broker, "POST", f"{part}/drain", {"draining": draining})


async def second_tenant(broker: RunningBroker) -> str:
    stores, tenant = broker.parts.stores, new_id()
    _, data_key = stores.found_tenant(tenant)
    put = stores.site.put(("tenant", tenant), {"id": tenant, "name": "other"})
    assert await broker.parts.snapshot.until((await stores.commit(data_key, put)).revision)
    return tenant


async def no_platform_administrator(broker: RunningBroker) -> None:
    parts = broker.parts
    (record,) = [one for one in parts.snapshot.list(broker.tenant, "user") if one.value["platform"]]
    store = await parts.stores.tenant(broker.tenant)
    put = store.put(record.path, {**record.value, "platform": False}, author="test")
    assert await parts.snapshot.until((await parts.stores.commit(put)).revision)


async def test_the_state_of_the_site_names_every_part_and_holds_no_secret(
    site: Sequence[RunningBroker],
) -> None:
    status, answer = await ask(site[0], "GET", "status")
    assert status == 200
    assert (answer["site"], answer["grid"]["store"]) == ("lab", "embedded")
    assert {broker["name"] for broker in answer["brokers"]} == {"b1", "b2"}
    assert [(host["name"], host["state"]) for host in answer["hosts"]] == [("h1", "gone")]
    assert {"host_gone", "gateways_none"} <= {finding["code"] for finding in answer["findings"]}
    assert all(finding["remedy"] for finding in answer["findings"])


async def test_a_user_sees_nothing_of_it(site: Sequence[RunningBroker]) -> None:
    url = f"https://{site[0].broker.address}/api/v1/admin/status"
    async with aiohttp.ClientSession() as http, http.get(url, ssl=site[0].context("gateway")) as response:
        assert response.status == 401


async def test_a_host_is_drained_and_taken_back_by_its_name(site: Sequence[RunningBroker]) -> None:
    status, answer = await drain(site[0], "hosts/H1")
    assert (status, answer) == (200, {"kind": "host", "name": "h1", "draining": True})
    host = site[0].parts.hosts.get(site[0].host.id)
    assert host is not None and host.draining
    assert (await drain(site[0], "hosts/h1"))[0] == 200  # again: nothing more to do
    await drain(site[0], "hosts/h1", draining=False)
    host = site[0].parts.hosts.get(site[0].host.id)
    assert host is not None and not host.draining
    history = await site[0].parts.stores.site.list("history", "host", host.id)
    assert "admin" in str(max(history, key=lambda record: record.mod_revision).value["author"])


async def test_a_gateway_that_drains_is_in_no_list_of_agents(site: Sequence[RunningBroker]) -> None:
    parts = site[0].parts
    await parts.gateways.mark_live(site[0].gateway.id)
    assert [entry.name for entry in parts.directory.for_agents().gateways] == ["gw"]
    assert (await drain(site[0], "gateways/gw"))[0] == 200
    assert parts.directory.for_agents().gateways == ()


async def test_a_broker_is_drained_through_any_other_and_the_last_one_never(
    site: Sequence[RunningBroker],
) -> None:
    status, answer = await drain(site[0], "brokers/b2")
    assert (status, answer["name"]) == (200, "b2")
    assert await site[1].parts.snapshot.until(site[0].parts.snapshot.revision)
    assert site[1].parts.presence.draining
    status, answer = await drain(site[1], "brokers/b1")
    assert (status, answer["error"]["code"]) == (409, "last_broker")
    assert (await drain(site[1], "brokers/b2", draining=False))[0] == 200
    assert (await drain(site[1], "brokers/b1"))[0] == 200


async def test_two_brokers_of_one_name_are_drained_by_their_ids(site: Sequence[RunningBroker]) -> None:
    me, parts = site[0].parts.presence.me, site[0].parts
    twin = replace(me, id=new_id(), address="127.0.0.1:1")
    lease = (await parts.stores.grid.lease(60)).id
    put = parts.stores.site.put(("live", "broker", twin.id), twin.to_json(), lease=lease)
    assert await parts.snapshot.until((await parts.stores.commit(put)).revision)
    status, answer = await drain(site[0], "brokers/b1")
    assert (status, answer["error"]["field"]) == (422, "name")
    assert (await drain(site[0], f"brokers/{twin.id}"))[0] == 200
    live = parts.brokers.get(twin.id)
    assert live is not None and live.draining and not parts.presence.draining


@pytest.mark.parametrize("body", [{}, {"draining": "yes"}, {"draining": 1}, {"draining": True, "x": 1}])
async def test_a_drain_says_whether(site: Sequence[RunningBroker], body: dict[str, Any]) -> None:
    assert (await ask(site[0], "POST", "hosts/h1/drain", body))[0] == 422


@pytest.mark.parametrize("part", ["hosts/h9", "gateways/h1", "brokers/gw"])
async def test_what_is_not_there_is_not_drained(site: Sequence[RunningBroker], part: str) -> None:
    status, answer = await drain(site[0], part)
    kind = part.partition("s/")[0]
    assert (status, f"no such {kind}" in answer["error"]["message"]) == (404, True)


async def test_where_there_are_several_tenants_the_site_is_none_of_an_administrators_business(
    site: Sequence[RunningBroker],
) -> None:
    other = await second_tenant(site[0])
    await no_platform_administrator(site[0])
    for method, path in (("GET", "status"), ("POST", "gateways/gw/drain"), ("POST", "brokers/b1/drain")):
        status, answer = await ask(site[0], method, path, {"draining": True} if method == "POST" else None)
        assert (status, answer["error"]["code"]) == (403, "not_permitted")
    assert (await drain(site[0], "hosts/h1"))[0] == 200  # its own alone
    parts = site[0].parts
    record = parts.snapshot.get("site", ("host", site[0].host.id))
    assert record is not None
    shared = parts.stores.site.put(record.path, {**record.value, "tenants": [site[0].tenant, other]})
    assert await parts.snapshot.until((await parts.stores.commit(shared)).revision)
    assert (await drain(site[0], "hosts/h1", draining=False))[0] == 403
    theirs = parts.stores.site.put(record.path, {**record.value, "tenants": [other]})
    assert await parts.snapshot.until((await parts.stores.commit(theirs)).revision)
    assert (await drain(site[0], "hosts/h1"))[0] == 404  # of others it does not even hear


async def test_a_platform_administrator_has_the_whole_site(site: Sequence[RunningBroker]) -> None:
    other = await second_tenant(site[0])
    parts = site[0].parts
    record = parts.snapshot.get("site", ("host", site[0].host.id))
    assert record is not None
    theirs = parts.stores.site.put(record.path, {**record.value, "tenants": [other]})
    assert await parts.snapshot.until((await parts.stores.commit(theirs)).revision)
    assert (await ask(site[0], "GET", "status"))[0] == 200
    for part in ("hosts/h1", "gateways/gw", "brokers/b2"):
        assert (await drain(site[0], part))[0] == 200

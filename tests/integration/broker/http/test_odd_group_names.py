"""Groups whose names no path can hold are made, read, changed and deleted, and so are their policies."""

from __future__ import annotations

from urllib.parse import quote

from gateway.api_proxy import is_plain_path
from tests.support.api_site import ApiSite, signed_in

ADMIN = "/api/v1/admin"


NAMES = ("R/D", "a\\b", "100%", "%2F", "..", ".", "-", "+", "Büro & Söhne?")


async def test_a_group_is_addressed_whatever_its_name_holds(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        for name in NAMES:
            query = "" if name == "-" else f"?name={quote(name, safe='')}"
            group, policy = f"{ADMIN}/groups/-{query}", f"{ADMIN}/policies/group/-{query}"
            assert is_plain_path(group) and is_plain_path(policy), "a gateway lets it pass"
            made = await root.change("PUT", group, {"description": "odd", "users": ["ann"]})
            seen = await root.get(group)
            listed = [each["name"] for each in (await root.get(f"{ADMIN}/groups")).json["items"]]
            policied = await root.change("PUT", policy, {"values": {"idle_minutes": 7}, "locked": []})
            effective = await root.get(f"{ADMIN}/policies/effective?user=ann")
            told = (await root.get(f"{ADMIN}/audit?limit=5")).json["items"]
            unset = await root.change("DELETE", policy)
            gone = await root.change("DELETE", group)
            left = await root.get(group)
            assert (made.status, seen.json["group"]["name"]) == (200, name)
            assert seen.json["group"]["users"] == ["ann"] and name in listed
            assert (policied.status, policied.json["policy"]["name"]) == (200, name)
            values = {each["name"]: each for each in effective.json["fields"]}
            assert (values["idle_minutes"]["value"], values["idle_minutes"]["origin"]) == (7, f"group:{name}")
            assert {name, f"group:{name}"} <= {each["object"]["name"] for each in told if each.get("object")}
            assert (unset.status, gone.status, left.status) == (204, 200, 404)


async def test_an_empty_name_behind_the_dash_is_none(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        await root.change("PUT", f"{ADMIN}/groups/-", {"description": "a dash"})
        seen = await root.get(f"{ADMIN}/groups/-?name=")
    assert seen.json["group"]["description"] == "a dash"

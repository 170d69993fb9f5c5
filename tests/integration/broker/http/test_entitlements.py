"""Who may start what, both ways round, through groups inside groups, and of the caller's tenant alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from portcullis.ids import new_id
from tests.support.api_site import ApiSite, signed_in
from tests.support.browser import Answer

ADMIN = "/api/v1/admin"


async def asked(site: ApiSite, **query: str) -> Answer:
    async with signed_in(site, site.acme.root) as root:
        return await root.get(f"{ADMIN}/entitlements?{urlencode(query)}")


async def told(site: ApiSite, **query: str) -> list[tuple[Any, ...]]:
    items = (await asked(site, **query)).json["items"]
    return [(each["application"], each["name"], each["by_name"], each["groups"]) for each in items]


async def changed(site: ApiSite, path: str, body: dict[str, Any]) -> None:
    async with signed_in(site, site.acme.root) as root:
        assert (await root.change("PUT", f"{ADMIN}/{path}", body)).status == 200


async def publish(site: ApiSite, name: str, users: list[str], groups: list[str], **more: Any) -> None:
    entitled = {"users": users, "groups": groups}
    await changed(site, f"applications/{name}", {"command": ["true"], "entitled": entitled, **more})


async def test_both_ways_round_tell_the_same_pairs(site: ApiSite) -> None:
    application = site.acme.editor.name
    assert await told(site, application=application) == [(application, "ann", False, ["staff"])]
    assert await told(site, user="ANN") == [(application, "ann", False, ["staff"])]
    assert await told(site, group="staff") == [(application, "staff", False, ["staff"])]
    assert await told(site, user="root") == []


async def test_a_group_inside_another_counts_at_every_depth(site: ApiSite) -> None:
    await changed(site, "groups/office", {"members": {"groups": ["staff"]}})
    await changed(site, "groups/everybody", {"members": {"groups": ["office"]}})
    await publish(site, "Mail", ["ann"], ["everybody"])
    assert await told(site, application="Mail") == [("Mail", "ann", True, ["everybody"])]
    assert ("Mail", "ann", True, ["everybody"]) in await told(site, user="ann")
    assert ("Mail", "staff", False, ["everybody"]) in await told(site, group="staff")


async def test_what_is_disabled_is_told_as_disabled(site: ApiSite) -> None:
    await publish(site, "Old", ["ann"], [], disabled=True)
    (item,) = (await asked(site, user="ann", search="old")).json["items"]
    assert (item["application"], item["disabled"]) == ("Old", True)


async def test_users_come_in_pages_by_name_and_are_searched(site: ApiSite) -> None:
    for number in range(5):
        user = replace(site.acme.ann.user, id=new_id(), name=f"Bär {number}")
        await site.services.snapshot.until(
            await site.services.identity.users.create(site.acme.tenant.id, user, "test")
        )
    application = site.acme.editor.name
    page = (await asked(site, application=application, offset="1", limit="2")).json
    assert ([each["name"] for each in page["items"]], page["total"]) == (["Bär 0", "Bär 1"], 6)
    found = (await asked(site, application=application, search="BÄR 4")).json
    assert ([each["name"] for each in found["items"]], found["total"]) == (["Bär 4"], 1)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "invalid_field"),
        ({"user": "ann", "group": "staff"}, "invalid_field"),
        ({"user": "ann", "colour": "red"}, "invalid_field"),
        ({"user": "nobody"}, "not_found"),
        ({"group": "nothing"}, "not_found"),
        ({"application": "Nothing"}, "not_found"),
    ],
)
async def test_other_questions_are_refused(site: ApiSite, query: dict[str, str], code: str) -> None:
    assert (await asked(site, **query)).code == code


async def test_users_are_told_only_to_those_who_may_see_users(site: ApiSite) -> None:
    await changed(site, "roles/Publisher", {"permissions": ["applications.read"]})
    await changed(site, "users/ann", {"role": "Publisher"})
    async with signed_in(site, site.acme.ann) as ann:
        assert (await ann.get(f"{ADMIN}/entitlements?user=root")).code == "not_permitted"


async def test_another_tenant_is_not_there(site: ApiSite) -> None:
    user = replace(site.globex.ann.user, id=new_id(), name="Canary")
    await site.services.snapshot.until(
        await site.services.identity.users.create(site.globex.tenant.id, user, "test")
    )
    assert (await asked(site, user="Canary")).code == "not_found"
    assert "Canary" not in str((await asked(site, application=site.acme.editor.name)).json)

"""API tokens that scripts are given: shown once, kept as a hash, and good for no more than they name."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from portcullis.ids import parse_secret
from tests.support.api_site import Account, ApiSite, signed_in
from tests.support.browser import Answer

ADMIN = "/api/v1/admin"
TOKENS = f"{ADMIN}/tokens"
DAY = 24 * 3600


async def make(site: ApiSite, body: Any, who: Account | None = None) -> Answer:
    async with signed_in(site, who or site.acme.root) as browser:
        return await browser.change("POST", TOKENS, body)


async def made(site: ApiSite, **body: Any) -> str:
    answer = await make(site, body)
    assert answer.status == 201, answer.body
    return str(answer.json["token"])


async def ask(
    site: ApiSite, token: str, path: str, method: str = "GET", body: Any = None, client: str | None = None
) -> Answer:
    raw = b"" if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}"}
    if client is not None:
        headers["Portcullis-Client-Address"] = client
    async with site.browser() as browser:
        return await browser.request(method, path, raw, headers)


async def test_a_token_is_shown_once_and_kept_as_a_hash(site: ApiSite) -> None:
    answer = await make(site, {"note": "nightly", "days": 7})
    token, record = answer.json["token"], answer.json["record"]
    assert token.startswith(f"api_{site.acme.tenant.id}_")
    assert record["user"] == {"id": site.acme.root.user.id, "name": "root"}
    assert (record["note"], record["permissions"], record["networks"]) == ("nightly", None, [])
    assert record["expires"] == site.clock.now() + 7 * DAY
    assert (await ask(site, token, f"{ADMIN}/users")).status == 200
    secret = token.split("_")[2]
    everything = await site.grid.range("/p/v1/")
    assert not any(secret.encode() in item.value or secret in item.key for item in everything.items)
    listed = (await ask(site, token, TOKENS)).body.decode()
    assert record["id"] in listed and secret not in listed


async def test_a_broker_that_knows_no_limits_does_not_find_a_token_that_has_some(site: ApiSite) -> None:
    """It would let it do all that its user may: a release before looks for the hash of the text alone."""
    tokens = site.services.identity.tokens
    for body, found in (({}, True), ({"networks": ["192.0.2.0/24"]}, False), ({"permissions": []}, False)):
        secret = parse_secret(await made(site, **body), "api")
        assert secret is not None
        assert (tokens.get(site.acme.tenant.id, secret.hash) is not None) is found


async def test_a_token_ends_when_it_said(site: ApiSite) -> None:
    token = await made(site, days=1)
    site.clock.wall += DAY - 1
    assert (await ask(site, token, TOKENS)).status == 200
    site.clock.wall += 1
    assert (await ask(site, token, TOKENS)).code == "token_refused"


async def test_a_token_may_do_what_it_names_alone(site: ApiSite) -> None:
    token = await made(site, permissions=["users.read"])
    assert (await ask(site, token, f"{ADMIN}/users")).status == 200
    assert (await ask(site, token, f"{ADMIN}/applications")).code == "not_permitted"
    assert (await ask(site, token, "/api/v1/login")).json["permissions"] == ["users.read"]
    nothing = await made(site, permissions=[])
    assert (await ask(site, nothing, f"{ADMIN}/users")).code == "not_permitted"
    assert (await ask(site, nothing, "/api/v1/catalogue")).status == 200


@pytest.mark.parametrize(
    ("networks", "client", "allowed"),
    [
        (["192.0.2.0/24"], "192.0.2.7", True),
        (["192.0.2.0/24"], "::ffff:192.0.2.7", True),
        (["192.0.2.0/24"], "192.0.3.7", False),
        (["192.0.2.0/24"], "2001:db8::1", False),
        (["192.0.2.0/24", "2001:db8::/32"], "2001:db8::1", True),
        (["192.0.2.7"], "192.0.2.7", True),
        (["192.0.2.0/24"], "", False),
        (["192.0.2.0/24"], "nonsense", False),
        ([], "nonsense", True),
    ],
)
async def test_a_token_is_good_from_its_networks_alone(
    site: ApiSite, networks: list[str], client: str, allowed: bool
) -> None:
    token = await made(site, networks=networks)
    answer = await ask(site, token, f"{ADMIN}/users", client=client)
    assert answer.code == (None if allowed else "token_refused")


async def test_a_token_for_somebody_else_acts_as_them(site: ApiSite) -> None:
    token = await made(site, user="ANN")
    assert (await ask(site, token, "/api/v1/login")).json["user"]["name"] == "ann"
    assert (await ask(site, token, TOKENS)).code == "not_permitted"


async def test_a_scoped_token_makes_none_that_may_more(site: ApiSite) -> None:
    scoped = await made(site, permissions=["tokens.write", "users.read"])
    for body in ({"permissions": ["users.write"]}, {"permissions": ["users.read", "hosts.write"]}):
        assert (await ask(site, scoped, TOKENS, "POST", body)).code == "not_permitted"
    whole = await ask(site, scoped, TOKENS, "POST", {})
    assert whole.json["record"]["permissions"] == ["tokens.write", "users.read"]
    assert (await ask(site, whole.json["token"], f"{ADMIN}/applications")).code == "not_permitted"


async def test_a_token_of_a_network_makes_none_beyond_it(site: ApiSite) -> None:
    bound = await made(site, networks=["192.0.2.0/24"])
    for networks in ([], ["192.0.0.0/16"], ["198.51.100.0/24"], ["192.0.2.0/25", "2001:db8::/32"]):
        answer = await ask(site, bound, TOKENS, "POST", {"networks": networks}, "192.0.2.7")
        assert answer.code == "not_permitted"
    assert (await ask(site, bound, TOKENS, "POST", {"networks": ["192.0.2.0/25"]}, "192.0.2.7")).status == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"permissions": ["no.such"]}, "permissions[0]"),
        ({"permissions": "users.read"}, "permissions"),
        ({"user": "ann", "permissions": ["users.read"]}, "permissions"),
        ({"permissions": ["platform.panic"]}, "permissions"),
        ({"networks": ["192.0.2.1/24"]}, "networks[0]"),
        ({"networks": ["example.com"]}, "networks[0]"),
        ({"networks": "192.0.2.0/24"}, "networks"),
        ({"networks": ["192.0.2.0/24"] * 65}, "networks"),
        ({"days": 0}, "days"),
        ({"days": 91}, "days"),
        ({"days": "7"}, "days"),
        ({"days": True}, "days"),
        ({"note": "x" * 129}, "note"),
        ({"note": "a\u202eb"}, "note"),
        ({"note": 1}, "note"),
        ({"user": "nobody"}, "user"),
        ({"hash": "0" * 64}, "hash"),
    ],
)
async def test_a_token_that_is_not_right_is_refused_by_field(site: ApiSite, body: Any, field: str) -> None:
    answer = await make(site, body)
    assert (answer.status, answer.json["error"]["field"]) == (422, field)
    assert {token.note for token in site.services.identity.tokens.list(site.acme.tenant.id)} == {
        "for tests",
        "expired",
    }


async def test_tokens_of_who_may_do_more_are_out_of_reach(site: ApiSite) -> None:
    """To be made, and to be revoked."""
    scoped = await made(site, permissions=["tokens.write", "tokens.read"])
    theirs = await make(site, {"note": "theirs"})
    assert (await ask(site, scoped, TOKENS, "POST", {"user": "root"})).json["record"]["permissions"] == [
        "tokens.read",
        "tokens.write",
    ]
    async with signed_in(site, site.acme.root) as root:
        await root.change("PUT", f"{ADMIN}/roles/Clerk", {"permissions": ["tokens.read", "tokens.write"]})
        await root.change("PUT", f"{ADMIN}/users/ann", {"role": "Clerk"})
    async with signed_in(site, site.acme.ann) as ann:
        assert (await ann.change("POST", TOKENS, {"user": "root"})).code == "not_permitted"
        path = f"{TOKENS}/{theirs.json['record']['id']}"
        assert (await ann.change("DELETE", path)).code == "not_permitted"
        own = await ann.change("POST", TOKENS, {})
        assert (await ann.change("DELETE", f"{TOKENS}/{own.json['record']['id']}")).status == 204


async def test_a_token_of_a_disabled_user_is_not_made(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        await root.change("POST", f"{ADMIN}/users/ann/disable", {})
        assert (await root.change("POST", TOKENS, {"user": "ann"})).code == "user_disabled"


async def test_in_a_tenant_that_was_entered_a_token_is_for_one_of_its_users(site: ApiSite) -> None:
    operator = site.acme.root
    await site.put_user(operator, replace(operator.user, platform=True))
    await site.services.identity.entries.open(site.globex.tenant.id, operator.user.id, "root", "help", 5)
    async with signed_in(site, operator) as browser:
        for body in ({}, {"user": "nobody"}):
            refused = await browser.change("POST", TOKENS, body, tenant="globex")
            assert (refused.status, refused.json["error"]["field"]) == (422, "user")
        made = await browser.change("POST", TOKENS, {"user": "ann"}, tenant="globex")
    assert made.json["token"].startswith(f"api_{site.globex.tenant.id}_")
    assert made.json["record"]["user"]["id"] == site.globex.ann.user.id


async def test_a_token_hands_out_links_only_where_that_was_asked_for(site: ApiSite) -> None:
    """By a link its holder would become any user."""
    ordinary = await made(site)
    named = await made(site, permissions=["users.read", "users.write", "users.enrol"])
    unnamed = await made(site, permissions=["users.read", "users.write"])
    asked = await made(site, enrols=True)
    for text, status in ((ordinary, 403), (unnamed, 403), (named, 200), (asked, 200)):
        reset = await ask(site, text, "/api/v1/admin/users/ann/reset", "POST", {})
        assert (reset.status, b"#/enrol/" in reset.body) == (status, status == 200)
        invited = await ask(site, text, "/api/v1/admin/users", "POST", {"name": f"new {text[-6:]}"})
        assert (invited.status, b"#/enrol/" in invited.body) == ({200: 201}.get(status, 403), status == 200)
    changed = await ask(site, ordinary, "/api/v1/admin/users/ann", "PUT", {"role": "administrator"})
    assert changed.status == 200, "it changes users all the same"


async def test_a_token_without_links_makes_none_that_has_them(site: ApiSite) -> None:
    ordinary = await made(site)
    for body in ({"enrols": True}, {"permissions": ["users.write", "users.enrol"]}):
        assert (await ask(site, ordinary, "/api/v1/admin/tokens", "POST", body)).code in (
            "not_permitted",
            "invalid_field",
        )
    answer = await ask(site, ordinary, "/api/v1/admin/tokens", "POST", {"note": "child"})
    assert answer.status == 201 and answer.json["record"]["enrols"] is False


async def test_a_role_of_before_that_changes_users_invites_them_still(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        role = {"permissions": ["users.read", "users.write"]}
        await root.change("PUT", "/api/v1/admin/roles/people", role)
        await root.change("PUT", "/api/v1/admin/users/ann", {"role": "people"})
        desk = {"permissions": ["users.read", "users.enrol"]}
        await root.change("PUT", "/api/v1/admin/roles/desk", desk)
        await root.change("POST", "/api/v1/admin/users", {"name": "bob"})
    async with signed_in(site, site.acme.ann) as ann:
        assert (await ann.change("POST", "/api/v1/admin/users", {"name": "carla"})).status == 201
        assert (await ann.change("POST", "/api/v1/admin/users/bob/reset", {})).status == 200
        async with signed_in(site, site.acme.root) as root:
            await root.change("PUT", "/api/v1/admin/users/ann", {"role": "desk"})
        assert (await ann.change("POST", "/api/v1/admin/users", {"name": "dora"})).code == "not_permitted"
        assert (await ann.change("POST", "/api/v1/admin/users/bob/reset", {})).status == 200
        assert (await ann.change("POST", "/api/v1/admin/users/root/reset", {})).code == "not_permitted"

"""The way in: what callers get of objects of their own and of another tenant, what a browser must prove on a change,
and what strangers learn. That every route wants its permission: test_permissions.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from aiohttp import web

from broker.http import login
from broker.http.enrolment_links import PATH as ENROLMENT
from broker.http.middleware import check_policies
from broker.http.public import public_routes
from portcullis.ids import new_id, new_secret
from portcullis.model.host import Gateway
from tests.support.api_site import COOKIE, ORIGIN, ApiSite, signed_in
from tests.support.browser import Answer, ApiBrowser, ClientKey

CHANGE = ("DELETE", "/api/v1/admin/applications/Nothing")  # refused as not_found once everything is proven

# route: what anonymous, user, administrator, the user's token, the administrator's token and another tenant's
# administrator get, with ids of acme in the path and a body that is right. Names are each tenant's own: the other
# administrator's Editor is another one.
MATRIX: dict[str, tuple[int, int, int, int, int, int]] = {
    "GET /api/v1/login": (200, 200, 200, 200, 200, 200),
    "POST /api/v1/login": (422, 422, 422, 422, 422, 422),
    "DELETE /api/v1/login": (401, 204, 204, 403, 403, 204),
    "POST /api/v1/enrolment": (401, 401, 401, 401, 401, 401),
    "POST /api/v1/enrolment/factor": (401, 401, 401, 401, 401, 401),
    "POST /api/v1/enrolment/code": (401, 401, 401, 401, 401, 401),
    "POST /api/v1/enrolment/completion": (401, 401, 401, 401, 401, 401),
    "GET /api/v1/catalogue": (401, 200, 200, 200, 200, 200),
    "GET /api/v1/icons/{hash}": (401, 404, 404, 404, 404, 404),
    "POST /api/v1/sessions": (401, 201, 409, 201, 409, 409),
    "GET /api/v1/sessions/{id}": (401, 200, 404, 200, 404, 404),
    "GET /api/v1/sessions/{id}/stages": (401, 200, 404, 200, 404, 404),
    "POST /api/v1/sessions/{id}/ticket": (401, 200, 404, 403, 403, 404),
    "POST /api/v1/sessions/{id}/grant": (401, 409, 404, 403, 403, 404),
    "DELETE /api/v1/sessions/{id}": (401, 202, 404, 202, 404, 404),
    "GET /api/v1/admin/applications": (401, 403, 200, 403, 200, 200),
    "PUT /api/v1/admin/applications/{name}": (401, 403, 200, 403, 200, 200),
    "DELETE /api/v1/admin/applications/{name}": (401, 403, 204, 403, 204, 204),
    "GET /api/v1/admin/users": (401, 403, 200, 403, 200, 200),
    "POST /api/v1/admin/users": (401, 403, 201, 403, 201, 201),
    "POST /api/v1/admin/users/{user}/reset": (401, 403, 200, 403, 200, 200),
    "POST /api/v1/admin/users/{user}/disable": (401, 403, 200, 403, 200, 200),
    "POST /api/v1/admin/users/{user}/enable": (401, 403, 200, 403, 200, 200),
    "DELETE /api/v1/admin/users/{user}": (401, 403, 204, 403, 204, 204),
    "POST /api/v1/admin/users/{user}/sign-out": (401, 403, 200, 403, 200, 200),
    "POST /api/v1/account/sign-out-everywhere": (401, 200, 200, 403, 403, 200),
    "POST /api/v1/admin/panic": (401, 403, 403, 403, 403, 403),
    "GET /api/v1/admin/orphans": (401, 403, 200, 403, 200, 200),
    "DELETE /api/v1/admin/orphans/{host}/{session}": (401, 403, 404, 403, 404, 404),
    "GET /api/v1/admin/sessions": (401, 403, 200, 403, 200, 200),
    "DELETE /api/v1/admin/sessions/{id}": (401, 403, 202, 403, 202, 404),
    "GET /api/v1/admin/hosts": (401, 403, 200, 403, 200, 200),
    "PUT /api/v1/admin/hosts/{host}": (401, 403, 200, 403, 200, 404),
    "GET /api/v1/admin/gateways": (401, 403, 200, 403, 200, 200),
    "POST /api/v1/admin/join-tokens": (401, 403, 201, 403, 201, 201),
    "GET /api/v1/admin/site": (401, 403, 200, 403, 200, 200),
    "GET /api/v1/admin/site/origins": (401, 403, 200, 403, 200, 200),
    "PUT /api/v1/admin/site/origins": (401, 403, 403, 403, 403, 403),
    "GET /api/v1/admin/tokens": (401, 403, 200, 403, 200, 200),
    "DELETE /api/v1/admin/tokens/{id}": (401, 403, 204, 403, 204, 404),
    "GET /api/v1/admin/launches/{reference}": (401, 403, 200, 403, 200, 404),
}
CALLERS = ("anonymous", "user", "administrator", "user's token", "administrator's token", "other tenant")


def _changes_something(route: str, caller: str) -> bool:
    return not route.startswith("GET ") and MATRIX[route][CALLERS.index(caller)] < 300


@pytest.mark.parametrize(
    ("route", "caller"),
    [(route, caller) for route in MATRIX for caller in CALLERS if _changes_something(route, caller)],
)
async def test_who_may_change_what(site: ApiSite, route: str, caller: str) -> None:
    await _check(site, route, [caller])


@pytest.mark.parametrize("route", MATRIX)
async def test_who_may_see_what_and_who_is_refused(site: ApiSite, route: str) -> None:
    """All of them at one site: nobody changes it."""
    await _check(site, route, [caller for caller in CALLERS if not _changes_something(route, caller)])


async def _check(site: ApiSite, route: str, callers: list[str]) -> None:
    method, template = route.split(" ")
    path, body = await _arranged(site, route, template)
    for caller in callers:
        async with site.browser() as browser:
            answer = await _call_as(site, browser, caller, method, path, body)
        assert answer.status == MATRIX[route][CALLERS.index(caller)], (caller, answer.body)
        if answer.status in (401, 403):
            assert answer.json.keys() == {"error"}
            assert answer.json["error"].keys() == {"code", "message"}


async def _arranged(site: ApiSite, route: str, template: str) -> tuple[str, object]:
    """Path and body that are right for acme's ann."""
    acme = site.acme
    if "/tokens/" in template:
        spare = site.services.identity.tokens.list(acme.tenant.id)
        expired = next(token for token in spare if token.note == "expired")
        return template.replace("{id}", expired.id), None
    if "{reference}" in template:
        return template.replace("{reference}", await _refused_reference(site)), None
    session_id = (await site.launch(acme)).id if "{id}" in template else ""
    path = template.replace("{id}", session_id).replace("{hash}", "ab" * 32).replace("{name}", "Editor")
    path = path.replace("{user}", "ann").replace("{host}", "acme-h1").replace("{session}", "0" * 16)
    token = {"token": "enrol_" + acme.tenant.id + "_" + "0" * 64}
    bodies = {
        "POST /api/v1/login": {},
        "POST /api/v1/sessions": {"application": acme.editor.id, "display": {"width": 800, "height": 600}},
        "POST /api/v1/sessions/{id}/ticket": {},
        "POST /api/v1/sessions/{id}/grant": {"e": 0},
        "PUT /api/v1/admin/applications/{name}": {"command": ["x"], "entitled": {"users": ["ann"]}},
        "POST /api/v1/admin/users": {"name": "bob"},
        "POST /api/v1/admin/users/{user}/reset": {},
        "POST /api/v1/admin/users/{user}/disable": {},
        "POST /api/v1/admin/users/{user}/enable": {},
        "POST /api/v1/admin/users/{user}/sign-out": {},
        "POST /api/v1/account/sign-out-everywhere": {},
        "POST /api/v1/admin/panic": {"confirm": "main"},
        "POST /api/v1/enrolment": token,
        "POST /api/v1/enrolment/factor": {**token, "password": "x"},
        "POST /api/v1/enrolment/code": {**token, "code": "000000"},
        "POST /api/v1/enrolment/completion": {**token, "password": "x", "codes": ["000000", "000001"]},
        "POST /api/v1/admin/join-tokens": {"role": "host"},
        "PUT /api/v1/admin/hosts/{host}": {"groups": ["gpu"]},
    }
    return path, bodies.get(route)


async def _refused_reference(site: ApiSite) -> str:
    async with signed_in(site, site.acme.ann) as browser:
        answer = await browser.change("POST", "/api/v1/sessions", {"application": site.acme.shell.id})
    assert answer.code == "not_entitled"
    return str(answer.json["error"]["reference"])


async def _call_as(
    site: ApiSite, browser: ApiBrowser, caller: str, method: str, path: str, body: object
) -> Answer:
    accounts = {"user": site.acme.ann, "administrator": site.acme.root, "other tenant": site.globex.root}
    if caller in accounts:
        await site.let_in(browser, accounts[caller])
    tokens = {"user's token": site.acme.ann.api_token, "administrator's token": site.acme.root.api_token}
    if caller in tokens:
        raw = b"" if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {tokens[caller]}"}
        if path.startswith((login.PATH, ENROLMENT)) and method == "POST":  # for these a token is no proof
            return await browser.change(method, path, body, headers=headers)
        return await browser.request(method, path, raw, headers)
    return await browser.get(path) if method == "GET" else await browser.change(method, path, body)


def test_a_route_without_a_policy_does_not_start(site: ApiSite) -> None:
    async def open_to_all(request: web.Request) -> web.Response:
        return web.Response()

    application = web.Application()
    application.add_routes([*public_routes(site.services), web.put("/api/v1/backdoor", open_to_all)])
    with pytest.raises(LookupError, match="PUT /api/v1/backdoor"):
        check_policies(application)


async def test_only_a_gateway_reaches_the_public_api(site: ApiSite) -> None:
    async with site.browser() as browser:
        browser.as_gateway = False
        answer = await browser.get("/api/v1/login")
    assert (answer.status, answer.code) == (401, "certificate_refused")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "not_found"),
        (
            {"Portcullis-Origin": "https://second.example:8443", "Sec-Fetch-Site": "same-site"},
            "not_found",
        ),
        ({"Portcullis-Origin": "https://second.example:8443"}, "origin_refused"),
        (
            {"Portcullis-Origin": "https://second.example:8443", "Sec-Fetch-Site": "cross-site"},
            "origin_refused",
        ),
        (
            {"Portcullis-Origin": "https://unknown.example", "Origin": "https://unknown.example"},
            "origin_refused",
        ),
        *(
            ({"Origin": origin}, "origin_refused")
            for origin in (
                "null",
                "",
                "https://portal.example.evil",
                "https://PORTAL.example",
                "http://portal.example",
                "https://portal.example:443",
                "https://portal.example/",
                "https://second.example:8443",
            )
        ),
        ({"Sec-Fetch-Site": "cross-site"}, "origin_refused"),
        ({"Sec-Fetch-Site": "same-site"}, "origin_refused"),
        ({"Sec-Fetch-Site": "none"}, "origin_refused"),
        ({"Portcullis-Signature": ""}, "signature_refused"),
        ({"Portcullis-Signature": "v1 1 AAAAAAAAAAAAAAAAAAAAAA " + "A" * 86}, "signature_refused"),
    ],
)
async def test_a_change_comes_from_our_page_and_is_signed(
    site: ApiSite, headers: dict[str, str], code: str
) -> None:
    async with signed_in(site, site.acme.root) as browser:
        assert (await browser.change(*CHANGE, headers=headers)).code == code


async def test_a_change_may_come_from_the_origin_of_any_gateway(site: ApiSite) -> None:
    """Its page is served there: what gateways are told of origins is what brokers accept."""
    edge = Gateway(new_id(), "g2", "127.0.0.1:9", "https://edge.example")
    headers = {"Portcullis-Origin": edge.public_origin, "Origin": edge.public_origin}
    async with signed_in(site, site.acme.root) as browser:
        assert (await browser.change(*CHANGE, headers=headers)).code == "origin_refused"
        await site.put_gateway(edge)
        assert (await browser.change(*CHANGE, headers=headers)).code == "not_found"
        await site.put_gateway(replace(edge, revoked=True))
        assert (await browser.change(*CHANGE, headers=headers)).code == "origin_refused"


async def test_an_invented_cookie_costs_no_read_of_the_grid(
    site: ApiSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read(*_: object) -> None:
        raise AssertionError("the grid was read")

    monkeypatch.setattr(site.grid, "get", read)
    monkeypatch.setattr(site.grid, "range", read)
    async with site.browser() as browser:
        for tenant in (site.acme.tenant.id, new_id()):
            browser.cookies[COOKIE] = new_secret("login", tenant).text
            assert (await browser.get("/api/v1/catalogue")).code == "signed_out"


async def test_a_refusal_is_logged_with_who_was_refused(
    site: ApiSite, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with signed_in(site, site.acme.ann) as browser:
        assert (await browser.get("/api/v1/admin/users")).code == "not_permitted"
    refused = next(record for record in caplog.records if record.getMessage() == "request refused")
    logged = refused.portcullis_ids  # type: ignore[attr-defined]
    assert (logged["tenant"], logged["user"]) == (site.acme.tenant.id, site.acme.ann.user.id)
    assert (logged["code"], logged["client"]) == ("not_permitted", "192.0.2.1")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("Origin", "origin_refused"),
        ("Portcullis-Signature", "signature_refused"),
        ("Sec-Fetch-Site", "not_found"),
    ],
)
async def test_what_a_change_may_not_lack(site: ApiSite, header: str, code: str) -> None:
    async with signed_in(site, site.acme.root) as browser:
        assert (await browser.change(*CHANGE, without=(header,))).code == code


async def test_a_stolen_cookie_changes_nothing_without_the_key(site: ApiSite) -> None:
    session = await site.launch(site.acme)
    async with signed_in(site, site.acme.ann) as victim, site.browser() as thief:
        thief.cookies.update(victim.cookies)
        for path in ("", "/ticket", "/grant"):
            method = "POST" if path else "DELETE"
            answer = await thief.change(
                method, f"/api/v1/sessions/{session.id}{path}", {"e": 0} if path else None
            )
            assert (answer.status, answer.code) == (401, "signature_refused")
        assert (await thief.sign_out()).code == "signature_refused"
        assert (await victim.change("POST", f"/api/v1/sessions/{session.id}/ticket", {})).status == 200


async def test_a_signed_change_cannot_be_replayed_even_at_another_broker(two_brokers: ApiSite) -> None:
    site = two_brokers
    async with signed_in(site, site.acme.root) as browser, site.browser(1) as elsewhere:
        method, path = CHANGE
        signature = browser.key.sign_request(method, path, b"", site.clock.now())
        headers = {"Origin": ORIGIN, "Portcullis-Signature": signature}
        assert (await browser.request(method, path, b"", headers)).code == "not_found"
        elsewhere.cookies.update(browser.cookies)
        for replaying in (browser, elsewhere):
            assert (await replaying.request(method, path, b"", headers)).code == "outcome_unknown"


@pytest.mark.parametrize(("age", "code"), [(61, "clock_skewed"), (-61, "clock_skewed"), (59, "not_found")])
async def test_an_old_signature_is_refused(site: ApiSite, age: float, code: str) -> None:
    async with signed_in(site, site.acme.root) as browser:
        method, path = CHANGE
        signature = browser.key.sign_request(method, path, b"", site.clock.now() - age)
        headers = {"Portcullis-Signature": signature}
        assert (await browser.change(method, path, headers=headers)).code == code


async def test_a_nonce_is_remembered_for_as_long_as_its_signature_holds(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as browser:
        await browser.change(*CHANGE)
        nonces = [item for item in (await site.grid.range("/p/v1/t/")).items if "/nonce/" in item.key]
    assert nonces
    assert all(item.lease for item in nonces)


async def test_a_signature_covers_the_body(site: ApiSite) -> None:
    session = await site.launch(site.acme)
    async with signed_in(site, site.acme.ann) as browser:
        path = f"/api/v1/sessions/{session.id}/grant"
        signature = browser.key.sign_request("POST", path, b'{"e": 0}', site.clock.now())
        headers = {"Portcullis-Signature": signature}
        assert (await browser.change("POST", path, b'{"e": 1}', headers=headers)).code == "signature_refused"


@pytest.mark.parametrize(
    "cookie",
    [
        lambda good, other: f"{COOKIE}={good}; {COOKIE}={other}",
        lambda good, other: f"{COOKIE}={good}; {COOKIE}={good}",
        lambda good, other: f"{COOKIE.lower()}={good}",
        lambda good, other: f"{COOKIE}={good[:-1]}",
        lambda good, other: f"{COOKIE}={good}0",
        lambda good, other: f"{COOKIE}={good.upper()}",
        lambda good, other: f'{COOKIE}="{good}"',
        lambda good, other: f"{COOKIE}=",
        lambda good, other: f"{COOKIE}",
        lambda good, other: f"{COOKIE}={good.replace('login', 'api')}",
        lambda good, other: f"{COOKIE}={'_'.join((*other.split('_')[:2], good.split('_')[2]))}",
        lambda good, other: "x" * 4000,
    ],
)
async def test_a_cookie_that_is_not_quite_right_is_none(
    site: ApiSite, cookie: Callable[[str, str], str]
) -> None:
    async with signed_in(site, site.acme.ann) as browser, signed_in(site, site.globex.ann) as other:
        sent = cookie(browser.cookies[COOKIE], other.cookies[COOKIE])
        answer = await browser.get("/api/v1/catalogue", headers={"Cookie": sent})
    assert (answer.status, answer.code) == (401, "signed_out")


async def test_cookies_of_other_services_do_not_matter(site: ApiSite) -> None:
    async with signed_in(site, site.acme.ann) as browser:
        mixed = f'a="b; {{"json": 1}}; {COOKIE}={browser.cookies[COOKIE]}; é=ü; __Host-other=1'
        assert (await browser.get("/api/v1/catalogue", headers={"Cookie": mixed})).status == 200


async def test_a_token_is_refused_alike_whatever_is_wrong_with_it(site: ApiSite) -> None:
    ann, root = site.acme.ann, site.acme.root
    kind, _, secret = root.api_token.split("_")
    login_secret = f"login_{root.tenant.id}_{secret}"
    wrong = [
        root.expired_api_token,
        root.api_token[:-1],
        root.api_token + "0",
        f"{kind}_{site.globex.tenant.id}_{secret}",
        f"{kind}_{new_id()}_{secret}",
        login_secret,
        "",
        "null",
    ]
    async with site.browser() as browser:
        answers = [
            await browser.get("/api/v1/catalogue", headers={"Authorization": f"Bearer {text}"})
            for text in wrong
        ]
        answers.append(await browser.get("/api/v1/catalogue", headers={"Authorization": ann.api_token}))
        answers.append(
            await browser.get("/api/v1/catalogue", headers={"Authorization": f"Basic {ann.api_token}"})
        )
    assert {(answer.status, answer.body) for answer in answers} == {(401, answers[0].body)}
    assert answers[0].code == "token_refused"


async def test_a_wrong_token_is_not_saved_by_a_good_cookie(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as browser:
        answer = await browser.get("/api/v1/catalogue", headers={"Authorization": "Bearer nonsense"})
    assert answer.code == "token_refused"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/",
        "/api/v1/nothing",
        "/api/v1/setup",
        "/api/v1//catalogue",
        "/api/v1/catalogue/",
        "/api/v1/catalogue;x",
        "/api/v1/sessions/../catalogue",
        "/api/v1/%2e%2e/catalogue",
        "/api/v1/icons/" + "A" * 64,
        "/api/v1/icons/../login",
        "/api/v1/admin/applications/a/b",
        "/nothing",
    ],
)
async def test_a_path_that_is_not_quite_a_route_does_not_exist(site: ApiSite, path: str) -> None:
    async with signed_in(site, site.acme.root) as browser:
        answer = await browser.get(path)
    assert (answer.status, answer.code) == (404, "not_found")
    assert answer.json["error"].keys() == {"code", "message"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "OPTIONS", "TRACE", "HEAD", "PROPFIND"])
async def test_a_method_that_a_route_does_not_have_does_not_exist(site: ApiSite, method: str) -> None:
    async with site.browser() as browser:
        assert (await browser.request(method, "/api/v1/catalogue")).status == 404


async def test_an_internal_error_shows_a_reference_and_nothing_else(
    site: ApiSite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret of the database")

    monkeypatch.setattr(type(site.services.applications), "list", broken)
    async with signed_in(site, site.acme.ann) as browser:
        answer = await browser.get("/api/v1/catalogue")
    assert (answer.status, answer.code) == (500, "internal_error")
    assert b"secret" not in answer.body
    failed = next(record for record in caplog.records if record.getMessage() == "request failed")
    assert answer.json["error"]["reference"] == failed.portcullis_ids["reference"]  # type: ignore[attr-defined]


async def test_an_answer_names_the_revision_that_another_broker_waits_for(two_brokers: ApiSite) -> None:
    site, headers = two_brokers, {"Authorization": f"Bearer {two_brokers.acme.root.api_token}"}
    async with site.browser(0) as here, site.browser(1) as there:
        for number in range(5):
            made = await here.request(
                "POST", "/api/v1/admin/users", json.dumps({"name": f"user {number}"}).encode(), headers
            )
            revision = made.headers["Portcullis-Revision"]
            seen = await there.get("/api/v1/admin/users", {**headers, "Portcullis-Revision": revision})
            assert f"user {number}" in {item["name"] for item in seen.json["items"]}
            assert int(seen.headers["Portcullis-Revision"]) >= int(revision)


@pytest.mark.parametrize("revision", ["", "x", "-1", "1.0", "１", "1" * 19])
async def test_a_revision_that_is_no_number_is_refused(site: ApiSite, revision: str) -> None:
    async with site.browser() as browser:
        answer = await browser.get("/api/v1/login", headers={"Portcullis-Revision": revision})
    assert (answer.status, answer.code) == (400, "invalid_request")


async def test_another_key_of_the_same_user_signs_for_its_own_login_only(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as one, signed_in(site, site.acme.root) as two:
        one.key, two.key = two.key, one.key
        assert (await one.change(*CHANGE)).code == "signature_refused"
        one.key = ClientKey()
        assert (await one.change(*CHANGE)).code == "signature_refused"

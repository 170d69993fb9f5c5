"""Signing in over HTTP: what succeeds, what is refused and how alike refusals are, lockout, cookie, signing out."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from broker.identity import lockout, passwords, totp
from broker.identity.passwords import MAXIMUM_WAITING, Verdict
from portcullis.tickets import to_base64url
from tests.support.api_site import COOKIE, ORIGIN, Account, ApiSite, api_site, signed_in
from tests.support.browser import Answer, ApiBrowser

PATH = "/api/v1/login"


async def _try(browser: ApiBrowser, account: Account, **changes: str | None) -> Answer:
    given = {
        "username": account.user.name,
        "password": account.password,
        "organisation": account.tenant.name,
        "code": None,
        **changes,
    }
    return await browser.sign_in(**given)  # type: ignore[arg-type]


def _code(site: ApiSite, account: Account, steps: int = 0) -> str:
    return totp.code_at(account.totp_secret, totp.step_at(site.clock.now()) + steps)


async def test_a_stranger_is_told_nothing_but_the_time(site: ApiSite) -> None:
    async with site.browser() as browser:
        answer = await browser.get(PATH)
    assert answer.status == 200
    expected = {
        "signed_in": False,
        "organisations": ["?"],
        "theme": None,
        "gateways": [],
        "time": site.clock.now(),
    }
    assert answer.json == expected
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Portcullis-Revision" not in answer.headers


async def test_a_site_of_one_tenant_asks_for_no_organisation(tmp_path: Path) -> None:
    async with api_site(tmp_path, tenants=1) as site, site.browser() as browser:
        assert (await browser.get(PATH)).json["organisations"] == []
        ann = site.acme.ann
        answer = await browser.sign_in("ann", ann.password, totp_secret=ann.totp_secret)
    assert answer.json["signed_in"]


async def test_password_then_code_sign_in(site: ApiSite) -> None:
    ann = site.acme.ann
    async with site.browser() as browser:
        first = await _try(browser, ann)
        assert (first.status, first.json) == (200, {"factor_required": True})
        assert not first.cookies
        second = await _try(browser, ann, code=_code(site, ann))
        seen = await browser.get(PATH)
    assert second.status == 200
    expected = {
        "signed_in": True,
        "user": {"id": ann.user.id, "name": "ann"},
        "tenant": {"id": ann.tenant.id, "name": "acme"},
        "theme": {"title": None, "accent": None, "logo": None},
        "role": "user",
        "permissions": [],
        "expires": site.clock.now() + 12 * 3600,
        "gateways": [],
        "time": site.clock.now(),
    }
    assert second.json == seen.json == expected


@pytest.mark.parametrize("mark", [{"role": "administrator"}, {"platform": True}, {"role": "help_desk"}])
async def test_nobody_signs_in_without_a_second_factor(site: ApiSite, mark: dict[str, Any]) -> None:
    """Not even by a record that says nothing of one: no role, policy or setting lets the password be enough."""
    ann = site.acme.ann
    await site.put_user(ann, replace(ann.user, totp_secret="", **mark))
    for code in (None, "", "000000", totp.code_at(totp.new_secret(), 1), _code(site, ann)):
        async with site.browser() as browser:
            answer = await _try(browser, ann, code=code)
            assert answer.code in ("sign_in_refused", "invalid_field") or answer.json == {
                "factor_required": True
            }
            assert COOKIE not in browser.cookies


async def test_a_user_name_is_found_whatever_its_case(site: ApiSite) -> None:
    ann = site.acme.ann
    async with site.browser() as browser:
        answer = await _try(browser, ann, username="ANN", organisation="Acme", code=_code(site, ann))
    assert answer.json["user"]["name"] == "ann"


async def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(site: ApiSite) -> None:
    async with site.browser() as browser:
        answer = await site.sign_in(browser, site.acme.ann)
    cookie = answer.cookies[COOKIE]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Strict")
    assert (cookie["path"], cookie["domain"], cookie["max-age"]) == ("/", "", "43200")
    kind, tenant, secret = cookie.value.split("_")
    assert (kind, tenant, len(secret)) == ("login", site.acme.tenant.id, 64)
    assert cookie.value not in answer.body.decode()


async def test_a_cookie_that_was_there_before_is_never_adopted(site: ApiSite) -> None:
    preset = f"login_{site.acme.tenant.id}_{'ab' * 32}"
    async with site.browser() as browser:
        browser.cookies[COOKIE] = preset
        assert not (await browser.get(PATH)).json["signed_in"]
        await site.sign_in(browser, site.acme.ann)
        assert browser.cookies[COOKIE] != preset
        browser.cookies[COOKIE] = preset
        assert not (await browser.get(PATH)).json["signed_in"]


async def test_every_wrong_sign_in_gets_the_same_answer_for_the_same_work(site: ApiSite) -> None:
    ann = site.acme.ann
    passwords = site.services.identity.passwords
    await site.put_user(site.acme.root, replace(site.acme.root.user, disabled=True))
    wrong: list[tuple[Account, dict[str, str | None]]] = [
        (ann, {"password": "wrong"}),
        (ann, {"password": ann.password + " "}),
        (ann, {"password": site.globex.ann.password}),
        (ann, {"username": "nobody", "code": "123456"}),
        (ann, {"username": "nobody"}),
        (ann, {"organisation": "nowhere"}),
        (ann, {"organisation": None}),
        (site.globex.ann, {"code": "000000"}),
        (site.globex.ann, {"code": _code(site, ann)}),
        (site.globex.ann, {"code": "12345"}),
        (site.globex.ann, {"code": "１２３４５６"}),
        (site.acme.root, {}),
        (site.acme.root, {"code": _code(site, site.acme.root)}),
    ]
    answers = []
    for account, changes in wrong:
        before = passwords.verifications
        async with site.browser() as browser:
            answers.append(await _try(browser, account, **changes))
        assert passwords.verifications == before + 1, changes
    assert {answer.status for answer in answers} == {401}
    assert {answer.body for answer in answers} == {answers[0].body}
    assert answers[0].code == "sign_in_refused"
    assert not any(answer.cookies for answer in answers)
    names = {frozenset(answer.headers) for answer in answers}
    assert len(names) == 1


@pytest.mark.parametrize("steps", [-3, -2, 2])
async def test_a_stale_or_early_code_is_refused(site: ApiSite, steps: int) -> None:
    ann = site.acme.ann
    async with site.browser() as browser:
        assert (await _try(browser, ann, code=_code(site, ann, steps))).code == "sign_in_refused"


@pytest.mark.parametrize("digits", ["０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩"])
async def test_the_right_code_in_other_digits_is_refused(site: ApiSite, digits: str) -> None:
    ann = site.acme.ann
    code = _code(site, ann).translate({ord(str(n)): digits[n] for n in range(10)})
    async with site.browser() as browser:
        assert (await _try(browser, ann, code=code)).code == "sign_in_refused"


async def test_a_code_counts_once_and_none_before_it_after_it(site: ApiSite) -> None:
    ann = site.acme.ann
    async with site.browser() as first, site.browser() as second:
        assert (await _try(first, ann, code=_code(site, ann))).status == 200
        assert (await _try(second, ann, code=_code(site, ann))).code == "sign_in_refused"
        assert (await _try(second, ann, code=_code(site, ann, -1))).code == "sign_in_refused"
        assert (await _try(second, ann, code=_code(site, ann, 1))).status == 200


async def test_one_code_at_two_brokers_at_once_signs_in_once(two_brokers: ApiSite) -> None:
    site, ann = two_brokers, two_brokers.acme.ann
    async with site.browser(0) as a, site.browser(1) as b, site.browser(0) as c, site.browser(1) as d:
        code = _code(site, ann)
        answers = await asyncio.gather(*(_try(browser, ann, code=code) for browser in (a, b, c, d)))
    assert sorted(answer.status for answer in answers) == [200, 401, 401, 401]


async def test_a_login_is_known_at_the_other_broker_at_once(two_brokers: ApiSite) -> None:
    async with two_brokers.browser(0) as here, two_brokers.browser(1, key=here.key) as there:
        answer = await two_brokers.sign_in(here, two_brokers.acme.ann)
        there.cookies.update(here.cookies)
        revision = {"Portcullis-Revision": answer.headers["Portcullis-Revision"]}
        assert (await there.get(PATH, revision)).json["signed_in"]


async def test_five_failures_block_the_account_in_every_browser(site: ApiSite) -> None:
    ann = site.acme.ann
    for _ in range(lockout.FREE_FAILURES):
        async with site.browser() as browser:
            assert (await _try(browser, ann, password="wrong")).status == 401
    async with site.browser() as browser:
        before = site.services.identity.passwords.verifications
        blocked = await _try(browser, ann, code=_code(site, ann))
        assert (blocked.status, blocked.code) == (429, "sign_in_blocked")
        assert blocked.json["error"]["retry_after_seconds"] == 30
        assert blocked.headers["Retry-After"] == "30"
        assert site.services.identity.passwords.verifications == before
        site.clock.wall += 30
        assert (await _try(browser, ann, code=_code(site, ann))).status == 200
        assert (await _try(browser, site.globex.ann)).status == 200  # another tenant's ann was never blocked


async def test_wrong_codes_after_the_right_password_block_too(site: ApiSite) -> None:
    ann = site.acme.ann
    async with site.browser() as browser:
        for _ in range(lockout.FREE_FAILURES):
            assert (await _try(browser, ann)).json == {"factor_required": True}
            assert (await _try(browser, ann, code="000000")).code == "sign_in_refused"
        assert (await _try(browser, ann)).code == "sign_in_blocked"


async def test_the_right_password_alone_never_blocks(site: ApiSite) -> None:
    async with site.browser() as browser:
        for _ in range(3 * lockout.FREE_FAILURES):
            assert (await _try(browser, site.acme.ann)).json == {"factor_required": True}


@pytest.mark.parametrize("changes", [{"username": "nobody"}, {"organisation": "nowhere"}])
async def test_who_does_not_exist_is_blocked_alike(site: ApiSite, changes: dict[str, str]) -> None:
    async with site.browser() as browser:
        codes = [(await _try(browser, site.acme.ann, **changes)).code for _ in range(6)]
    assert codes == ["sign_in_refused"] * 5 + ["sign_in_blocked"]


async def test_guesses_at_the_same_moment_do_not_slip_under_the_limit(two_brokers: ApiSite) -> None:
    site, ann = two_brokers, two_brokers.acme.ann
    async with site.browser(0) as here, site.browser(1) as there:
        tries = [_try((here, there)[n % 2], ann, code=f"{n:06}") for n in range(40)]
        answers = await asyncio.gather(*tries)
    evaluated = sum(broker.identity.passwords.verifications for broker in site.brokers)
    assert evaluated == lockout.FREE_FAILURES
    assert sorted({answer.status for answer in answers}) == [401, 429]


async def test_many_guesses_at_once_do_not_get_in_each_others_way(
    site: ApiSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would all claim, all but one in vain, and try again: of many some would give up unanswered."""
    transactions, commit = [], site.stores.commit

    async def counted(*operations: Any, **given: Any) -> Any:
        transactions.append(operations)
        return await commit(*operations, **given)

    monkeypatch.setattr(site.stores, "commit", counted)
    async with site.browser() as browser:
        tries = [_try(browser, site.acme.ann, password="wrong") for _ in range(MAXIMUM_WAITING)]
        answers = await asyncio.gather(*tries)
    assert sorted(answer.status for answer in answers) == [401] * 5 + [429] * (MAXIMUM_WAITING - 5)
    assert len(transactions) == lockout.FREE_FAILURES


async def test_signing_out_ends_the_login_everywhere(two_brokers: ApiSite) -> None:
    site = two_brokers
    async with signed_in(site, site.acme.ann) as browser, site.browser(1, key=browser.key) as elsewhere:
        elsewhere.cookies.update(browser.cookies)
        stolen = dict(browser.cookies)
        answer = await browser.sign_out()
        assert answer.status == 204
        assert browser.cookies == {}
        browser.cookies.update(stolen)
        assert not (await browser.get(PATH)).json["signed_in"]
        revision = {"Portcullis-Revision": answer.headers["Portcullis-Revision"]}
        assert not (await elsewhere.request("GET", PATH, headers=revision)).json["signed_in"]
        assert (await browser.get("/api/v1/catalogue")).code == "signed_out"


async def test_signing_out_cuts_the_connections_of_that_login(site: ApiSite) -> None:
    await site.launch(site.acme)
    cuts = []

    class Channel:
        is_older = False

        def queue(self, message: object) -> None:
            cuts.append(message)

        async def close(self, code: int, reason: str) -> None: ...

    site.brokers[0].registry.replace(site.acme.host.id, Channel())
    async with signed_in(site, site.acme.ann) as browser, signed_in(site, site.acme.ann) as other:
        await browser.sign_out()
        assert (await other.get("/api/v1/catalogue")).status == 200
    assert [(cut.tenant, cut.code) for cut in cuts] == [(site.acme.tenant.id, "signed_out")]


async def test_a_login_ends_after_its_time(site: ApiSite) -> None:
    async with signed_in(site, site.acme.ann) as browser:
        site.clock.wall += 12 * 3600 - 1
        assert (await browser.get(PATH)).json["signed_in"]
        site.clock.wall += 2
        assert not (await browser.get(PATH)).json["signed_in"]


async def test_a_user_who_is_disabled_is_signed_out_and_stays_out(site: ApiSite) -> None:
    ann = site.acme.ann
    async with signed_in(site, ann) as browser:
        await site.put_user(ann, replace(ann.user, disabled=True))
        assert (await browser.get("/api/v1/catalogue")).code == "signed_out"
        assert not (await browser.get(PATH)).json["signed_in"]
        site.clock.wall += 60
        assert (await _try(browser, ann, code=_code(site, ann))).code == "sign_in_refused"


async def test_a_user_who_was_disabled_signs_in_anew_when_enabled_again(two_brokers: ApiSite) -> None:
    site, ann = two_brokers, two_brokers.acme.ann
    async with signed_in(site, ann) as browser, asyncio.TaskGroup() as waiting:
        for broker in site.brokers:
            waiting.create_task(broker.until_login_ends(ann))
        await asyncio.sleep(0)  # they wait
        await site.put_user(ann, replace(ann.user, disabled=True))
    async with site.browser(key=browser.key) as later:
        later.cookies.update(browser.cookies)
        await site.put_user(ann, ann.user)
        assert not (await later.get(PATH)).json["signed_in"]


@pytest.mark.parametrize(
    "change", [{"disabled": True}, {"password_hash": "another"}, {"totp_secret": "JBSWY3DPEHPK3PXP"}]
)
async def test_an_account_that_changes_during_its_sign_in_is_not_signed_in(
    site: ApiSite, monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    ann, passwords = site.acme.ann, site.services.identity.passwords
    verify = passwords.verify

    async def verify_and_change(text: str, stored: str | None) -> Verdict:
        verdict = await verify(text, stored)
        await site.put_user(ann, replace(ann.user, **change))  # type: ignore[arg-type]
        return verdict

    monkeypatch.setattr(passwords, "verify", verify_and_change)
    async with site.browser() as browser:
        assert (await _try(browser, ann, code=_code(site, ann))).code == "sign_in_refused"
    assert site.services.snapshot.list(ann.tenant.id, "login") == []


async def test_a_user_whose_groups_change_during_the_sign_in_is_signed_in(
    site: ApiSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, nonces = site.acme.ann, site.services.identity.authenticator._directory.nonces
    first_use, changed = nonces.first_use, []

    async def change_and_use(*given: object) -> object:
        if not changed:
            changed.append(True)
            await site.put_user(ann, replace(ann.user, groups=frozenset({"new"})))
        return await first_use(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(nonces, "first_use", change_and_use)
    async with site.browser() as browser:
        assert (await _try(browser, ann, code=_code(site, ann))).status == 200


async def test_a_user_without_a_second_factor_cannot_sign_in(site: ApiSite) -> None:
    ann = site.acme.ann
    await site.put_user(ann, replace(ann.user, totp_secret=""))
    async with site.browser() as browser:
        assert (await _try(browser, ann, code="000000")).code == "sign_in_refused"


async def test_a_hash_of_lower_cost_is_renewed_at_sign_in(site: ApiSite) -> None:
    ann = site.acme.ann
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(ann.password)
    await site.put_user(ann, replace(ann.user, password_hash=weak))
    async with site.browser() as browser:
        await site.sign_in(browser, ann)
        user = site.services.identity.users.get(ann.tenant.id, ann.user.id)
        await site.sign_in(browser, ann)
    assert user is not None
    assert user.password_hash != weak
    assert not passwords.HASHER.check_needs_rehash(user.password_hash)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"username": ""}, 422),
        ({"username": 1}, 422),
        ({"username": "x" * 257}, 422),
        ({"username": "a\0b"}, 422),
        ({"password": None}, 422),
        ({"password": "x" * 1025}, 422),
        ({"password": "x" * 1_100_000}, 400),
        ({"code": 123456}, 422),
        ({"code": "1" * 65}, 422),
        ({"organisation": []}, 422),
        ({"client_key": None}, 422),
        ({"client_key": "AA"}, 422),
        ({"client_key": "A" * 87}, 422),
        ({"role": "administrator"}, 422),
    ],
)
async def test_a_malformed_sign_in_is_refused_by_field(
    site: ApiSite, change: dict[str, object], status: int
) -> None:
    async with site.browser() as browser:
        data = {"username": "ann", "password": "x", "client_key": to_base64url(browser.key.public), **change}
        answer = await browser.change("POST", PATH, data)
    assert answer.status == status
    if status == 422:
        assert answer.json["error"]["field"] == next(iter(change))
    assert site.services.identity.passwords.verifications == 0


async def test_a_sign_in_is_signed_by_the_key_that_it_presents(site: ApiSite) -> None:
    ann = site.acme.ann
    async with site.browser() as browser, site.browser() as thief:
        body = await _body(browser, ann, _code(site, ann))
        for headers in (
            {"Portcullis-Signature": thief.key.sign_request("POST", PATH, body, site.clock.now())},
            {"Portcullis-Signature": "v1 1 a b"},
            {"Origin": "https://elsewhere.example"},
            {"Sec-Fetch-Site": "cross-site"},
        ):
            answer = await browser.change("POST", PATH, body, headers=headers)
            assert answer.code in ("signature_refused", "origin_refused"), headers
        assert (await browser.change("POST", PATH, body)).status == 200


async def test_a_sign_in_cannot_be_replayed(site: ApiSite) -> None:
    ann = site.acme.ann
    async with site.browser() as browser:
        body = await _body(browser, ann, _code(site, ann))
        signature = browser.key.sign_request("POST", PATH, body, site.clock.now())
        headers = {"Portcullis-Signature": signature, "Origin": ORIGIN}
        assert (await browser.request("POST", PATH, body, headers)).status == 200
        again = await browser.request("POST", PATH, body, headers)
        assert (again.code, dict(again.cookies)) == ("outcome_unknown", {})


async def _body(browser: ApiBrowser, account: Account, code: str) -> bytes:
    return json.dumps(
        {
            "organisation": account.tenant.name,
            "username": account.user.name,
            "password": account.password,
            "code": code,
            "client_key": to_base64url(browser.key.public),
        }
    ).encode()


async def test_an_owner_is_told_that_somebody_tried_very_often(site: ApiSite) -> None:
    ann = site.acme.ann
    async with site.browser() as stranger:
        for _ in range(12):
            await _try(stranger, ann, password="a guess", code="000000")
            site.clock.wall += 16 * 60
    site.clock.wall += 26 * 3600
    async with site.browser() as browser:
        answer = await _try(browser, ann, code=_code(site, ann))
    assert answer.json["failed_sign_ins"] == 12
    site.clock.wall += 60
    async with site.browser() as browser:
        again = await _try(browser, ann, code=_code(site, ann))
    assert again.status == 200 and "failed_sign_ins" not in again.json, "it was told"


async def test_who_mistypes_is_told_nothing(site: ApiSite) -> None:
    ann = site.acme.ann
    async with site.browser() as browser:
        for _ in range(9):
            await _try(browser, ann, password="a typo", code="000000")
            site.clock.wall += 16 * 60
        answer = await _try(browser, ann, code=_code(site, ann))
    assert answer.status == 200 and "failed_sign_ins" not in answer.json


async def test_attempts_long_ago_count_though_somebody_tried_once_since(site: ApiSite) -> None:
    ann = site.acme.ann
    async with site.browser() as browser:
        for _ in range(11):
            await _try(browser, ann, password="a guess", code="000000")
            site.clock.wall += 16 * 60
        site.clock.wall += 2 * 3600
        await _try(browser, ann, password="a typo", code="000000")
        answer = await _try(browser, ann, code=_code(site, ann))
    assert answer.json["failed_sign_ins"] == 11

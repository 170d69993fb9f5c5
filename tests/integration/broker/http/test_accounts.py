"""What administrators do to accounts: reset, disable, enable, delete; and the factor that wrong codes switch off."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from broker.identity import lockout, recovery_codes, totp
from portcullis.errors import Refused
from portcullis.model.user import User
from tests.support.api_site import ApiSite, signed_in
from tests.support.browser import Answer, ApiBrowser
from tests.support.enrolling import PASSWORD, codes_at, enrol

USERS = "/api/v1/admin/users"


async def administer(site: ApiSite, act: str, name: str = "ann") -> Answer:
    async with signed_in(site, site.acme.root) as root:
        if act == "delete":
            return await root.change("DELETE", f"{USERS}/{name}")
        return await root.change("POST", f"{USERS}/{name}/{act}", {})


async def state_of(site: ApiSite, name: str = "ann") -> str:
    async with signed_in(site, site.acme.root) as root:
        items = (await root.get(USERS)).json["items"]
    return str(next(item["state"] for item in items if item["name"] == name))


def tried(site: ApiSite, browser: ApiBrowser, code: str | None, password: str | None = None) -> Any:
    return browser.sign_in("ann", password or site.acme.ann.password, code, organisation="acme")


def code_now(site: ApiSite, steps: int = 0) -> str:
    return totp.code_at(site.acme.ann.totp_secret, totp.step_at(site.clock.now()) + steps)


async def second_administrator(site: ApiSite) -> None:
    """`ann` of acme, too."""
    await site.put_user(site.acme.ann, replace(site.acme.ann.user, role="administrator"))


# --- reset


async def test_a_reset_ends_password_and_factor_at_once_and_cuts_the_logins(site: ApiSite) -> None:
    ended = asyncio.ensure_future(site.brokers[0].until_login_ends(site.acme.ann))
    async with signed_in(site, site.acme.ann) as ann, site.browser() as thief:
        reset = await administer(site, "reset")
        assert (reset.status, reset.json["user"]["state"]) == (200, "invited")
        await ended
        assert not (await ann.get("/api/v1/login")).json["signed_in"]
        assert (await tried(site, thief, None)).code == "sign_in_refused"
        assert (await tried(site, thief, code_now(site))).code == "sign_in_refused"


async def test_after_a_reset_the_person_enrols_anew_and_the_old_secrets_stay_dead(site: ApiSite) -> None:
    reset = await administer(site, "reset")
    async with site.browser() as ann:
        person = await enrol(ann, reset.json["enrolment"]["link"], site.clock.now())
        site.clock.wall += 30
        assert (await tried(site, ann, code_now(site))).code == "sign_in_refused"
        assert (await tried(site, ann, code_now(site), PASSWORD)).code == "sign_in_refused"
        fresh = totp.code_at(person.totp_secret, totp.step_at(site.clock.now()))
        assert (await tried(site, ann, fresh, PASSWORD)).json["signed_in"]
    assert await state_of(site) == "enrolled"


async def test_a_first_password_is_one_until_its_user_is_reset(site: ApiSite) -> None:
    await site.put_user(site.acme.ann, replace(site.acme.ann.user, first_password=True))

    async def first_passwords() -> list[str]:
        async with signed_in(site, site.acme.root) as root:
            return list((await root.get("/api/v1/admin/site")).json["first_passwords"])

    assert (await administer(site, "disable")).status == 200
    assert (await administer(site, "enable")).status == 200
    assert await first_passwords() == ["ann"], "it is as good as before"
    link = (await administer(site, "reset")).json["enrolment"]["link"]
    assert await first_passwords() == []
    async with site.browser() as browser:
        await enrol(browser, link, site.clock.now())
    assert await first_passwords() == []


async def test_a_reset_makes_earlier_recovery_codes_worthless(site: ApiSite) -> None:
    async with site.browser() as ann:
        first = await enrol(
            ann, (await administer(site, "reset")).json["enrolment"]["link"], site.clock.now()
        )
        again = (await administer(site, "reset")).json["enrolment"]["link"]
        second = await enrol(ann, again, site.clock.now())
        assert (await tried(site, ann, first.recovery_codes[0], PASSWORD)).code == "sign_in_refused"
        assert (await tried(site, ann, second.recovery_codes[0], PASSWORD)).json["signed_in"]


async def test_a_reset_lifts_a_lockout(site: ApiSite) -> None:
    async with site.browser() as ann:
        for _ in range(lockout.FREE_FAILURES):
            await tried(site, ann, None, "wrong")
        assert (await tried(site, ann, None)).code == "sign_in_blocked"
        person = await enrol(
            ann, (await administer(site, "reset")).json["enrolment"]["link"], site.clock.now()
        )
        assert (await tried(site, ann, person.recovery_codes[0], PASSWORD)).json["signed_in"]


async def test_an_api_token_survives_the_reset_of_its_user(site: ApiSite) -> None:
    await administer(site, "reset")
    async with site.browser() as script:
        headers = {"Authorization": f"Bearer {site.acme.ann.api_token}"}
        assert (await script.get("/api/v1/catalogue", headers)).status == 200


async def test_a_disabled_user_is_not_reset(site: ApiSite) -> None:
    await administer(site, "disable")
    refused = await administer(site, "reset")
    assert (refused.status, refused.code) == (409, "user_disabled")


# --- disable, enable, delete


async def test_disabling_cuts_the_logins_and_enabling_brings_none_back(site: ApiSite) -> None:
    ended = asyncio.ensure_future(site.brokers[0].until_login_ends(site.acme.ann))
    async with signed_in(site, site.acme.ann) as ann:
        assert (await administer(site, "disable")).json["user"]["state"] == "disabled"
        await ended
        assert (await tried(site, ann, code_now(site))).code == "sign_in_refused"
        assert (await administer(site, "enable")).json["user"]["state"] == "enrolled"
        assert not (await ann.get("/api/v1/login")).json["signed_in"]
        assert (await tried(site, ann, code_now(site, 1))).json["signed_in"]


async def test_disabling_twice_is_as_good_as_once(site: ApiSite) -> None:
    assert [(await administer(site, "disable")).status for _ in range(2)] == [200, 200]


async def test_a_deleted_user_leaves_nothing_to_sign_in_with(site: ApiSite) -> None:
    await site.launch(site.acme)
    assert (await administer(site, "delete")).status == 204
    store = await site.stores.tenant(site.acme.tenant.id)
    for kind in ("user", "user-name", "attempts", "recovery", "enrolment", "token"):
        assert site.acme.ann.user.id not in str([record.value for record in await store.list(kind)]), kind
    assert [record.value["state"] for record in await store.list("session")] == ["ending"]
    async with site.browser() as script:
        headers = {"Authorization": f"Bearer {site.acme.ann.api_token}"}
        assert (await script.get("/api/v1/catalogue", headers)).code == "token_refused"
        assert (await tried(site, script, code_now(site))).code == "sign_in_refused"


async def test_a_user_is_found_whatever_the_case_of_the_name(site: ApiSite) -> None:
    assert (await administer(site, "disable", "ANN")).json["user"]["name"] == "ann"


@pytest.mark.parametrize("act", ["reset", "disable", "enable", "delete"])
@pytest.mark.parametrize("name", ["nobody", "a%20b", "x" * 200])
async def test_an_unknown_user_is_not_found(site: ApiSite, act: str, name: str) -> None:
    answer = await administer(site, act, name)
    assert (answer.status, answer.code) == (404, "not_found")


async def test_users_of_another_tenant_are_out_of_reach(site: ApiSite) -> None:
    await administer(site, "disable")
    theirs = site.services.identity.users.by_name(site.globex.tenant.id, "ann")
    assert theirs is not None and not theirs.disabled


@pytest.mark.parametrize("act", ["reset", "disable", "enable"])
async def test_these_acts_take_no_fields(site: ApiSite, act: str) -> None:
    async with signed_in(site, site.acme.root) as root:
        answer = await root.change("POST", f"{USERS}/ann/{act}", {"password": "chosen by the administrator"})
    assert (answer.status, answer.code) == (422, "invalid_field")


# --- the last administrator


@pytest.mark.parametrize("act", ["disable", "delete"])
async def test_the_last_administrator_stays(site: ApiSite, act: str) -> None:
    answer = await administer(site, act, "root")
    assert (answer.status, answer.code) == (409, "last_administrator")
    assert await state_of(site, "root") == "enrolled"


@pytest.mark.parametrize("act", ["disable", "delete"])
async def test_an_administrator_who_cannot_sign_in_is_no_other_one(site: ApiSite, act: str) -> None:
    ann = site.acme.ann.user
    for cannot in (replace(ann, disabled=True), replace(ann, totp_secret="")):
        await site.put_user(site.acme.ann, replace(cannot, role="administrator"))
        assert (await administer(site, act, "root")).code == "last_administrator"


async def test_of_two_administrators_one_may_go(site: ApiSite) -> None:
    await second_administrator(site)
    assert (await administer(site, "disable")).status == 200
    assert (await administer(site, "delete", "root")).code == "last_administrator"


async def test_two_administrators_who_disable_each_other_do_not_both_succeed(two_brokers: ApiSite) -> None:
    site = two_brokers
    await second_administrator(site)

    async def disable(broker: int, name: str) -> object:
        try:
            accounts = site.brokers[broker].identity.accounts
            return await accounts.set_disabled(site.acme.tenant.id, name, True, "test")
        except Refused as refused:
            return refused

    outcomes = await asyncio.gather(disable(0, "ann"), disable(1, "root"))
    await site.brokers[0].snapshot.until(site.brokers[1].snapshot.revision)
    users = site.services.identity.users.list(site.acme.tenant.id)
    assert len([user for user in users if user.role == "administrator" and not user.disabled]) == 1, outcomes


# --- the factor that wrong codes switch off


async def wrong_codes(site: ApiSite, count: int) -> None:
    """As that many wrong codes leave the account, long ago."""
    store = await site.stores.tenant(site.acme.tenant.id)
    value = lockout.Attempts(wrong_codes=count).to_json()
    await site.stores.commit(store.put(("attempts", site.acme.ann.user.id), value))


async def test_a_hundred_wrong_codes_switch_the_factor_off_until_a_reset(site: ApiSite) -> None:
    await wrong_codes(site, lockout.MAXIMUM_WRONG_CODES - 1)
    async with site.browser() as ann:
        assert (await tried(site, ann, "000000")).code == "sign_in_refused"
        assert await state_of(site) == "factor_off"
        off = await tried(site, ann, code_now(site))
        assert (off.status, off.code) == (403, "factor_off")
        site.clock.wall += lockout.LONGEST_DELAY_SECONDS
        assert (await tried(site, ann, code_now(site))).code == "factor_off"
        link = (await administer(site, "reset")).json["enrolment"]["link"]
        person = await enrol(ann, link, site.clock.now())
        site.clock.wall += 30
        fresh = totp.code_at(person.totp_secret, totp.step_at(site.clock.now()))
        assert (await tried(site, ann, fresh, PASSWORD)).json["signed_in"]
    assert await state_of(site) == "enrolled"


async def test_that_the_factor_is_off_is_told_to_nobody_without_the_password(site: ApiSite) -> None:
    await wrong_codes(site, lockout.MAXIMUM_WRONG_CODES)
    async with site.browser() as stranger:
        assert (await tried(site, stranger, "000000", "wrong")).code == "sign_in_refused"


async def test_a_stranger_cannot_switch_the_factor_off(site: ApiSite) -> None:
    await wrong_codes(site, lockout.MAXIMUM_WRONG_CODES - 1)
    async with site.browser() as stranger:
        for _ in range(3):
            await tried(site, stranger, "000000", "wrong")
        assert (await tried(site, stranger, code_now(site))).json["signed_in"]


async def test_a_right_code_forgets_the_wrong_ones(site: ApiSite) -> None:
    await wrong_codes(site, lockout.MAXIMUM_WRONG_CODES - 1)
    async with site.browser() as ann:
        assert (await tried(site, ann, code_now(site))).json["signed_in"]
        assert (await tried(site, ann, "000000")).code == "sign_in_refused"
        assert (await tried(site, ann, code_now(site, 1))).json["signed_in"]


async def test_many_codes_at_once_are_not_evaluated_beyond_the_limit(two_brokers: ApiSite) -> None:
    site = two_brokers
    await wrong_codes(site, lockout.MAXIMUM_WRONG_CODES - 1)
    async with site.browser(0) as one, site.browser(1) as other:
        answers = await asyncio.gather(*(tried(site, page, "000000") for page in (one, other) * 3))
    codes = [answer.code for answer in answers]
    assert codes.count("sign_in_refused") == 1
    assert set(codes) == {"sign_in_refused", "factor_off", "sign_in_blocked"}


async def test_a_recovery_code_is_good_while_the_factor_is_off_and_does_not_switch_it_on(
    site: ApiSite,
) -> None:
    link = (await administer(site, "reset")).json["enrolment"]["link"]
    async with site.browser() as ann:
        person = await enrol(ann, link, site.clock.now())
        await wrong_codes(site, lockout.MAXIMUM_WRONG_CODES)
        assert (await tried(site, ann, person.recovery_codes[0], PASSWORD)).json["signed_in"]
        site.clock.wall += 30
        code = codes_at(person.totp_secret, site.clock.now())[1]
        assert (await tried(site, ann, code, PASSWORD)).code == "factor_off"


def test_a_user_of_an_older_version_is_read_as_before() -> None:
    data = {"id": "1" * 16, "name": "ann", "password_hash": "h", "totp_secret": "s"}
    assert User.from_json(data).enrolled
    assert lockout.Attempts.from_json({"failures": 3, "mark": "x"}).wrong_codes == 0


async def test_new_recovery_codes_take_the_place_of_all_before_for_a_code_of_now(site: ApiSite) -> None:
    path = "/api/v1/account/recovery-codes"
    ann, tenant = site.acme.ann, site.acme.tenant.id
    async with signed_in(site, ann) as browser:
        site.clock.wall += 60
        refused = await browser.change("POST", path, {"code": "000000"})
        assert refused.code == "factor_refused"
        code = totp.code_at(ann.totp_secret, totp.step_at(site.clock.now()))
        first = await browser.change("POST", path, {"code": code})
        assert (first.status, len(first.json["recovery_codes"])) == (201, 10)
        assert (await browser.change("POST", path, {"code": code})).code == "factor_refused", "it was spent"
        site.clock.wall += 60
        code = totp.code_at(ann.totp_secret, totp.step_at(site.clock.now()))
        second = (await browser.change("POST", path, {"code": code})).json["recovery_codes"]
    assert not set(first.json["recovery_codes"]) & set(second)
    async with site.browser() as browser:
        old = await browser.sign_in("ann", ann.password, first.json["recovery_codes"][0], organisation="acme")
        new = await browser.sign_in("ann", ann.password, second[0], organisation="acme")
    assert (old.code, new.json["recovery_codes_left"]) == ("sign_in_refused", 9)
    store = await site.stores.tenant(tenant)
    used = {record.path[1] for record in await store.list("used-code")}
    assert {recovery_codes.hash_of(each) for each in first.json["recovery_codes"]} <= used, "for a restore"


async def test_no_token_makes_recovery_codes(site: ApiSite) -> None:
    async with site.browser() as browser:
        headers = {"Authorization": f"Bearer {site.acme.root.api_token}"}
        body = b'{"code": "000000"}'
        answer = await browser.request("POST", "/api/v1/account/recovery-codes", body, headers)
    assert answer.code == "not_permitted"

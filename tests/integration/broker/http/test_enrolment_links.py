"""Enrolling by a link, against the broker's real parts: what it opens, how often, and what strangers learn."""

from __future__ import annotations

import asyncio
from typing import Any

import pyotp
import pytest

from broker.identity.passwords import Passwords
from broker.identity.recovery_codes import hash_of
from broker.identity.refusal_limit import BURST
from tests.support.api_site import ApiSite, signed_in
from tests.support.browser import Answer, ApiBrowser
from tests.support.enrolling import PASSWORD, PATH, codes_at, complete, enrol, token_of

USERS = "/api/v1/admin/users"
DAY = 24 * 3600


async def invited(site: ApiSite, name: str = "bob", **more: Any) -> str:
    """The link of a new user of acme."""
    async with signed_in(site, site.acme.root) as root:
        made = await root.change("POST", USERS, {"name": name, "groups": ["staff"], **more})
    assert made.status == 201, made.body
    return str(made.json["enrolment"]["link"])


async def administer(site: ApiSite, act: str, name: str = "bob") -> Answer:
    async with signed_in(site, site.acme.root) as root:
        return await root.change("POST", f"{USERS}/{name}/{act}", {})


async def opened(browser: ApiBrowser, link: str) -> Answer:
    return await browser.change("POST", PATH, {"token": token_of(link)})


async def started(browser: ApiBrowser, link: str, password: str = PASSWORD) -> Answer:
    return await browser.change("POST", f"{PATH}/factor", {"token": token_of(link), "password": password})


def sign_in(browser: ApiBrowser, name: str, password: str, code: str | None) -> Any:
    return browser.sign_in(name, password, code, organisation="acme")


async def test_the_link_leads_to_the_sites_public_origin_and_hides_its_token_behind_the_hash(
    site: ApiSite,
) -> None:
    link = await invited(site)
    assert link.startswith(f"https://portal.example/#/enrol/enrol_{site.acme.tenant.id}_")


async def test_the_grid_holds_only_the_hash_of_the_token(site: ApiSite) -> None:
    token = token_of(await invited(site))
    store = await site.stores.tenant(site.acme.tenant.id)
    (record,) = await store.list("enrolment")
    assert token not in str(record)
    assert token.rpartition("_")[2] not in str(record.value)
    assert record.lease != 0


async def test_opening_says_who_and_where_and_spends_nothing(site: ApiSite) -> None:
    link = await invited(site)
    async with site.browser() as bob:
        for _ in range(3):
            answer = await opened(bob, link)
            assert (answer.status, answer.json["user"], answer.json["tenant"]) == (
                200,
                {"name": "bob"},
                {"name": "acme"},
            )
            assert answer.json["expires"] == site.clock.now() + DAY
        await enrol(bob, link, site.clock.now())


async def test_a_completed_link_is_spent(site: ApiSite) -> None:
    link = await invited(site)
    async with site.browser() as bob:
        await enrol(bob, link, site.clock.now())
        again = [await opened(bob, link), await started(bob, link)]
    assert [(answer.status, answer.code) for answer in again] == [(401, "enrolment_refused")] * 2


@pytest.mark.parametrize("seconds", [DAY, DAY + 1])
async def test_a_link_is_good_for_a_day(site: ApiSite, seconds: float) -> None:
    link = await invited(site)
    async with site.browser() as bob:
        site.clock.wall += DAY - 1
        assert (await opened(bob, link)).status == 200
        site.clock.wall += seconds - (DAY - 1)
        assert (await opened(bob, link)).code == "enrolment_refused"
    async with signed_in(site, site.acme.root) as root:
        (user,) = [item for item in (await root.get(USERS)).json["items"] if item["name"] == "bob"]
    assert (user["state"], user["invited_until"]) == ("invitation_expired", None)


async def test_unknown_used_foreign_and_malformed_tokens_are_refused_alike(site: ApiSite) -> None:
    link = await invited(site)
    acme, globex = site.acme.tenant.id, site.globex.tenant.id
    used = token_of(link)
    tokens = [
        f"enrol_{acme}_{'0' * 64}",
        used.replace(acme, globex),
        used.replace(acme, "0" * 16),
        used.replace("enrol_", "login_"),
        used[:-1],
        used + "0",
        used.upper(),
        "x",
        "../../etc/passwd",
        "é" * 20,
        used,
    ]
    async with site.browser() as bob:
        await enrol(bob, link, site.clock.now())
        answers = [await bob.change("POST", PATH, {"token": token}) for token in tokens]
    assert {(answer.status, answer.body) for answer in answers} == {(401, answers[0].body)}


async def test_a_newer_link_replaces_the_one_before(site: ApiSite) -> None:
    first = await invited(site)
    second = (await administer(site, "reset")).json["enrolment"]["link"]
    async with site.browser() as bob:
        assert (await opened(bob, first)).code == "enrolment_refused"
        await enrol(bob, second, site.clock.now())


async def test_a_password_that_is_short_or_easy_to_guess_is_refused_by_code(site: ApiSite) -> None:
    link = await invited(site, "bobby")
    async with site.browser() as bob:
        codes = [
            (await started(bob, link, text)).code
            for text in ("seven77", "password1", "bobby-2026!", "acmeacme")
        ]
        long = await started(bob, link, "ä long phrase 日本 " * 40)
    assert codes == ["password_short", "password_guessable", "password_guessable", "password_guessable"]
    assert long.status == 200


async def test_the_password_is_checked_again_when_the_link_is_completed(site: ApiSite) -> None:
    link = await invited(site)
    async with site.browser() as bob:
        secret = (await started(bob, link)).json["totp_secret"]
        assert (await complete(bob, link, secret, site.clock.now(), "password1")).code == "password_guessable"


async def test_the_qr_code_holds_the_uri_of_the_secret(site: ApiSite) -> None:
    link = await invited(site)
    async with site.browser() as bob:
        factor = (await started(bob, link)).json
    assert pyotp.parse_uri(factor["totp_uri"]).secret == factor["totp_secret"]
    assert len(factor["qr"]) == len(factor["qr"][0]) > 40
    assert set("".join(factor["qr"])) == {"0", "1"}


async def test_the_first_code_is_confirmed_with_the_time_until_the_next(site: ApiSite) -> None:
    link = await invited(site)
    site.clock.wall += 10 - site.clock.wall % 30
    async with site.browser() as bob:
        secret = (await started(bob, link)).json["totp_secret"]
        body = {"token": token_of(link), "code": codes_at(secret, site.clock.now())[1]}
        assert (await bob.change("POST", f"{PATH}/code", body)).json == {"next_in_seconds": pytest.approx(20)}
        wrong = await bob.change("POST", f"{PATH}/code", {**body, "code": "１２３４５６"})
    assert (wrong.status, wrong.code) == (422, "code_refused")


async def test_a_factor_that_was_not_begun_cannot_be_proven(site: ApiSite) -> None:
    link = await invited(site)
    async with site.browser() as bob:
        code = await bob.change("POST", f"{PATH}/code", {"token": token_of(link), "code": "000000"})
        done = await complete(bob, link, pyotp.random_base32(), site.clock.now())
    assert (code.code, done.code) == ("code_refused", "code_refused")


@pytest.mark.parametrize("choose", ["same twice", "reversed", "with one between", "old", "of another secret"])
async def test_only_two_codes_in_turn_complete(site: ApiSite, choose: str) -> None:
    link = await invited(site)
    async with site.browser() as bob:
        secret = (await started(bob, link)).json["totp_secret"]
        step = int(site.clock.now()) // 30
        code = pyotp.TOTP(secret).generate_otp
        codes = {
            "same twice": [code(step)] * 2,
            "reversed": [code(step), code(step - 1)],
            "with one between": [code(step - 2), code(step)],
            "old": [code(step - 3), code(step - 2)],
            "of another secret": codes_at(pyotp.random_base32(), site.clock.now()),
        }[choose]
        body = {"token": token_of(link), "password": PASSWORD, "codes": codes}
        refused = await bob.change("POST", f"{PATH}/completion", body)
        assert (refused.status, refused.code) == (422, "code_refused")
        await enrol(bob, link, site.clock.now())  # nothing was spent


async def test_whoever_saw_an_earlier_secret_does_not_have_the_factor(site: ApiSite) -> None:
    """Two tabs, a reload, or an administrator who opened the link first."""
    link = await invited(site)
    async with site.browser() as curious, site.browser() as bob:
        seen = (await started(curious, link)).json["totp_secret"]
        shown = (await started(bob, link)).json["totp_secret"]
        assert seen != shown
        assert (await complete(curious, link, seen, site.clock.now())).code == "code_refused"
        assert (await complete(bob, link, shown, site.clock.now())).status == 201


async def test_a_factor_that_is_begun_while_an_earlier_one_is_completed_wins(
    site: ApiSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, hash_of_password = await invited(site), Passwords.hash
    async with site.browser() as early, site.browser() as bob:

        async def meanwhile(passwords: Passwords, password: str) -> str:
            monkeypatch.setattr(Passwords, "hash", hash_of_password)
            assert (await started(bob, link)).status == 200
            return await hash_of_password(passwords, password)

        seen = (await started(early, link)).json["totp_secret"]
        monkeypatch.setattr(Passwords, "hash", meanwhile)
        assert (await complete(early, link, seen, site.clock.now())).code == "enrolment_refused"
        assert (await opened(bob, link)).status == 200


async def test_of_two_who_complete_the_same_link_one_wins(site: ApiSite) -> None:
    link = await invited(site)
    async with site.browser() as bob, site.browser() as racer:
        secret = (await started(bob, link)).json["totp_secret"]
        passwords = [f"{PASSWORD} {number}" for number in range(8)]
        answers = await asyncio.gather(
            *(
                complete(page, link, secret, site.clock.now(), password)
                for page, password in zip([bob, racer] * 4, passwords, strict=True)
            )
        )
        won = [password for password, answer in zip(passwords, answers, strict=True) if answer.status == 201]
        assert len(won) == 1
        assert sorted(answer.status for answer in answers) == [201] + [401] * 7
        site.clock.wall += 30
        answer = await bob.sign_in("bob", won[0], totp_secret=secret, organisation="acme")
    assert answer.json["signed_in"]


async def test_the_codes_that_proved_the_factor_do_not_sign_in(site: ApiSite) -> None:
    link = await invited(site)
    async with site.browser() as bob:
        person = await enrol(bob, link, site.clock.now())
        for code in codes_at(person.totp_secret, site.clock.now()):
            assert (await sign_in(bob, "bob", PASSWORD, code)).code == "sign_in_refused"


async def test_an_invited_user_cannot_sign_in(site: ApiSite) -> None:
    await invited(site)
    async with site.browser() as bob:
        for password in ("", " ", PASSWORD):
            answer = await bob.sign_in("bob", password or "x", "000000", organisation="acme")
            assert answer.code == "sign_in_refused"


async def test_a_disabled_users_link_is_refused_until_the_user_is_enabled(site: ApiSite) -> None:
    link = await invited(site)
    async with site.browser() as bob:
        await administer(site, "disable")
        assert (await opened(bob, link)).code == "enrolment_refused"
        await administer(site, "enable")
        assert (await opened(bob, link)).status == 200


async def test_an_address_that_is_refused_too_often_has_to_wait(site: ApiSite) -> None:
    stranger = {"token": f"enrol_{site.acme.tenant.id}_{'0' * 64}"}
    async with site.browser() as bob:
        answers = [await bob.change("POST", PATH, stranger) for _ in range(BURST + 1)]
        assert [answer.status for answer in answers] == [401] * BURST + [429]
        assert 1 <= answers[-1].json["error"]["retry_after_seconds"] <= 3
        elsewhere = await bob.change(
            "POST", PATH, stranger, headers={"Portcullis-Client-Address": "192.0.2.9"}
        )
        assert elsewhere.status == 401


async def test_a_stranger_at_the_same_address_locks_nobody_with_a_good_link_out(site: ApiSite) -> None:
    link = await invited(site)
    stranger = {"token": f"enrol_{site.acme.tenant.id}_{'0' * 64}"}
    async with site.browser() as bob:
        while (await bob.change("POST", PATH, stranger)).status != 429:
            pass
        await enrol(bob, link, site.clock.now())
        assert (await opened(bob, link)).status == 429, "a spent one is no better than a stranger's"


async def test_whoever_has_a_good_link_may_err_often(site: ApiSite) -> None:
    link = await invited(site)
    async with site.browser() as bob:
        for _ in range(BURST * 2):
            assert (await started(bob, link, "short")).code == "password_short"
        assert (await opened(bob, link)).status == 200


async def test_a_page_of_another_site_cannot_enrol(site: ApiSite) -> None:
    link = await invited(site)
    async with site.browser() as bob:
        answer = await bob.change(
            "POST", PATH, {"token": token_of(link)}, headers={"Origin": "https://evil.example"}
        )
    assert (answer.status, answer.code) == (403, "origin_refused")


async def test_recovery_codes_are_kept_by_their_hashes_alone(site: ApiSite) -> None:
    link = await invited(site)
    async with site.browser() as bob:
        person = await enrol(bob, link, site.clock.now())
    store = await site.stores.tenant(site.acme.tenant.id)
    (record,) = await store.list("recovery")
    assert record.value["hashes"] == [hash_of(code) for code in person.recovery_codes]
    assert len(set(person.recovery_codes)) == 10
    history = str([entry.value for entry in await store.list("history")])
    assert not [code for code in person.recovery_codes if code in str(record.value) + history]


async def test_a_recovery_code_signs_in_once_and_says_how_many_are_left(site: ApiSite) -> None:
    link = await invited(site)
    async with site.browser() as bob:
        person = await enrol(bob, link, site.clock.now())
        typed = person.recovery_codes[3].upper().replace("-", " ")
        first = await sign_in(bob, "bob", PASSWORD, typed)
        second = await sign_in(bob, "bob", PASSWORD, person.recovery_codes[3])
        third = await sign_in(bob, "bob", PASSWORD, person.recovery_codes[0])
        site.clock.wall += 30
        by_totp = await bob.sign_in("bob", PASSWORD, totp_secret=person.totp_secret, organisation="acme")
    assert (first.json["signed_in"], first.json["recovery_codes_left"]) == (True, 9)
    assert (second.status, second.code) == (401, "sign_in_refused")
    assert third.json["recovery_codes_left"] == 8
    assert "recovery_codes_left" not in by_totp.json


async def test_a_recovery_code_of_somebody_else_is_wrong(site: ApiSite) -> None:
    links = [await invited(site, name) for name in ("bob", "eve")]
    async with site.browser() as browser:
        people = [await enrol(browser, link, site.clock.now()) for link in links]
        answer = await sign_in(browser, "bob", PASSWORD, people[1].recovery_codes[0])
        right = await sign_in(browser, "eve", PASSWORD, people[1].recovery_codes[0])
    assert (answer.code, right.status) == ("sign_in_refused", 200)


async def test_of_sixteen_who_use_the_same_recovery_code_one_wins(two_brokers: ApiSite) -> None:
    site = two_brokers
    link = await invited(site)
    async with site.browser() as bob:
        person = await enrol(bob, link, site.clock.now())
    await site.brokers[1].snapshot.until(site.brokers[0].snapshot.revision)
    pages = [site.browser(number % 2) for number in range(16)]
    try:
        for page in pages:
            await page.__aenter__()
        answers = await asyncio.gather(
            *(sign_in(page, "bob", PASSWORD, person.recovery_codes[0]) for page in pages)
        )
    finally:
        for page in pages:
            await page.__aexit__(None, None, None)
    assert [answer.status for answer in answers].count(200) == 1
    assert {answer.status for answer in answers} <= {200, 401, 429}

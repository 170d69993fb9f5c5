"""Three brokers over a real etcd, one of them with a clock an hour back: no old code is good anywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pyotp
import pytest

from broker.http.callers import login_cookie_name
from broker.peers import exchange
from broker.status.findings import findings
from broker.watched import Readiness
from portcullis.clock import SystemClock
from tests.support.browser import Answer, ApiBrowser, ClientKey
from tests.support.clock import SkewedClock
from tests.support.etcd import EtcdCluster
from tests.support.patience import until
from tests.support.running_broker import RunningBroker
from tests.support.several_brokers import several_brokers

HOUR = 3600.0
SECONDS = 20.0
WRONG = 0


@pytest.fixture
def clock() -> SkewedClock:
    """Of the first broker. The others have the machine's."""
    return SkewedClock(-HOUR)


@pytest.fixture
async def site(
    tmp_path: Path, clock: SkewedClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Sequence[RunningBroker]]:
    monkeypatch.setattr(exchange, "PERIOD_SECONDS", 0.05)
    async with (
        EtcdCluster(tmp_path / "etcd", size=1) as etcd,
        several_brokers(tmp_path, 3, etcd.choice(tmp_path / "broker"), {WRONG: clock}) as brokers,
    ):
        await until(lambda: brokers[WRONG].parts.clock_guard.is_wrong)
        yield brokers


def browser(at: RunningBroker, now: Callable[[], float], key: ClientKey | None = None) -> ApiBrowser:
    address, context = f"https://{at.broker.address}", at.context("gateway")
    return ApiBrowser(address, "http://localhost:8080", as_gateway=True, now=now, key=key, context=context)


async def sign_in(at: RunningBroker, code_of: float, now: Callable[[], float]) -> Answer:
    """By the demo user, with the code of a moment, signed at `now`."""
    async with browser(at, now) as one:
        code = pyotp.TOTP(at.secrets.totp_secret).at(int(code_of))
        return await one.sign_in(at.secrets.username, at.secrets.password, code)


async def test_an_old_code_is_good_nowhere_and_a_new_one_at_the_others(
    site: Sequence[RunningBroker], clock: SkewedClock
) -> None:
    now = SystemClock().now
    for when in (clock.now, now):
        refused = await sign_in(site[WRONG], clock.now(), when)
        assert (refused.status, refused.code) == (503, "clock_wrong")
    assert (await sign_in(site[1], clock.now(), now)).code == "sign_in_refused"
    assert (await sign_in(site[2], now(), now)).json["signed_in"]


async def test_a_broker_whose_clock_is_right_again_goes_on_by_itself(
    site: Sequence[RunningBroker], clock: SkewedClock
) -> None:
    now = SystemClock().now
    assert (await sign_in(site[WRONG], now(), now)).code == "clock_wrong"
    clock.ahead = 0.0
    assert (await sign_in(site[WRONG], now(), now)).json["signed_in"]
    clock.ahead = HOUR
    assert (await sign_in(site[WRONG], now() + HOUR, clock.now)).code == "clock_wrong"


async def test_nothing_is_launched_attached_or_redeemed_and_lists_are_read(
    site: Sequence[RunningBroker],
) -> None:
    wrong, other = site[WRONG], site[1]
    now = SystemClock().now
    async with browser(other, now) as one, browser(wrong, now, one.key) as same:
        code = pyotp.TOTP(other.secrets.totp_secret).at(int(now()))
        signed_in = await one.sign_in(other.secrets.username, other.secrets.password, code)
        same.cookies = dict(one.cookies)
        assert list(same.cookies) == [login_cookie_name(other.parts.identity.tenants.site())]
        revision = {"Portcullis-Revision": signed_in.headers["Portcullis-Revision"]}
        seen = await same.get("/api/v1/catalogue", revision)
        assert seen.status == 200
        told = (await same.get("/api/v1/login", revision)).json
        assert told["signed_in"] and abs(told["time"] - now()) < 60
        for method, path, body in (
            ("POST", "/api/v1/sessions", {"application": "a" * 16}),
            ("POST", f"/api/v1/sessions/{'a' * 16}/ticket", {}),
            ("POST", "/api/v1/enrolment", {"token": "enrol_x"}),
            ("DELETE", "/api/v1/login", None),
        ):
            refused = await same.change(method, path, body)
            assert (refused.status, refused.code) == (503, "clock_wrong")
            assert refused.headers["Portcullis-Elsewhere"] == "clock_wrong"
    status, answer = await wrong.redeem("ticket_x")
    assert (status, answer["error"]["code"]) == (503, "clock_wrong")


async def test_every_broker_names_the_wrong_one_and_that_one_is_not_ready(
    site: Sequence[RunningBroker],
) -> None:
    async def named(at: RunningBroker) -> list[Any]:
        return [f.what for f in findings(await at.parts.status.picture()) if f.code == "clock_wrong"]

    for each in site:
        await until(lambda each=each: len(each.parts.exchange.states()) == 2)  # type: ignore[misc]
        assert await named(each) == [
            "the clock of broker b1 is 60 min behind the others': it refuses changes"
        ]
    guard = site[WRONG].parts.clock_guard
    readiness = Readiness(site[WRONG].parts.status.grid, site[WRONG].parts.snapshot, guard, guard.trouble)  # type: ignore[arg-type]
    assert readiness.trouble() == ["the clock is 60 min behind the other brokers'"]
    assert site[1].parts.clock_guard.trouble() is None


async def test_hosts_are_told_the_time_of_the_others(site: Sequence[RunningBroker]) -> None:
    async with site[WRONG].agent() as agent:
        assert agent.welcome is not None
        assert abs(agent.welcome.time - SystemClock().now()) < 60

"""How often a tenant's people may sign in and launch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.tenants.rates import Bucket, TenantRates
from portcullis.errors import Refused
from portcullis.model.tenant import Quotas, Tenant
from tests.support.broker_grid import SettableClock


def tenant(**quotas: float | None) -> Tenant:
    return Tenant("a" * 16, "acme", quotas=Quotas(**quotas))  # type: ignore[arg-type]


def passed(rates: TenantRates, owner: Tenant, times: int) -> int:
    count = 0
    for _ in range(times):
        try:
            rates.launch(owner)
        except Refused as refused:
            assert refused.code == "launches_too_fast"
        else:
            count += 1
    return count


def test_one_seconds_worth_may_come_at_once_and_no_more() -> None:
    clock = SettableClock()
    rates = TenantRates(clock)
    assert passed(rates, tenant(launches_per_second=5), 20) == 5
    clock.passed += 0.4
    assert passed(rates, tenant(launches_per_second=5), 20) == 2


def test_a_rate_below_one_lets_one_in_and_says_when_the_next() -> None:
    rates = TenantRates(SettableClock())
    owner = tenant(logins_per_second=0.1)
    rates.login(owner)
    with pytest.raises(Refused) as refused:
        rates.login(owner)
    assert (refused.value.code, refused.value.data["retry_after_seconds"]) == ("logins_too_fast", 10)


def test_brokers_share_a_quota() -> None:
    assert passed(TenantRates(SettableClock(), lambda: 3), tenant(launches_per_second=30), 100) == 10


def test_no_quota_is_no_limit_and_none_of_launches_limits_no_sign_in() -> None:
    rates = TenantRates(SettableClock())
    assert passed(rates, tenant(), 1000) == 1000
    rates.login(tenant(launches_per_second=0))
    assert passed(rates, tenant(launches_per_second=0), 3) == 0


def test_tenants_have_buckets_of_their_own() -> None:
    rates, other = (
        TenantRates(SettableClock()),
        Tenant("b" * 16, "globex", quotas=Quotas(launches_per_second=1)),
    )
    assert passed(rates, tenant(launches_per_second=1), 3) == 1
    assert passed(rates, other, 3) == 1


@given(st.floats(0.01, 1000), st.lists(st.floats(0, 2), max_size=60))
def test_in_no_span_pass_more_than_its_length_times_the_rate_and_one_burst(
    rate: float, pauses: list[float]
) -> None:
    bucket, now, count = Bucket(max(1.0, rate), 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        bucket, wait = bucket.taken(rate, now)
        count += wait is None
        assert wait is None or wait >= 0
    assert count <= max(1.0, rate) + now * rate + 1e-6

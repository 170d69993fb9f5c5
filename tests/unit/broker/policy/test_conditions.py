"""Where, when and with which factor: what the values of a policy mean."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from broker.policy.conditions import (
    admits,
    channels,
    factor_denial,
    is_open,
    place_and_time,
    place_denial,
    wall_clock,
)
from portcullis.model.policy import Effective, Level, Policy, effective

BERLIN = "Europe/Berlin"
NIGHT = [{"days": ["fri"], "from": "22:00", "to": "06:00"}]
DAY = [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:00"}]


def at(text: str, zone: str = BERLIN, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def values(**set_: Any) -> dict[str, Effective]:
    return effective([Level("tenant", "-", Policy(set_))])


@pytest.mark.parametrize(
    ("address", "is_inside"),
    [
        ("10.1.2.3", True),
        ("11.1.2.3", False),
        ("::ffff:10.1.2.3", True),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("[2001:db8::1]", True),
        ("2001:db8::1%eth0", True),
        ("", False),
        ("localhost", False),
        ("10.1.2.3.4", False),
        ("0x0a010203", False),
        ("10.1.2.3, 11.0.0.1", False),
        ("1" * 100_000, False),
    ],
)
def test_an_address_is_inside_or_not(address: str, is_inside: bool) -> None:
    assert admits(["10.0.0.0/8", "2001:db8::/32"], address) is is_inside


def test_an_unknown_address_is_outside_of_every_network_and_nothing_where_there_is_none() -> None:
    denial = place_denial(values(networks=["0.0.0.0/0", "::/0"]), None)
    assert denial is not None and denial.code == "outside_networks"
    assert place_denial(values(), None) is None


@pytest.mark.parametrize(
    ("time", "is_inside"),
    [
        ("2026-03-02T07:59:59", False),  # a Monday
        ("2026-03-02T08:00", True),
        ("2026-03-02T17:59:59", True),
        ("2026-03-02T18:00", False),
        ("2026-03-07T12:00", False),  # a Saturday
    ],
)
def test_hours_begin_and_end_on_the_minute(time: str, is_inside: bool) -> None:
    assert is_open(DAY, BERLIN, at(time)) is is_inside


@pytest.mark.parametrize(
    ("time", "is_inside"),
    [
        ("2026-03-06T21:59", False),  # a Friday
        ("2026-03-06T22:00", True),
        ("2026-03-07T05:59", True),
        ("2026-03-07T06:00", False),
        ("2026-03-07T22:30", False),
        ("2026-03-06T05:00", False),
    ],
)
def test_hours_over_midnight_go_on_into_the_day_after(time: str, is_inside: bool) -> None:
    assert is_open(NIGHT, BERLIN, at(time)) is is_inside


def test_sunday_night_goes_on_into_monday() -> None:
    sunday = [{"days": ["sun"], "from": "23:00", "to": "01:00"}]
    assert is_open(sunday, BERLIN, at("2026-03-09T00:30"))
    assert not is_open(sunday, BERLIN, at("2026-03-08T00:30"))


def test_a_whole_day_ends_at_midnight() -> None:
    whole = [{"days": ["sat"], "from": "00:00", "to": "24:00"}]
    assert is_open(whole, BERLIN, at("2026-03-07T00:00")) and is_open(
        whole, BERLIN, at("2026-03-07T23:59:59")
    )
    assert not is_open(whole, BERLIN, at("2026-03-08T00:00"))


def test_an_hour_that_summer_time_repeats_counts_twice_and_one_that_it_leaves_out_never_comes() -> None:
    early = [{"days": ["sun"], "from": "02:00", "to": "03:00"}]
    autumn = at("2026-10-25T02:30"), at("2026-10-25T02:30", fold=1)
    assert autumn[1] - autumn[0] == 3600
    assert all(is_open(early, BERLIN, time) for time in autumn)
    spring = at("2026-03-29T01:59:59")
    assert not any(is_open(early, BERLIN, spring + seconds) for seconds in (0, 1, 2, 1800, 3600, 7200))


def test_hours_are_of_their_time_zone() -> None:
    moment = at("2026-03-02T08:30", BERLIN)
    assert is_open(DAY, BERLIN, moment) and not is_open(DAY, "UTC", moment)
    assert wall_clock(BERLIN, moment) == "mon 08:30 in Europe/Berlin"
    assert wall_clock("UTC", moment) == "mon 07:30 in UTC"


@pytest.mark.parametrize(("zone", "time"), [("Europe/Atlantis", 0.0), ("UTC", 1e18), ("UTC", float("nan"))])
def test_nobody_is_let_in_by_a_clock_that_cannot_be_read(zone: str, time: float) -> None:
    assert not is_open(DAY, zone, time)
    assert "unknown time" in wall_clock(zone, time)


def test_place_is_asked_before_time() -> None:
    both = values(networks=["10.0.0.0/8"], hours=DAY)
    saturday = at("2026-03-07T12:00")
    assert place_and_time(both, "11.0.0.1", saturday).code == "outside_networks"  # type: ignore[union-attr]
    assert place_and_time(both, "10.0.0.1", saturday).code == "outside_hours"  # type: ignore[union-attr]
    assert place_and_time(both, "10.0.0.1", at("2026-03-02T12:00", "UTC")) is None


@pytest.mark.parametrize(
    ("minutes", "age_seconds", "is_enough"),
    [(0, None, True), (5, None, False), (5, 299.0, True), (5, 300.0, False), (5, -60.0, True)],
)
def test_a_factor_is_good_for_as_many_minutes_as_the_policy_says(
    minutes: int, age_seconds: float | None, is_enough: bool
) -> None:
    proven = None if age_seconds is None else 1e9 - age_seconds
    denial = factor_denial(values(second_factor_minutes=minutes), proven, 1e9)
    assert (denial is None) is is_enough
    assert is_enough or (denial is not None and denial.code == "factor_needed")


@pytest.mark.parametrize(
    ("clipboard", "withheld"),
    [
        ("both", set()),
        ("to_application", {"clipboard_out"}),
        ("from_application", {"clipboard_in"}),
        ("none", {"clipboard_in", "clipboard_out"}),
    ],
)
def test_the_clipboard_decides_the_channels_of_a_grant(clipboard: str, withheld: set[str]) -> None:
    allowed = channels(values(clipboard=clipboard))
    assert {"display", "input", "clipboard_in", "clipboard_out"} - allowed == withheld

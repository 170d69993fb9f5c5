"""What a launch was judged by, as it is kept: readable by every version, and on one line."""

from __future__ import annotations

from typing import Any

import pytest

from portcullis.model.launch import MAXIMUM_USER_AGENT, Circumstances, LaunchTrace, plain_user_agent

TOLD = Circumstances("10.1.2.3", 4.5, "browser")
TRACE = LaunchTrace("k7h3m2pa", 9.0, "ann", "Editor", "host_full", "Full.", (), 7, TOLD)


@pytest.mark.parametrize("told", [TOLD, Circumstances("", None, ""), Circumstances("::1", 0.0)])
def test_they_come_back_as_they_were_kept(told: Circumstances) -> None:
    assert Circumstances.from_json(told.to_json()) == told


def test_a_trace_of_before_has_none() -> None:
    assert LaunchTrace.from_json(TRACE.to_json()) == TRACE
    old = {name: value for name, value in TRACE.to_json().items() if name != "circumstances"}
    assert LaunchTrace.from_json(old).circumstances is None


@pytest.mark.parametrize("data", [None, "x", 7, [], True])
def test_what_is_none_is_none(data: Any) -> None:
    assert Circumstances.from_json(data) is None


@pytest.mark.parametrize(
    ("data", "age"), [({}, None), ({"factor_age_minutes": "7"}, None), ({"factor_age_minutes": 7}, 7.0)]
)
def test_an_age_that_is_no_number_is_none(data: dict[str, Any], age: float | None) -> None:
    told = Circumstances.from_json(data)
    assert told is not None and told.factor_age_minutes == age


def test_what_a_client_calls_itself_is_one_short_line() -> None:
    assert plain_user_agent("Moz\x1b[31milla\r\n\u202e\x7f 5") == "Moz[31milla 5"
    assert len(plain_user_agent("x" * 9999)) == MAXIMUM_USER_AGENT

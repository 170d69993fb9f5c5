"""What is known of a probe after each round, and how it reads from other brokers."""

from __future__ import annotations

import pytest

from broker.probes.result import DEFAULT_SECONDS, SHORTEST_SECONDS, Probe, Result

OK = Result("ok", 10.0, {"launch": 12.0, "sign_in": 3.0}, host="h1", reference="abcd2345")
FAILED = Result("failed", 20.0, code="window_timeout", detail="no window")


def test_failures_are_counted_until_one_goes_well() -> None:
    first = FAILED.after(OK.after(None))
    second = FAILED.after(first)
    assert (first.failures, second.failures, second.ok_time) == (1, 2, 10.0)
    skipped = Result("skipped", 30.0).after(second)
    assert (skipped.failures, skipped.ok_time) == (2, 10.0)
    assert OK.after(skipped).failures == 0


def test_a_result_reads_as_it_was_written_with_its_stages_in_order() -> None:
    said = OK.after(None).to_json()
    assert list(said["stages"]) == ["sign_in", "launch"] and said["milliseconds"] == 15.0
    assert Result.from_json(said) == OK.after(None)


@pytest.mark.parametrize("said", [{}, {"state": "ok"}, {"state": "ok", "time": "soon"}, {"time": 1}])
def test_what_makes_no_sense_is_no_result(said: dict[str, object]) -> None:
    with pytest.raises((KeyError, ValueError)):
        Result.from_json(said)


def test_a_probe_of_another_version_is_never_made_too_often() -> None:
    assert Probe.from_json("a" * 16, {"user": "b" * 16}).every_seconds == DEFAULT_SECONDS
    assert Probe.from_json("a" * 16, {"user": "b" * 16, "every_seconds": 1}).every_seconds == SHORTEST_SECONDS

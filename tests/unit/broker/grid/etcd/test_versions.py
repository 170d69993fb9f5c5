from __future__ import annotations

import pytest

from broker.grid.etcd.versions import orders_progress, parse_version, refusal, warning


@pytest.mark.parametrize("version", [(3, 3, 27), (3, 4, 21), (3, 5, 0), (3, 5, 2), (3, 5, 5)])
def test_versions_that_lose_data_are_refused(version: tuple[int, int, int]) -> None:
    assert refusal(version)


@pytest.mark.parametrize("version", [(3, 4, 22), (3, 4, 42), (3, 5, 6), (3, 5, 27), (3, 6, 0), (3, 6, 8)])
def test_versions_with_known_faults_are_used_with_a_warning(version: tuple[int, int, int]) -> None:
    assert refusal(version) is None
    assert warning(version)


@pytest.mark.parametrize("version", [(3, 5, 28), (3, 5, 33), (3, 6, 9), (3, 7, 0), (4, 0, 0)])
def test_sound_versions_pass_in_silence(version: tuple[int, int, int]) -> None:
    assert (refusal(version), warning(version)) == (None, None)


def test_progress_is_asked_of_servers_that_answer_in_order_alone() -> None:
    ordered = [(3, 4, 25), (3, 4, 42), (3, 5, 8), (3, 6, 0)]
    unordered = [(3, 4, 22), (3, 4, 23), (3, 4, 24), (3, 5, 6), (3, 5, 7)]
    assert all(orders_progress(version) for version in ordered)
    assert not any(orders_progress(version) for version in unordered)


def test_a_version_is_read_with_what_follows_it() -> None:
    assert parse_version("3.6.0-rc.1+git") == (3, 6, 0)
    assert parse_version("unknown") is None

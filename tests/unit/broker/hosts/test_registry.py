"""Cuts for hosts that are away wait for them: each once, no longer than a grant lives, and not without bound."""

from __future__ import annotations

from broker.hosts.registry import MAXIMUM_MISSED_CUTS, ChannelRegistry
from portcullis.protocol.channel import Cut
from portcullis.tickets import GRANT_LIFETIME_SECONDS

HOST = "00000000000000dd"


class Clock:
    passed = 0.0

    def now(self) -> float:
        return self.passed

    def monotonic(self) -> float:
        return self.passed


class Channel:
    def __init__(self) -> None:
        self.cuts: list[Cut] = []
        self.ended: list[int] = []

    def cut(self, message: Cut) -> None:
        self.cuts.append(message)

    def end(self, code: int, reason: str) -> None:
        self.ended.append(code)


def cut(number: int) -> Cut:
    return Cut("00000000000000aa", f"{number:064x}", "signed_out")


def test_a_connected_host_hears_at_once() -> None:
    registry, channel = ChannelRegistry(Clock()), Channel()
    registry.replace(HOST, channel)
    registry.send(HOST, cut(1))
    assert channel.cuts == [cut(1)]


def test_a_host_that_was_away_hears_each_cut_once() -> None:
    registry, channel = ChannelRegistry(Clock()), Channel()
    for number in (1, 2, 1):
        registry.send(HOST, cut(number))
    registry.replace(HOST, channel)
    assert channel.cuts == [cut(1), cut(2)]


def test_cuts_older_than_any_grant_are_dropped() -> None:
    clock, channel = Clock(), Channel()
    registry = ChannelRegistry(clock)
    registry.send(HOST, cut(1))
    clock.passed = GRANT_LIFETIME_SECONDS
    registry.send(HOST, cut(2))
    registry.replace(HOST, channel)
    assert channel.cuts == [cut(2)]


def test_missed_cuts_are_bounded_and_the_newest_kept() -> None:
    registry, channel = ChannelRegistry(Clock()), Channel()
    for number in range(MAXIMUM_MISSED_CUTS + 5):
        registry.send(HOST, cut(number))
    registry.replace(HOST, channel)
    assert len(channel.cuts) == MAXIMUM_MISSED_CUTS
    assert channel.cuts[-1] == cut(MAXIMUM_MISSED_CUTS + 4)


def test_a_channel_that_was_replaced_does_not_take_its_successor_away() -> None:
    registry, first, second = ChannelRegistry(Clock()), Channel(), Channel()
    assert registry.replace(HOST, first) is None
    assert registry.replace(HOST, second) is first
    registry.loads[HOST] = 0.5
    registry.remove(HOST, first)
    registry.send(HOST, cut(1))
    assert second.cuts == [cut(1)] and registry.loads == {HOST: 0.5}
    registry.end_all(1001, "stop")
    assert (first.ended, second.ended) == ([], [1001])

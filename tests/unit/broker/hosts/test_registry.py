"""Cuts reach the host by the channel that is its newest."""

from __future__ import annotations

from broker.hosts.registry import ChannelRegistry
from portcullis.protocol.channel import Cut
from portcullis.protocol.reports import Report

HOST = "00000000000000dd"


class Channel:
    def __init__(self) -> None:
        self.cuts: list[Cut] = []
        self.ended: list[int] = []

    def queue(self, message: Cut) -> None:
        self.cuts.append(message)

    def end(self, code: int, reason: str) -> None:
        self.ended.append(code)

    def orphans(self) -> tuple[Report, ...]:
        return ()


def cut(number: int) -> Cut:
    return Cut("00000000000000aa", f"{number:064x}", "signed_out")


def test_a_connected_host_hears_at_once() -> None:
    registry, channel = ChannelRegistry(), Channel()
    registry.replace(HOST, channel)
    registry.send(HOST, cut(1))
    assert channel.cuts == [cut(1)]


def test_nothing_is_kept_for_a_host_that_is_away() -> None:
    registry, channel = ChannelRegistry(), Channel()
    registry.send(HOST, cut(1))
    registry.replace(HOST, channel)
    assert channel.cuts == []


def test_a_channel_that_was_replaced_does_not_take_its_successor_away() -> None:
    registry, first, second = ChannelRegistry(), Channel(), Channel()
    assert registry.replace(HOST, first) is None
    assert registry.replace(HOST, second) is first
    assert not registry.remove(HOST, first)
    registry.send(HOST, cut(1))
    assert second.cuts == [cut(1)]
    registry.end_all(1001, "stop")
    assert (first.ended, second.ended) == ([], [1001])

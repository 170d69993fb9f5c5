"""Which hosts hold their control channel to this broker.

Nothing is kept for a host that is away: what it has to know is told after its next
welcome, from the records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from broker.hosts.answers import HostAnswer
from portcullis.protocol.acts import Act, Acted
from portcullis.protocol.channel import MAXIMUM_REVOCATIONS, Cut, Revocations
from portcullis.protocol.checks import Check
from portcullis.protocol.discovery import Discover, Discovered
from portcullis.protocol.reports import Report


class Channel(Protocol):
    @property
    def is_older(self) -> bool: ...

    def cut(self, message: Cut | Revocations) -> None: ...

    def end(self, code: int, reason: str) -> None: ...

    def orphans(self) -> tuple[Report, ...]: ...

    async def check(self, check: Check) -> HostAnswer: ...

    async def act(self, act: Act) -> Acted: ...

    async def discover(self, question: Discover) -> Discovered: ...


class ChannelRegistry:
    def __init__(self) -> None:
        self._channels: dict[str, Channel] = {}

    def replace(self, host_id: str, channel: Channel) -> Channel | None:
        """The channel is the host's from now on; answers the one that was before."""
        previous = self._channels.get(host_id)
        self._channels[host_id] = channel
        return previous

    def remove(self, host_id: str, channel: Channel) -> bool:
        """Unless another channel of the host has replaced it: whether it was the newest."""
        if self._channels.get(host_id) is not channel:
            return False
        del self._channels[host_id]
        return True

    def ids(self) -> list[str]:
        return list(self._channels)

    def items(self) -> list[tuple[str, Channel]]:
        return list(self._channels.items())

    def get(self, host_id: str) -> Channel | None:
        return self._channels.get(host_id)

    def end(self, host_id: str, code: int, reason: str) -> None:
        channel = self._channels.get(host_id)
        if channel is not None:
            channel.end(code, reason)

    def send(self, host_id: str, message: Cut) -> None:
        """To a host whose channel is here; others hear it elsewhere, or when they return."""
        channel = self._channels.get(host_id)
        if channel is not None:
            channel.cut(message)

    def revoke(self, texts: Sequence[str], by_host: Mapping[str, Sequence[str]] | None = None) -> None:
        """Tell every host whose channel is here, and some of them more."""
        for message in revocation_messages(texts):
            for channel in list(self._channels.values()):
                channel.cut(message)
        for host_id, its_own in (by_host or {}).items():
            if host_id in self._channels:
                for message in revocation_messages(its_own):
                    self._channels[host_id].cut(message)

    def is_older(self, host_id: str) -> bool:
        """Its channel is here, and its agent knows no words about several sessions."""
        channel = self._channels.get(host_id)
        return channel is not None and channel.is_older

    def __len__(self) -> int:
        return len(self._channels)

    def end_all(self, code: int, reason: str) -> None:
        for channel in list(self._channels.values()):
            channel.end(code, reason)


def revocation_messages(texts: Sequence[str]) -> list[Revocations]:
    """As many messages as their bound takes."""
    starts = range(0, len(texts), MAXIMUM_REVOCATIONS)
    return [Revocations(tuple(texts[start : start + MAXIMUM_REVOCATIONS])) for start in starts]

"""Which hosts hold their control channel to this broker.

Nothing is kept for a host that is away: what it has to know is told after its next
welcome, from the records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from broker.hosts.answers import HostAnswer
from broker.machine_channel import MachineChannels
from portcullis.protocol.acts import Act, Acted
from portcullis.protocol.channel import Cut
from portcullis.protocol.checks import Check
from portcullis.protocol.credentials import GivenCredentials
from portcullis.protocol.discovery import Discover, Discovered
from portcullis.protocol.reports import Report
from portcullis.protocol.revoked import Revocations, revocation_messages

ToHost = Cut | Revocations | Check | Act | Discover | GivenCredentials
"""What is queued for a host."""


class Channel(Protocol):
    @property
    def is_older(self) -> bool: ...

    def queue(self, message: ToHost) -> None: ...

    def end(self, code: int, reason: str) -> None: ...

    def orphans(self) -> tuple[Report, ...]: ...

    async def check(self, check: Check) -> HostAnswer: ...

    async def act(self, act: Act) -> Acted: ...

    async def discover(self, question: Discover) -> Discovered: ...


class ChannelRegistry(MachineChannels[Channel]):
    def send(self, host_id: str, message: Cut) -> None:
        """To a host whose channel is here; others hear it elsewhere, or when they return."""
        channel = self._channels.get(host_id)
        if channel is not None:
            channel.queue(message)

    def revoke(self, texts: Sequence[str], by_host: Mapping[str, Sequence[str]] | None = None) -> None:
        """Tell every host whose channel is here, and some of them more."""
        for message in revocation_messages(texts):
            for channel in list(self._channels.values()):
                channel.queue(message)
        for host_id, its_own in (by_host or {}).items():
            if host_id in self._channels:
                for message in revocation_messages(its_own):
                    self._channels[host_id].queue(message)

    def is_older(self, host_id: str) -> bool:
        """Its channel is here, and its agent knows no words about several sessions."""
        channel = self._channels.get(host_id)
        return channel is not None and channel.is_older

"""Which hosts hold their control channel to this broker, and how loaded they say they are.

Load samples stay here, in memory. Nothing is kept for a host that is away: what it has to know is told after its next
welcome, from the records.
"""

from __future__ import annotations

from typing import Protocol

from portcullis.protocol.channel import Cut


class Channel(Protocol):
    def cut(self, message: Cut) -> None: ...

    def end(self, code: int, reason: str) -> None: ...


class ChannelRegistry:
    def __init__(self) -> None:
        self._channels: dict[str, Channel] = {}
        self.loads: dict[str, float] = {}

    def replace(self, host_id: str, channel: Channel) -> Channel | None:
        """The channel is the host's from now on; answers the one that was before."""
        previous = self._channels.get(host_id)
        self._channels[host_id] = channel
        return previous

    def remove(self, host_id: str, channel: Channel) -> None:
        """Unless another channel of the host has replaced it."""
        if self._channels.get(host_id) is channel:
            del self._channels[host_id]
            self.loads.pop(host_id, None)

    def send(self, host_id: str, message: Cut) -> None:
        """To a host whose channel is here; others hear it elsewhere, or when they return."""
        channel = self._channels.get(host_id)
        if channel is not None:
            channel.cut(message)

    def __len__(self) -> int:
        return len(self._channels)

    def end_all(self, code: int, reason: str) -> None:
        for channel in list(self._channels.values()):
            channel.end(code, reason)

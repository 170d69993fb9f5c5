"""Which hosts hold their control channel to this broker, and how loaded they say they are.

Load samples stay here, in memory. A `cut` for a host that isn't connected is kept for as long as a grant lives and
told when it comes back: until then its worker would still accept the login.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from portcullis.clock import Clock
from portcullis.protocol.channel import Cut
from portcullis.tickets import GRANT_LIFETIME_SECONDS

MAXIMUM_MISSED_CUTS = 256


class Channel(Protocol):
    def cut(self, message: Cut) -> None: ...

    def end(self, code: int, reason: str) -> None: ...


class ChannelRegistry:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._channels: dict[str, Channel] = {}
        self._missed: dict[str, deque[tuple[float, Cut]]] = {}
        self.loads: dict[str, float] = {}

    def replace(self, host_id: str, channel: Channel) -> Channel | None:
        """The channel is the host's from now on; answers the one that was before."""
        previous = self._channels.get(host_id)
        self._channels[host_id] = channel
        for at, message in self._missed.pop(host_id, ()):
            if self._clock.monotonic() - at < GRANT_LIFETIME_SECONDS:
                channel.cut(message)
        return previous

    def remove(self, host_id: str, channel: Channel) -> None:
        """Unless another channel of the host has replaced it."""
        if self._channels.get(host_id) is channel:
            del self._channels[host_id]
            self.loads.pop(host_id, None)

    def send(self, host_id: str, message: Cut) -> None:
        channel = self._channels.get(host_id)
        if channel is not None:
            channel.cut(message)
            return
        missed = self._missed.setdefault(host_id, deque(maxlen=MAXIMUM_MISSED_CUTS))
        if all(kept != message for _, kept in missed):
            missed.append((self._clock.monotonic(), message))

    def end_all(self, code: int, reason: str) -> None:
        for channel in list(self._channels.values()):
            channel.end(code, reason)

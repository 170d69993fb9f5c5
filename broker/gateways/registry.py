"""Which gateways hold their channel to this broker, and how they say they are. In memory alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from portcullis.protocol.gateway_channel import MAXIMUM_REVOCATIONS, Revocations, State


class Channel(Protocol):
    def revoke(self, message: Revocations) -> None: ...

    def end(self, code: int, reason: str) -> None: ...


class GatewayRegistry:
    def __init__(self) -> None:
        self._channels: dict[str, Channel] = {}
        self.states: dict[str, State] = {}
        """By gateway id: what those say whose channel is here."""

    def replace(self, gateway_id: str, channel: Channel) -> Channel | None:
        """The channel is the gateway's from now on; answers the one that was before."""
        previous = self._channels.get(gateway_id)
        self._channels[gateway_id] = channel
        return previous

    def remove(self, gateway_id: str, channel: Channel) -> None:
        """Unless another channel of the gateway has replaced it."""
        if self._channels.get(gateway_id) is channel:
            del self._channels[gateway_id]
            self.states.pop(gateway_id, None)

    def revoke(self, texts: Sequence[str], by_host: Mapping[str, Sequence[str]] | None = None) -> None:
        """Tell every gateway whose channel is here; it tells hosts what is theirs."""
        together = [*texts, *(text for its_own in (by_host or {}).values() for text in its_own)]
        for message in revocation_messages(together):
            for channel in list(self._channels.values()):
                channel.revoke(message)

    def end_all(self, code: int, reason: str) -> None:
        for channel in list(self._channels.values()):
            channel.end(code, reason)

    def __len__(self) -> int:
        return len(self._channels)

    def __contains__(self, gateway_id: str) -> bool:
        return gateway_id in self._channels


def revocation_messages(texts: Sequence[str]) -> list[Revocations]:
    """As many messages as their bound takes."""
    starts = range(0, len(texts), MAXIMUM_REVOCATIONS)
    return [Revocations(tuple(texts[start : start + MAXIMUM_REVOCATIONS])) for start in starts]

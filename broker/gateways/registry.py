"""Which gateways hold their channel to this broker, and how they say they are. In memory alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from broker.machine_channel import MachineChannels
from portcullis.protocol.gateway_channel import State
from portcullis.protocol.revoked import Revocations, revocation_messages


class Channel(Protocol):
    def queue(self, message: Revocations) -> None: ...

    def end(self, code: int, reason: str) -> None: ...


class GatewayRegistry(MachineChannels[Channel]):
    def __init__(self) -> None:
        super().__init__()
        self.states: dict[str, State] = {}
        """By gateway id: what those say whose channel is here."""

    def remove(self, gateway_id: str, channel: Channel) -> bool:
        was_newest = super().remove(gateway_id, channel)
        if was_newest:
            self.states.pop(gateway_id, None)
        return was_newest

    def revoke(self, texts: Sequence[str], by_host: Mapping[str, Sequence[str]] | None = None) -> None:
        """Tell every gateway whose channel is here; it tells hosts what is theirs."""
        together = [*texts, *(text for its_own in (by_host or {}).values() for text in its_own)]
        for message in revocation_messages(together):
            for channel in list(self._channels.values()):
                channel.queue(message)

"""Revocations as they are told: by agents' and gateways' channels alike, in messages that have a bound."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from portcullis.errors import ProtocolError
from portcullis.protocol import channel, gateway_channel
from portcullis.protocol.revoked import MAXIMUM_REVOCATIONS, Revocations, revocation_messages
from portcullis.revocations import MAXIMUM_REVOCATION_BYTES

READERS = (channel.parse_from_broker, gateway_channel.parse_from_broker, gateway_channel.parse_from_gateway)


def said(*texts: str) -> str:
    return json.dumps(Revocations(texts).to_json())


@pytest.mark.parametrize("read", READERS)
def test_one_that_is_too_long_to_count_does_not_end_the_channel(read: Callable[[str], object]) -> None:
    long = "x" * (MAXIMUM_REVOCATION_BYTES + 1)
    assert read(said("one", long)) == Revocations(("one", long))


@pytest.mark.parametrize("read", READERS)
def test_what_no_version_would_say_does(read: Callable[[str], object]) -> None:
    for texts in (["x" * (3 * MAXIMUM_REVOCATION_BYTES)], ["x"] * (MAXIMUM_REVOCATIONS + 1)):
        with pytest.raises(ProtocolError):
            read(said(*texts))


@pytest.mark.parametrize(
    "count", [0, 1, MAXIMUM_REVOCATIONS, MAXIMUM_REVOCATIONS + 1, 3 * MAXIMUM_REVOCATIONS]
)
def test_all_are_told_in_order_in_as_few_messages_as_take_them(count: int) -> None:
    texts = [str(number) for number in range(count)]
    messages = revocation_messages(texts)
    assert [text for message in messages for text in message.revocations] == texts
    assert len(messages) == -(-count // MAXIMUM_REVOCATIONS)

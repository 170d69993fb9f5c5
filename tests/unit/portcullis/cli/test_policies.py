"""Policies as people type them."""

from __future__ import annotations

from typing import Any

import pytest

from portcullis.cli.policies import parse_value, target, words
from portcullis.errors import InvalidInput
from portcullis.model.policy import FIELDS


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("networks", "any", []),
        ("networks", "10.0.0.0/8, 192.0.2.7", ["10.0.0.0/8", "192.0.2.7/32"]),
        ("networks", '["10.0.0.0/8"]', ["10.0.0.0/8"]),
        ("hours", "always", []),
        (
            "hours",
            "mon-fri 08:00-18:00; sat,sun 09:00-12:00",
            [
                {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:00"},
                {"days": ["sat", "sun"], "from": "09:00", "to": "12:00"},
            ],
        ),
        ("hours", "sat-mon 22:00-06:00", [{"days": ["mon", "sat", "sun"], "from": "22:00", "to": "06:00"}]),
        ("time_zone", "Europe/Berlin", "Europe/Berlin"),
        ("idle_minutes", "never", 0),
        ("idle_minutes", "30", 30),
        ("sessions", "default", None),
        ("sessions", "null", None),
        ("sessions", "3", 3),
        ("clipboard", "to_application", "to_application"),
    ],
)
def test_a_value_is_read_and_shown_as_it_is_typed(name: str, text: str, value: Any) -> None:
    assert parse_value(FIELDS[name], text) == value
    assert parse_value(FIELDS[name], words(name, value)) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("networks", "10.0.0.1/8"),
        ("networks", "office"),
        ("networks", "[10.0.0.0/8"),
        ("hours", "weekdays 08:00-18:00"),
        ("hours", "mon-fri"),
        ("hours", "mon-someday 08:00-18:00"),
        ("hours", "[1"),
        ("idle_minutes", "half an hour"),
        ("idle_minutes", "1e3"),
        ("sessions", "-1"),
        ("clipboard", '"both"'),
        ("clipboard", ""),
        ("time_zone", "CET/CEST/"),
    ],
)
def test_what_makes_no_sense_is_refused(name: str, text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_value(FIELDS[name], text)


def test_what_a_policy_is_of_is_written_as_origins_are_shown() -> None:
    assert target("tenant") == ("tenant", "-")
    assert target("group:a:b") == ("group", "a:b")
    assert target("application:Text editor") == ("application", "Text editor")


@pytest.mark.parametrize("text", ["", "tenant:acme", "group", "group:", "host:h1", "built-in", "user"])
def test_a_policy_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        target(text)

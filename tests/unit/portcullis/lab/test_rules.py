"""Which connections a rule concerns."""

from __future__ import annotations

import pytest

from portcullis.lab.rules import Rule, state_of


@pytest.mark.parametrize(
    ("source", "target", "state"),
    [
        ("broker-1", "etcd-1", "stall"),
        ("gateway-1", "broker-1", "stall"),
        (None, "broker-1", "stall"),
        ("gateway-1", "broker-2", "open"),
        (None, "gateway-1", "open"),
    ],
)
def test_a_part_off_the_network_is_off_it_both_ways(source: str | None, target: str, state: str) -> None:
    assert state_of([Rule("stall", "broker-1")], source, target) == state


@pytest.mark.parametrize(("source", "target"), [("broker-1", "etcd-2"), ("etcd-2", "broker-1")])
def test_a_rule_between_two_parts_leaves_the_others(source: str, target: str) -> None:
    rules = [Rule("stall", "broker-1", "etcd-2")]
    assert state_of(rules, source, target) == "stall"
    assert state_of(rules, "broker-1", "etcd-1") == "open"
    assert state_of(rules, None, "broker-1") == "open"


def test_a_reset_wins_over_silence() -> None:
    rules = [Rule("stall", "agent-1"), Rule("cut", "agent-1", "gateway-1")]
    assert state_of(rules, "agent-1", "gateway-1") == "cut"
    assert state_of(rules, "agent-1", "gateway-2") == "stall"


def test_rules_travel_as_json_and_an_unknown_kind_does_not() -> None:
    rule = Rule("cut", "agent-1", "gateway-1")
    assert Rule.from_json(rule.to_json()) == rule
    assert Rule.from_json({"kind": "stall", "part": "etcd-1"}) == Rule("stall", "etcd-1", "*")
    with pytest.raises(ValueError, match="slow"):
        Rule.from_json({"kind": "slow", "part": "etcd-1"})

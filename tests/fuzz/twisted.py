"""Structured input for parsers of JSON: a valid object in which bytes choose what is replaced, and by what.

Random bytes hardly ever stay JSON; these always do, and so reach the checks behind it.
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**53 + 1, 2**63, 2**64, 10**400, -(10**400), 0.5, -0.0, 1e308,
    float("nan"), float("inf"), float("-inf"), "", "0", "NaN", "\0", "\ud800", "\u202e", "x" * 65, "x" * 4097,
    "0123456789abcdef", "ab" * 32, "AB" * 32, "٠" * 16, "type", "hello", "attach", [], {}, [None], [[]], [{}],
    {"": ""}, {"a": None}, {"type": "start"}, ["x"] * 300, {"x" * 70: "y"}, {str(n): "v" for n in range(70)},
)  # fmt: skip


def twisted(valid: bytes, choices: bytes) -> bytes:
    """`choices`: pairs of bytes, where and what."""
    value = json.loads(valid)
    for where, what in zip(choices[::2], choices[1::2], strict=False):
        _replace(value, where, what)
    return json.dumps(value).encode()


def _replace(node: Any, where: int, what: int) -> None:
    """Goes down as long as `where` has bits for it."""
    while True:
        keys = sorted(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = keys[where % len(keys)]
        where //= len(keys)
        if where and isinstance(node[key], dict | list) and node[key]:
            node = node[key]
        elif what == len(VALUES):
            del node[key]
            return
        else:
            node[key] = deepcopy(VALUES[what % len(VALUES)])
            return

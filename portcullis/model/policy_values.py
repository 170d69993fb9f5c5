"""The kinds of values that a policy holds: how one is written, how it is kept, which of two allows less. Pure.

`parse` takes what people write, strictly, and answers the one form of it that is kept, so that equal values are equal
texts. `looseness` is a number: the smaller, the less a value allows.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portcullis.errors import InvalidInput

Kind = Literal["networks", "hours", "time_zone", "minutes", "count", "choice"]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAXIMUM_NETWORKS = 64
MAXIMUM_WINDOWS = 21
"""Of `hours`: three a day."""
MAXIMUM_MINUTES = 30 * 24 * 60
MAXIMUM_COUNT = 1000
DAY_MINUTES = 24 * 60

_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00", re.ASCII)
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,31}(/[A-Za-z0-9_+-]{1,32}){0,2}", re.ASCII)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class ValueKind:
    kind: Kind
    expected: str
    parse: Callable[[object, str], Any]
    """The value as it is kept. Raises InvalidInput naming the field that is its second argument."""
    looseness: Callable[[Any], float]
    choices: tuple[str, ...] = ()

    @classmethod
    def choice(cls, *choices: str) -> ValueKind:
        """One of these words, the tightest first."""
        expected = f"one of {', '.join(choices)}"

        def parse(raw: object, field: str) -> str:
            if not isinstance(raw, str) or raw not in choices:
                raise InvalidInput(field, expected)
            return raw

        return cls("choice", expected, parse, lambda value: float(choices.index(value)), choices)


def _parse_networks(raw: object, field: str) -> list[str]:
    if not isinstance(raw, list) or len(raw) > MAXIMUM_NETWORKS:
        raise InvalidInput(field, NETWORKS.expected)
    networks = {_parse_network(each, f"{field}[{index}]") for index, each in enumerate(raw)}
    return [str(network) for network in sorted(networks, key=lambda network: (network.version, network))]


def _parse_network(raw: object, field: str) -> Network:
    if not isinstance(raw, str) or "%" in raw:
        raise InvalidInput(field, "a network such as 192.0.2.0/24 or 2001:db8::/32, or one address")
    try:
        return ipaddress.ip_network(raw)
    except ValueError:
        pass
    try:
        whole = ipaddress.ip_network(raw, strict=False)
    except ValueError as exc:
        raise InvalidInput(field, "a network such as 192.0.2.0/24 or 2001:db8::/32, or one address") from exc
    raise InvalidInput(field, f"a network without bits of a host: {whole}, or the address alone")


def _parse_hours(raw: object, field: str) -> list[dict[str, Any]]:
    if not isinstance(raw, list) or len(raw) > MAXIMUM_WINDOWS:
        raise InvalidInput(field, ACCESS_HOURS.expected)
    windows: list[dict[str, Any]] = []
    for index, each in enumerate(raw):
        window = _parse_window(each, f"{field}[{index}]")
        if window not in windows:
            windows.append(window)
    return sorted(windows, key=lambda w: (DAYS.index(w["days"][0]), w["from"], w["to"], w["days"]))


def _parse_window(raw: object, field: str) -> dict[str, Any]:
    if not isinstance(raw, Mapping) or set(raw) != {"days", "from", "to"}:
        raise InvalidInput(
            field, 'an object such as {"days": ["mon", "tue"], "from": "08:00", "to": "18:00"}'
        )
    days = raw["days"]
    known = isinstance(days, list) and days and all(isinstance(day, str) and day in DAYS for day in days)
    if not known:
        raise InvalidInput(f"{field}.days", f"a list of days: {', '.join(DAYS)}")
    for end in ("from", "to"):
        if not isinstance(raw[end], str) or not _TIME.fullmatch(raw[end]):
            raise InvalidInput(f"{field}.{end}", "a time such as 08:30, 00:00 to 24:00")
    if raw["from"] == "24:00":
        raise InvalidInput(f"{field}.from", "a time before 24:00; the day after begins at 00:00")
    if raw["from"] == raw["to"]:
        raise InvalidInput(f"{field}.to", "another time than `from`; a whole day is from 00:00 to 24:00")
    return {"days": sorted(set(days), key=DAYS.index), "from": raw["from"], "to": raw["to"]}


def minute_of(time: str) -> int:
    """Of the day, of a text such as `08:30`."""
    return int(time[:2]) * 60 + int(time[3:])


def _open_minutes(hours: list[dict[str, Any]]) -> float:
    """How many minutes of a week are inside; those that two windows share count once."""
    if not hours:
        return math.inf
    week = 7 * DAY_MINUTES
    spans: list[tuple[int, int]] = []
    for window in hours:
        begin, end = minute_of(window["from"]), minute_of(window["to"])
        length = end - begin if end > begin else end - begin + DAY_MINUTES
        for day in window["days"]:
            start = DAYS.index(day) * DAY_MINUTES + begin
            stop = start + length
            spans += [(start, min(stop, week)), *([(0, stop - week)] if stop > week else [])]
    total, reached = 0, 0
    for start, stop in sorted(spans):
        total += max(0, stop - max(start, reached))
        reached = max(reached, stop)
    return float(total)


def _parse_time_zone(raw: object, field: str) -> str:
    if not isinstance(raw, str) or not _ZONE.fullmatch(raw):
        raise InvalidInput(field, TIME_ZONE.expected)
    try:
        ZoneInfo(raw)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise InvalidInput(field, TIME_ZONE.expected) from exc
    return raw


def _whole(raw: object, field: str, largest: int, expected: str) -> int:
    if type(raw) is not int or not 0 <= raw <= largest:
        raise InvalidInput(field, expected)
    return raw


def _addresses(networks: list[str]) -> float:
    """The share of all addresses, of both versions; none named is all of them."""
    if not networks:
        return math.inf
    shares = (2.0 ** -ipaddress.ip_network(network).prefixlen for network in networks)
    return sum(shares)


NETWORKS = ValueKind(
    "networks",
    f"a list of at most {MAXIMUM_NETWORKS} networks such as 192.0.2.0/24; [] for any",
    _parse_networks,
    _addresses,
)
ACCESS_HOURS = ValueKind(
    "hours",
    f'a list of at most {MAXIMUM_WINDOWS} windows such as {{"days": ["mon"], "from": "08:00", "to": "18:00"}}; [] for '
    "always",
    _parse_hours,
    _open_minutes,
)
TIME_ZONE = ValueKind("time_zone", "a time zone such as Europe/Berlin", _parse_time_zone, lambda _: 0.0)
_MINUTES_RULE = f"a whole number of minutes, 0 (never) to {MAXIMUM_MINUTES}"
MINUTES = ValueKind(
    "minutes",
    _MINUTES_RULE,
    lambda raw, field: _whole(raw, field, MAXIMUM_MINUTES, _MINUTES_RULE),
    lambda value: float(value) if value else math.inf,
)
_COUNT_RULE = f"a whole number, 0 to {MAXIMUM_COUNT}, or null"
COUNT = ValueKind(
    "count",
    _COUNT_RULE,
    lambda raw, field: None if raw is None else _whole(raw, field, MAXIMUM_COUNT, _COUNT_RULE),
    lambda value: math.inf if value is None else float(value),
)

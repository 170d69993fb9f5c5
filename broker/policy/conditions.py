"""What the values of a policy mean for somebody who is somewhere, at some time. Pure.

What is not known admits nobody where a rule asks for it: a launch without an address is outside of every network.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portcullis.model.desktops import DesktopTarget
from portcullis.model.policy import Effective
from portcullis.model.policy_values import DAY_MINUTES, DAYS, Network, minute_of
from portcullis.tickets import CHANNELS

_ADDRESS_CHARACTERS = 64
_BRACKETED = re.compile(r"\[([^\]]+)\]")

_CHANNELS: dict[str, frozenset[str]] = {
    "both": CHANNELS,
    "to_application": CHANNELS - {"clipboard_out"},
    "from_application": CHANNELS - {"clipboard_in"},
    "none": CHANNELS - {"clipboard_in", "clipboard_out"},
}

Values = Mapping[str, Effective]


@dataclass(frozen=True, slots=True)
class Denial:
    """`field` is the one that denies it."""

    code: str
    field: str
    detail: str


def place_and_time(values: Values, address: str | None, time: float) -> Denial | None:
    """Why somebody there and then may neither launch nor be connected; None if they may."""
    return place_denial(values, address) or time_denial(values, time)


def place_denial(values: Values, address: str | None) -> Denial | None:
    networks: Sequence[str] = values["networks"].value
    if not networks or (address is not None and admits(networks, address)):
        return None
    return Denial(
        "outside_networks", "networks", f"{address or 'an unknown address'} is in none of the networks"
    )


def time_denial(values: Values, time: float) -> Denial | None:
    hours, zone = values["hours"].value, values["time_zone"].value
    if is_open(hours, zone, time):
        return None
    return Denial("outside_hours", "hours", f"it is {wall_clock(zone, time)}, outside of the hours")


def factor_denial(values: Values, factor_time: float | None, time: float) -> Denial | None:
    """Whether a verification code has to be given first. One from the future is of a clock that was set back."""
    minutes: int = values["second_factor_minutes"].value
    if minutes == 0:
        return None
    if factor_time is None:
        return Denial("factor_needed", "second_factor_minutes", "no second factor was proven")
    age = max(0.0, time - factor_time) / 60
    if age < minutes:
        return None
    return Denial(
        "factor_needed",
        "second_factor_minutes",
        f"the second factor was proven {age:.0f} min ago; at most {minutes} min are allowed",
    )


def channels(values: Values, desktop: DesktopTarget | None = None) -> frozenset[str]:
    """Of a grant (`portcullis.tickets.CHANNELS`). `desktop`: an existing one that the session is attached to."""
    allowed = channels_of(values["clipboard"].value)
    if desktop is not None and desktop.tightened(values["desktops"].value).view_only:
        # What is put on the clipboard there is a way of writing, too.
        return allowed - {"input", "clipboard_in"}
    return allowed


def channels_of(clipboard: str) -> frozenset[str]:
    """A value of a later version may be anything."""
    return _CHANNELS.get(clipboard, CHANNELS)


def admits(networks: Sequence[str], address: str) -> bool:
    """Whether the address lies in one of the networks. What is no address lies in none."""
    parsed = _parse_address(address)
    if parsed is None:
        return False
    return any(
        parsed in network for network in _parse_networks(tuple(networks)) if network.version == parsed.version
    )


def is_open(hours: Sequence[Mapping[str, Any]], zone: str, time: float) -> bool:
    """By the clock on the wall of that time zone: an hour that summer time repeats counts twice, one that it leaves out
    never comes. A window that ends at or before its begin goes on into the next day.
    """
    if not hours:
        return True
    local = _local(zone, time)
    if local is None:
        return False
    minute, today = local.hour * 60 + local.minute, local.weekday()
    return any(_covers(window, DAYS[today], DAYS[today - 1], minute) for window in hours)


def wall_clock(zone: str, time: float) -> str:
    """Such as `sat 17:05 in Europe/Berlin`."""
    local = _local(zone, time)
    return (
        f"an unknown time in {zone}" if local is None else f"{DAYS[local.weekday()]} {local:%H:%M} in {zone}"
    )


def _covers(window: Mapping[str, Any], today: str, yesterday: str, minute: int) -> bool:
    begin, end = minute_of(window["from"]), minute_of(window["to"])
    if end > begin:
        return today in window["days"] and begin <= minute < min(end, DAY_MINUTES)
    return (today in window["days"] and minute >= begin) or (yesterday in window["days"] and minute < end)


def _local(zone: str, time: float) -> datetime | None:
    """None for a zone that this machine does not know, and for a time that is none."""
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time)).astimezone(_zone(zone))
    except (ZoneInfoNotFoundError, OverflowError, ValueError, OSError):
        return None


@functools.lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@functools.lru_cache(maxsize=1024)
def _parse_networks(networks: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(network) for network in networks)


@functools.lru_cache(maxsize=4096)
def _parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An IPv4 address that came as IPv6 counts as what it is; a scope says nothing outside of its machine."""
    if len(text) > _ADDRESS_CHARACTERS:
        return None
    bracketed = _BRACKETED.fullmatch(text)
    plain = (bracketed[1] if bracketed else text).partition("%")[0]
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address

"""Which addresses a host may connect to for somebody: none that leads back to itself, to its link, or to a cloud's
metadata. Pure.

The name was resolved before, once, and the connection goes to the very address that was judged here: a name that
answers something else a moment later changes nothing. An administrator of the host can name networks that are meant.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from portcullis.errors import InvalidInput

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",  # most clouds
        "fd00:ec2::254",  # AWS
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure
        "192.0.0.192",  # Oracle
    )
)
_TRANSLATED = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
"""What a NAT64 turns into IPv4 on the way (RFC 6052, RFC 8215)."""
_COMPATIBLE = ipaddress.IPv6Network("::/96")
MAXIMUM_NETWORKS = 64


def networks_of(text: str) -> tuple[Network, ...]:
    """Of the setting, between commas. Raises InvalidInput."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    try:
        found = tuple(ipaddress.ip_network(name) for name in names)
    except ValueError as exc:
        raise InvalidInput("--rdp-networks", "networks such as 127.0.0.0/8, between commas") from exc
    if len(found) > MAXIMUM_NETWORKS:
        raise InvalidInput("--rdp-networks", f"at most {MAXIMUM_NETWORKS} networks")
    return found


def why_refused(text: str, allowed: Sequence[Network] = ()) -> str | None:
    """What is wrong with an address, as `getaddrinfo` writes it; None: a host may connect to it."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "no IP address"
    if any(address.version == network.version and address in network for network in allowed):
        return None
    for each in _meanings(address):
        if (trouble := _trouble(each)) is not None:
            return trouble
    return None


def _trouble(address: Address) -> str | None:
    if address in _METADATA:
        return "a cloud's metadata"
    if address.is_loopback:
        return "the host itself"
    if address.is_unspecified:
        return "the host itself"
    if address.is_link_local:
        return "the host's own link"
    if address.is_multicast or address == ipaddress.IPv4Address("255.255.255.255"):
        return "no single machine"
    if address.version == 4 and (address in _THIS_NETWORK or address.is_reserved):
        return "no machine"
    return None


_THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")


def _meanings(address: Address) -> list[Address]:
    """The address, and the IPv4 address that it stands for on some way or other."""
    if address.version == 4:
        return [address]
    plain = ipaddress.IPv6Address(int(address))  # without a scope: fe80::1%eth0
    inner: list[Address] = [plain]
    teredo = plain.teredo
    for each in (plain.ipv4_mapped, plain.sixtofour, *(teredo or ())):
        if each is not None:
            inner.append(each)
    if any(plain in network for network in _TRANSLATED) or (plain in _COMPATIBLE and int(plain) > 1):
        inner.append(ipaddress.IPv4Address(int(plain) & 0xFFFFFFFF))
    return inner

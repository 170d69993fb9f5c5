"""What a name may hold that people give to users, groups and applications, and what a name of the DNS.

Users and applications are addressed by name in paths of the REST API, where a gateway lets no segment pass that two
readers could take for different things: so their names hold no `/`, `\\` or `%` and are not `.` or `..`.
"""

from __future__ import annotations

import re

MAXIMUM_NAME_LENGTH = 64
GROUP_RULE = f"1 to {MAXIMUM_NAME_LENGTH} printable characters without space at the ends"
NAME_RULE = f"{GROUP_RULE}, none of them / \\ or %"

_UNADDRESSABLE = str.maketrans("/\\%", "---")


def is_fit_group(text: str) -> bool:
    """Printable excludes control, format (bidi, zero width), separator and surrogate characters."""
    return 1 <= len(text) <= MAXIMUM_NAME_LENGTH and text.isprintable() and text == text.strip()


def is_fit_name(text: str) -> bool:
    return is_fit_group(text) and text == text.translate(_UNADDRESSABLE) and text not in (".", "..")


def fitted_name(text: str) -> str | None:
    """A fit name as near to `text` as can be, None when nothing is left of it."""
    printable = "".join(character for character in text if character.isprintable())
    fitted = printable.translate(_UNADDRESSABLE).strip()[:MAXIMUM_NAME_LENGTH].strip()
    return fitted if is_fit_name(fitted) else None


DNS_NAME_RULE = "a DNS name in lower case, such as apps.example.com (an international one as xn--...)"
_DNS_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


def is_dns_name(text: str) -> bool:
    """Whether browsers take it for a name: one whose last label is a number is an IPv4 address to them."""
    labels = text.split(".")
    return (
        len(text) <= 253
        and all(_DNS_LABEL.fullmatch(label) for label in labels)
        and not _NUMBER.fullmatch(labels[-1])
    )

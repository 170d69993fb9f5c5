"""The server of an application that is shown by RDP, as an administrator sends it; parsed strictly."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from broker.http.body import Fields
from portcullis.errors import InvalidInput
from portcullis.model.rdp import (
    CREDENTIAL_SOURCES,
    DEFAULT_PORT,
    FINGERPRINT_RULE,
    GATEWAY_RULE,
    HOST_RULE,
    MAXIMUM_BALANCE_LENGTH,
    MAXIMUM_DOMAIN_LENGTH,
    MAXIMUM_HOST_LENGTH,
    MAXIMUM_PROGRAM_LENGTH,
    MAXIMUM_USER_NAME_LENGTH,
    PINS_RULE,
    SECURITIES,
    RdpTarget,
    is_fit_fingerprint,
    is_fit_gateway,
    is_fit_host,
    is_printable,
    plain_fingerprint,
)

T = TypeVar("T", bound=str)
_LONGEST_FINGERPRINT = 95


def parse_rdp(fields: Fields) -> RdpTarget | None:
    """None where the application starts a program. Raises InvalidInput."""
    if fields.raw("rdp") is None:
        return None
    nested = fields.nested("rdp")
    target = RdpTarget(
        server=_fit(nested, "server", MAXIMUM_HOST_LENGTH, is_fit_host, HOST_RULE, is_needed=True),
        port=nested.integer("port", 1, 65535, DEFAULT_PORT),
        user_name=_line(nested, "user_name", MAXIMUM_USER_NAME_LENGTH),
        domain=_line(nested, "domain", MAXIMUM_DOMAIN_LENGTH),
        security=_one_of(nested, "security", SECURITIES),
        certificate=_fingerprint(nested, "certificate"),
        credentials=_one_of(nested, "credentials", CREDENTIAL_SOURCES),
        program=_line(nested, "program", MAXIMUM_PROGRAM_LENGTH),
        gateway=_fit(nested, "gateway", MAXIMUM_HOST_LENGTH, is_fit_gateway, GATEWAY_RULE),
        gateway_certificate=_fingerprint(nested, "gateway_certificate"),
        load_balance_info=_line(nested, "load_balance_info", MAXIMUM_BALANCE_LENGTH),
    )
    nested.finish()
    if not target.pins_agree:
        raise InvalidInput(nested.name("gateway_certificate"), PINS_RULE)
    return target


def _fingerprint(fields: Fields, key: str) -> str:
    return plain_fingerprint(_fit(fields, key, _LONGEST_FINGERPRINT, is_fit_fingerprint, FINGERPRINT_RULE))


def _line(fields: Fields, key: str, longest: int) -> str:
    return _fit(fields, key, longest, is_printable, f"text on one line, at most {longest} characters")


def _fit(
    fields: Fields,
    key: str,
    longest: int,
    check: Callable[[str], bool],
    expected: str,
    *,
    is_needed: bool = False,
) -> str:
    value = fields.raw(key, None if is_needed else "")
    if not isinstance(value, str) or len(value) > longest or not check(value):
        raise InvalidInput(fields.name(key), expected)
    return value


def _one_of(fields: Fields, key: str, choices: tuple[T, ...]) -> T:
    value = fields.raw(key, choices[0])
    chosen = next((each for each in choices if each == value), None)
    if chosen is None:
        raise InvalidInput(fields.name(key), f"one of {', '.join(choices)}")
    return chosen

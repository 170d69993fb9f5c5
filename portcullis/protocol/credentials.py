"""How a host gets what signs in to an RDP server (docs/protocol.md 4): once, when it is about to connect.

Part of the control channel. The agent says `credentials_wanted` for a session that it was ordered to start; the broker
answers `credentials`: they, or a code that says why there are none. Only brokers that place such sessions, and agents
that name `rdp` among the features of their hello, have anything to say here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portcullis.errors import CODES, ProtocolError
from portcullis.model.rdp import (
    CREDENTIAL_SOURCES,
    MAXIMUM_BALANCE_LENGTH,
    MAXIMUM_DOMAIN_LENGTH,
    MAXIMUM_HOST_LENGTH,
    MAXIMUM_PASSWORD_LENGTH,
    MAXIMUM_PROGRAM_LENGTH,
    MAXIMUM_USER_NAME_LENGTH,
    SECURITIES,
    Credentials,
    RdpTarget,
    is_fit_fingerprint,
    is_fit_gateway,
    is_fit_host,
    is_fit_password,
    is_fit_user_name,
    is_printable,
)
from portcullis.protocol.fields import Fields

ANSWER_SECONDS = 10.0
"""For the broker to ask another one, or the grid."""


@dataclass(frozen=True, slots=True)
class CredentialsWanted:
    session: str
    tenant: str

    def to_json(self) -> dict[str, Any]:
        return {"type": "credentials_wanted", "session": self.session, "tenant": self.tenant}


@dataclass(frozen=True, slots=True)
class GivenCredentials:
    """The answer for this session. `code`: why there are none."""

    session: str
    credentials: Credentials | None = None
    code: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "type": "credentials",
            "session": self.session,
            "code": self.code,
            "credentials": None if self.credentials is None else credentials_json(self.credentials),
        }


def credentials_json(credentials: Credentials) -> dict[str, str]:
    return {
        "user_name": credentials.user_name,
        "domain": credentials.domain,
        "password": credentials.password,
    }


def read_wanted(fields: Fields) -> CredentialsWanted:
    return CredentialsWanted(fields.id("session"), fields.id("tenant"))


def read_given(fields: Fields) -> GivenCredentials:
    code = fields.optional_text("code", 64) or ""
    credentials = read_credentials(fields.inner("credentials")) if fields.holds("credentials") else None
    if credentials is None and code not in CODES:
        code = "credentials_lost"  # a later version's, or none
    return GivenCredentials(fields.id("session"), credentials, code)


def read_credentials(fields: Fields) -> Credentials:
    """Raises ProtocolError, which never quotes what was read."""
    credentials = Credentials(
        fields.text("user_name", MAXIMUM_USER_NAME_LENGTH),
        fields.text("domain", MAXIMUM_DOMAIN_LENGTH),
        fields.text("password", MAXIMUM_PASSWORD_LENGTH),
    )
    if not is_fit_user_name(credentials.user_name) or not is_printable(credentials.domain):
        raise ProtocolError("credentials: expected names on one line")
    if not is_fit_password(credentials.password):
        raise ProtocolError("credentials: expected a password on one line")
    return credentials


def read_target(fields: Fields) -> RdpTarget | None:
    """Of `rdp` in an order's or a check's application; None where it is absent. Raises ProtocolError."""
    if not fields.holds("rdp"):
        return None
    return _target(fields.inner("rdp"))


def _target(fields: Fields) -> RdpTarget:
    target = RdpTarget(
        server=fields.text("server", MAXIMUM_HOST_LENGTH),
        port=fields.integer("port", 1, 65535),
        user_name=fields.text("user_name", MAXIMUM_USER_NAME_LENGTH),
        domain=fields.text("domain", MAXIMUM_DOMAIN_LENGTH),
        security=fields.choice("security", SECURITIES),
        certificate=fields.text("certificate", 64),
        credentials=fields.choice("credentials", CREDENTIAL_SOURCES),
        program=fields.text("program", MAXIMUM_PROGRAM_LENGTH),
        gateway=fields.text("gateway", MAXIMUM_HOST_LENGTH),
        gateway_certificate=fields.optional_text("gateway_certificate", 64) or "",
        load_balance_info=fields.text("load_balance_info", MAXIMUM_BALANCE_LENGTH),
    )
    lines = (target.user_name, target.domain, target.program, target.load_balance_info)
    fits = is_fit_host(target.server) and is_fit_gateway(target.gateway) and all(map(is_printable, lines))
    pins = (target.certificate, target.gateway_certificate)
    if not fits or not all(map(is_fit_fingerprint, pins)) or not target.pins_agree:
        raise ProtocolError("application.rdp: expected a server that a host can connect to")
    return target


def target_json(target: RdpTarget | None) -> Mapping[str, Any]:
    return {"rdp": target.to_json()} if target else {}

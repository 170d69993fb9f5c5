"""An RDP host without an agent, as an application: where it is, how it is met, and who signs in there (docs/rdp.md).

Nothing here is a secret: a password goes from the user, or from their vault, to the agent that connects, and no record
of an application or session has a place for it. Pure.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

Security = Literal["negotiate", "nla", "tls"]
"""`negotiate` takes the better of NLA and TLS that the server has; plain RDP security is never taken."""
CredentialSource = Literal["ask", "vault"]
"""`ask`: at each launch, kept in memory for that one. `vault`: the user may keep them, sealed."""
SECURITIES: tuple[Security, ...] = get_args(Security)
CREDENTIAL_SOURCES: tuple[CredentialSource, ...] = get_args(CredentialSource)

RDP_CLIENT = "xfreerdp"
"""What a host shows the server with: Debian's freerdp2-x11."""
DEFAULT_PORT = 3389
DEFAULT_GATEWAY_PORT = 443
MAXIMUM_HOST_LENGTH = 253
MAXIMUM_USER_NAME_LENGTH = 256
MAXIMUM_DOMAIN_LENGTH = 255
MAXIMUM_PROGRAM_LENGTH = 260
MAXIMUM_BALANCE_LENGTH = 512
MAXIMUM_PASSWORD_LENGTH = 256
MAXIMUM_PASSWORD_BYTES = 511
"""FreeRDP reads no longer line."""
USER_PLACEHOLDER = "{user}"

HOST_RULE = "a host name or IP address"
GATEWAY_RULE = "a host name, or name:port"
HOST_FORMAT = "portcullis-host"
GATEWAY_FORMAT = "portcullis-gateway"
PRINTABLE_PATTERN = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"
HOST_PATTERN = (
    r"^([A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?)*\.?"
    r"|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)$"
)
GATEWAY_PATTERN = (
    r"^[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?)*"
    r"(:[1-9][0-9]{0,4})?$"
)
FINGERPRINT_PATTERN = r"^(([0-9A-Fa-f]{2}[: ]?){31}[0-9A-Fa-f]{2})?$"
PINS_RULE = "a fingerprint exactly where `certificate` and `gateway` are given"
FINGERPRINT_RULE = "a certificate's SHA-256 fingerprint, 64 hexadecimal digits"
_PRINTABLE = re.compile(PRINTABLE_PATTERN)
_HOST = re.compile(HOST_PATTERN, re.ASCII)
_GATEWAY = re.compile(GATEWAY_PATTERN, re.ASCII)
_FINGERPRINT = re.compile(FINGERPRINT_PATTERN, re.ASCII)


@dataclass(frozen=True, slots=True)
class RdpTarget:
    server: str
    port: int = DEFAULT_PORT
    user_name: str = ""
    """`{user}` stands for the user's name here. Empty: the user says it with the password."""
    domain: str = ""
    security: Security = "negotiate"
    certificate: str = ""
    """SHA-256 (hex) of the one that is accepted; empty: whatever the system's CAs vouch for under the server's name."""
    credentials: CredentialSource = "ask"
    program: str = ""
    """A RemoteApp, such as `||winword`; empty: the whole desktop."""
    gateway: str = ""
    """An RD Gateway that the server is reached through."""
    gateway_certificate: str = ""
    """As `certificate`, of the gateway: both are pinned, or neither."""
    load_balance_info: str = ""
    """For a connection broker, such as `tsv://MS Terminal Services Plugin.1.Farm`."""

    @property
    def asks_for_name(self) -> bool:
        return not self.user_name

    def user_name_of(self, user: str) -> str | None:
        """None where the user has to say it."""
        return self.user_name.replace(USER_PLACEHOLDER, user) if self.user_name else None

    @property
    def destination(self) -> str:
        """To whom credentials are given: what was kept for one is not sent to another."""
        return f"{self.server.lower()}:{self.port} {self.gateway.lower()} {self.domain.lower()}"

    @property
    def pins_agree(self) -> bool:
        """Where a CA's word counts for one connection, it counts for both: FreeRDP knows one list."""
        if not self.gateway:
            return not self.gateway_certificate
        return bool(self.certificate) == bool(self.gateway_certificate)

    @property
    def gateway_address(self) -> tuple[str, int] | None:
        if not self.gateway:
            return None
        name, _, port = self.gateway.partition(":")
        return name, int(port or DEFAULT_GATEWAY_PORT)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RdpTarget:
        return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})


@dataclass(frozen=True, slots=True)
class Entered:
    """What a user enters for a server, or keeps. `user_name` is empty where the application makes it."""

    user_name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What signs in to a server. Never in a record that is shown, a log, or a repr."""

    user_name: str
    domain: str
    password: str = field(repr=False)


def is_printable(text: str) -> bool:
    """On one line, for a command line: no control characters, no halves of characters."""
    return bool(_PRINTABLE.fullmatch(text)) and not any("\ud800" <= each <= "\udfff" for each in text)


def is_fit_host(text: str) -> bool:
    if len(text) > MAXIMUM_HOST_LENGTH or not _HOST.fullmatch(text):
        return False
    return ":" not in text or _is_address(text)


def is_fit_gateway(text: str) -> bool:
    if not text:
        return True
    if len(text) > MAXIMUM_HOST_LENGTH or not _GATEWAY.fullmatch(text):
        return False
    return int(text.partition(":")[2] or DEFAULT_GATEWAY_PORT) <= 65535


def is_fit_user_name(text: str) -> bool:
    return 0 < len(text) <= MAXIMUM_USER_NAME_LENGTH and is_printable(text) and bool(text.strip())


def is_fit_password(text: str) -> bool:
    fits = 0 < len(text) <= MAXIMUM_PASSWORD_LENGTH and is_printable(text)
    return fits and len(text.encode()) <= MAXIMUM_PASSWORD_BYTES


def plain_fingerprint(text: str) -> str:
    """As it is kept: people copy it with colons, blanks and capitals."""
    return text.lower().replace(":", "").replace(" ", "")


def is_fit_fingerprint(text: str) -> bool:
    return bool(_FINGERPRINT.fullmatch(text))


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True

"""Users of a tenant, the links by which they enrol, their logins and their API tokens."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class User:
    id: str
    name: str
    role: str = "user"
    """The name of a role (`portcullis.model.roles`); one that is not there allows nothing."""
    groups: frozenset[str] = frozenset()
    disabled: bool = False
    password_hash: str = field(default="", repr=False)  # argon2id, in its own encoding
    totp_secret: str = field(default="", repr=False)  # base32, 160 bit
    link_hash: str = field(default="", repr=False)
    """Of the one enrolment link that is good for this user."""
    link_expires: float = 0.0
    first_password: bool = False
    """Password and factor are those that the site was made with: they stand in a file."""
    platform: bool = False
    """A platform administrator: may do what concerns the whole site, and all in the tenant."""

    @property
    def enrolled(self) -> bool:
        """Whether there is a password and a factor to sign in with."""
        return bool(self.password_hash and self.totp_secret)

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "role": self.role,
            "groups": sorted(self.groups),
            "disabled": self.disabled,
            "password_hash": self.password_hash,
            "totp_secret": self.totp_secret,
            "link_hash": self.link_hash,
            "link_expires": self.link_expires,
            "first_password": self.first_password,
            "platform": self.platform,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> User:
        return cls(
            id=data["id"],
            name=data["name"],
            role=data.get("role", "user"),
            groups=frozenset(data.get("groups", ())),
            disabled=data.get("disabled", False),
            password_hash=data.get("password_hash", ""),
            totp_secret=data.get("totp_secret", ""),
            link_hash=data.get("link_hash", ""),
            link_expires=data.get("link_expires", 0.0),
            first_password=data.get("first_password", False),
            platform=data.get("platform", False),
        )


@dataclass(frozen=True, slots=True)
class EnrolmentLink:
    """The right to choose a user's password and factor, once. `hash` is the SHA-256 of the token in the link."""

    hash: str
    tenant_id: str
    user_id: str
    created: float
    expires: float
    totp_secret: str = field(default="", repr=False)
    """Of the factor that is being set up: shown, not yet proven."""

    def to_json(self) -> dict[str, Any]:
        return {
            "hash": self.hash,
            "tenant_id": self.tenant_id,
            "user_id": self.user_id,
            "created": self.created,
            "expires": self.expires,
            "totp_secret": self.totp_secret,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> EnrolmentLink:
        return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})


@dataclass(frozen=True, slots=True)
class Login:
    """An authenticated visit of a browser. `hash` is the SHA-256 of the cookie's secret and names the record."""

    hash: str
    tenant_id: str
    user_id: str
    client_key: bytes = field(repr=False)  # raw P-256 point, made in the browser at sign-in
    created: float
    expires: float
    epoch: int = 1
    """The site's at sign-in: a panic or a restore raises it, and every earlier login is void."""
    factor_time: float = 0.0
    """When the second factor was proven again; 0: at sign-in alone."""

    @property
    def factor_proven(self) -> float:
        """When the second factor was proven last."""
        return max(self.factor_time, self.created)

    def to_json(self) -> dict[str, Any]:
        return {
            "hash": self.hash,
            "tenant_id": self.tenant_id,
            "user_id": self.user_id,
            "client_key": base64.b64encode(self.client_key).decode(),
            "created": self.created,
            "expires": self.expires,
            "epoch": self.epoch,
            "factor_time": self.factor_time,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Login:
        return cls(
            data["hash"],
            data["tenant_id"],
            data["user_id"],
            base64.b64decode(data["client_key"]),
            data["created"],
            data["expires"],
            data.get("epoch", 1),
            data.get("factor_time", 0.0),
        )


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A script's right to act as a user. `hash` is the SHA-256 of its text (of one with limits: of that, docs/grid.md);
    its first 16 hex are its public id.
    """

    hash: str
    tenant_id: str
    user_id: str
    note: str
    created: float
    expires: float
    permissions: frozenset[str] | None = None
    """At most these of its user's; None: all that its user has."""
    networks: tuple[str, ...] = ()
    """The only ones from which it is good (CIDR); none: from anywhere."""
    enrols: bool = True
    """Whether it hands out links by which users enrol. Tokens of before do, and those that the site was made with."""

    @property
    def id(self) -> str:
        return self.hash[:16]

    def to_json(self) -> dict[str, Any]:
        return {
            "hash": self.hash,
            "tenant_id": self.tenant_id,
            "user_id": self.user_id,
            "note": self.note,
            "created": self.created,
            "expires": self.expires,
            "permissions": None if self.permissions is None else sorted(self.permissions),
            "networks": list(self.networks),
            "enrols": self.enrols,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ApiToken:
        return cls(
            data["hash"],
            data["tenant_id"],
            data["user_id"],
            data.get("note", ""),
            data["created"],
            data["expires"],
            None if data.get("permissions") is None else frozenset(data["permissions"]),
            tuple(data.get("networks", ())),
            data.get("enrols") is not False,
        )

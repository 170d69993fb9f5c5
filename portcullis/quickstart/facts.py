"""What one has to know to use this instance: `var/quickstart.json` in the clone, mode 0600, and the CLI's profile."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.instance import Instance
from portcullis.quickstart.owner import make_folder, owner, write_private
from portcullis.rest.profile import Profile, of_clone

FILE = "quickstart.json"


@dataclass(frozen=True)
class Secrets:
    """What `portcullis-broker init` wrote, kept in the instance's state for root alone."""

    tenant: str
    username: str
    password: str
    totp_secret: str
    admin_username: str
    admin_password: str
    admin_totp_secret: str
    api_token: str
    gateway_join_token: str
    host_join_token: str

    def __repr__(self) -> str:
        return f"Secrets(tenant={self.tenant!r})"


def read_secrets(instance: Instance) -> Secrets:
    """Raises QuickstartError."""
    path = instance.secrets_file
    try:
        data = json.loads(path.read_text())
        return Secrets(**{name: str(data[name]) for name in Secrets.__dataclass_fields__})
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise QuickstartError(f"{path} cannot be read ({exc}): run deploy/quickstart.sh --reset") from exc


@dataclass(frozen=True)
class Facts:
    url: str
    ca_cert: str | None
    """None while everything is http on loopback."""
    tenant: str
    username: str
    password: str
    totp_secret: str
    admin_username: str
    admin_password: str
    admin_totp_secret: str
    applications: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def facts_of(instance: Instance, secrets: Secrets, applications: list[str]) -> Facts:
    shared = {name: getattr(secrets, name) for name in Facts.__dataclass_fields__ if hasattr(secrets, name)}
    return Facts(url=instance.url, ca_cert=None, applications=tuple(applications), **shared)


def profile_of(instance: Instance, secrets: Secrets) -> Profile:
    return Profile(instance.url, secrets.api_token)


def write(instance: Instance, facts: Facts, profile: Profile) -> None:
    """For the user who ran the quickstart, to whom the folder belongs from then on."""
    whose = owner()
    make_folder(instance.var, whose)
    write_private(instance.var / FILE, facts.to_json(), whose)
    write_private(of_clone(instance.clone), profile.to_json(), whose)

"""What one has to know to use this instance: `var/quickstart.json` in the clone, mode 0600, and the CLI's profile."""

from __future__ import annotations

import hashlib
import json
import re
import ssl
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.instance import Instance
from portcullis.quickstart.owner import make_folder, owner, write_private
from portcullis.rest.profile import Profile, of_clone

FILE = "quickstart.json"
TRUSTED = "web-ca.pem"

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?")


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
    """Path of what browsers are to trust; None on loopback, or when the system trusts the given certificate."""
    tenant: str
    username: str
    password: str | None
    """None as soon as the account was reset or deleted: what it has since is its owner's alone. As the next three."""
    totp_secret: str | None
    admin_username: str
    admin_password: str | None
    admin_totp_secret: str | None
    applications: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def facts_of(
    instance: Instance, secrets: Secrets, applications: list[str], first_passwords: Collection[str]
) -> Facts:
    """`first_passwords`: names of the users who still have the password that the site was made with."""
    shared = {name: getattr(secrets, name) for name in Facts.__dataclass_fields__ if hasattr(secrets, name)}
    if secrets.username not in first_passwords:
        shared |= {"password": None, "totp_secret": None}
    if secrets.admin_username not in first_passwords:
        shared |= {"admin_password": None, "admin_totp_secret": None}
    ca_cert = profile_of(instance, secrets).ca_cert
    return Facts(url=instance.url, ca_cert=ca_cert, applications=tuple(applications), **shared)


def profile_of(instance: Instance, secrets: Secrets) -> Profile:
    """Of the user who ran the quickstart: it connects where the parts listen, whatever the name leads to."""
    return _profile(instance, secrets, instance.var / TRUSTED)


def own_profile(instance: Instance, secrets: Secrets) -> Profile:
    """Of the quickstart itself, which reads what the gateway has at that moment."""
    return _profile(instance, secrets, instance.trusted_file)


def _profile(instance: Instance, secrets: Secrets, ca_cert: Path | None) -> Profile:
    if instance.network is None or ca_cert is None:
        return Profile(instance.url, secrets.api_token)
    return Profile(instance.url, secrets.api_token, str(ca_cert), instance.public_address)


def trusted_certificates(instance: Instance) -> bytes | None:
    """PEM of what leads to the certificate that browsers see, without the key. None on loopback."""
    try:
        content = instance.trusted_file.read_bytes() if instance.trusted_file else b""
    except OSError as exc:
        raise QuickstartError(f"{instance.trusted_file} cannot be read: {exc.strerror}") from exc
    return b"".join(_CERTIFICATE.findall(content)) or None


def fingerprint(instance: Instance) -> str | None:
    """SHA-256 of the web CA as browsers show it; None unless the web CA issues."""
    found = trusted_certificates(instance)
    if found is None or instance.network is None or instance.network.certificate:
        return None
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(found.decode())).hexdigest().upper()
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))


def write_trusted(instance: Instance) -> None:
    """For the user who ran the quickstart, to hand on: it is public."""
    path = instance.var / TRUSTED
    certificates = trusted_certificates(instance)
    if certificates is None:
        path.unlink(missing_ok=True)
    else:
        make_folder(instance.var, owner())
        write_private(path, certificates.decode(), owner())


def write(instance: Instance, facts: Facts, profile: Profile) -> None:
    """For the user who ran the quickstart, to whom the folder belongs from then on."""
    whose = owner()
    make_folder(instance.var, whose)
    write_private(instance.var / FILE, facts.to_json(), whose)
    write_private(of_clone(instance.clone), profile.to_json(), whose)

"""A profile says which Portcullis to talk to and as whom, in a file of mode 0600: `{"url", "token", "ca_cert",
"address"}`, the last two optional.

Looked for in this order: the file named, `$PORTCULLIS_PROFILE`, `var/profile.json` of the clone whose `.venv` runs
this, `~/.config/portcullis/profile.json`. One that others may read is refused: its token is a secret.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from portcullis.ids import parse_secret
from portcullis.settings import Address

VARIABLE = "PORTCULLIS_PROFILE"
MAXIMUM_BYTES = 64 * 1024


class ProfileError(Exception):
    """The profile is missing or cannot be used; the message says which file and what to do."""


@dataclass(frozen=True, slots=True)
class Profile:
    url: str
    token: str = field(repr=False)
    ca_cert: str | None = None
    """Path of the certificate (PEM) that the server's is checked with; None for the system's."""
    address: str | None = None
    """`host:port` to connect to, where the url's name leads elsewhere or nowhere; the name is checked all the same."""

    def to_json(self) -> dict[str, Any]:
        return {"url": self.url, "token": self.token, "ca_cert": self.ca_cert, "address": self.address}


def find(named: Path | None = None, variable: str | None = None) -> Path:
    """The profile's path: it exists, unless it was named. Raises ProfileError when there is none."""
    variable = os.environ.get(VARIABLE) if variable is None else variable  # noqa: TID251
    if named is not None:
        return named
    if variable:
        return Path(variable)
    usual = (of_clone(Path(sys.prefix).parent), Path.home() / ".config/portcullis/profile.json")
    for path in usual:
        with contextlib.suppress(PermissionError):  # of another user's clone
            if path.exists():
                return path
    raise ProfileError(
        f"no profile: looked at {usual[0]} and {usual[1]}. deploy/quickstart.sh leaves one; --profile names another."
    )


def of_clone(clone: Path) -> Path:
    """Where the quickstart leaves the profile for the user who ran it."""
    return clone / "var/profile.json"


def read(path: Path) -> Profile:
    """Raises ProfileError."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(MAXIMUM_BYTES)
    except OSError as exc:
        raise ProfileError(f"{path}: {exc.strerror}") from exc
    if stat.S_IMODE(mode) & 0o077:
        raise ProfileError(f"{path} can be read by others: chmod 600 it (its token is a secret)")
    return parse(content, str(path))


def parse(content: bytes, source: str) -> Profile:
    """Raises ProfileError naming the field. The token never stands in the message."""
    try:
        data = json.loads(content)
    except ValueError as exc:
        raise ProfileError(f"{source} is not JSON: {exc}") from exc
    if not isinstance(data, dict):
        raise ProfileError(f"{source}: expected an object with url and token")
    url, token, ca_cert = data.get("url"), data.get("token"), data.get("ca_cert")
    address = data.get("address")
    if not isinstance(url, str) or not is_base_url(url):
        raise ProfileError(f"{source}: url: expected http://localhost:PORT or https://HOST[:PORT]")
    if not isinstance(token, str) or parse_secret(token, "api") is None:
        raise ProfileError(f"{source}: token: expected api_<tenant id>_<64 hex digits>")
    if ca_cert is not None and not isinstance(ca_cert, str):
        raise ProfileError(f"{source}: ca_cert: expected a path or null")
    if address is not None and not is_address(address):
        raise ProfileError(f"{source}: address: expected HOST:PORT or null")
    return Profile(url.rstrip("/"), token, ca_cert, address)


def is_address(text: object) -> bool:
    try:
        return isinstance(text, str) and bool(Address.parse(text).port)
    except ValueError:
        return False


def is_base_url(url: str) -> bool:
    """An origin and nothing else. Plain http would show the token to the network, so it is for loopback alone."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if not parts.hostname or parts.username or parts.password or parts.query or parts.fragment or port == 0:
        return False
    if parts.path not in ("", "/") or any(c.isspace() or not c.isprintable() for c in url):
        return False
    return parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    )

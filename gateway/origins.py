"""The public origins of a site: which Host a request may name, which Origin may act. Pure.

An origin is compared exactly, as browsers write it: in lower case, without the scheme's own port.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from portcullis.errors import InvalidInput

_OWN_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9._-]{1,253}|[0-9a-f:.]{2,45}", re.ASCII)
"""Origins stand in the policy of every page: what separates its words or stands for others is in none."""


@dataclass(frozen=True, slots=True)
class Origins:
    """At least one; the first is where a stray navigation is sent."""

    texts: tuple[str, ...]
    own: frozenset[str] = frozenset()
    """Of tenants' own host names: served as well, and named in no page of another origin."""

    @classmethod
    def parse(cls, texts: Iterable[str], own: Iterable[str] = ()) -> Origins:
        """Raises InvalidInput for anything that a browser would not send as an Origin."""
        origins = tuple(dict.fromkeys(map(parse_origin, texts)))
        if not origins:
            raise InvalidInput("public_origins", "at least one origin")
        return cls(origins, frozenset(map(parse_origin, own)) - set(origins))

    def over_tls(self) -> Origins:
        """Those that a page of https may have to do with. Raises InvalidInput when there is none."""
        safe = (origin for origin in self.texts if origin.startswith("https:"))
        return Origins.parse(safe, (origin for origin in self.own if origin.startswith("https:")))

    @property
    def first(self) -> str:
        return self.texts[0]

    def called_by(self, host: str) -> str | None:
        """The origin that a request with this Host header calls, or None for a foreign name."""
        for origin in self.texts:
            if origin.partition("://")[2] == host.lower():
                return origin
        possible = (f"{scheme}://{host.lower()}" for scheme in _OWN_PORTS)
        return next((origin for origin in possible if origin in self.own), None)

    def named_at(self, host: str) -> tuple[str, ...]:
        """Those that a page under this Host header may name: a tenant's own name is its own page's alone."""
        called = self.called_by(host)
        return (*self.texts, called) if called in self.own and called is not None else self.texts

    def nearest(self, host: str) -> str:
        """Where a navigation to a foreign name is sent: the origin of the same port, else the first."""
        port = host.rpartition(":")[2]
        return next((origin for origin in self.texts if origin.endswith(f":{port}")), self.first)

    def allow(self, origin: str | None, host: str = "") -> bool:
        """Whether a page of this origin may act on what the Host header calls. No tenant's page acts on another's."""
        if origin in self.texts:
            return True
        called = self.called_by(host)
        return origin in self.own and (called == origin or called in self.texts)


def parse_origin(text: str) -> str:
    """`text` in the form that browsers send. Raises InvalidInput."""
    wrong = InvalidInput("public_origin", "http://host:port or https://host:port")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as exc:
        raise wrong from exc
    if parts.scheme not in _OWN_PORTS or not _HOST.fullmatch(parts.hostname or "") or not text.isascii():
        raise wrong
    if parts.username is not None or parts.path not in ("", "/") or "?" in text or "#" in text:
        raise wrong
    name = parts.hostname or ""
    host = f"[{name}]" if ":" in name else name
    own = port is None or port == _OWN_PORTS[parts.scheme]
    return f"{parts.scheme}://{host}" if own else f"{parts.scheme}://{host}:{port}"

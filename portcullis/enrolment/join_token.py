"""A join token as it is handed over: the secret, and the pin of the site's CA."""

from __future__ import annotations

from dataclasses import dataclass

from portcullis.ids import BearerSecret, parse_secret


@dataclass(frozen=True, slots=True)
class JoinTokenText:
    """A join token as it is handed over: the secret, and the pin of the site's CA."""

    secret: BearerSecret
    pin: str
    """SHA-256 (hex) of the CA's public key (SubjectPublicKeyInfo, DER)."""

    @property
    def text(self) -> str:
        return f"{self.secret.text}_{self.pin}"


def parse_join_token(text: str) -> JoinTokenText | None:
    head, _, pin = text.strip().rpartition("_")
    secret = parse_secret(head, "join")
    if secret is None or len(pin) != 64 or set(pin) - set("0123456789abcdef"):
        return None
    return JoinTokenText(secret, pin)

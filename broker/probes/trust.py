"""Whom a probe trusts at the gateways' public listeners: what this machine trusts, and the site's own web CAs."""

from __future__ import annotations

import ssl

from broker.snapshot import Snapshot


def trust_of(snapshot: Snapshot) -> ssl.SSLContext:
    context = ssl.create_default_context()
    for record in snapshot.list("site", "key", "web-ca"):
        context.load_verify_locations(cadata=record.value["root"])
    return context

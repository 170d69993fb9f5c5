"""What the public REST API tells an administrator of the site: asked once, judged elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from portcullis.errors import PortcullisError
from portcullis.rest.client import Client

Item = dict[str, Any]
LISTS = ("hosts", "gateways", "users", "tokens", "applications", "sessions")


@dataclass(frozen=True, slots=True)
class Site:
    url: str
    trouble: str | None = None
    """Why nothing could be asked, or not all of it."""
    code: str | None = None
    now: float = 0.0
    """By the clock of this machine."""
    skew_seconds: float | None = None
    """This machine's clock minus the broker's; None when the broker did not say."""
    facts: Item = field(default_factory=dict)
    """Of `GET /api/v1/admin/site`; empty from a broker that does not have it yet."""
    lists: dict[str, list[Item]] = field(default_factory=dict)

    def items(self, name: str) -> list[Item]:
        return self.lists.get(name, [])


def ask(client: Client, url: str, clock: Callable[[], float] = time.time) -> Site:
    """One list that is refused does not keep the others from being looked at."""
    try:
        skew = _skew(client, clock)
    except PortcullisError as exc:
        return Site(url, exc.message, exc.code, clock())
    lists: dict[str, list[Item]] = {}
    trouble, code = None, None
    for name in LISTS:
        try:
            lists[name] = client.items("admin", name)
        except PortcullisError as exc:
            trouble, code = f"{name}: {exc.message}", exc.code
    return Site(url, trouble, code, clock(), skew, _facts(client), lists)


def _skew(client: Client, clock: Callable[[], float]) -> float | None:
    """The broker's time is from somewhere between the two of ours."""
    before = clock()
    told = client.get("login").get("time")
    after = clock()
    if not isinstance(told, (int, float)):
        return None
    return 0.0 if before <= told <= after else min(before - told, after - told, key=abs)


def _facts(client: Client) -> Item:
    try:
        facts = client.get("admin", "site")
    except PortcullisError:
        return {}
    return facts if isinstance(facts, dict) else {}

"""An administrator's requests, as tests make them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.support.browser import Answer, ApiBrowser

ADMIN = "/api/v1/admin"
FORM: dict[str, Any] = {
    "command": ["gimp", "--new"],
    "environment": {"LC_TIME": "C"},
    "entitled": {"users": ["ann"], "groups": ["artists"]},
}


async def publish(browser: ApiBrowser, name: str, **changes: object) -> Answer:
    return await browser.change("PUT", f"{ADMIN}/applications/{quote(name, safe='')}", {**FORM, **changes})


async def items_of(browser: ApiBrowser, what: str) -> list[dict[str, Any]]:
    answer = await browser.get(f"{ADMIN}/{what}")
    assert answer.status == 200, answer.body
    items: list[dict[str, Any]] = answer.json["items"]
    return items

"""What every public route of a real broker asks of its callers, and what the built-in roles hold.

    python -m tests.support.permission_vectors

writes `tests/vectors/permissions.json` and `docs/routes.md` anew. Read the difference before you commit it: it is who
may do what.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

from aiohttp import web

from broker.http.access import PREFIX, Needs, access_of
from broker.routes import application_of
from portcullis.model.roles import BUILT_IN_ROLES
from portcullis.schemas.api.whole import DOCS
from tests.support.running_broker import running_broker

FILE = Path(__file__).parents[1] / "vectors/permissions.json"
PAGE = Path(__file__).parents[2] / "docs/routes.md"
_HEAD = """\
<!-- Made by `python -m tests.support.permission_vectors`. -->
# The routes of the public API

What each asks of its callers: a permission ([roles.md](roles.md)), or `user` (whoever is signed in, by browser or
token), `browser` (a login's own key), `anyone`. What goes in and out: `portcullis-broker openapi`; what it means:
[api.md](api.md).

| route | asks for | |
| --- | --- | --- |
"""


def asked_by_routes(application: web.Application) -> dict[str, str]:
    """Of every public route the permission that it needs, or the policy of one that needs none."""
    found = {}
    for route in application.router.routes():
        path = route.resource.canonical if route.resource else ""
        if path.startswith(PREFIX):
            access = access_of(route.handler)
            asked = access.permission if isinstance(access, Needs) else access.name.lower() if access else ""
            found[f"{route.method} {path}"] = asked
    return dict(sorted(found.items(), key=lambda item: item[0].split(" ")[::-1]))


def held_by_roles() -> dict[str, list[str]]:
    return {name: sorted(held) for name, held in BUILT_IN_ROLES.items()}


def page(routes: dict[str, str]) -> str:
    return _HEAD + "".join(
        f"| `{route}` | `{asked}` | {DOCS[route].summary if route in DOCS else 'Not described.'} |\n"
        for route, asked in routes.items()
    )


async def vectors(folder: Path) -> dict[str, Any]:
    async with running_broker(folder) as site:
        return {"roles": held_by_roles(), "routes": asked_by_routes(application_of(site.broker.parts))}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = asyncio.run(vectors(Path(folder)))
    FILE.write_text(json.dumps(made, indent=2) + "\n")
    PAGE.write_text(page(made["routes"]))


if __name__ == "__main__":
    main()

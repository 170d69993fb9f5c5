"""`portcullis-broker openapi`: the description of the API, by a broker of a site that is thrown away.

A broker that runs serves the same to who has signed in (`GET /api/v1/openapi.json`); this needs none.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from broker.app import Broker
from broker.grid.embedded import EmbeddedGrid
from broker.grid.seal import SiteKey
from broker.http.openapi import describe
from broker.initialise import initialise
from broker.routes import application_of
from broker.settings import BrokerSettings
from portcullis.settings import Address


async def description() -> dict[str, Any]:
    """Raises OSError."""
    with tempfile.TemporaryDirectory(prefix="portcullis-openapi-") as folder:
        state = Path(folder)
        await _found(state)
        broker = Broker(BrokerSettings(state=state, listen=Address("127.0.0.1", 0)))
        await broker.start()
        try:
            return describe(application_of(broker.parts))
        finally:
            await broker.stop()


async def _found(state: Path) -> None:
    grid = await EmbeddedGrid.open(state / "grid.sqlite")
    try:
        await initialise(
            grid,
            SiteKey.create(state / "site.key"),
            site_name="description",
            tenant_name="description",
            administrator="administrator",
            user="user",
            public_origin="http://localhost:8080",
            secrets_file=state / "secrets.json",
        )
    finally:
        await grid.close()

"""The release before, as it was, on a site whose rules it does not know: it refuses to start."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from broker.grid.embedded import EmbeddedGrid
from broker.grid.scopes import Stores
from broker.grid.seal import SiteKey
from portcullis.model.tenant import RULES_SCHEMA, SCHEMA_VERSION, Site
from tests.support.running_broker import make_site

START = """
import asyncio, sys
from pathlib import Path
from broker.grid.embedded import EmbeddedGrid
from broker.grid.scopes import Stores
from broker.grid.seal import SiteKey
from broker.schema import bring_up_to_date
from portcullis.errors import Unavailable

async def start(state):
    grid = await EmbeddedGrid.open(state / "grid.sqlite")
    try:
        await bring_up_to_date(Stores(grid, SiteKey.load(state / "site.key")))
        print("starts")
    except Unavailable as exc:
        print(exc.code)
    finally:
        await grid.close()

asyncio.run(start(Path(sys.argv[1])))
"""


@pytest.mark.parametrize(("version", "said"), [(SCHEMA_VERSION, "starts"), (RULES_SCHEMA, "site_too_new")])
async def test_the_release_before_starts_only_where_it_knows_all_rules(
    tmp_path: Path, old_python: Path, version: int, said: str
) -> None:
    state = tmp_path / "broker"
    await make_site(state)
    grid = await EmbeddedGrid.open(state / "grid.sqlite")
    stores = Stores(grid, SiteKey.load(state / "site.key"))
    record = await stores.site.get(("meta",))
    assert record is not None
    site = replace(Site.from_json(record.value), schema=version)
    await stores.commit(stores.site.put(("meta",), site.to_json()))
    await grid.close()
    done = subprocess.run(
        [old_python, "-I", "-c", START, str(state)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, said), done.stderr

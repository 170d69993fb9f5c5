"""What a broker of the release before makes of roles, platform administrators and limited tokens: never too much.

Its own code looks at a grid that this version filled, in a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from broker.grid.embedded import EmbeddedGrid
from broker.grid.scopes import Stores
from broker.grid.seal import SiteKey
from broker.identity.api_tokens import Limits, new_api_token
from broker.initialise import initialise
from broker.repositories.api_tokens import token_creation
from broker.repositories.users import user_creation
from portcullis.clock import SystemClock
from portcullis.ids import new_id
from portcullis.model.user import User
from tests.support.patience import patient

LOOK = """
import asyncio, json, sys
from pathlib import Path

from broker.grid.embedded import EmbeddedGrid
from broker.grid.scopes import Stores
from broker.grid.seal import SiteKey
from broker.identity.identity import build_identity
from broker.snapshot import Snapshot
from portcullis.clock import SystemClock
from portcullis.errors import Refused

async def main(state):
    grid = await EmbeddedGrid.open(Path(state) / "grid.sqlite", may_create=False)
    stores = Stores(grid, SiteKey.load(Path(state) / "site.key"))
    snapshot = Snapshot(stores)
    await snapshot.start()
    identity = build_identity(stores, snapshot, SystemClock())
    for text in json.loads(sys.stdin.read()):
        try:
            print(identity.token_check.resolve(text)[1].role)
        except Refused as refused:
            print(refused.code)
    await identity.stop()
    await snapshot.stop()
    await grid.close()

asyncio.run(main(sys.argv[1]))
"""


async def test_an_older_broker_allows_no_more_than_was_given(old_python: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    texts = await filled(state)
    assert await looked_at(old_python, state, texts) == [
        "administrator",  # of the first administrator, without limits
        "token_refused",  # the same, with permissions
        "token_refused",  # the same, with networks
        "user",  # of the help desk
        "user",  # of a platform administrator without a role
    ]
    assert await looked_at(Path(sys.executable), state, texts[:2]) == ["administrator", "administrator"]


async def filled(state: Path) -> list[str]:
    grid = await EmbeddedGrid.open(state / "grid.sqlite")
    site_key = SiteKey.create(state / "site.key")
    made = await initialise(
        grid,
        site_key,
        site_name="lab",
        tenant_name="acme",
        administrator="admin",
        user="demo",
        public_origin="http://localhost:8080",
        secrets_file=state / "secrets.json",
    )
    stores, now = Stores(grid, site_key), SystemClock().now()
    store = await stores.tenant(made.tenant_id)
    records = await store.list("user")
    admin = next(User.from_json(record.value) for record in records if record.value["name"] == "admin")
    others = [User(new_id(), "helga", "help_desk"), User(new_id(), "petra", "user", platform=True)]
    texts = [made.api_token]
    for user, limits in (
        (admin, Limits(permissions=frozenset({"users.read"}))),
        (admin, Limits(networks=("192.0.2.0/24",))),
        *((user, Limits()) for user in others),
    ):
        secret, token = new_api_token(made.tenant_id, user.id, "", now, limits)
        await stores.commit(token_creation(store, token))
        texts.append(secret.text)
    for user in others:
        await stores.commit(*user_creation(store, user)[0])
    await grid.close()
    return texts


async def looked_at(python: Path, state: Path, texts: list[str]) -> list[str]:
    process = await asyncio.create_subprocess_exec(
        *(str(python), "-c", LOOK, str(state)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=state,
    )
    async with asyncio.timeout(patient(60)):
        out, _ = await process.communicate(json.dumps(texts).encode())
    assert process.returncode == 0
    return out.decode().split()

import os
import secrets
import shutil
from pathlib import Path

import pytest
import pytest_asyncio

from agents.linux import groups
from agents.linux.accounts import remove_accounts
from agents.linux.launcher import end_all
from tests.support.abused_host import AbusedHost
from tests.support.session_host import Host


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def abused():
    """A host whose sessions may have 256 MB and 120 processes each: one for a module, which has to stand it all."""
    if os.geteuid() != 0:
        pytest.fail("sessions run as other accounts: run these tests as root")
    root = Path("/tmp") / f"pct-{secrets.token_hex(4)}"
    root.mkdir(mode=0o755)
    host = Host(root, f"pt{secrets.token_hex(3)}")
    made = AbusedHost(host, root, limits=groups.Limits(256, 120))
    await made.start()
    yield made
    await made.stop()
    await end_all(made.host.runtime, 0)
    remove_accounts(made.host.prefix)
    shutil.rmtree(root)

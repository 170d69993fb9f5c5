import os
import secrets
import shutil
from pathlib import Path

import pytest

from agents.linux.accounts import remove_accounts
from agents.linux.launcher import end_all
from tests.support.session_host import Host


@pytest.fixture
async def host():
    if os.geteuid() != 0:
        pytest.fail("sessions run as other accounts: run these tests as root")
    root = Path("/tmp") / f"pct-{secrets.token_hex(4)}"
    root.mkdir(mode=0o755)
    made = Host(root, f"pt{secrets.token_hex(3)}")
    yield made
    await end_all(made.runtime, 0)
    remove_accounts(made.prefix)
    shutil.rmtree(root)

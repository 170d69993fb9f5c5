"""A home that is full: the session says so, and sessions of others go on."""

import subprocess

import pytest
import pytest_asyncio

from tests.support.abused_host import press
from tests.support.patience import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def small_homes(abused):
    """Homes on a file system of 2 MB."""
    homes = abused.host.homes
    homes.mkdir(mode=0o711)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0711", "none", str(homes)], check=True)
    yield
    for session in list(abused.sessions.values()):
        await session.log_off()
    subprocess.run(["umount", str(homes)], check=True)


async def test_application_that_cannot_start_in_a_full_home_is_told_apart(abused, small_homes):
    typist = await abused.launch("xterm", "-e", "cat", user="0" * 16)
    client = await typist.attach()
    full = await abused.launch("fills.py", "$HOME", str(1 << 30))
    await press(client)
    failed = await abused.launch("sh", "-c", "exit 3", window=False)
    report = await failed.until_ended()
    assert (report.code, report.exit_status) == ("home_full", 3)
    shell = await abused.launch("xterm", "-e", "rm $HOME/full-*; exec cat")  # where room can be made again
    # its window may come before its first command has run
    await until(lambda: not any(abused.host.homes.rglob("full-*")))
    await shell.log_off()
    other = await abused.launch("sh", "-c", "exit 3", window=False)
    assert (await other.until_ended()).code == "application_exited"
    await press(client)
    await full.log_off()

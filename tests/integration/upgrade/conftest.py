"""Sites of two versions; with `-m long` every combination is tried anew, not one after the other alone."""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agents.linux.accounts import remove_accounts
from agents.linux.launcher import end_all
from tests.support.mixed_site import MixedSite
from tests.support.previous_release import python_of

NEVER_MET_OTHERWISE = ("new", "old", "new")
"""By the test that changes one part after the other."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "versions" in metafunc.fixturenames:
        everything = list(itertools.product(("old", "new"), repeat=3))
        marks = {each: () if each == NEVER_MET_OTHERWISE else pytest.mark.long for each in everything}
        wanted = [pytest.param(each, id="-".join(each), marks=marks[each]) for each in everything]
        metafunc.parametrize("versions", wanted)


@pytest.fixture(scope="session")
def old_python() -> Iterator[Path]:
    """Of the release before this one, where the accounts of sessions can read it."""
    folder = Path("/tmp") / f"pct-old-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o755)
    yield python_of(folder)
    shutil.rmtree(folder)


@pytest.fixture
async def site(old_python: Path) -> AsyncIterator[MixedSite]:
    if os.geteuid() != 0:
        pytest.fail("sessions run as other accounts: run these tests as root")
    folder = Path("/tmp") / f"pct-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o755)
    prefix = f"pt{secrets.token_hex(3)}"
    made = MixedSite(folder, {"old": old_python, "new": Path(sys.executable)}, prefix)
    yield made
    made.close()
    for log in sorted(folder.glob("*.log")):  # pytest shows what is printed where the test failed
        print(f"{log.name}\n{log.read_text()[-6000:]}")
    await end_all(folder / "run", 0)
    remove_accounts(prefix)
    shutil.rmtree(folder)

"""Sessions on the desktop of who is signed in to Windows: who is asked, who is let in, and what is left afterwards.

Windows shows its lock, and other sessions of its own, nowhere under Wine: docs/windows.md lists what is to be tried.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.attaching_claims import CLAIMS
from tests.support.attaching_desk_windows import WindowsDesk
from tests.support.wine import Wine

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(windows: Wine) -> AsyncIterator[WindowsDesk]:
    made = WindowsDesk(windows)
    await made.begin()
    yield made
    made.stop()


@pytest.mark.parametrize("name", CLAIMS)
async def test_windows_keeps_that(desk: WindowsDesk, name: str) -> None:
    await CLAIMS[name](desk)

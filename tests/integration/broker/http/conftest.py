from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.api_site import ApiSite, api_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[ApiSite]:
    async with api_site(tmp_path) as running:
        yield running


@pytest.fixture
async def two_brokers(tmp_path: Path) -> AsyncIterator[ApiSite]:
    async with api_site(tmp_path, brokers=2) as running:
        yield running

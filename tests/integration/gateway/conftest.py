from __future__ import annotations

import pytest

from tests.integration.gateway.small_site import small_site


@pytest.fixture
async def site(tmp_path):
    async with small_site(tmp_path) as running:
        yield running

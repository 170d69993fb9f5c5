"""A founded site in an embedded grid, of which tests make backups and copies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from broker.grid.embedded import EmbeddedGrid
from broker.grid.seal import SiteKey
from broker.identity import passwords
from tests.support.founded_site import Founded


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Founded]:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    grid = await EmbeddedGrid.open(tmp_path / "grid.sqlite")
    made = Founded(grid, SiteKey(bytes(range(32))))
    await made.found(tmp_path)
    yield made
    await grid.close()


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[EmbeddedGrid]:
    grid = await EmbeddedGrid.open(tmp_path / "other.sqlite")
    yield grid
    await grid.close()

"""What holds for every test: it sees no setting of whoever runs it, no clock decides whether it passes, and what it
leaves open is its own failure."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# What is asserted there says what it saw, too.
pytest.register_assert_rewrite("tests.support")


def pytest_configure(config: pytest.Config) -> None:
    from tests.support import leftovers  # once what it asserts is rewritten

    config.pluginmanager.register(leftovers)


settings.register_profile("portcullis", deadline=None)
settings.load_profile("portcullis")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("PORTCULLIS_"):
            monkeypatch.delenv(name)

"""What holds for every test: it sees no setting of whoever runs it, and no clock decides whether it passes."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("portcullis", deadline=None)
settings.load_profile("portcullis")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("PORTCULLIS_"):
            monkeypatch.delenv(name)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full-upgrade-matrix",
        action="store_true",
        help="tests/integration/upgrade: each combination of old and new parts, founded anew (3 minutes)",
    )
    parser.addoption(
        "--isolation-examples",
        type=int,
        default=5,
        help="tests/integration/broker/http/test_isolation.py: random programs of two tenants (about 1 s each)",
    )

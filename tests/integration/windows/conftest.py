"""One Wine prefix and one display with a window manager for all tests of Windows: starting them takes seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.support.wine import Wine, wine
from tests.support.xserver import XServer, x_server


@pytest.fixture(scope="session")
def windows_display() -> Iterator[XServer]:
    with x_server(width=1280, height=800) as x:
        asyncio.run(x.window_manager())  # without one Windows' windows never come to the foreground
        yield x


@pytest.fixture(scope="session")
def windows(windows_display: XServer) -> Iterator[Wine]:
    with wine(windows_display) as prefix:
        yield prefix

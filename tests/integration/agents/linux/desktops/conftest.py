"""One workstation for all tests here that do not end it."""

import asyncio

import pytest

from tests.support.workstation import workstation


@pytest.fixture(scope="session")
def desk():
    with workstation() as made:
        asyncio.run(made.begin())
        yield made

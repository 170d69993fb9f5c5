"""One workstation for all tests of a module: what they leave on it, they remove."""

import pytest

from tests.support.workstation import workstation


@pytest.fixture
async def desk():
    with workstation() as made:
        await made.begin()
        yield made

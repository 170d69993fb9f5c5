import pytest

from tests.support.worker_session import worker_session
from tests.support.xserver import x_server


@pytest.fixture
def x():
    with x_server() as server:
        yield server


@pytest.fixture
async def session(x):
    async with worker_session(x) as running:
        yield running

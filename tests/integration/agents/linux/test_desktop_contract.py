"""The desktop of an X session keeps what every desktop keeps."""

import asyncio

import pytest

from tests.support.desktop_claims import CLAIMS, judged
from tests.support.desktop_scene_x import XScene
from tests.support.xserver import x_server


@pytest.fixture(scope="module")
def report():
    async def run():
        with x_server() as x:
            async with XScene(x) as scene:
                return {name: error async for name, error, _ in judged(scene)}

    return asyncio.run(run())


@pytest.mark.parametrize("name", CLAIMS)
def test_desktop_of_x_keeps_that(report, name):
    assert report[name] is None, report[name]

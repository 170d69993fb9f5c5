"""Sessions on the desktop of who is signed in to Windows: who is asked, who is let in, and what is left afterwards.

Windows shows its lock, and other sessions of its own, nowhere under Wine: docs/windows.md lists what is to be tried.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.attaching_claims import CLAIMS
from tests.support.attaching_desk_windows import WindowsDesk
from tests.support.patience import until
from tests.support.wine import Wine

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(windows: Wine) -> AsyncIterator[WindowsDesk]:
    made = WindowsDesk(windows)
    await made.begin()
    yield made
    made.stop()


@pytest.mark.parametrize("name", CLAIMS)
async def test_windows_keeps_that(desk: WindowsDesk, name: str) -> None:
    await CLAIMS[name](desk)


async def test_who_is_signed_in_is_at_the_console_for_a_service_as_for_themselves(desk: WindowsDesk) -> None:
    assert desk.account
    assert desk.known["is_console"]
    assert desk.known["is_so_for_a_service"]


@contextlib.asynccontextmanager
async def opened(desk: WindowsDesk, *, view_only: bool = False) -> AsyncIterator[None]:
    """The worker's desktop."""
    await desk.call("open_desktop", view_only=view_only)
    try:
        yield
    finally:
        await desk.call("close_desktop")


@contextlib.asynccontextmanager
async def notepad(desk: WindowsDesk) -> AsyncIterator[None]:
    program = desk.windows.start("notepad.exe")
    await desk.xdotool("search", "--sync", "--onlyvisible", "--name", "Notepad", "windowfocus", "--sync")
    try:
        yield
    finally:
        program.kill()
        program.wait()


async def has(desk: WindowsDesk, text: str) -> None:
    async def is_there() -> bool:
        return await desk.call("notepad_text") == text

    await until(is_there)


async def may_act(desk: WindowsDesk) -> bool:
    return bool(await desk.call("may_act"))


async def test_nobody_acts_from_afar_without_the_sign_while_the_person_does_while_one_asks_or_to_view_only(
    desk: WindowsDesk,
) -> None:
    async with notepad(desk), opened(desk):
        assert not await desk.call("type", text="no")
        attached = await (await desk.agent()).launch("Ada", consent="none", shared=True)
        await attached.shown()
        await until(lambda: may_act(desk))
        await desk.call("type", text="é")
        await has(desk, "é")
        assert await may_act(desk)  # what we make ourselves is nobody's hand
        await desk.move(300, 300)
        await desk.move(310, 310)
        assert not await desk.call("type", text="no")
        await until(lambda: may_act(desk))
        asking = await (await desk.agent()).launch("Bo", shared=True)
        await desk.window("Bo asks for your screen")
        assert not await desk.call("type", text="no")
        await asking.log_off()
        await until(lambda: may_act(desk))
        await desk.call("type", text="漢")
        await has(desk, "é漢")
        assert await desk.call("sizes") == [[1280, 800]] * 3
        async with opened(desk, view_only=True):
            await desk.call("type", text="no")
            await desk.call("hold_key_from_afar")
            assert not await desk.is_shift_down()
        await attached.log_off()
        await has(desk, "é漢")

"""IBus on a display, as a desktop has it: on a user's machine, or within a session. Programs started later use it.

async with ibus(machine):
    await use_engine(machine, "hangul")         # libpinyin, anthy, hangul, or a plain keyboard: xkb:us::eng
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import AsyncIterator

from tests.support.patience import until
from tests.support.xserver import XServer

_SETTINGS = """[org/freedesktop/ibus/engine/hangul]
initial-input-mode='hangul'

[org/freedesktop/ibus/engine/anthy/common]
input-mode=0
"""


@contextlib.asynccontextmanager
async def ibus(x: XServer, *, panel: bool = False) -> AsyncIterator[None]:
    """`panel`: also the program that shows the candidates, and loads the keyboard layout that goes with an engine."""
    settings = x.folder / ".config/glib-2.0/settings"
    settings.mkdir(parents=True)
    (settings / "keyfile").write_text(_SETTINGS)
    bus = x.start("dbus-daemon", "--session", "--nofork", "--print-address", stdout=subprocess.PIPE)
    assert bus.stdout is not None
    x.variables |= {
        "DBUS_SESSION_BUS_ADDRESS": bus.stdout.readline().decode().strip(),
        "GSETTINGS_BACKEND": "keyfile",
        "IBUS_ADDRESS_FILE": str(x.folder / "ibus-address"),
        "PATH": "/usr/bin:/bin",  # engines are run by the Python of the system
        "GTK_IM_MODULE": "ibus",
        "QT_IM_MODULE": "ibus",
        "XMODIFIERS": "@im=ibus",
    }
    daemon = x.start("ibus-daemon", "--xim", *(() if panel else ("--panel", "disable")))
    try:
        yield
    finally:
        daemon.terminate()
        daemon.wait()
        bus.stdout.close()


async def use_engine(x: XServer, engine: str) -> None:
    await until(lambda: _is_used(x, engine), every=0.2)


async def _is_used(x: XServer, engine: str) -> bool:
    await x.run("ibus", "engine", engine)
    return (await x.run("ibus", "engine")).strip() == engine

"""Input methods on a display, as a desktop has them: on a user's machine, or within a session.

Programs that are started later use them.

async with ibus(machine):
    await use_ibus(machine, "hangul")           # libpinyin, anthy, hangul, or a plain keyboard: xkb:us:intl:eng
async with fcitx(machine):
    await use_fcitx(machine, "hangul")          # chewing, anthy, hangul, or a plain keyboard: keyboard-us-intl
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import AsyncIterator

from tests.support.patience import until
from tests.support.xserver import XServer

_IBUS_SETTINGS = """[org/freedesktop/ibus/engine/hangul]
initial-input-mode='hangul'

[org/freedesktop/ibus/engine/anthy/common]
input-mode=0
"""
_FCITX_METHODS = ("keyboard-us", "chewing", "anthy", "hangul", "keyboard-us-intl", "keyboard-de")
_FCITX_PROFILE = "\n\n".join(
    (
        "[Groups/0]\nName=Default\nDefault Layout=us\nDefaultIM=keyboard-us",
        *(f"[Groups/0/Items/{index}]\nName={name}" for index, name in enumerate(_FCITX_METHODS)),
        "[GroupOrder]\n0=Default\n",
    )
)


@contextlib.asynccontextmanager
async def ibus(x: XServer, *, panel: bool = False) -> AsyncIterator[None]:
    """`panel`: also the program that shows the candidates, and loads the keyboard layout that goes with an engine."""
    settings = x.folder / ".config/glib-2.0/settings"
    settings.mkdir(parents=True)
    (settings / "keyfile").write_text(_IBUS_SETTINGS)
    x.variables |= {"GSETTINGS_BACKEND": "keyfile", "IBUS_ADDRESS_FILE": str(x.folder / "ibus-address")}
    options = () if panel else ("--panel", "disable")
    async with _bus(x), _running(x, "ibus", "ibus-daemon", "--xim", *options):
        yield


@contextlib.asynccontextmanager
async def fcitx(x: XServer) -> AsyncIterator[None]:
    settings = x.folder / ".config/fcitx5"
    settings.mkdir(parents=True)
    (settings / "profile").write_text(_FCITX_PROFILE)
    async with _bus(x), _running(x, "fcitx", "fcitx5"):
        yield


async def use_ibus(x: XServer, engine: str) -> None:
    await until(lambda: _is_used(x, engine, ("ibus", "engine", engine), ("ibus", "engine")), every=0.2)


async def use_fcitx(x: XServer, method: str) -> None:
    """In the window that has the keyboard: wait until one has."""
    set_method = ("fcitx5-remote", "-s", method)
    await until(lambda: _is_used(x, method, set_method, ("fcitx5-remote", "-n")), every=0.2)


async def _is_used(x: XServer, name: str, use: tuple[str, ...], tell: tuple[str, ...]) -> bool:
    await x.run(*use)
    return (await x.run(*tell)).strip() == name


@contextlib.asynccontextmanager
async def _bus(x: XServer) -> AsyncIterator[None]:
    bus = x.start("dbus-daemon", "--session", "--nofork", "--print-address", stdout=subprocess.PIPE)
    assert bus.stdout is not None
    with bus.stdout:
        x.variables["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().decode().strip()
        yield


@contextlib.asynccontextmanager
async def _running(x: XServer, name: str, *command: str) -> AsyncIterator[None]:
    """The input method's own process, and what programs must know to ask it."""
    x.variables |= {
        "PATH": "/usr/bin:/bin",  # engines are run by the Python of the system
        "GTK_IM_MODULE": name,
        "QT_IM_MODULE": name,
        "XMODIFIERS": f"@im={name}",
    }
    program = x.start(*command)
    try:
        yield
    finally:
        program.terminate()
        program.wait()

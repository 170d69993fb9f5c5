"""The X server stands still while a picture is read: for others, for as long as that takes, and never for long."""

from __future__ import annotations

import select
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
import xcffib
import xcffib.xproto as xproto

from agents.linux.stillness import Stillness
from agents.linux.x11 import XConnection
from tests.support.xserver import XServer


@pytest.fixture
def x(tmp_path: Path) -> Iterator[XServer]:
    server = XServer(tmp_path, 640, 480)
    yield server
    server.process.terminate()
    server.process.wait()


@pytest.fixture
def still(x: XServer) -> Iterator[Stillness]:
    still = Stillness(XConnection(x.display, str(x.xauthority)))
    yield still
    still.close()


@pytest.fixture
def application(x: XServer) -> Iterator[xcffib.Connection]:
    XConnection(x.display, str(x.xauthority)).close()  # says where the cookie is
    connection = xcffib.connect(x.display)
    yield connection
    connection.disconnect()


def is_answered(connection: xcffib.Connection, seconds: float) -> bool:
    return bool(select.select([connection.get_file_descriptor()], [], [], seconds)[0])


def is_held(still: Stillness, application: xcffib.Connection) -> bool:
    """Whether an application waited while the picture was read; in any case it is answered afterwards."""
    with still():
        asked = application.core.GetInputFocus()
        application.flush()
        waited = not is_answered(application, 0.2)
    asked.reply()
    return waited


def comes_to_be_held(still: Stillness, application: xcffib.Connection) -> bool:
    """A server that answers late, as on a busy machine, is read as it is: so it is asked several times."""
    return any(is_held(still, application) for _ in range(20))


def test_an_application_waits_until_the_picture_is_read(still, application):
    assert all(comes_to_be_held(still, application) for _ in range(3))


def test_the_sessions_own_connection_goes_on_meanwhile(x, still):
    own = XConnection(x.display, str(x.xauthority))
    own.sync()
    with still():
        own.sync()  # waits for ever otherwise
        is_done = True
    own.close()
    assert is_done


def test_a_server_that_another_holds_is_read_as_it_is_and_then_free_again(still, application):
    application.core.GrabServer()
    application.core.GetInputFocus().reply()
    for _ in range(5):
        with still():
            pass
    application.core.UngrabServer()
    application.core.GetInputFocus().reply()  # answered: what was asked meanwhile holds nothing
    assert comes_to_be_held(still, application)


def test_an_error_within_lets_the_server_go(still, application):
    with pytest.raises(ValueError, match="within"), still():
        raise ValueError("within")
    application.core.GetInputFocus().reply()


def test_without_a_server_nothing_waits(x, still):
    with still():
        pass
    x.process.terminate()
    x.process.wait()
    reached = False
    with still():
        reached = True
    assert reached


def test_after_the_end_nothing_is_asked_any_more(still, application):
    still.close()
    with still():
        application.core.GetInputFocus().reply()
        assert is_answered(application, 0) is False


def test_whatever_an_application_sends_to_its_window_the_server_is_held_and_let_go(still, application):
    root = application.get_setup().roots[0].root
    (window,) = application.core.QueryTree(root).reply().children
    extension = application.core.QueryExtension(len("DAMAGE"), "DAMAGE").reply()
    client_message = struct.pack("=BBHIII16x", 33, 32, 0, window, xproto.Atom.WM_NAME, 4711)
    unknown = struct.pack("=B31x", extension.first_event)
    for event in (client_message, unknown):
        application.core.SendEventChecked(False, window, 0, event).check()
    for _ in range(2):
        with still():
            asked = application.core.GetInputFocus()
            application.flush()
            assert not is_answered(application, 0.2)
        asked.reply()

import ctypes
import struct

import pytest

from agents.windows.wts import (
    ACTIVE,
    DISCONNECTED,
    SessionInfo,
    SessionInfoEx,
    WindowsSession,
    choose,
    locked_of,
)
from portcullis.errors import Refused

SERVICES = WindowsSession(0, DISCONNECTED, "")
ANN, BOB = WindowsSession(1, ACTIVE, "ann"), WindowsSession(3, ACTIVE, "bob")


def refusal(found, console=1):
    with pytest.raises(Refused) as refused:
        choose(found, console)
    return refused.value.code


def test_the_structures_have_the_layout_of_their_header():
    offsets = {name: getattr(SessionInfo, name).offset for name, *_ in SessionInfo._fields_}
    assert offsets["flags"] == 8 and offsets["user"] == 78 and offsets["domain"] == 120
    assert offsets["logon"] == 160 and offsets["counters"] == 200
    assert ctypes.sizeof(SessionInfo) == 224 and ctypes.sizeof(SessionInfoEx) == 232
    assert SessionInfoEx.data.offset == 8


def test_who_works_at_the_console_is_preferred_and_a_remote_session_taken_otherwise():
    assert choose([SERVICES, BOB, ANN], 1) == ANN
    assert choose([SERVICES, BOB, WindowsSession(1, ACTIVE, "")], 1) == BOB


def test_nobody_signed_in_is_refused():
    assert refusal([SERVICES, WindowsSession(1, ACTIVE, "")]) == "console_nobody"
    assert refusal([]) == "console_nobody"


def test_a_locked_screen_is_refused_unless_somebody_else_works_there():
    locked = WindowsSession(1, ACTIVE, "ann", is_locked=True)
    assert refusal([SERVICES, locked]) == "console_locked"
    assert choose([locked, BOB], 1) == BOB


def test_a_session_that_no_screen_shows_is_refused():
    assert refusal([SERVICES, WindowsSession(2, DISCONNECTED, "ann")]) == "console_disconnected"


def test_a_service_session_is_never_chosen():
    assert refusal([WindowsSession(0, ACTIVE, "")], 0xFFFFFFFF) == "console_nobody"


@pytest.mark.parametrize(("flags", "locked"), [(0, True), (1, False), (-1, False)])
def test_whether_a_session_is_locked_is_read_where_windows_writes_it(flags, locked):
    raw = struct.pack("<iiiii", 1, 0, 1, ACTIVE, flags).ljust(232, b"\0")
    assert locked_of(raw) is locked


def test_what_is_too_short_or_of_another_level_says_nothing():
    assert not locked_of(struct.pack("<i", 1))
    assert not locked_of(struct.pack("<i", 2).ljust(232, b"\0"))

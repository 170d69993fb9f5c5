"""Who is signed in by utmp, what idle counters and pressed keys a server tells of."""

import struct

import pytest

from agents.linux.desktops.leftovers import pressed_of
from agents.linux.desktops.person import read_counters
from agents.linux.desktops.utmp import account_at


def record(kind, line, user, host, size=384):
    head = struct.pack("=h2xi32s4s32s256s", kind, 1, line.encode(), b"", user.encode(), host.encode())
    return head.ljust(size, b"\0")


@pytest.mark.parametrize("size", [384, 400])
def test_the_last_who_signed_in_at_a_display_has_it(size):
    records = [record(8, ":0", "gone", ":0", size), record(7, "tty1", "root", "", size)]
    assert account_at(b"".join(records), ":0") == ""
    records += [record(7, ":0", "ann", "", size), record(7, "tty7", "bo", ":0", size)]
    assert account_at(b"".join(records), ":0") == "bo"
    assert account_at(b"".join(records), ":1") == ""
    assert account_at(b"", ":0") == account_at(b"x" * 385, ":0") == ""


def test_idle_counters_are_found_by_their_device():
    names = (b"SERVERTIME", b"DEVICEIDLETIME 7", b"DEVICEIDLETIME 12", b"DEVICEIDLETIME x")
    rows = [struct.pack("=I8xH", 100 + at, len(name)) + name for at, name in enumerate(names)]
    rows = [row.ljust(-(-len(row) // 4) * 4, b"\0") for row in rows]
    reply = struct.pack("=8xI20x", len(rows)) + b"".join(rows)
    assert read_counters(reply) == {7: 101, 12: 102}


def test_pressed_keys_are_the_bits_that_are_set():
    assert pressed_of(bytes([0, 0b101, 0, 0x80])) == [8, 10, 31]
    assert pressed_of(b"") == []

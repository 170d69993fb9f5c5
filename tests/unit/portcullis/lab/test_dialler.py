"""Whose socket a connection's other end is, in the kernel's words."""

from __future__ import annotations

from portcullis.lab.dialler import Dialled, Socket, find_sockets

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:9C41 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0 100 0 0 10 0
   1: 0100007F:5208 0100007F:9C41 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0 20 4 30 10 -1
   2: 0100007F:9C41 0100007F:5208 01 00000000:00000000 00:00000000 00000000   993        0 13 1 0 20 4 30 10 -1
   3: 0100007F:9C41 0100007F:5209 01 00000000:00000000 00:00000000 00000000   994        0 14 1 0 20 4 30 10 -1
   4: 0100007F:9C41 0100007F:1F90 06 00000000:00000000 03:00000E83 00000000     0        0 0 3 0000000000000000
"""
FIRST, BACK = Dialled(0x9C41, 0x5208), Dialled(0x5208, 0x9C41)


def test_the_end_that_dialled_is_found_and_nothing_else_that_has_its_port() -> None:
    """Neither a listener, nor a connection to another door, nor one that is over."""
    assert find_sockets(TABLE, {FIRST}) == {FIRST: Socket(993, "13")}


def test_many_are_found_in_one_reading() -> None:
    assert find_sockets(TABLE, {FIRST, BACK}) == {FIRST: Socket(993, "13"), BACK: Socket(0, "12")}


def test_a_connection_that_is_not_there_is_nobodys() -> None:
    assert find_sockets(TABLE, {Dialled(1, 0x5208), Dialled(0x9C41, 1)}) == {}
    assert find_sockets("", {FIRST}) == {}

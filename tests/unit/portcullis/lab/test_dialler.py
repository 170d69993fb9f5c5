"""Whose socket a connection's other end is, in the kernel's words."""

from __future__ import annotations

from portcullis.lab.dialler import Socket, find_sockets

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:9C41 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0 100 0 0 10 0
   1: 0100007F:5208 0100007F:9C41 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0 20 4 30 10 -1
   2: 0100007F:9C41 0100007F:5208 01 00000000:00000000 00:00000000 00000000   993        0 13 1 0 20 4 30 10 -1
"""


def test_the_end_that_dialled_is_found_and_no_listener_of_the_same_port() -> None:
    assert find_sockets(TABLE, {0x9C41}) == {0x9C41: Socket(993, "13")}


def test_many_are_found_in_one_reading() -> None:
    assert find_sockets(TABLE, {0x9C41, 0x5208}) == {0x9C41: Socket(993, "13"), 0x5208: Socket(0, "12")}


def test_a_port_that_is_not_there_is_nobodys() -> None:
    assert find_sockets(TABLE, {1}) == {}
    assert find_sockets("", {1}) == {}

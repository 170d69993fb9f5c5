import ctypes

import pytest

from agents.windows.machine import Load, MemoryCounters, MemoryStatus, unix_time
from agents.windows.processes import Entry, Listed, family, name_of


def test_the_structures_have_the_layout_of_their_headers():
    assert ctypes.sizeof(MemoryStatus) == 64 and MemoryStatus.available_physical.offset == 16
    assert ctypes.sizeof(MemoryCounters) == 72 and MemoryCounters.working_set.offset == 16
    assert ctypes.sizeof(Entry) == 568 and Entry.parent.offset == 32 and Entry.name.offset == 44


def test_load_is_the_share_in_use_since_it_was_asked_last():
    load = Load()
    assert load.after(idle=50, whole=100) == pytest.approx(0.5)
    assert load.after(idle=60, whole=200) == pytest.approx(0.9)
    assert load.after(idle=60, whole=200) == pytest.approx(0.9)


def test_times_of_windows_begin_in_1601():
    assert unix_time(116_444_736_000_000_000) == 0
    assert unix_time(116_444_736_010_000_000) == pytest.approx(1)
    assert unix_time(0) == 0


def test_a_family_holds_children_of_children_and_ends_where_numbers_go_round():
    listed = [Listed(1, 3, "a"), Listed(2, 1, "b"), Listed(3, 2, "c"), Listed(4, 9, "d")]
    assert sorted(each.pid for each in family([1], listed)) == [1, 2, 3]
    assert family([77], listed) == []


def test_a_name_ends_at_its_zero_and_shows_nothing_else():
    assert name_of("notepad.exe\0rubbish".encode("utf-16-le")[::2]) == "notepad.exe"
    assert name_of([0x202E, ord("a"), 0xD800]) == "a\ufffd"

"""What a process has used."""

import os

from agents.linux.usage import Usage, parse, usage_of


def test_a_name_with_brackets_and_blanks_is_skipped():
    fields = "S 1 1 1 0 -1 0 0 0 0 0 150 50 0 0 20 0 1 0 1000 4096000 25 18446744073709551615"
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    assert parse(f"42 (a) b) {fields}\n") == Usage(200 / ticks, 25 * page)


def test_a_living_process_holds_memory_and_one_that_has_gone_none():
    assert usage_of(os.getpid()).resident_bytes > 1 << 20
    assert usage_of(2**22 + 1) == Usage()

"""The browser's table of keyboard layouts says what Debian's xkb-data says."""

import json
import re

import pytest

from tests.support.layout_table import CODES, TABLE, labels, names

ROWS = {
    name: borne
    for name, borne in (
        (json.loads(row[1]), json.loads(row[2]))
        for row in re.finditer(r'^  ("[^"]+"): (".*"),$', TABLE.read_text(), re.M)
    )
}


def test_every_layout_of_xkb_is_in_the_table():
    assert {name for name in names() if "(" not in name} - set(ROWS) <= {"nec_vndr/jp"}
    assert set(ROWS) <= set(names())


@pytest.mark.parametrize("layout", ["us", "de", "de(neo)", "fr(bepo)", "gr", "ru", "us(dvorak)", "tr(f)"])
def test_row_is_what_the_layout_s_plain_keys_bear(layout):
    assert ROWS[layout] == labels(layout)
    assert len(ROWS[layout]) == len(CODES)

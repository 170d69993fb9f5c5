"""A table finds what walking all records would find, whatever changed before and in which order."""

from __future__ import annotations

import random
from typing import Any

import pytest

from broker.repositories.record_table import Wanted, _Rows, fold, sort_key

COLUMNS = ("name", "state", "age", "groups")
NAMES = ["Ann", "anna", "Böb", "bob", "ÅSA", "Zoë", "x y", "ﬁne", ""]


def values(random_: random.Random) -> dict[str, Any]:
    return {
        "name": random_.choice(NAMES),
        "state": random_.choice(["active", "ready", None]),
        "age": random_.choice([0, 3.5, 12, True]),
        "groups": tuple(random_.sample(["staff", "Ops", "ext"], random_.randrange(3))),
    }


def walked(there: dict[str, dict[str, Any]], wanted: Wanted) -> tuple[list[str], int]:
    def has(row: dict[str, Any], column: str, asked: tuple[str, ...]) -> bool:
        value = row[column]
        if isinstance(value, tuple):
            return any(fold(each) in {fold(a) for a in asked} for each in value)
        text = "true" if value is True else "" if value is None else str(value)
        return fold(text) in {fold(a) for a in asked}

    found = [
        row_id
        for row_id, row in there.items()
        if all(has(row, column, asked) for column, asked in wanted.filters.items())
        and fold(wanted.search) in fold(row["name"])
    ]
    found.sort(key=lambda row_id: (sort_key(there[row_id][wanted.sort]), row_id), reverse=wanted.descending)
    end = None if wanted.limit is None else wanted.offset + wanted.limit
    return found[wanted.offset : end], len(found)


@pytest.mark.parametrize("seed", range(12))
def test_a_table_agrees_with_a_walk(seed: int) -> None:
    random_ = random.Random(seed)
    rows, there = _Rows(COLUMNS, frozenset({"age"}) if seed % 2 else frozenset()), {}
    for _ in range(300):
        row_id = f"{random_.randrange(60):02d}"
        if random_.random() < 0.25:
            there.pop(row_id, None)
            rows.remove(row_id)
        else:
            there[row_id] = values(random_)
            rows.put(row_id, there[row_id], fold(there[row_id]["name"]))
        if random_.random() < 0.3:
            filters = {
                "state": (random_.choice(["ACTIVE", "ready", ""]),),
                "groups": ("STAFF", "ops"),
                "age": ("true", "12"),
            }
            wanted = Wanted(
                search=random_.choice(["", "", "AN", "ö", "fi"]),
                sort=random_.choice(COLUMNS),
                descending=random_.random() < 0.5,
                offset=random_.choice([0, 0, 3, 1000]),
                limit=random_.choice([None, 0, 5]),
                filters=dict(random_.sample(list(filters.items()), random_.randrange(3))),
            )
            assert rows.find(wanted, wanted.sort) == walked(there, wanted)


def test_a_row_that_is_gone_leaves_nothing_behind() -> None:
    rows = _Rows(COLUMNS)
    rows.put("1", {"name": "a", "state": "x", "age": 1, "groups": ("g",)}, "a")
    assert rows.find(Wanted(sort="name"), "name") == (["1"], 1)
    rows.remove("1")
    assert rows.find(Wanted(sort="name"), "name") == ([], 0)
    assert all(not there for there in rows.facets.values())

"""A table finds what walking all records would find, whatever changed before and in which order."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from broker.repositories.record_table import Rows, Wanted, fold, sort_key

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
async def test_a_table_agrees_with_a_walk(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where an order is made of many parts."""
    monkeypatch.setattr("broker.repositories.record_table.PART", 3)
    random_ = random.Random(seed)
    rows, there = Rows(COLUMNS, frozenset({"age", "state"}) if seed % 2 else frozenset()), {}
    for _ in range(300):
        row_id = f"{random_.randrange(60):02d}"
        if random_.random() < 0.25:
            there.pop(row_id, None)
            rows.remove(row_id)
        else:
            there[row_id] = values(random_)
            rows.put(row_id, tuple(there[row_id].values()), fold(there[row_id]["name"]))
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
            assert await rows.find(wanted, wanted.sort) == walked(there, wanted)


async def test_a_row_that_is_gone_leaves_nothing_behind() -> None:
    rows = Rows(COLUMNS)
    rows.put("1", ("a", "x", 1, ("g",)), "a")
    filters = {"state": ("x",), "groups": ("g",)}
    assert await rows.find(Wanted(sort="name", filters=filters), "name") == (["1"], 1)
    rows.remove("1")
    assert await rows.find(Wanted(sort="name"), "name") == ([], 0)
    assert rows._facets == {"state": {}, "groups": {}} and rows._orders == {"name": []}


async def test_what_changes_while_an_order_is_made_has_its_place_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("broker.repositories.record_table.PART", 10)
    monkeypatch.setattr("broker.repositories.record_table.PORTION", 10)
    monkeypatch.setattr("portcullis.tasks.SLICE_SECONDS", 0.0)
    rows = Rows(COLUMNS)
    for number in range(100):
        rows.put(f"{number:02d}", (f"n{number:02d}", "x", number, ()), "")
    asked = [asyncio.ensure_future(rows.find(Wanted(sort="age", descending=True), "age")) for _ in range(2)]
    for number in range(0, 100, 9):
        await asyncio.sleep(0)
        rows.remove(f"{number:02d}")
        rows.put(f"{number:02d}x", ("new", "x", 1000 + number, ()), "")
        rows.put(f"{number + 1:02d}" if number < 99 else "98", ("old", "x", -number, ()), "")
    left = [row_id for row_id, _ in sorted(rows._values.items(), key=lambda row: (-row[1][2], row[0]))]
    for each in asked:
        found, total = await each
        assert total == 100 and sorted(found) == sorted(left)
        ages = [rows._values[row_id][2] for row_id in found]
        assert ages == sorted(ages, reverse=True)

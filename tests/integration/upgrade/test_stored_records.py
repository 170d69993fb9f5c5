"""Records go both ways between this version and the one before: what one stores, the other reads."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from portcullis.model.application import Application, Entitlement
from portcullis.model.host import Gateway, Host, JoinToken, LiveHost
from portcullis.model.session import Display, Session
from portcullis.model.tenant import Site, Tenant
from portcullis.model.user import ApiToken, EnrolmentLink, Login, User

ID, HASH = "0123456789abcdef", "ab" * 32
READ_AND_WRITE = """
import importlib, json, sys
for line in sys.stdin:
    module, name, data = json.loads(line)
    print(json.dumps(getattr(importlib.import_module(module), name).from_json(data).to_json()))
"""
RECORDS = [
    Site(ID, "lab", 3, ("https://a.example",)),
    Tenant(ID, "acme"),
    User(ID, "ada", "administrator", frozenset({"staff"}), True, "$argon2id$", "ABC", HASH, 5.0, True),
    EnrolmentLink(HASH, ID, ID, 1.0, 2.0, "ABC"),
    Login(HASH, ID, ID, b"\4" + bytes(64), 1.0, 2.0),
    ApiToken(HASH, ID, ID, "note", 1.0, 2.0),
    Host(ID, "h1", 4, frozenset({ID}), 3, True, True, HASH, "none"),
    LiveHost(ID, ID, ID, "0.2.0", 7),
    Gateway(ID, "edge", "a:1", "https://a.example", 2, True, HASH),
    JoinToken(HASH, "host", "h1", frozenset({ID}), 9.0),
    Application(
        ID,
        "Editor",
        ("xterm",),
        {"A": "b"},
        Entitlement(frozenset({"ada"}), frozenset({"staff"})),
        HASH,
        True,
    ),
    Session(
        *(ID, ID, ID, "ada", ID, "Editor", ("xterm",), {"A": "b"}, ID, "h1", 2, Display(800, 600, 1.5)),
        *(
            "L-1",
            1.0,
            "active",
            "ready",
            4,
            HASH,
            None,
            ({"step": "placed", "outcome": "passed", "detail": ""},),
        ),
    ),
]


@pytest.fixture(scope="session")
def as_the_old_one_writes_them(old_python: Path) -> list[dict[str, Any]]:
    """Each record of now, read and stored again by the old version."""
    lines = (
        json.dumps([type(record).__module__, type(record).__name__, record.to_json()]) for record in RECORDS
    )
    done = subprocess.run(
        [old_python, "-I", "-c", READ_AND_WRITE],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("number", range(len(RECORDS)), ids=lambda number: type(RECORDS[number]).__name__)
def test_what_the_old_version_stored_means_the_same_here(
    as_the_old_one_writes_them: list[dict[str, Any]], number: int
) -> None:
    record = RECORDS[number]  # every field that is new has its default
    assert type(record).from_json(as_the_old_one_writes_them[number]) == record


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_fields_of_a_later_version_are_passed_over(record: Any) -> None:
    later = {**record.to_json(), "a_field_of_the_future": {"x": [1]}}
    assert type(record).from_json(later) == record

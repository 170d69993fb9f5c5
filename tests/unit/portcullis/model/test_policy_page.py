"""docs/policies.md is of this version."""

from __future__ import annotations

from pathlib import Path

from portcullis.model.policy import FIELDS
from portcullis.model.policy_page import table

PAGE = (Path(__file__).parents[4] / "docs/policies.md").read_text()


def test_the_table_of_fields_is_up_to_date() -> None:
    """Made by `python -m portcullis.model.policy_page`."""
    assert table() in PAGE
    assert [line.split("`")[1] for line in table().splitlines()[2:]] == list(FIELDS)

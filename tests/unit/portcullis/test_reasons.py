"""The table of reason codes, and the page made from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from portcullis import reasons
from portcullis.errors import CODES
from portcullis.reasons import GROUPS, REASONS, Reason

ROOT = Path(__file__).parents[3]


def test_a_code_stands_in_one_group() -> None:
    assert sum(map(len, GROUPS.values())) == len(REASONS)


def test_the_codes_of_errors_are_those_of_the_table() -> None:
    assert {code: reason.meaning for code, reason in REASONS.items()} == CODES


@pytest.mark.parametrize(("code", "reason"), REASONS.items())
def test_texts_are_sentences(code: str, reason: Reason) -> None:
    for text in (reason.meaning, reason.administrator, reason.user or "It is."):
        assert text[0].isupper() or text[0] == "`" or text[0] == "/", text
        assert re.search(r"[.:]$", text), text
        assert "  " not in text, text


def test_the_page_of_troubleshooting_is_up_to_date() -> None:
    """Made by `python -m portcullis.reasons > docs/troubleshooting.md`."""
    assert (ROOT / "docs/troubleshooting.md").read_text() == reasons.page()


def test_the_portal_advises_what_the_table_says() -> None:
    """Made by `python -m portcullis.reasons advice > web_client/app/advice.js`."""
    assert (ROOT / "web_client/app/advice.js").read_text() == reasons.advice()


def test_the_portal_has_texts_of_its_own_for_no_code_that_users_do_not_meet() -> None:
    strings = (ROOT / "web_client/app/strings.js").read_text()
    codes = set(re.findall(r'"error\.(\w+)', strings))
    of_the_page = {
        "code_used",
        "recovery_refused",
        "network",
        "decoder_missing",
        "connection_lost",
        "unknown",
    }
    assert of_the_page <= codes
    assert {code for code, reason in REASONS.items() if reason.user} >= codes - of_the_page


def test_every_command_that_a_remedy_names_exists() -> None:
    from portcullis.cli.__main__ import parser

    usage = parser().format_help()
    for reason in REASONS.values():
        for command in re.findall(r"`portcullis ([a-z]+)", reason.administrator):
            assert command in usage or command == "doctor", command

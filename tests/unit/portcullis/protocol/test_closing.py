"""The table of close codes agrees with the table of reason codes and with docs/protocol.md."""

from __future__ import annotations

import re
from pathlib import Path

from portcullis.errors import CODES
from portcullis.protocol.closing import CLOSINGS, close_code, retry

DOCUMENT = Path(__file__).parents[4] / "docs" / "protocol.md"


def test_every_reason_is_a_stable_code_and_stands_once() -> None:
    codes = [closing.code for closing in CLOSINGS]
    assert set(codes) <= CODES.keys()
    assert len(codes) == len(set(codes))


def test_the_document_lists_the_same_pairs() -> None:
    rows = re.findall(r"^\| (4\d\d\d) \| (`[^|]+`) \|", DOCUMENT.read_text(), re.MULTILINE)
    documented = {(int(code), reason) for code, cell in rows for reason in re.findall(r"`(\w+)`", cell)}
    assert documented == {(closing.close_code, closing.code) for closing in CLOSINGS}


def test_reasons_that_share_a_close_code_share_what_the_client_does() -> None:
    for closing in CLOSINGS:
        assert retry(closing.close_code) == closing.retry


def test_an_unknown_close_code_means_resume_and_an_unknown_reason_never() -> None:
    assert retry(1006) == "attach_again"
    assert retry(close_code("host_lost")) == "never"

"""The count that CI goes by, and the names of what failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.running.counting import Count, failure, read_report

MIXED = """<testsuites><testsuite tests="4">
<testcase name="a"/><testcase classname="tests.unit.running.test_counting" name="b[1.5-x.y]"><failure/></testcase>
<testcase classname="tests.unit.running.test_counting.TestIt" name="c"><error/></testcase>
<testcase name="d"><skipped/></testcase></testsuite></testsuites>"""


def test_the_last_line_has_its_form() -> None:
    assert str(Count(12, 0)) == "12 passed, 0 failed"
    assert str(Count(12, 1) + Count(0, 1, 3)) == "12 passed, 2 failed, 3 skipped"


def test_a_second_attempt_is_told_in_the_last_line() -> None:
    assert str(Count(12, 0, 0, 1)) == "12 passed, 0 failed, 1 at the second attempt"


def test_cases_are_counted_errors_as_failures(tmp_path: Path) -> None:
    (tmp_path / "r.xml").write_text(MIXED)
    assert read_report(tmp_path / "r.xml") == Count(1, 2, 1)


def test_what_failed_is_named_as_pytest_takes_it(tmp_path: Path) -> None:
    (tmp_path / "r.xml").write_text(MIXED)
    here = "tests/unit/running/test_counting.py"
    assert read_report(tmp_path / "r.xml").names == (f"{here}::b[1.5-x.y]", f"{here}::TestIt::c")


def test_what_failed_in_node_is_named_by_its_file(tmp_path: Path) -> None:
    case = (
        '<testcase name="it &lt;holds&gt;" classname="test" file="/somewhere/a.test.js"><failure/></testcase>'
    )
    (tmp_path / "r.xml").write_text(f"<testsuites>{case}</testsuites>")
    assert read_report(tmp_path / "r.xml").names == ("/somewhere/a.test.js::it <holds>",)
    (tmp_path / "r.xml").write_text(f"<testsuites>{case.replace(' file', ' x')}</testsuites>")
    assert read_report(tmp_path / "r.xml", "web").names == ("web::it <holds>",)


def test_names_add_up() -> None:
    assert (failure("one") + Count(3) + failure("two")).names == ("one", "two")


@pytest.mark.parametrize("content", [None, "", "<testsuites>", "nonsense"])
def test_a_missing_or_cut_report_counts_nothing(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "r.xml").write_text(content)
    assert read_report(tmp_path / "r.xml") == Count()

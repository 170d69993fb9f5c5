"""The count that CI goes by, and the names of what failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.running.counting import LONGEST_REASON, Count, Failure, failure, read_report

MIXED = """<testsuites><testsuite tests="4">
<testcase name="a"/><testcase classname="tests.unit.running.test_counting" name="b[1.5-x.y]"><failure/></testcase>
<testcase classname="tests.unit.running.test_counting.TestIt" name="c"><error/></testcase>
<testcase name="d"><skipped/></testcase></testsuite></testsuites>"""


def names_in(report: Path, check: str = "") -> list[str]:
    return [failed.name for failed in read_report(report, check).failures]


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
    assert names_in(tmp_path / "r.xml") == [f"{here}::b[1.5-x.y]", f"{here}::TestIt::c"]


def test_what_failed_in_node_is_named_by_its_file(tmp_path: Path) -> None:
    case = (
        '<testcase name="it &lt;holds&gt;" classname="test" file="/somewhere/a.test.js"><failure/></testcase>'
    )
    (tmp_path / "r.xml").write_text(f"<testsuites>{case}</testsuites>")
    assert names_in(tmp_path / "r.xml") == ["/somewhere/a.test.js::it <holds>"]
    (tmp_path / "r.xml").write_text(f"<testsuites>{case.replace(' file', ' x')}</testsuites>")
    assert names_in(tmp_path / "r.xml", "web") == ["web::it <holds>"]


def test_names_add_up() -> None:
    total = failure("one") + Count(3) + failure("two")
    assert [failed.name for failed in total.failures] == ["one", "two"]


def test_what_a_failure_said_is_told_in_one_line(tmp_path: Path) -> None:
    text = (
        "def test_it():\n&gt;   assert 1 == 2\nE   assert 1 == 2\n\ntests/unit/test_it.py:7: AssertionError"
    )
    case = (
        f'<testcase name="it"><failure message="assert 1 == 2&#10;  more of it">{text}</failure></testcase>'
    )
    (tmp_path / "r.xml").write_text(f"<testsuites>{case}</testsuites>")
    (failed,) = read_report(tmp_path / "r.xml", "web").failures
    assert failed == Failure("web::it", "tests/unit/test_it.py:7: assert 1 == 2 more of it")
    assert str(failed) == "web::it\n    tests/unit/test_it.py:7: assert 1 == 2 more of it"
    (tmp_path / "r.xml").write_text(f"<testsuites>{case.replace('more', 'm' * 999)}</testsuites>")
    assert len(read_report(tmp_path / "r.xml", "web").failures[0].why) == LONGEST_REASON


@pytest.mark.parametrize("content", [None, "", "<testsuites>", "nonsense"])
def test_a_missing_or_cut_report_counts_nothing(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "r.xml").write_text(content)
    assert read_report(tmp_path / "r.xml") == Count()

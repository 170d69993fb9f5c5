"""How findings read."""

from __future__ import annotations

from portcullis.doctor.finding import notice, ok, problem, unseen, warning
from portcullis.doctor.report import as_object, text

FINDINGS = [
    ok("a", "all runs"),
    notice("b", "plain http", "Fine."),
    problem("c", "it is broken " + "word " * 30, "Mend it."),
    unseen("d", "files", "Be root."),
    warning("e", "weak\x1b[2J", "Strengthen it."),
]


def test_the_gravest_stands_first_with_its_remedy_below() -> None:
    lines = text("here", FINDINGS).splitlines()
    assert lines[0] == "Portcullis doctor: here"
    assert lines[2].startswith("  PROBLEM  it is broken word")
    assert lines[4].strip() == "-> Mend it."
    assert [line.split()[0] for line in lines[2:] if line[:9].strip()][:5] == [
        "PROBLEM",
        "warning",
        "notice",
        "ok",
        "not",
    ]
    assert max(map(len, lines)) <= 100


def test_the_summary_counts_each_severity() -> None:
    assert text("x", FINDINGS).splitlines()[-1] == "1 problem, 1 warning, 1 notice, 1 ok, 1 not seen"
    assert text("x", []).splitlines()[-1] == "0 problems, 0 warnings, 0 notices, 0 ok, 0 not seen"


def test_names_cannot_drive_the_terminal() -> None:
    assert "\x1b" not in text("x", FINDINGS)


def test_scripts_learn_the_same() -> None:
    found = as_object("x", FINDINGS)
    assert (found["healthy"], found["counts"]["problem"]) == (False, 1)
    assert found["findings"][0] == {
        "check": "c",
        "severity": "problem",
        "what": FINDINGS[2].what,
        "remedy": "Mend it.",
    }
    assert as_object("x", FINDINGS[:2])["healthy"]

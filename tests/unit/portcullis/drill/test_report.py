"""What a person reads: the table, the reasons, and docs/reliability.md."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest

from portcullis.drill import document, report
from portcullis.drill.drill import NEVER
from portcullis.drill.faults import FAULTS
from portcullis.drill.figures import Promise, Row, Toll
from portcullis.drill.performance import chosen
from portcullis.drill.report import Screen
from portcullis.lab.layout import Lab, Shape
from portcullis.quickstart.errors import QuickstartError

GOOD = Row(
    "gateway-killed",
    "gateway killed",
    "gateway",
    Promise("typing", 3.0, "a key waits"),
    2,
    (0.2, 1.25),
    Toll(kept=4, kept_of=4),
)
BAD = replace(
    GOOD,
    promise=Promise("reading", 1.0, "a read waits"),
    samples=(0.5, NEVER),
    toll=Toll(lost=3, kept=3, kept_of=4, failed=["host_lost"]),
)


def test_the_table_names_a_fault_once_and_its_figures_beside_the_promise() -> None:
    out = io.StringIO()
    Screen(out).table([GOOD, BAD])
    head, first, second = out.getvalue().splitlines()
    assert head.split()[:3] == ["FAULT", "MEASURED", "PROMISE"]
    assert re.search(
        r"gateway killed +a key waits +3\.00 s +0\.20 s +1\.25 s +1\.25 s +0 +0 +4/4 +holds", first
    )
    assert "gateway killed" not in second and second.endswith("BROKEN") and "never" in second


def test_the_verdict_says_what_of_a_broken_promise_is_broken() -> None:
    out = io.StringIO()
    Screen(out).verdict([GOOD, BAD])
    said = out.getvalue()
    assert "1 of 2 promises are broken" in said
    for reason in ("never at p95", "3 characters lost", "1 applications ended", "host_lost"):
        assert reason in said
    assert "\033" not in said  # no terminal


def test_the_page_holds_the_table_and_names_no_path_of_this_machine(tmp_path: Path) -> None:
    lab = Lab(tmp_path, Path("/opt/portcullis/0123"), Shape(), {})
    page = document.page(lab, [GOOD, BAD], seed=7, sessions=6)
    assert "seed 7" in page and "| gateway killed | a key waits | 3.00 s |" in page
    assert "1 of 2 promises did not hold" in page
    assert not re.search(rf"{tmp_path}|/opt/portcullis|/var/lib", page)
    assert "{" not in page


def test_every_fault_has_a_name_of_its_own_a_promise_and_a_measure_that_is_known() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names)
    source = (Path(report.__file__).parent / "drill.py").read_text()
    for fault in FAULTS:
        assert fault.promises
        for promise in fault.promises:
            assert f'case "{promise.measure}":' in source
            assert promise.seconds > 0


def test_faults_are_chosen_by_name_in_the_order_given() -> None:
    assert [fault.name for fault in chosen("panic, broker-killed")] == ["panic", "broker-killed"]
    assert chosen(None) == list(FAULTS)
    with pytest.raises(QuickstartError, match="meteor"):
        chosen("meteor")

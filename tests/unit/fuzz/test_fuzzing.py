"""A short, repeatable run of every fuzzing target; `tests/run.sh fuzz` runs them for long."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.seeds import FOUND, seeds
from tests.fuzz.targets import TARGETS

CLONE = Path(__file__).parents[3]
RUNS = 10_000


@pytest.mark.parametrize("name", TARGETS)
def test_valid_inputs_and_what_once_broke_a_parser_break_it_no_more(name):
    inputs = seeds(name)
    assert inputs
    for data in inputs:
        TARGETS[name](data)
        for cut in range(0, len(data), 1 + len(data) // 50):
            TARGETS[name](data[:cut])


def test_what_was_found_belongs_to_a_target():
    assert {folder.name for folder in FOUND.iterdir()} <= set(TARGETS)


def test_a_short_run_over_all_parsers_finds_nothing():
    run = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "all", "--runs", str(RUNS)],
        cwd=CLONE,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    assert f"#{RUNS}\tDONE" in run.stderr

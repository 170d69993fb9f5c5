"""Real brokers on a real etcd of three members, killed and frozen from a seed: no history shows a broken promise.

`FAULT_SEED` repeats a run; `tests/run.sh faults SECONDS` goes on longer, with one seed after another.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tests.support.faults.cluster import Size
from tests.support.faults.judging import charges, run_under_faults
from tests.support.faults.nemesis import FAULTS

SECONDS = float(os.environ.get("FAULT_SECONDS", 0))
QUICK_SECONDS = 45.0
PLANTED_SECONDS = 12.0


def a_seed() -> int:
    return int(os.environ.get("FAULT_SEED") or random.SystemRandom().randrange(10**6))


async def test_no_promise_is_broken_under_faults(tmp_path: Path) -> None:
    deadline = time.monotonic() + SECONDS
    number = 0
    while number == 0 or time.monotonic() < deadline:
        seed = a_seed() + number
        size = Size(lag=random.Random(seed).choice([0.0, 0.1, 0.5]))
        run = await run_under_faults(tmp_path / str(number), size, seed, QUICK_SECONDS, tuple(FAULTS))
        print(f"{run}; watch late by {size.lag} s")
        assert not charges(run), f"{run}\n" + "\n".join(charges(run))
        assert run.calls > 100, run
        number += 1


@pytest.mark.parametrize("bug", ["no-slot-compare", "no-gate-compare", "blind-retry"])
async def test_a_planted_bug_is_found(bug: str, tmp_path: Path) -> None:
    """With a late watch: on fresh pictures brokers hardly ever meet."""
    seed = a_seed()
    faults = {"no-gate-compare": ["disable a user"], "blind-retry": [], "no-slot-compare": []}[bug]
    run = await run_under_faults(tmp_path, Size(lag=0.5, bug=bug), seed, PLANTED_SECONDS, faults)
    assert charges(run), f"the bug {bug} was not seen: {run}"

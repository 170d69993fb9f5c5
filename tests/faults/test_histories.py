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
from tests.support.faults.judging import charges, run_under_faults, violations_until_one_is_seen
from tests.support.faults.nemesis import FAULTS

SECONDS = float(os.environ.get("FAULT_SECONDS", 0))
QUICK_SECONDS = 28.0
PLANTED_SECONDS = 20.0
"""At most: a run ends when it shows the bug."""
SKEWED_SECONDS = 12.0
HOUR, DAY = 3600.0, 86400.0


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


@pytest.mark.parametrize(
    ("size", "faults"),
    [
        (Size(lag=0.5, bug="no-slot-compare"), []),
        (Size(lag=0.5, bug="blind-retry"), []),
        (Size(lag=0.8, slots=8, users=2, bug="no-gate-compare"), ["disable a user"]),
    ],
    ids=lambda given: given.bug if isinstance(given, Size) else "",
)
async def test_a_planted_bug_is_found(size: Size, faults: list[str], tmp_path: Path) -> None:
    """With a late watch: on fresh pictures brokers hardly ever meet."""
    seed = a_seed()
    found = await violations_until_one_is_seen(
        tmp_path, size, seed, PLANTED_SECONDS, faults, longest_seconds=0.8
    )
    assert found, f"the bug {size.bug} was not seen: seed {seed}"


async def test_a_broker_whose_clock_is_wrong_breaks_no_promise(tmp_path: Path) -> None:
    seed = a_seed()
    skew = random.Random(seed).choice([-DAY, -HOUR, HOUR, DAY])
    run = await run_under_faults(tmp_path, Size(skew=skew), seed, SKEWED_SECONDS, ())
    print(f"{run}; the clock of a broker ahead by {skew:.0f} s")
    assert not charges(run), f"{run}\n" + "\n".join(charges(run))
    assert run.calls > 30, run

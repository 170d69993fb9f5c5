"""A session's own processes hold little that they do not need."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from agents.worker.memory import give_back

ROOT = Path(__file__).parents[4]


def test_what_was_needed_for_a_moment_goes_back():
    pieces = [bytes(3000) for _ in range(30_000)]
    kept = pieces[::500]  # the C library finds no end of its memory that is free
    full = psutil.Process().memory_info().rss
    pieces.clear()
    give_back()
    assert psutil.Process().memory_info().rss < full - (60 << 20)
    assert len(kept) == 60


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("agents.worker.app", {"av", "simplejpeg", "cv2", "PIL", "yaml", "numpy.random", "aiohttp"}),
        ("agents.linux.leader.session", {"dataclasses", "inspect", "secrets", "ssl", "asyncio", "numpy"}),
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(module, heavy):
    script = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {module}; print(*sys.modules)"
    isolated = ["-S"] if "leader" in module else []
    run = subprocess.run(
        [sys.executable, "-I", *isolated, "-c", script], capture_output=True, text=True, check=True
    )
    assert not heavy & set(run.stdout.split())

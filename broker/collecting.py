"""When Python may look for objects that only refer to each other.

A site of 100,000 sessions is a million objects that stay. To look at them all takes a third of a second in which nobody
is served, and with Python's own thresholds a policy that concerns everybody would set it off several times.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = 10_000, 10, 20
"""New objects until the youngest are looked at, and how often that happens until older ones are: all are looked at once
there are two million more, which is about a gigabyte if none of them were of use."""


@contextmanager
def filling() -> Iterator[None]:
    """Not while much is loaded that stays, nor at that ever after."""
    gc.disable()
    try:
        yield
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(*THRESHOLDS)
        gc.enable()

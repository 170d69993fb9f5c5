"""A broker in a process of its own, as `portcullis-broker serve` starts it; late, with a wrong clock or a planted bug.

python -m tests.support.faults.broker_process [--lag SECONDS] [--skew SECONDS] [--bug NAME] -- serve ...

The lag holds every change back before the broker's snapshot sees it: without it, races that stale pictures open hardly
ever happen, and a suite that never sees them proves nothing. A planted bug shows that the suite would find it.
"""

from __future__ import annotations

import argparse
import functools
import sys

from broker import __main__ as command
from broker.app import Broker
from broker.grid.grid import Grid
from broker.grid.opening import GridChoice, open_grid
from broker.settings import BrokerSettings
from tests.support.clock import SkewedClock
from tests.support.faults import planted
from tests.support.lagging_grid import LaggingGrid


async def open_late(seconds: float, settings: BrokerSettings) -> Grid:
    return LaggingGrid(await open_grid(GridChoice.of(settings), may_create=False), seconds)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lag", type=float, default=0.0)
    parser.add_argument("--skew", type=float, default=0.0, help="by how much its clock is ahead")
    parser.add_argument("--bug", choices=sorted(planted.BUGS))
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    late = functools.partial(open_late, given.lag) if given.lag else None
    clock = SkewedClock(given.skew) if given.skew else None
    command.Broker = functools.partial(Broker, clock=clock, open_grid=late)  # type: ignore[assignment, misc]
    if given.bug:
        planted.BUGS[given.bug]()
    return command.main([word for word in given.arguments if word != "--"])


if __name__ == "__main__":
    sys.exit(main())

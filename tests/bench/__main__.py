"""Runs benches one after the other: `tests/run.sh bench [NAME...] [--write-docs]`; one alone takes options of its own.

Those that need a running Portcullis share one: the quickstart of this tree, started once and removed at the
end. With `--write-docs` the tables and pictures of docs/performance.md are made from what was measured. A bench
fails when it could not measure, never for being slow.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench import page
from tests.bench.figures import RESULTS
from tests.bench.products import CLONE_VARIABLE, installation

ROOT = Path(__file__).resolve().parents[2]
LONG = {"soak", "soak_session", "storm", "scale"}
"""Run by name only."""
USE_THE_QUICKSTART = {"rdp", "scenes", "density", "latency", "signin", "typing", "many_sessions", "crowd"}


def names() -> list[str]:
    return sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))


def run(name: str, options: Sequence[str]) -> bool:
    print(f"\n=== bench {name}", flush=True)
    began = time.monotonic()
    status = subprocess.run(
        [sys.executable, "-m", f"tests.bench.bench_{name}", *options], cwd=ROOT, check=False
    ).returncode
    verdict = "measured" if status == 0 else f"FAILED, exit status {status}"
    print(f"--- {name}: {verdict} in {time.monotonic() - began:.0f} s")
    return status == 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/run.sh bench", description=__doc__.splitlines()[0])
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help=f"{', '.join(names())}; without one all but {', '.join(sorted(LONG))}",
    )
    parser.add_argument(
        "--write-docs", action="store_true", help="make docs/performance.md's tables and pictures"
    )
    arguments, options = parser.parse_known_args()
    wanted = arguments.names or [name for name in names() if name not in LONG]
    if options and len(arguments.names) != 1:
        parser.error(f"{options[0]} is an option of one bench: name it alone")
    if unknown := set(wanted) - set(names()):
        parser.error(f"no such bench: {min(unknown)}")
    if arguments.write_docs and not arguments.names:
        for path in RESULTS.glob("*.json"):  # the page tells of one run
            path.unlink()
    with contextlib.ExitStack() as stack:
        if USE_THE_QUICKSTART & set(wanted) and CLONE_VARIABLE not in os.environ:
            os.environ[CLONE_VARIABLE] = str(stack.enter_context(installation()).clone)
        measured = [run(name, options) for name in wanted]
    if arguments.write_docs:
        page.main()
    print(f"{sum(measured)} passed, {len(measured) - sum(measured)} failed")
    return 0 if all(measured) else 1


if __name__ == "__main__":
    raise SystemExit(main())

"""Fuzz one parser, or all by turns: `python -m tests.fuzz TARGET|all [--seconds N | --runs N]`.

Coverage guided, by atheris; the seed is fixed, so that a run of so many rounds does the same every time. A crash is
written to tests/output/fuzz/ and ends the process with a traceback: mend it, and move the file to
tests/vectors/fuzz/<target>/. In the turns of `all` the first byte chooses the parser.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

SEED = 20261121
LONGEST_INPUT_BYTES = 2048
OUTPUT = Path(__file__).parent.parent / "output" / "fuzz"

with atheris.instrument_imports(
    include=["portcullis", "agents", "gateway.origins", "gateway.api_proxy", "broker.http.body"]
):
    from tests.fuzz.seeds import seeds
    from tests.fuzz.targets import TARGETS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=[*TARGETS, "all"])
    limit = parser.add_mutually_exclusive_group()
    limit.add_argument("--seconds", type=int, default=60)
    limit.add_argument("--runs", type=int)
    chosen = parser.parse_args()
    names = list(TARGETS) if chosen.target == "all" else [chosen.target]
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        _write_seeds(Path(folder), names)
        bound = f"-max_total_time={chosen.seconds}" if chosen.runs is None else f"-runs={chosen.runs}"
        options = [
            f"-seed={SEED}",
            f"-max_len={LONGEST_INPUT_BYTES}",
            f"-artifact_prefix={OUTPUT}/{chosen.target}-",
        ]
        atheris.Setup([sys.argv[0], bound, *options, "-print_final_stats=0", folder], _turns(names))
        atheris.Fuzz()


def _write_seeds(folder: Path, names: list[str]) -> None:
    for number, name in enumerate(names):
        turn = bytes((number,)) if len(names) > 1 else b""
        for nth, data in enumerate(seeds(name)):
            (folder / f"{name}-{nth}").write_bytes(turn + data)


def _turns(names: list[str]) -> Callable[[bytes], None]:
    if len(names) == 1:
        return TARGETS[names[0]]
    functions = [TARGETS[name] for name in names]

    def one(data: bytes) -> None:
        if data:
            functions[data[0] % len(functions)](data[1:])

    return one


if __name__ == "__main__":
    main()

"""docs/reliability.md: the table of a drill, how it was measured, and what it does not say."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path

from portcullis.drill.figures import Row
from portcullis.drill.report import reasons_of, table_cells
from portcullis.lab import etcd_member
from portcullis.lab.card import counted
from portcullis.lab.layout import Lab

PAGE = "docs/reliability.md"
TEMPLATE = Path(__file__).with_name("reliability.md.txt")


def write(lab: Lab, rows: Sequence[Row], seed: int, sessions: int) -> Path:
    path = lab.clone / PAGE
    path.write_text(page(lab, rows, seed, sessions))
    return path


def page(lab: Lab, rows: Sequence[Row], seed: int, sessions: int) -> str:
    broken = [row for row in rows if not row.holds]
    runs = max((row.runs for row in rows), default=0)
    verdict = (
        f"All {len(rows)} promises held."
        if not broken
        else f"{len(broken)} of {len(rows)} promises did not hold:"
    )
    return TEMPLATE.read_text().format(
        date=time.strftime("%-d %B %Y", time.gmtime()),
        seed=seed,
        sessions=sessions,
        runs="once" if runs == 1 else f"{runs} times",
        shape=", ".join(
            (
                counted(len(lab.members), "etcd member"),
                counted(len(lab.brokers), "broker"),
                counted(len(lab.gateways), "gateway"),
                counted(len(lab.agents), "host"),
            )
        ),
        machine=machine(lab),
        verdict=verdict + "".join(f"\n- {reason}" for reason in reasons_of(broken)),
        table=table(rows),
    )


def machine(lab: Lab) -> str:
    """Without a name or a path."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    version = etcd_member.version_of(lab.etcd) if lab.etcd else None
    etcd = f", etcd {'.'.join(map(str, version))}" if version else ""
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB, Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}{etcd}"
    )


def table(rows: Sequence[Row]) -> str:
    lines = [
        "| fault | measured | promise | p50 | p95 | max | lost | doubled | kept | |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    lines += [f"| {' | '.join(cells)} |" for cells in table_cells(rows)]
    return "\n".join(lines)

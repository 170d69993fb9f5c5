"""A drill from its options to its exit status, with everything put back whatever happens."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import signal
import sys
import time
from pathlib import Path

from portcullis.drill import document
from portcullis.drill.drill import Drill, Run, rows_of
from portcullis.drill.faults import FAULTS, Fault
from portcullis.drill.figures import Row
from portcullis.drill.people import Administrator
from portcullis.drill.report import Screen
from portcullis.drill.scene import Scene, find
from portcullis.drill.stream import StreamClosed
from portcullis.errors import PortcullisError, Refused
from portcullis.lab import card
from portcullis.quickstart.errors import QuickstartError
from portcullis.tasks import spawn

BROKEN, NOTHING = 1, 3


def run(arguments: argparse.Namespace) -> int:
    if arguments.list:
        for fault in FAULTS:
            print(f"{fault.name:30} {fault.title}")
        return 0
    try:
        faults = chosen(arguments.faults)
        if os.geteuid() != 0:
            raise QuickstartError(
                "it kills processes and reads what arrived in homes, so it needs root: sudo"
            )
        scene = Scene(find((arguments.clone or Path(sys.prefix).parent).resolve()))
    except QuickstartError as exc:
        print(f"portcullis drill: {exc}", file=sys.stderr)
        return NOTHING
    possible = [fault for fault in faults if fault.possible(scene.lab)]
    seed = arguments.seed if arguments.seed is not None else secrets.randbelow(1_000_000)
    started = time.monotonic()
    rows, failure = asyncio.run(until_signal(scene, possible, seed, arguments))
    screen = Screen()
    if rows:
        screen.line()
        screen.table(rows)
        screen.line()
        screen.verdict(rows)
    screen.line(f"Seed {seed}, {time.monotonic() - started:.0f} s.")
    if arguments.json:
        arguments.json.write_text(json.dumps([row.to_json() for row in rows], indent=2) + "\n")
    if failure:
        print(f"portcullis drill: {failure}", file=sys.stderr)
        return BROKEN
    if arguments.write_docs:
        path = document.write(scene.lab, rows, seed, arguments.sessions)
        screen.line(f"Written: {path}")
    return 0 if all(row.holds for row in rows) else BROKEN


def chosen(names: str | None) -> list[Fault]:
    """Raises QuickstartError for a fault that is not known."""
    if names is None:
        return list(FAULTS)
    known = {fault.name: fault for fault in FAULTS}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in known:
            raise QuickstartError(f"there is no fault {name}: --list says which there are")
    return [known[name] for name in wanted]


async def until_signal(
    scene: Scene, faults: list[Fault], seed: int, arguments: argparse.Namespace
) -> tuple[list[Row], str]:
    """The rows of the faults that came to their end, and what stopped the others. Everything is put back."""
    screen = Screen()
    urls = scene.lab.urls
    token = card.secrets_of(scene.lab).api_token
    drill = Drill(scene, Administrator(urls, token), seed, arguments.sessions, screen.line)
    results: dict[str, list[Run]] = {fault.name: [] for fault in faults}
    task = spawn(perform(drill, faults, arguments.runs, results, screen), name="drill")
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    failure = ""
    try:
        await asyncio.wait([task])
        failure = "stopped" if task.cancelled() else task.result()
    finally:
        screen.line("Putting everything back ...")
        await drill.stop()
    return [
        row for fault in faults if results[fault.name] for row in rows_of(fault, results[fault.name])
    ], failure


async def perform(
    drill: Drill, faults: list[Fault], runs: int, results: dict[str, list[Run]], screen: Screen
) -> str:
    """What stopped it; empty when all was done."""
    lab = drill.scene.lab
    screen.line(
        f"Drill on {len(lab.members)} etcd members, {len(lab.brokers)} brokers, {len(lab.gateways)} gateways, "
        f"{len(lab.agents)} hosts: {len(faults)} faults, {runs} run{'s' if runs > 1 else ''} each, seed {drill.seed}"
    )
    refused: list[str] = []
    try:
        screen.begin(f"{drill.size} people sign in, launch and begin to type ... ")
        await drill.start()
        screen.line("they do")
        total = len(faults) * runs
        for index, fault in enumerate(faults):
            for run in range(1, runs + 1):
                screen.run_begins(index * runs + run, total, fault, run, runs)
                try:
                    result = await drill.run(fault)
                except Refused as exc:  # what the site will not do is no reason to try nothing else
                    screen.line(f"cannot be tried: {exc}")
                    drill.scene.restore()
                    refused.append(fault.name)
                    break
                results[fault.name].append(result)
                screen.run_ends(fault, result)
    except (PortcullisError, QuickstartError, StreamClosed, TimeoutError, OSError) as exc:
        screen.line("stuck")
        return f"{type(exc).__name__}: {exc}"
    return f"not tried: {', '.join(refused)}" if refused else ""

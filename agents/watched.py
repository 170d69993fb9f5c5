"""What those who watch this agent see: the readings of its metrics, taken when somebody asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from agents.contracts import Launcher, Usage
from agents.control import ControlClient
from agents.links import Links
from agents.sessions.manager import Manager
from portcullis import metrics as table
from portcullis.measuring import Metrics


def offer_readings(
    metrics: Metrics,
    launcher: Launcher,
    manager: Manager,
    control: ControlClient,
    links: Links,
    usage_of: Callable[[int], Usage],
) -> None:
    metrics.read(table.WARM_SESSIONS, lambda: launcher.ready)
    metrics.read(table.WARM_MEMORY, lambda: launcher.ready_memory_bytes)
    metrics.read(table.AGENT_SESSIONS, lambda: _by_state(manager))
    metrics.read(table.WORKERS, lambda: len(manager.workers()))
    metrics.read(table.WORKER_CPU, lambda: _total(manager, usage_of).cpu_seconds)
    metrics.read(table.WORKER_MEMORY, lambda: _total(manager, usage_of).resident_bytes)
    metrics.read(table.CHANNEL_OPENED, lambda: control.opened)
    metrics.read(table.CHANNEL_UP, lambda: control.is_up)
    metrics.read(table.AGENT_LINKS, lambda: {("up",): links.up, ("down",): links.wanted - links.up})


def _by_state(manager: Manager) -> dict[tuple[str, ...], float]:
    found = Counter(dict.fromkeys(table.STATES, 0))
    found.update(state for state in manager.states() if state != "ended")
    return {(state,): number for state, number in found.items()}


def _total(manager: Manager, usage_of: Callable[[int], Usage]) -> Usage:
    usages = [usage_of(pid) for pid in manager.workers()]
    return Usage(sum(usage.cpu_seconds for usage in usages), sum(usage.resident_bytes for usage in usages))

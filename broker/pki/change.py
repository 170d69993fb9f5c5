"""How far a change of the site's CA is (`broker.pki.rotation`): a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Phase = Literal["announced", "signing"]


@dataclass(frozen=True, slots=True)
class Progress:
    phase: Phase
    since: float
    pin: str
    """Of the new CA."""
    waits_for: tuple[str, ...]
    """Machines, as `host h-1`, in the order of their names; empty: the step is due, or the brokers settle."""
    of: int
    """Machines altogether."""
    forced: bool

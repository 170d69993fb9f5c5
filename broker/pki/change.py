"""How far a change of the site's CA (`broker.pki.rotation`) or of data keys (`broker.tenants.data_keys`) is: values."""

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


KeyPhase = Literal["coming", "sealing", "kept"]
"""In the order in which they follow each other."""


@dataclass(frozen=True, slots=True)
class KeyChange:
    """Of so many tenants, in the phase that is behind the others."""

    phase: KeyPhase
    tenants: int
    waits_for: tuple[str, ...]
    """Brokers of an older version."""

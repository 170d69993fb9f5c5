"""What to do about the difference between the sessions that shall run and those that do. Pure.

A session ends on its own `ending` order alone, never because it is absent: the list may come from a grid that is
empty, restored or half read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from portcullis.protocol.orders import Order

RunState = Literal["running", "ending", "ended"]


@dataclass(frozen=True, slots=True)
class Start:
    order: Order


@dataclass(frozen=True, slots=True)
class End:
    session: str


@dataclass(frozen=True, slots=True)
class ReportGone:
    """The site believes that it runs here, and it doesn't: the host was restarted, say."""

    order: Order
    code: str


@dataclass(frozen=True, slots=True)
class Forget:
    """It has ended, and the site knows: nobody will ask for it again."""

    session: str


Action = Start | End | ReportGone | Forget


def actions(orders: Iterable[Order], runs: Mapping[str, RunState]) -> list[Action]:
    """What has ended is forgotten first: a session that starts may have its slot."""
    wanted = {order.session: order for order in orders}
    due: list[Action] = [
        Forget(session) for session, run in runs.items() if run == "ended" and session not in wanted
    ]
    for session, order in wanted.items():
        run = runs.get(session)
        if run is None:
            due.append(_for_absent(order))
        elif run == "running" and order.state == "ending":
            due.append(End(session))
    return due


def _for_absent(order: Order) -> Action:
    if order.state == "pending":
        return Start(order)
    return ReportGone(order, "logged_off" if order.state == "ending" else "host_lost")

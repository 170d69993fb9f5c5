"""What clients may see: small models of one user's session of an application, and of one session's tickets.

States are tuples, answers are what the API said in the terms of these models:

- `("launch",)` -> `("new", session)`, `("again", session)` or `("refused", code)`
- `("end", session)` -> `"accepted"`, `"unknown"` (no such session) or `"refused"`
- `("gone", session)` -> `"seen"`: its record was deleted, as the grid's history shows, for whatever reason
- `("redeem", ticket)` -> `("epoch", e)` or `"refused"`
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.support.faults.linearizability import UNKNOWN

NOTHING = ("nothing", "")
SOME = "?"
"""A session that a launch without an answer may have made."""


def own_session(state: tuple[str, str], asked: tuple[Any, ...], answer: Any) -> Iterable[tuple[str, str]]:
    """One session of an application a user: `nothing`, `runs` or `ends`."""
    if asked[0] == "launch":
        return _launched(state, answer)
    if asked[0] == "gone":
        return [NOTHING] if state[1] in (asked[1], SOME) else []
    return _ended(state, asked[1], answer)


def _launched(state: tuple[str, str], answer: Any) -> Iterable[tuple[str, str]]:
    kind, session = state
    is_free = kind == "nothing"
    if answer is UNKNOWN:
        return [("runs", SOME)] if is_free else [state]
    what, detail = answer
    if what == "new":
        return [("runs", detail)] if is_free else []
    if what == "again":
        return [("runs", detail)] if kind == "runs" and session in (detail, SOME) else []
    return [state]


def _ended(state: tuple[str, str], session: str, answer: Any) -> Iterable[tuple[str, str]]:
    kind, current = state
    is_it = kind != "nothing" and current in (session, SOME)
    if answer == "refused":
        return [state]
    if answer == "unknown":
        return [] if kind == "runs" and current == session else [state]
    return [("ends", session)] if is_it else [state]  # what is over already may be ended again


def tickets(
    state: tuple[int, frozenset[str]], asked: tuple[Any, ...], answer: Any
) -> Iterable[tuple[int, frozenset[str]]]:
    """Each ticket is good once, and each use raises the session's epoch by one."""
    epoch, spent = state
    ticket = asked[1]
    after = (epoch + 1, spent | {ticket})
    if answer is UNKNOWN:
        return [state] if ticket in spent else [after]
    if answer == "refused":
        return [state]
    return [after] if ticket not in spent and answer == ("epoch", epoch + 1) else []

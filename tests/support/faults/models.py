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

from tests.support.faults.linearizability import UNKNOWN, Call

NOTHING = ("nothing", "")


def own_session(state: tuple[str, str], asked: tuple[Any, ...], answer: Any) -> Iterable[tuple[str, str]]:
    """One session of an application a user: `nothing`, `runs` or `ends`. A launch has an answer here: whether one
    without made a session, the grid's history tells.
    """
    if asked[0] == "launch":
        return _launched(state, answer)
    if asked[0] == "gone":
        return [NOTHING] if state[1] == asked[1] else []
    return _ended(state, asked[1], answer)


def _launched(state: tuple[str, str], answer: Any) -> Iterable[tuple[str, str]]:
    kind, session = state
    is_free = kind == "nothing"
    what, detail = answer
    if what == "new":
        return [("runs", detail)] if is_free else []
    if what == "again":
        return [state] if kind == "runs" and session == detail else []
    return [state]


def _ended(state: tuple[str, str], session: str, answer: Any) -> Iterable[tuple[str, str]]:
    kind, current = state
    is_it = kind != "nothing" and current == session
    if answer == "refused":
        return [state]
    if answer == "unknown":
        return [] if kind == "runs" and current == session else [state]
    return [("ends", session)] if is_it else [state]  # what is over already may be ended again


def is_read(call: Call) -> bool:
    """Of both models: what changes nothing in any state that allows it."""
    if call.answer in ("refused", "unknown"):
        return True
    return isinstance(call.answer, tuple) and call.answer[0] in ("refused", "again")


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

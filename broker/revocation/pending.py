"""What was done while the grid took nothing, on this broker's disk until it is written (`<state>/acts.json`).

An act is on the disk before its caller is answered. A broker that is killed meanwhile tells it again at its next start.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from portcullis.durable import replace_file

log = logging.getLogger(__name__)

NAME = "acts.json"

ActKind = Literal["disable", "sign_out", "login", "session", "everything"]


@dataclass(frozen=True, slots=True)
class Act:
    """`id`: of the user, login (its hash) or session; `epoch`: the site's, when it was done; `texts` tell it."""

    kind: ActKind
    tenant: str
    id: str
    author: str
    time: float
    epoch: int
    texts: tuple[str, ...]
    api_tokens: bool = False
    """Of `everything`: API tokens as well."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Act:
        """Raises ValueError, KeyError, TypeError."""
        if data["kind"] not in get_args(ActKind):
            raise ValueError("kind")
        return cls(
            cast(ActKind, data["kind"]),
            str(data["tenant"]),
            str(data["id"]),
            str(data["author"]),
            float(data["time"]),
            int(data["epoch"]),
            tuple(map(str, data["texts"])),
            bool(data.get("api_tokens", False)),
        )


class PendingActs:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._acts: list[Act] = []
        self._lock = asyncio.Lock()
        self.added = asyncio.Event()

    def load(self) -> list[Act]:
        """Those that an earlier broker left here. A file that cannot be read is kept and told of."""
        try:
            self._acts = [Act.from_json(item) for item in json.loads(self._path.read_text())]
        except FileNotFoundError:
            return []
        except (ValueError, KeyError, TypeError, OSError) as exc:
            log.error("what was done without the grid cannot be read: %s: %s", self._path, exc)
            return []
        self.added.set()
        return self.all()

    def all(self) -> list[Act]:
        """In the order in which they were done."""
        return list(self._acts)

    async def add(self, act: Act) -> None:
        """Raises OSError: it is not kept then."""
        async with self._lock:
            await asyncio.to_thread(_write, self._path, [*self._acts, act])
            self._acts.append(act)
        self.added.set()

    async def remove(self, act: Act) -> None:
        async with self._lock:
            if act not in self._acts:
                return
            self._acts.remove(act)
            await asyncio.to_thread(_write, self._path, self._acts)


def _write(path: Path, acts: list[Act]) -> None:
    if not acts:
        path.unlink(missing_ok=True)
        return
    replace_file(path, json.dumps([asdict(act) for act in acts]))

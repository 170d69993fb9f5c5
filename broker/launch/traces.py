"""References of launches, and the traces that stand behind those of refused and failed ones.

A reference is short enough to be read aloud: 8 characters of an alphabet without look-alikes (40 bits). It is not a
right: only administrators of the tenant can look behind it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace

from broker.repositories.traces import TraceStore
from portcullis.clock import Clock
from portcullis.model.launch import Circumstances, LaunchTrace, Step
from portcullis.model.session import Session

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 8
_MISREAD = str.maketrans({"o": "0", "i": "1", "l": "1", "-": "", " ": ""})


def new_reference() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def parse_reference(text: str) -> str | None:
    """The reference as it is stored, however it was heard or typed; None when the text cannot be one."""
    reference = text.strip().lower().translate(_MISREAD)
    return reference if len(reference) == LENGTH and set(reference) <= set(ALPHABET) else None


class Traces:
    def __init__(self, store: TraceStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def get(self, tenant_id: str, reference: str) -> LaunchTrace | None:
        parsed = parse_reference(reference)
        return None if parsed is None else await self._store.get(tenant_id, parsed)

    async def refused(
        self,
        tenant_id: str,
        *,
        user: str,
        application: str,
        code: str,
        message: str,
        steps: Sequence[Step],
        revision: int = 0,
        circumstances: Circumstances | None = None,
    ) -> str:
        """Keep the trace of a launch that the plan refused; answers its reference."""
        reference = new_reference()
        now = self._clock.now()
        told = tuple(steps)
        trace = LaunchTrace(reference, now, user, application, code, message, told, revision, circumstances)
        await self._store.put(tenant_id, trace)
        return reference

    async def failed(self, session: Session, code: str, message: str, detail: str) -> None:
        """Keep the trace of a session that did not start, or broke while it ran, under its reference."""
        steps = (
            *(_told_again(Step.from_json(step)) for step in session.trace),
            Step("run" if session.stage == "ready" else "start", "failed", detail, code, _host_of(session)),
        )
        trace = LaunchTrace(
            session.reference,
            self._clock.now(),
            session.user_name,
            session.application_name,
            code,
            message,
            steps,
            circumstances=Circumstances.from_json(session.circumstances or None),
        )
        await self._store.put(session.tenant_id, trace)


def _told_again(step: Step) -> Step:
    """A step that placed the session: what failed is another one, which comes last."""
    return replace(step, outcome="info") if step.outcome == "failed" else step


def _host_of(session: Session) -> str:
    return f"host:{session.host_name}"

"""Close codes of streams: the reason code of each, and what the client does then (docs/protocol.md 1.6).

A close code reaches the client in the Close frame, the reason code (a key of `portcullis.errors.CODES`)
before it in CLOSING. Two reasons may share a close code. A close code that is not here, 1006 above all,
means: resume with the grant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Retry = Literal["never", "new_ticket_once", "attach_again", "later"]
"""`attach_again`: present the grant again, at once and then with growing waits."""


@dataclass(frozen=True, slots=True)
class Closing:
    close_code: int
    code: str
    retry: Retry


CLOSINGS: tuple[Closing, ...] = (
    Closing(4400, "protocol_error", "never"),
    Closing(4401, "ticket_refused", "new_ticket_once"),
    Closing(4403, "grant_refused", "new_ticket_once"),
    Closing(4403, "not_entitled", "new_ticket_once"),
    Closing(4404, "version_unsupported", "never"),
    Closing(4405, "proof_refused", "never"),
    Closing(4408, "admission_timeout", "attach_again"),
    Closing(4408, "proof_timeout", "attach_again"),
    Closing(4409, "taken_over", "never"),
    Closing(4410, "session_ended", "never"),
    Closing(4411, "signed_out", "never"),
    Closing(4411, "user_disabled", "never"),
    Closing(4413, "session_disconnected", "never"),
    Closing(4429, "too_many_connections", "later"),
    Closing(4503, "host_unreachable", "attach_again"),
    Closing(4504, "broker_unreachable", "attach_again"),
    Closing(4512, "gateway_draining", "attach_again"),
)

CLOSE_CODES: dict[str, int] = {closing.code: closing.close_code for closing in CLOSINGS}


def close_code(code: str) -> int:
    """The close code of a reason code. One that has none of its own closes as a protocol error."""
    return CLOSE_CODES.get(code, 4400)


def retry(close_code: int) -> Retry:
    """What a client does after this close code."""
    for closing in CLOSINGS:
        if closing.close_code == close_code:
            return closing.retry
    return "attach_again"

"""What a host said to a dry run, or why it said nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portcullis.protocol.checks import ANSWER_SECONDS, CheckResult, read_results
from portcullis.protocol.fields import Fields

MAXIMUM_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class HostAnswer:
    results: tuple[CheckResult, ...] = ()
    silence: str = ""
    """Why there is no result."""
    is_gone: bool = False
    """The host went away while it was asked, or is not there."""

    def to_json(self) -> dict[str, Any]:
        results = [result.to_json() for result in self.results]
        return {"results": results, "silence": self.silence, "gone": self.is_gone}

    @classmethod
    def parse(cls, body: bytes) -> HostAnswer:
        """From another broker. Raises ProtocolError."""
        fields = Fields.parse(body, MAXIMUM_BYTES)
        return cls(read_results(fields), fields.optional_text("silence", 256) or "", fields.flag("gone"))


GONE = HostAnswer(silence="the host went away while it was asked", is_gone=True)
OLDER = HostAnswer(silence="its agent is of an earlier version, which makes no dry runs")
LATE = HostAnswer(silence=f"no answer within {ANSWER_SECONDS * 1000:.0f} ms")
BUSY = HostAnswer(silence="the host is asked too much at once")
NO_BROKER = HostAnswer(
    silence="the broker that holds its channel does not answer, or is of an earlier version"
)

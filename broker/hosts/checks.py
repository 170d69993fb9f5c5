"""Dry runs on hosts, answered within 0.4 s or not.

Nothing is decided here: a host that is silent leaves a sentence that says why.
"""

from __future__ import annotations

from broker.hosts.answers import BUSY, GONE, LATE, NO_BROKER, OLDER, HostAnswer
from broker.hosts.pending import PendingQuestions, Silence
from broker.hosts.questions import HostQuestions
from broker.hosts.registry import Channel
from portcullis.protocol.checks import ANSWER_SECONDS, FEATURE, Check, read_check
from portcullis.protocol.fields import Fields

WAY_SECONDS = 0.08
"""To another broker and back."""

SILENCES = {Silence.OLDER: OLDER, Silence.BUSY: BUSY, Silence.LATE: LATE, Silence.GONE: GONE}


def pending_checks() -> PendingQuestions[HostAnswer]:
    """One channel's."""
    return PendingQuestions(FEATURE, ANSWER_SECONDS, lambda _, silence: SILENCES[silence])


class HostChecks(HostQuestions[Check, HostAnswer]):
    PATH = "/inner/v1/check"
    WORD = "check"
    WITHIN_SECONDS = ANSWER_SECONDS + WAY_SECONDS

    async def _ask_here(self, channel: Channel, question: Check) -> HostAnswer:
        return await channel.check(question)

    def _read_question(self, fields: Fields) -> Check:
        return read_check(fields)

    def _read_answer(self, said: bytes, question: Check) -> HostAnswer:
        return HostAnswer.parse(said)

    def _gone(self, question: Check) -> HostAnswer:
        return GONE

    def _unheard(self, question: Check) -> HostAnswer:
        return NO_BROKER

    def _late(self, question: Check) -> HostAnswer:
        return LATE

"""Acts on sessions: what help desk wants of a host. One that does not answer in time counts as away."""

from __future__ import annotations

from dataclasses import replace

from broker.hosts.pending import PendingQuestions, Silence
from broker.hosts.questions import MAXIMUM_BYTES, HostQuestions
from broker.hosts.registry import Channel
from portcullis.errors import ProtocolError
from portcullis.protocol.acts import ANSWER_SECONDS, FEATURE, Act, Acted, read_act, read_acted
from portcullis.protocol.fields import Fields

WAY_SECONDS = 1.0
"""To another broker and back."""


def pending_acts() -> PendingQuestions[Acted]:
    """One channel's."""
    return PendingQuestions(FEATURE, ANSWER_SECONDS, _silent)


class HostActs(HostQuestions[Act, Acted]):
    PATH = "/inner/v1/act"
    WORD = "act"
    WITHIN_SECONDS = ANSWER_SECONDS + WAY_SECONDS

    async def _ask_here(self, channel: Channel, question: Act) -> Acted:
        return await channel.act(question)

    def _read_question(self, fields: Fields) -> Act:
        act = read_act(fields)
        if act is None:
            raise ProtocolError("an act of a later version")
        return act

    def _read_answer(self, said: bytes, question: Act) -> Acted:
        return replace(read_acted(Fields.parse(said, MAXIMUM_BYTES)), id=question.id)

    def _gone(self, question: Act) -> Acted:
        return Acted(question.id, "away")


def _silent(act_id: str, silence: Silence) -> Acted:
    return Acted(act_id, "older" if silence is Silence.OLDER else "away")

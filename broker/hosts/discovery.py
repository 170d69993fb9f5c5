"""What hosts have installed, page by page. A host is asked when somebody looks."""

from __future__ import annotations

from dataclasses import replace

from broker.hosts.pending import PendingQuestions, Silence
from broker.hosts.questions import MAXIMUM_BYTES, HostQuestions
from broker.hosts.registry import Channel
from portcullis.ids import new_id
from portcullis.protocol.discovery import (
    ANSWER_SECONDS,
    FEATURE,
    MAXIMUM_APPLICATIONS,
    PAGE_APPLICATIONS,
    Discover,
    Discovered,
    Installed,
    Outcome,
    Picture,
    read_discover,
    read_discovered,
)
from portcullis.protocol.fields import Fields

WAY_SECONDS = 1.0
"""To another broker and back."""
MAXIMUM_PAGES = 2 * MAXIMUM_APPLICATIONS // PAGE_APPLICATIONS + 16
"""Of a host that says that there is always more."""


def pending_discoveries() -> PendingQuestions[Discovered]:
    """One channel's."""
    return PendingQuestions(FEATURE, ANSWER_SECONDS, _silent)


class HostDiscovery(HostQuestions[Discover, Discovered]):
    PATH = "/inner/v1/discover"
    WORD = "discover"
    WITHIN_SECONDS = ANSWER_SECONDS + WAY_SECONDS

    async def applications(self, host_id: str, locale: str) -> tuple[Outcome, list[Installed], int]:
        """All that the host tells, in the order of their ids, and how many it left out."""
        found: list[Installed] = []
        after = ""
        for _ in range(MAXIMUM_PAGES):
            said = await self.ask(host_id, Discover(new_id(), locale, after))
            if said.outcome != "done":
                return said.outcome, [], 0
            found += said.applications
            if not said.next or said.next <= after or len(found) >= MAXIMUM_APPLICATIONS:
                return "done", found[:MAXIMUM_APPLICATIONS], said.left_out
            after = said.next
        return "failed", [], 0

    async def icons(self, host_id: str, applications: tuple[str, ...]) -> tuple[Outcome, list[Picture]]:
        """Of those that have one, as the host drew them: to be looked at before anybody is shown them."""
        said = await self.ask(host_id, Discover(new_id(), icons=applications))
        return said.outcome, [picture for picture in said.icons if picture.png and picture.id in applications]

    async def _ask_here(self, channel: Channel, question: Discover) -> Discovered:
        return await channel.discover(question)

    def _read_question(self, fields: Fields) -> Discover:
        return read_discover(fields)

    def _read_answer(self, said: bytes, question: Discover) -> Discovered:
        return replace(read_discovered(Fields.parse(said, MAXIMUM_BYTES)), id=question.id)

    def _gone(self, question: Discover) -> Discovered:
        return Discovered(question.id, "away")


def _silent(question_id: str, silence: Silence) -> Discovered:
    outcome: dict[Silence, Outcome] = {Silence.OLDER: "older", Silence.BUSY: "busy"}
    return Discovered(question_id, outcome.get(silence, "away"))

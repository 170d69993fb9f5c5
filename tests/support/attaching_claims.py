"""What every host keeps of somebody's own desktop: the same claims for X and for Windows.

A claim is a coroutine over a `Desk`: a real desktop with a person at it, whose mouse and keyboard are real as far as
that system can tell, and agents that attach sessions to it. tests/integration/agents/linux/desktops has them tried on
an X display, tests/integration/windows on a Windows session.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from portcullis.errors import Refused


@dataclass(frozen=True)
class Seen:
    """The last that a leader told."""

    code: str | None
    processes: dict[str, int]


class Attached(Protocol):
    async def asked(self) -> Seen:
        """The helper runs."""
        ...

    async def shown(self) -> Seen:
        """A worker shows the desktop."""
        ...

    async def ended(self) -> Seen: ...

    async def log_off(self) -> Seen: ...

    async def leave(self) -> None:
        """The agent goes, the session does not."""
        ...

    async def kill(self, name: str) -> None:
        """A process, by its name in `Seen`."""
        ...


class Agent(Protocol):
    async def launch(self, user: str, **target: Any) -> Attached:
        """Raises Refused."""
        ...

    async def adopt(self) -> Attached:
        """The only session that it finds."""
        ...

    async def look(self, user: str, **target: Any) -> tuple[str, str, str]:
        """Outcome, detail and code of a dry run's only look."""
        ...


class Desk(Protocol):
    account: str
    """Who is signed in there, as `consent: own` knows them."""
    display: str

    async def agent(self, *allowed: str, left_seconds: float = 60.0) -> Agent:
        """`allowed`: everything, where nothing is named."""
        ...

    async def window(self, title: str) -> None:
        """Waits until one is shown."""
        ...

    async def shows(self, title: str) -> bool: ...

    async def choose(self, what: str) -> None:
        """The person, with the mouse: allow, refuse, or end."""
        ...

    async def make_up_clicks(self) -> None:
        """A program, on both of the question's choices."""
        ...

    async def type_keys(self) -> None:
        """The person types what might be taken for an answer."""
        ...

    async def hold_shift_from_afar(self) -> None: ...

    async def is_shift_down(self) -> bool: ...


Claim = Callable[[Desk], Awaitable[None]]
QUESTION = "Ada asks for your screen"
SIGN = "Ada can see and use this screen"


async def code_of(attempt: Awaitable[Attached]) -> str:
    with pytest.raises(Refused) as refused:
        await attempt
    return refused.value.code


async def whoever_is_there_is_asked_by_name_lets_in_and_ends_it_by_the_sign(desk: Desk) -> None:
    attached = await (await desk.agent()).launch("Ada")
    asked = await attached.asked()
    assert "worker" not in asked.processes
    await desk.window(QUESTION)
    await desk.choose("allow")
    assert "worker" in (await attached.shown()).processes
    await desk.window(SIGN)
    await desk.choose("end")
    assert (await attached.ended()).code == "desktop_ended"
    assert not await desk.shows(SIGN)


async def a_refusal_ends_it_and_nothing_ever_looked(desk: Desk) -> None:
    attached = await (await desk.agent()).launch("Ada")
    await desk.window(QUESTION)
    await desk.choose("refuse")
    last = await attached.ended()
    assert last.code == "desktop_refused"
    assert "worker" not in last.processes


async def neither_keys_nor_clicks_of_programs_are_an_answer_and_none_is_a_refusal(desk: Desk) -> None:
    attached = await (await desk.agent()).launch("Ada", answer_seconds=4)
    await desk.window(QUESTION)
    await desk.make_up_clicks()
    await desk.type_keys()
    last = await attached.ended()
    assert last.code == "desktop_unanswered"
    assert "worker" not in last.processes


async def nobody_is_asked_only_where_the_host_says_so(desk: Desk) -> None:
    agent = await desk.agent("ask")
    assert await code_of(agent.launch("Ada", consent="none")) == "desktop_not_allowed"


async def own_is_the_account_that_is_signed_in(desk: Desk) -> None:
    agent = await desk.agent()
    assert await code_of(agent.launch("Ada", consent="own")) == "desktop_not_own"
    attached = await agent.launch(desk.account, consent="own", view_only=True)
    await attached.shown()
    await desk.window(f"{desk.account} can see this screen")
    assert (await attached.log_off()).code == "logged_off"


async def two_at_once_only_where_both_are_shared(desk: Desk) -> None:
    agent = await desk.agent()
    first = await agent.launch("Ada", consent="none", shared=True)
    await first.shown()
    assert await code_of(agent.launch("Bo", consent="none")) == "desktop_in_use"
    second = await agent.launch("Bo", consent="none", shared=True)
    await second.shown()
    await desk.window("Bo can see")
    await desk.window("Ada can see")
    await first.log_off()
    assert await desk.shows("Bo can see")
    await second.log_off()
    alone = await agent.launch("Bo", consent="none")  # free again, though nobody has forgotten the others
    await alone.log_off()


async def nobody_comes_back_unseen(desk: Desk) -> None:
    attached = await (await desk.agent(left_seconds=0.2)).launch("Ada", consent="none")
    assert (await attached.ended()).code == "desktop_left"
    assert not await desk.shows(SIGN)


async def an_agent_that_returns_knows_who_is_connected(desk: Desk) -> None:
    attached = await (await desk.agent()).launch("Ada", consent="none", view_only=True)
    await attached.shown()
    await attached.leave()
    returned = await desk.agent()
    adopted = await returned.adopt()
    assert await code_of(returned.launch("Bo", consent="none")) == "desktop_in_use"
    assert await desk.shows("Ada can see this screen")
    assert (await adopted.log_off()).code == "logged_off"


async def a_helper_that_is_killed_takes_the_connection_along(desk: Desk) -> None:
    attached = await (await desk.agent()).launch("Ada", consent="none")
    await attached.shown()
    await attached.kill("application")
    assert (await attached.ended()).code == "desktop_ended"


async def a_helper_that_is_killed_while_it_asks_lets_nobody_in(desk: Desk) -> None:
    attached = await (await desk.agent()).launch("Ada")
    await attached.asked()
    await desk.window(QUESTION)
    await attached.kill("application")
    last = await attached.ended()
    assert last.code == "desktop_ended"
    assert "worker" not in last.processes


async def a_worker_that_is_killed_leaves_no_key_pressed(desk: Desk) -> None:
    attached = await (await desk.agent()).launch("Ada", consent="none")
    await attached.shown()
    await desk.hold_shift_from_afar()
    assert await desk.is_shift_down()
    await attached.kill("worker")
    assert (await attached.ended()).code == "worker_failed"
    assert not await desk.is_shift_down()


async def a_dry_run_says_whose_it_is_and_asks_nobody(desk: Desk) -> None:
    agent = await desk.agent()
    said = f"{desk.display} of {desk.account}; whoever is there will be asked"
    assert await agent.look("Ada") == ("passed", said, "")
    assert (await agent.look("Ada", consent="own"))[2] == "desktop_not_own"
    assert not await desk.shows(QUESTION)


async def a_display_that_is_not_there_is_nobody_s(desk: Desk) -> None:
    agent = await desk.agent()
    assert await code_of(agent.launch("Ada", display=":4321")) == "desktop_empty"


CLAIMS: dict[str, Claim] = {
    claim.__name__: claim
    for claim in (
        whoever_is_there_is_asked_by_name_lets_in_and_ends_it_by_the_sign,
        a_refusal_ends_it_and_nothing_ever_looked,
        neither_keys_nor_clicks_of_programs_are_an_answer_and_none_is_a_refusal,
        nobody_is_asked_only_where_the_host_says_so,
        own_is_the_account_that_is_signed_in,
        two_at_once_only_where_both_are_shared,
        nobody_comes_back_unseen,
        an_agent_that_returns_knows_who_is_connected,
        a_helper_that_is_killed_takes_the_connection_along,
        a_helper_that_is_killed_while_it_asks_lets_nobody_in,
        a_worker_that_is_killed_leaves_no_key_pressed,
        a_dry_run_says_whose_it_is_and_asks_nobody,
        a_display_that_is_not_there_is_nobody_s,
    )
}

"""What hosts have installed, asked over real control channels: by brokers, and by who publishes applications."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broker.hosts import discovery
from broker.hosts.discovery import HostDiscovery
from portcullis.ids import new_id
from portcullis.protocol.discovery import FEATURE, Discover, Discovered, Installed, Picture
from portcullis.protocol.orders import Desired
from tests.support.agent_channel import TestAgent
from tests.support.console_site import ConsoleSite, console_site
from tests.support.pictures import chunk, png

EDITOR = Installed("editor.desktop", "Editor", ("/usr/bin/mousepad", "--new"), icon=True)
PAINT = Installed("paint.desktop", "Paint/2", ("paint",))
Answer = Callable[[Discover], Discovered]


def has(*applications: Installed) -> Answer:
    return lambda question: Discovered(question.id, "done", applications, left_out=1)


@asynccontextmanager
async def answering(agent: TestAgent, answer: Answer) -> AsyncIterator[list[Discover]]:
    """The host says this, whatever it is asked."""
    questions: list[Discover] = []

    async def serve() -> None:
        while True:
            try:
                question = await agent.expect(Discover)
            except TimeoutError:
                continue  # nobody asked for a while
            questions.append(question)
            await agent.send(answer(question))

    serving = asyncio.ensure_future(serve())
    try:
        yield questions
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[ConsoleSite]:
    async with console_site(tmp_path) as site:
        yield site


@pytest.fixture
async def agent(site: ConsoleSite) -> AsyncIterator[TestAgent]:
    async with site.broker.agent(features=frozenset({FEATURE})) as agent:
        await agent.expect(Desired)
        yield agent


async def refused(site: ConsoleSite, path: str) -> str:
    with pytest.raises(AssertionError) as caught:
        await site.api("GET", path)
    return str(caught.value)


async def test_what_a_host_has_is_told_with_what_is_published_of_it(
    site: ConsoleSite, agent: TestAgent
) -> None:
    body = {"command": ["mousepad", "--new"], "entitled": {"users": [], "groups": []}}
    await site.api("PUT", "applications/Text%20editor", body)
    async with answering(agent, has(EDITOR, PAINT)) as questions:
        answer = await site.api("GET", "installed?host=h1&locale=de-AT")
        some = await site.api("GET", "installed?host=h1&search=paint&sort=name&limit=5")
    first, second = answer["items"]
    assert (first["name"], first["published"], first["missing"]) == ("Editor", ["Text editor"], [])
    assert (second["suggested_name"], second["published"], second["host"]) == ("Paint-2", [], "h1")
    assert answer["hosts"] == [{"name": "h1", "outcome": "done", "left_out": 1}]
    assert [each["id"] for each in some["items"]] == ["paint.desktop"] and some["total"] == 1
    assert questions[0].locale == "de-AT"


async def test_a_program_of_windows_is_published_wherever_it_lies_and_however_it_is_written(
    site: ConsoleSite, agent: TestAgent
) -> None:
    await site.api(
        "PUT", "applications/Notes", {"command": ["Notepad.exe"], "entitled": {"users": [], "groups": []}}
    )
    there = Installed("machine/Notepad.lnk", "Notepad", ("C:\\Windows\\notepad.exe",))
    async with answering(agent, has(there)):
        answer = await site.api("GET", "installed?host=h1")
    assert [each["published"] for each in answer["items"]] == [["Notes"]]


async def test_pages_are_put_together_and_an_endless_list_ends(site: ConsoleSite, agent: TestAgent) -> None:
    def page(question: Discover) -> Discovered:
        number = int(question.after or 0)
        installed = Installed(f"{number:04}", f"Number {number}", ("x", str(number)))
        return Discovered(question.id, "done", (installed,), f"{number + 1:04}" if number < 3 else "")

    def endless(question: Discover) -> Discovered:
        return Discovered(question.id, "done", (EDITOR,), question.after + "x")

    def stuck(question: Discover) -> Discovered:
        return Discovered(question.id, "done", (EDITOR,), "same")

    async with answering(agent, page):
        assert [each["name"] for each in (await site.api("GET", "installed?host=h1"))["items"]] == [
            f"Number {number}" for number in range(4)
        ]
    async with answering(agent, endless) as questions:
        assert "503" in await refused(site, "installed?host=h1")
        assert len(questions) == discovery.MAXIMUM_PAGES
    async with answering(agent, stuck) as questions:
        assert (await site.api("GET", "installed?host=h1"))["total"] == 1
        assert len(questions) == 2


async def test_icons_are_written_anew_and_what_is_none_is_left_out(
    site: ConsoleSite, agent: TestAgent
) -> None:
    plain = png(8, 8)
    marked = plain[:33] + chunk(b"tEXt", b"x\0<script>") + plain[33:]

    def icons(question: Discover) -> Discovered:
        pictures = (
            Picture("editor.desktop", marked),
            Picture("paint.desktop", b"<svg onload='x'/>"),
            Picture("unasked.desktop", plain),
            Picture("none.desktop", b""),
        )
        return Discovered(question.id, "done", icons=pictures)

    async with answering(agent, icons) as questions:
        path = "installed/icons?host=h1&application=editor.desktop&application=paint.desktop&application=none.desktop"
        answer = await site.api("GET", path)
    (only,) = answer["items"]
    assert (only["id"], base64.b64decode(only["icon"]["data"])) == ("editor.desktop", plain)
    assert questions[0].icons == ("editor.desktop", "paint.desktop", "none.desktop")


async def test_a_question_that_makes_no_sense_is_refused(site: ConsoleSite) -> None:
    many = "".join(f"&application={number}" for number in range(13))
    for path in ("", "?host=h1&host_group=x", "?host=h1&host=h2", "?host=h1&colour=red", "?host=h1&limit=x"):
        assert "422" in await refused(site, f"installed{path}")
    for path in ("?host=h1", "?application=a", "?host=h1&application=a&x=y", f"?host=h1{many}"):
        assert "422" in await refused(site, f"installed/icons{path}")
    for path in ("?host=nobody", "?host_group=nobody", "/icons?host=nobody&application=a"):
        assert "404" in await refused(site, f"installed{path}")


async def test_a_host_that_cannot_answer_is_named(site: ConsoleSite) -> None:
    assert "host_unreachable" in await refused(site, "installed?host=h1")
    async with site.broker.agent() as older:
        await older.expect(Desired)
        assert "host_too_old" in await refused(site, "installed?host=h1")


async def test_of_a_group_it_is_told_which_hosts_lack_what(
    site: ConsoleSite, agent: TestAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.api("PUT", "hosts/h1", {"groups": ["a/b"]})
    hosts = site.broker.parts.hosts
    known = hosts.get(site.broker.host.id)
    assert known is not None
    stores, others = site.broker.parts.stores, {}
    for name in ("h2", "h3"):
        others[name] = new_id()
        value = {**known.to_json(), "id": others[name], "name": name}
        result = await stores.commit(stores.site.put(("host", others[name]), value))
        await site.broker.parts.snapshot.until(result.revision)
        await hosts.announce(others[name], "0" * 16, new_id(), "1")
    ask = HostDiscovery.applications

    async def of_others(self: HostDiscovery, host_id: str, locale: str) -> Any:
        if host_id == others["h2"]:
            return "done", [EDITOR], 0
        return await ask(self, host_id, locale)

    monkeypatch.setattr(HostDiscovery, "applications", of_others)
    async with answering(agent, has(EDITOR, PAINT)):
        answer = await site.api("GET", "installed?host_group=a%2Fb")
    assert {each["name"]: each["missing"] for each in answer["items"]} == {"Editor": [], "Paint/2": ["h2"]}
    assert {each["name"]: each["outcome"] for each in answer["hosts"]} == {
        **{"h1": "done", "h2": "done", "h3": "away"}
    }


async def test_a_host_that_another_broker_holds_is_asked_through_it(
    site: ConsoleSite, agent: TestAgent
) -> None:
    parts = site.broker.parts

    async def post(broker_id: str, path: str, body: bytes) -> bytes | None:
        assert path == HostDiscovery.PATH
        return await parts.discovery.answer(body)

    async def silent(broker_id: str, path: str, body: bytes) -> bytes | None:
        return None

    async def nonsense(broker_id: str, path: str, body: bytes) -> bytes | None:
        return b"{"

    host_id, registry = site.broker.host.id, type(parts.registry)()
    async with answering(agent, has(EDITOR)):
        elsewhere = HostDiscovery(parts.snapshot, registry, new_id(), post)
        assert await elsewhere.applications(host_id, "") == ("done", [EDITOR], 1)
    for ask in (silent, nonsense):
        elsewhere = HostDiscovery(parts.snapshot, registry, new_id(), ask)
        assert await elsewhere.applications(host_id, "") == ("away", [], 0)
    assert await parts.discovery.applications("f" * 16, "") == ("away", [], 0)


async def test_a_host_of_others_is_none(site: ConsoleSite, agent: TestAgent) -> None:
    other = frozenset({new_id()})
    await site.broker.parts.hosts.change(
        site.broker.host.id, lambda host: replace(host, tenants=other), "test"
    )
    assert "404" in await refused(site, "installed?host=h1")
    assert "404" in await refused(site, "installed/icons?host=h1&application=a")

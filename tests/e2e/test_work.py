"""A person's day: sign in, launch, work, come back, log off. Real Chromium, real applications, real parts."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import numpy as np
import psutil
import pytest
from playwright.async_api import Page, expect

from portcullis.quickstart import control_socket, instance
from tests.e2e.conftest import EDITOR, OUTPUT, Installation, Visitor
from tests.e2e.portal import (
    Person,
    launch,
    picture,
    settled,
    sign_in,
    until_exact,
    view,
    wait_for_picture,
)
from tests.support.patience import patient, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def at_work(visitor: Visitor, installation: Installation, person: Person) -> tuple[Page, str]:
    """A page in which the person works in the editor, and the session's id."""
    page = await visitor.page()
    await sign_in(page, installation.url, person)
    return page, await launch(page, EDITOR)


def saved(name: str) -> Path | None:
    """A file in the home of one of the accounts that the agent made."""
    return next(Path("/var/lib").glob(f"portcullis-*/homes/*/{name}"), None)


def content(name: str) -> str:
    found = saved(name)
    return found.read_text() if found else ""


async def press(page: Page, keys: str) -> None:
    """A shortcut, until the editor has answered it: it ignores one whose menu item is not enabled yet."""
    before = await settled(page)
    await page.keyboard.press(keys)

    async def has_answered() -> bool:
        return await before.change_to(await settled(page)) > 0.0005

    await until(has_answered)


async def save_as(page: Page, name: str) -> None:
    """In the editor: Ctrl+S, the name into the dialog that floats above the document, Enter."""
    before = await settled(page)
    await page.keyboard.press("Control+s")

    async def dialog_is_there() -> bool:
        return await before.change_to(await settled(page)) > 0.02

    await until(dialog_is_there)
    await page.keyboard.type(name, delay=20)
    await settled(page)  # the toolkit swallows an Enter that comes while it still looks for completions
    await page.keyboard.press("Enter")
    await until(lambda: saved(name))


def session_processes(session_id: str) -> dict[int, str]:
    """Pid and name of every process with this session's id in its environment or arguments."""
    found = {}
    for process in psutil.process_iter(["pid", "name", "cmdline"]):
        try:
            words = " ".join(process.info["cmdline"] or []) + " ".join(process.environ().values())
        except psutil.Error:
            continue
        if session_id in words:
            found[process.info["pid"]] = process.info["name"]
    return found


def part(installation: Installation, name: str) -> int:
    """The pid of broker, gateway or agent, as their supervisor says; 0 while there is none."""
    found = instance.load(installation.clone)
    assert found is not None
    status = control_socket.ask(found.control_socket, "status")
    assert status is not None
    return next(int(each["pid"] or 0) for each in status["parts"] if each["name"] == name)


def traces(session_id: str) -> list[str]:
    """Files, folders and sockets that bear the session's id, wherever a host keeps such."""
    places = ("/dev/shm", "/run", "/tmp", "/var/lib", "/sys/fs/cgroup")
    command = [
        "find",
        *places,
        "-path",
        "*/pytest-of-*",
        "-prune",
        "-o",
        "-name",
        f"*{session_id}*",
        "-print",
    ]
    return subprocess.run(command, capture_output=True, text=True).stdout.split()


async def test_a_sentence_typed_and_saved_in_the_editor_is_in_the_file(
    installation: Installation, visitor: Visitor, person: Person
) -> None:
    page = await visitor.page()
    await sign_in(page, installation.url, person)
    await page.screenshot(path=OUTPUT / "catalogue.png")
    await launch(page, EDITOR)
    sentence = "The quick brown fox (2026) jumps over 13 lazy dogs; isn't that nice? ~@{}"
    await page.keyboard.type(sentence, delay=10)
    await save_as(page, f"{person.username}.txt")
    await page.screenshot(path=OUTPUT / "editor.png")
    await until(lambda: content(f"{person.username}.txt").strip() == sentence)
    assert visitor.complaints == []


async def test_the_view_equals_the_framebuffer_in_every_pixel(
    installation: Installation, visitor: Visitor, person: Person
) -> None:
    page, session_id = await at_work(visitor, installation, person)
    await page.keyboard.type("Exact pixels: \u00e4\u00f6\u00fc \u20ac", delay=10)
    shown = await until_exact(page, session_id)
    assert shown.shape == (720, 1280, 3)
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) > 20  # a real picture, with smoothed text in it
    box = await view(page).bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (1280, 720)


async def test_the_display_follows_the_browser_window(
    installation: Installation, visitor: Visitor, person: Person
) -> None:
    page, session_id = await at_work(visitor, installation, person)
    await page.set_viewport_size({"width": 1003, "height": 611})

    async def has_followed() -> bool:
        return (await picture(page)).shape == (611, 1003, 3)

    await until(has_followed)
    shown = await until_exact(page, session_id)
    # The maximised window reaches the new edge: the last column is the editor's, not the bare root window.
    assert (shown[300:500, -40:].reshape(-1, 3) > 0).any()


async def test_text_is_copied_both_ways(installation: Installation, visitor: Visitor, person: Person) -> None:
    page, _ = await at_work(visitor, installation, person)
    await page.evaluate("navigator.clipboard.writeText('into the application: Gr\u00fc\u00dfe')")
    await press(page, "Control+v")
    await page.keyboard.type(" and out", delay=10)
    await press(page, "Control+a")
    await page.keyboard.press("Control+c")

    async def arrived() -> bool:
        text = await page.evaluate("navigator.clipboard.readText()")
        return str(text) == "into the application: Gr\u00fc\u00dfe and out"

    await until(arrived)


async def test_a_closed_tab_is_opened_again_with_the_session_as_it_was(
    installation: Installation, visitor: Visitor, person: Person
) -> None:
    page, session_id = await at_work(visitor, installation, person)
    await page.keyboard.type("still here", delay=10)
    before = session_processes(session_id)
    await page.close()
    page = await visitor.page()
    await page.goto(installation.url)
    await page.get_by_role("button", name=f"Return to {EDITOR}").click()
    assert await wait_for_picture(page) == session_id
    assert session_processes(session_id) == before
    await page.keyboard.type(" and here", delay=10)
    await save_as(page, f"{person.username}.txt")
    await until(lambda: content(f"{person.username}.txt").strip() == "still here and here")


async def test_another_browser_takes_the_session_over_for_good(
    installation: Installation, visitor: Visitor, second_visitor: Visitor, person: Person
) -> None:
    first = await visitor.page()
    await sign_in(first, installation.url, person)
    session_id = await launch(first, EDITOR)
    second = await second_visitor.page()
    await sign_in(second, installation.url, person)
    assert await launch(second, EDITOR) == session_id
    await expect(first.get_by_role("alert")).to_contain_text("another window")
    await second.keyboard.type("from the second", delay=10)
    await save_as(second, f"{person.username}.txt")
    await until(lambda: content(f"{person.username}.txt").strip() == "from the second")


async def test_an_agent_that_is_killed_comes_back_and_no_key_is_lost(
    installation: Installation, visitor: Visitor, person: Person
) -> None:
    page, session_id = await at_work(visitor, installation, person)
    before = session_processes(session_id)
    text = await type_through_the_death_of("agent", page, installation)
    await save_as(page, f"{person.username}.txt")
    await until(lambda: content(f"{person.username}.txt").strip() == text)
    assert session_processes(session_id) == before
    sessions = json.loads(installation.cli("get", "sessions", "--json").stdout)
    assert {each["id"]: each["host_online"] for each in sessions}[session_id] is True


async def test_a_gateway_that_is_killed_loses_and_doubles_no_key(
    installation: Installation, visitor: Visitor, person: Person
) -> None:
    page, _ = await at_work(visitor, installation, person)
    text = await type_through_the_death_of("gateway", page, installation)
    await save_as(page, f"{person.username}.txt")
    await until(lambda: content(f"{person.username}.txt").strip() == text)


async def type_through_the_death_of(name: str, page: Page, installation: Installation) -> str:
    """Kill a part in the middle of a text, type on, and wait until its successor runs. Returns the text."""
    text = " ".join(f"w{number}" for number in range(70))
    victim = part(installation, name)
    await page.keyboard.type(text[:100], delay=10)
    os.kill(victim, signal.SIGKILL)
    await page.keyboard.type(text[100:], delay=10)
    await until(lambda: part(installation, name) not in (0, victim))
    return text


async def test_a_launch_that_fails_tells_the_user_a_reference_and_the_administrator_why(
    installation: Installation, visitor: Visitor, person: Person
) -> None:
    document = "kind: application\nname: Broken\ncommand: [no-such-program]\nentitled: {groups: [staff]}\n"
    installation.cli("apply", "-f", "-", stdin=document)
    page = await visitor.page()
    await sign_in(page, installation.url, person)
    await page.get_by_role("button", name="Broken", exact=True).click()
    notice = page.get_by_role("alert")
    await expect(notice).to_contain_text("application_missing")
    reference = re.findall(r"\b[0-9a-z]{8}\b", await notice.inner_text())[-1]
    explained = installation.cli("explain", reference).stdout
    assert "no-such-program: not found" in explained
    assert "by group staff" in explained
    assert (
        "no-such-program" not in await notice.inner_text()
    )  # what is wrong on the host is not the user's business


async def test_a_start_that_fails_under_an_attached_client_is_told_with_its_code_and_reference(
    installation: Installation, visitor: Visitor, person: Person
) -> None:
    command = json.dumps(["sh", "-c", "sleep 3; exit 3"])
    document = f"kind: application\nname: Short\ncommand: {command}\nentitled: {{groups: [staff]}}\n"
    installation.cli("apply", "-f", "-", stdin=document)
    page = await visitor.page()
    await sign_in(page, installation.url, person)
    async with page.expect_websocket() as attached:
        await page.get_by_role("button", name="Short", exact=True).click()
    await (await attached.value).wait_for_event("framereceived")
    notice = page.get_by_role("alert")
    await expect(notice).to_contain_text("application_exited", timeout=1000 * patient(30))
    reference = re.findall(r"\b[0-9a-z]{8}\b", await notice.inner_text())[-1]
    assert "exit status 3" in installation.cli("explain", reference).stdout


async def test_log_off_leaves_nothing_behind(
    installation: Installation, visitor: Visitor, person: Person
) -> None:
    page, session_id = await at_work(visitor, installation, person)
    assert session_processes(session_id)
    assert traces(session_id)
    await page.mouse.move(640, 1)
    await page.get_by_role("button", name="Log off").click()
    await page.get_by_role("dialog").get_by_role("button", name="Log off").click()
    await expect(page.get_by_label("Search applications")).to_be_visible()
    await until(lambda: not session_processes(session_id))
    await until(lambda: traces(session_id) == [], every=0.5)
    sessions = json.loads(installation.cli("get", "sessions", "--json").stdout)
    assert session_id not in [session["id"] for session in sessions]
    assert visitor.complaints == []

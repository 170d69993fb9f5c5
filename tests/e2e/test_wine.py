"""A Windows program through Wine, from the click to its file: browser, gateway, broker, agent, Wine's Notepad."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psutil
import pytest
from playwright.async_api import Page, expect

from portcullis.quickstart.instance import state_folder
from tests.e2e.conftest import Installation, Visitor
from tests.e2e.portal import Person, launch, picture, settled, sign_in, until_exact
from tests.support import windows_python
from tests.support.patience import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOTES = "Notes"
TYPED = "née 5 € 漢字, Straße: ñandú Ωж 文章日本語"
PASTED = "out of the browser: Grüße"


@pytest.fixture(scope="module", autouse=True)
def notes(installation: Installation) -> None:
    """A template of the prefix that all tests of Wine share, with a file of UTF-16 in it, as Windows writes it."""
    if missing := windows_python.missing():
        pytest.fail(missing)
    state = state_folder(installation.clone) / "agent"
    command = [str(installation.clone / ".venv/bin/portcullis-agent"), "wine-template", "make", "notes"]
    made = subprocess.run(
        [*command, "--state", str(state), "--from", str(windows_python.TEMPLATE)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    (drive,) = state.glob("wine/notes/*/prefix/drive_c")
    (drive / "notes.txt").write_bytes("\ufeff".encode("utf-16-le"))
    installation.cli(
        *("apply", "-f", "-"),
        stdin=f"kind: application\nname: {NOTES}\n"
        "wine: {template: notes, program: 'C:\\windows\\notepad.exe', arguments: ['C:\\notes.txt']}\n"
        "entitled: {groups: [staff]}\n",
    )


def is_told_of(installation: Installation, person: Person) -> bool:
    """The host says within seconds what it has got."""
    asked = subprocess.run(
        [
            str(installation.clone / ".venv/bin/portcullis"),
            "simulate",
            "--user",
            person.username,
            "--app",
            NOTES,
        ],
        cwd=installation.clone,
        capture_output=True,
        text=True,
    )
    return "host_lacks_wine" not in asked.stdout


def saved() -> str:
    copies = "portcullis-*/homes/*/.local/share/portcullis/wine/notes/*/prefix/drive_c/notes.txt"
    found = next(Path("/var/lib").glob(copies), None)
    return "" if found is None else found.read_bytes().decode("utf-16-le").removeprefix("\ufeff").strip()


async def saving(page: Page, text: str) -> None:
    await page.keyboard.press("Control+s")
    await until(lambda: saved() == text)


async def test_what_is_typed_in_notepad_is_in_its_file(
    visitor: Visitor, installation: Installation, person: Person
) -> None:
    await until(lambda: is_told_of(installation, person))
    page = await visitor.page()
    await sign_in(page, installation.url, person)
    session = await launch(page, NOTES)
    await settled(page)
    assert (await picture(page)).shape[:2] == (720, 1280)
    await page.keyboard.type(TYPED)
    await saving(page, TYPED)

    await page.keyboard.press("Control+a")
    await page.keyboard.press("Control+c")
    await until(lambda: copied(page, TYPED))
    await page.evaluate(f"navigator.clipboard.writeText('{PASTED}')")
    await page.keyboard.press("Control+v")
    await saving(page, PASTED)

    await page.set_viewport_size({"width": 1000, "height": 640})

    async def is_smaller() -> bool:
        return (await picture(page)).shape[:2] == (640, 1000)

    await until(is_smaller)
    seen = await until_exact(page, session)
    assert seen[:, :100].any(axis=2).mean() > 0.9  # the window fills it: nothing of the bare screen

    await page.mouse.move(500, 1)
    await page.get_by_role("button", name="Log off").click()
    await page.get_by_role("dialog").get_by_role("button", name="Log off").click()
    await expect(page.get_by_label("Search applications")).to_be_visible()
    await until(lambda: not of_session(session))
    assert not visitor.complaints


def of_session(session: str) -> list[psutil.Process]:
    return [each for each in psutil.process_iter() if variables(each).get("PORTCULLIS_SESSION") == session]


def variables(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:
        return {}


async def copied(page: Page, text: str) -> bool:
    return bool(await page.evaluate("navigator.clipboard.readText()") == text)

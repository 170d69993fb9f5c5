"""Published applications that do what they should not: another user's session goes on, and nothing is left behind.

Each program is one of tests/support/hostile, launched by the agent's Manager with a real leader, display and worker.
"""

from pathlib import Path

import pytest
import pytest_asyncio

from portcullis.protocol import messages as m
from tests.support.abused_host import press
from tests.support.patience import until
from tests.support.session_host import processes

pytestmark = pytest.mark.asyncio(loop_scope="module")

OTHER_USER = "0" * 16


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def typist(abused):
    """Another user's session, attached: what must not notice anything."""
    session = await abused.launch("xterm", "-e", "cat", user=OTHER_USER)
    client = await session.attach()
    await press(client)
    return client


async def is_answered(session, client) -> None:
    """The session's own worker hears its viewer."""
    client.send(m.Ping(77))
    await client.until(lambda: m.Pong(77) in client.messages)
    await session.until(lambda report: report.state == "active")  # which its agent may say a moment later


async def log_off_whole(abused, session) -> None:
    """It ends when it is told to, and leaves nothing once the site has forgotten it."""
    assert (await session.log_off()).code == "logged_off"
    await forget_whole(abused, session)


async def forget_whole(abused, session) -> None:
    await abused.forget(session)
    assert abused.host.traces(session.order) == []


LIVELY = {
    "leaves": ("leaves.py",),
    "stays": ("stays.py",),
    "many windows": ("many_windows.py",),
    "resizes": ("resizes.py",),
    "paints": ("paints.py",),
    "a child that eats memory": ("eats_memory_aside.py",),
    "forks away": ("forks.py", "away"),
    "cursors": ("cursors.py",),
    "clipboard that never answers": ("clipboard.py", "never"),
    "clipboard of 25 MB at once": ("clipboard.py", "huge"),
    "clipboard without end": ("clipboard.py", "pieces"),
    "requests": ("requests.py",),
    "freezes pointer and keyboard": ("grabs.py", "frozen"),
    "grabs the server": ("grabs.py", "server"),
    "deletes properties": ("deletes_properties.py",),
    "prints": ("prints.py",),
}


@pytest.mark.parametrize("program", LIVELY.values(), ids=LIVELY)
async def test_application_harms_nobody_and_ends_when_it_is_told_to(abused, typist, program):
    session = await abused.launch(*program)
    client = await session.attach()
    await client.receive(m.Frame)
    await press(typist)
    await is_answered(session, client)
    await press(typist)
    await log_off_whole(abused, session)
    assert (await client.until_closed()).code == 4410
    await press(typist)


async def test_only_the_application_that_ate_the_memory_ends_and_the_session_says_why(abused, typist):
    session = await abused.launch("eats_memory.py")
    client = await session.attach()
    report = await session.until_ended()
    assert (report.code, report.exit_status) == ("application_out_of_memory", -9)
    assert (await client.until_closed()).code == 4410
    await forget_whole(abused, session)
    await press(typist)


async def test_application_that_kills_all_of_its_account_keeps_its_session(abused, typist):
    """Of its other programs the bus is not missed at once, and the window manager is started anew."""
    session = await abused.launch("kills_manager.py", "all")
    client = await session.attach()
    await until(lambda: killed(session, "window_manager"))
    await until(lambda: "openbox" in session.processes)
    await is_answered(session, client)
    await log_off_whole(abused, session)


def killed(session, name):
    return f"leader: {name} ended with -9" in (session.folder / "session.log").read_text()


async def test_window_manager_that_is_always_killed_ends_the_session_at_last(abused, typist):
    session = await abused.launch("kills_manager.py", "ever")
    report = await session.until_ended()
    assert report.code == "display_failed" and "window_manager ended with -9" in report.detail
    await forget_whole(abused, session)


PLACES = ("/tmp", "/dev/shm", "$XDG_RUNTIME_DIR")


async def test_what_fills_its_temporary_folders_fills_its_own_alone(abused, typist):
    """A neighbour of the same user has room in each of them meanwhile; nothing lies in the host's own."""
    full = await abused.launch("fills.py", ":".join(PLACES), str(1 << 30))
    client = await full.attach()
    await client.until(lambda: (client.title or "").count("MB:No space left on device") == len(PLACES))
    beside = await abused.launch("fills.py", ":".join(PLACES), str(1 << 20))
    other = await beside.attach()
    await other.until(lambda: other.title == " ".join(["1MB:no end"] * len(PLACES)))
    assert [path for place in PLACES[:2] for path in Path(place).glob("full-*")] == []
    await log_off_whole(abused, full)
    await log_off_whole(abused, beside)


async def test_configuration_of_the_session_cannot_be_grown_by_its_user(abused):
    session = await abused.launch("xterm")
    files = [path for path in session.folder.iterdir() if path.is_file()]
    user = next(p.info["uids"].real for p in processes() if p.pid == session.processes["xterm"])
    assert len(files) > 3 and all(path.stat().st_uid != user for path in files)
    await log_off_whole(abused, session)


async def test_title_of_a_megabyte_is_shown_by_its_beginning_without_what_could_forge(abused):
    session = await abused.launch("long_title.py")
    client = await session.attach()
    await client.until(lambda: client.title is not None and client.title.startswith("begin<b onmouseover"))
    shown = client.title
    assert 900 < len(shown.encode()) <= 1024
    assert not set(shown) & set("\u202e\u2066\0\x1b\ufeff\U000e0041\n")
    await log_off_whole(abused, session)

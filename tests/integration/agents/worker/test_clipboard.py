"""The clipboard both ways, judged by xclip and an editor."""

import asyncio
import subprocess
import time

import pytest

from portcullis.protocol import messages as m
from portcullis.protocol.worker_channel import Revoke
from portcullis.revocations import Revocation
from tests.support.patience import until

LARGE = "".join(f"line {number} – größer\n" for number in range(60_000))[: 1 << 20]
LARGE = LARGE.encode()[: (1 << 20) - 8].decode(errors="ignore")


def copy(x, text: str, *options: str) -> None:
    """An application copies; xclip stays behind as the owner."""
    xclip = x.start("xclip", "-selection", "clipboard", "-in", *options, stdin=subprocess.PIPE)
    xclip.stdin.write(text.encode())
    xclip.stdin.close()


async def paste(x, target: str = "UTF8_STRING") -> str:
    return await x.run("xclip", "-selection", "clipboard", "-o", "-target", target)


async def offered(x, client, text: str) -> None:
    """Sent by the client, and in force."""
    serial = sum(isinstance(message, m.Pong) for message in client.messages) + 100
    client.send(m.ClipboardText(serial, text), m.Ping(serial))
    await client.until(lambda: m.Pong(serial) in client.messages)


@pytest.mark.parametrize("target", ["UTF8_STRING", "text/plain;charset=utf-8", "text/plain", "TEXT"])
async def test_client_s_text_is_pasted_by_applications(x, session, target):
    client = await session.attach_drawn()
    await offered(x, client, "Grüße 漢字 😀\nzweite Zeile\n")
    assert await paste(x, target) == "Grüße 漢字 😀\nzweite Zeile\n"


async def test_targets_name_what_is_served(x, session):
    client = await session.attach_drawn()
    await offered(x, client, "text")
    targets = (await paste(x, "TARGETS")).split()
    assert {"TARGETS", "TIMESTAMP", "UTF8_STRING", "STRING", "TEXT", "text/plain;charset=utf-8"} <= set(
        targets
    )
    assert await paste(x, "STRING") == "text"
    assert await paste(x, "image/png") == ""


async def test_copied_text_reaches_the_client(x, session):
    client = await session.attach_drawn()
    copy(x, "Grüße 漢字 😀\n\nEnde")
    await client.until(lambda: client.clipboard)
    assert client.clipboard == "Grüße 漢字 😀\n\nEnde"
    copy(x, "one\r\ntwo\r\n")
    await client.until(lambda: "one" in client.clipboard)
    assert client.clipboard == "one\ntwo\n"


async def test_what_a_client_pastes_after_that_was_forbidden_goes_nowhere(x, session):
    client = await session.attach_drawn()
    await offered(x, client, "before")
    word = Revocation(
        *("sessions", session.tenant, session.host, time.time() + 1, "grant_refused"),
        sessions=(session.session,),
        channels=frozenset({"display", "input", "clipboard_out"}),
    )
    session.tell(Revoke([session.signed_word(word)]))
    await client.receive(m.Notice)
    await offered(x, client, "after")
    assert await paste(x) == "before"


async def test_a_mebibyte_travels_both_ways(x, session):
    client = await session.attach_drawn()
    await offered(x, client, LARGE)
    assert await paste(x) == LARGE
    copy(x, LARGE[::-1])
    await client.until(lambda: client.clipboard == LARGE[::-1])


async def test_text_above_the_limit_goes_nowhere_and_the_next_one_does(x, session):
    client = await session.attach_drawn()
    copy(x, "x" * ((1 << 20) + 1))
    await until(lambda: "it is not passed on" in session.read_log())
    assert (await paste(x)).startswith("xxx")
    copy(x, "small")
    await client.until(lambda: client.clipboard == "small")
    assert not any(
        isinstance(message, m.ClipboardText) and len(message.text) > 9 for message in client.messages
    )


async def test_same_text_copied_again_is_sent_again(x, session):
    """The client may have copied something else meanwhile, of which the worker heard nothing."""
    client = await session.attach_drawn()
    for number in range(1, 4):
        copy(x, "again")
        await client.until(lambda number=number: len(_received(client)) == number)
    assert _received(client) == ["again"] * 3


async def test_each_copy_is_the_newest_never_the_one_before(x, session):
    client = await session.attach_drawn()
    for number in range(12):
        await offered(x, client, f"from client {number}")
        assert await paste(x) == f"from client {number}"
        copy(x, f"from application {number}")
        await client.until(lambda number=number: client.clipboard == f"from application {number}")
    assert _received(client) == [f"from application {number}" for number in range(12)]


async def test_client_s_text_is_not_echoed(x, session):
    client = await session.attach_drawn()
    await offered(x, client, "mine")
    copy(x, "theirs")
    await client.until(lambda: client.clipboard == "theirs")
    assert _received(client) == ["theirs"]


async def test_what_was_sent_and_comes_back_leaves_the_application_the_owner(x, session):
    client = await session.attach_drawn()
    copy(x, "theirs")
    await client.until(lambda: client.clipboard == "theirs")
    await offered(x, client, "theirs")
    assert "PORTCULLIS" not in await paste(x, "TARGETS")
    assert "TIMESTAMP" not in (await paste(x, "TARGETS")).split()  # xclip, which still owns it, has none


async def test_owner_that_never_answers_does_not_stop_the_next(x, session):
    client = await session.attach_drawn()
    owner = x.start("xclip", "-selection", "clipboard", "-in", "-quiet", stdin=subprocess.PIPE)
    owner.stdin.write(b"never")
    owner.stdin.close()
    await client.until(lambda: client.clipboard == "never")
    copy(x, "next")
    await client.until(lambda: client.clipboard == "next")
    assert _received(client)[-1] == "next"


@pytest.mark.parametrize("channels", [{"display", "clipboard_in"}, {"display", "clipboard_out"}])
async def test_each_way_needs_its_permission(x, session, channels):
    client = await session.attach_drawn(channels=frozenset(channels))
    copy(x, "theirs")
    await until(lambda: _owner_serves(x, "theirs"))
    if "clipboard_out" in channels:
        await client.until(lambda: client.clipboard == "theirs")
    await offered(x, client, "mine")
    pasted = await paste(x)
    assert pasted == ("mine" if "clipboard_in" in channels else "theirs")
    assert _received(client) == ([] if "clipboard_in" in channels else ["theirs"])


async def test_editor_pastes_the_client_s_text(x, session):
    path = x.folder / "note.txt"
    path.write_text("")
    await x.window_manager()
    x.start("dbus-run-session", "mousepad", "--disable-server", str(path))
    await x.window("--name", "Mousepad")
    client = await session.attach_drawn()
    client.click(300, 300)
    await offered(x, client, "Grüße 漢字 😀")
    client.key("KeyV", "v", m.CONTROL)

    def is_saved():
        client.key("KeyS", "s", m.CONTROL)
        return path.read_text().rstrip("\n") == "Grüße 漢字 😀"

    await until(is_saved)
    client.key("KeyA", "a", m.CONTROL)
    client.key("KeyC", "c", m.CONTROL)
    await client.until(lambda: client.clipboard is not None)
    assert client.clipboard.rstrip("\n") == "Grüße 漢字 😀"


def _received(client) -> list[str]:
    return [message.text for message in client.messages if isinstance(message, m.ClipboardText)]


async def _owner_serves(x, start: str) -> bool:
    try:
        return (await paste(x)).startswith(start)
    except (TimeoutError, asyncio.IncompleteReadError):
        return False

"""State that an agent finds damaged: what runs goes on, what cannot be read is swept up or named."""

import json

import pytest

from agents.app import DEFAULT_SLOTS, read_slots
from agents.linux.leader.traces import write_atomically
from portcullis.enrolment.credentials import Credentials
from portcullis.errors import PortcullisError
from portcullis.protocol import messages as m
from tests.support.patience import until
from tests.support.session_host import processes

ON_THE_HOST = pytest.mark.asyncio(loop_scope="module")

DAMAGES = {"empty": b"", "truncated": b'{"session": "a', "not an object": b"[1]", "noise": bytes(range(256))}


@pytest.mark.parametrize("content", [DAMAGES["truncated"]])
@ON_THE_HOST
async def test_session_with_damaged_notes_is_adopted_and_its_leader_cleans_up(abused, content):
    """The leader has all of it in memory: session.json is for a sweep alone."""
    session = await abused.launch("xterm")
    client = await session.attach()
    (session.folder / "session.json").write_bytes(content)
    found = [
        adopted for adopted in await abused.host.launcher().adopt() if adopted.status.session == session.id
    ]
    assert found and found[0].link is not None
    await found[0].link.close()
    client.send(m.Ping(5))
    await client.until(lambda: m.Pong(5) in client.messages)
    assert (await session.log_off()).code == "logged_off"
    await abused.forget(session)
    assert abused.host.traces(session.order) == []


@pytest.mark.parametrize("content", [DAMAGES["truncated"], DAMAGES["not an object"]])
@ON_THE_HOST
async def test_dead_session_with_damaged_notes_is_swept_up_all_the_same(abused, content):
    """Leader killed, notes damaged: what remembers the session's name is found by it."""
    session = await abused.launch("stays.py")
    (session.folder / "session.json").write_bytes(content)
    leader = next(p for p in processes() if (p.info["cmdline"] or [""])[-1] == str(session.folder))
    leader.kill()
    report = await session.until_ended()
    assert report.code == "worker_failed"
    await until(lambda: abused.host.traces(session.order) == [])
    await abused.forget(session)


@pytest.mark.parametrize("content", DAMAGES.values(), ids=DAMAGES)
def test_damaged_count_of_slots_is_the_default(tmp_path, content):
    (tmp_path / "agent.json").write_bytes(content)
    assert read_slots(tmp_path) == DEFAULT_SLOTS


@pytest.mark.parametrize("content", DAMAGES.values(), ids=DAMAGES)
def test_damaged_identity_is_named(tmp_path, content):
    (tmp_path / "machine.json").write_bytes(content)
    with pytest.raises(PortcullisError) as refused:
        Credentials.load(tmp_path)
    assert str(tmp_path) in refused.value.message


def test_note_that_was_half_written_leaves_the_one_before(tmp_path):
    path = tmp_path / "session.json"
    write_atomically(path, {"session": "one"})
    (tmp_path / "session.json.new").write_text('{"sess')
    assert json.loads(path.read_text()) == {"session": "one"}
    write_atomically(path, {"session": "two"})
    assert json.loads(path.read_text()) == {"session": "two"}

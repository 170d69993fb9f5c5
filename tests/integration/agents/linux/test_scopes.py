"""Leaders that are forked and then put into a group of systemd's, as far as that goes without systemd."""

import subprocess

import psutil
import pytest

from agents.linux import groups
from agents.linux.forking import Forking
from agents.linux.groups import Backend, Group, Limits
from agents.linux.launch_line import WORKER_ENVIRONMENT
from agents.linux.leaders import end_one, start_leader
from agents.linux.scopes import NO_MORE, unit_of
from portcullis.ids import new_id
from tests.support.session_host import gone


@pytest.mark.parametrize("limits", [Limits(512, 100, 150), Limits(0, 0)])
def test_busctl_finds_the_words_to_be_of_their_signature(limits):
    """It makes the whole message before it learns that nobody answers on this bus."""
    command = [*Backend("scope").group("5e55", limits).enter, "1234", NO_MORE]
    command.insert(1, "--user")
    bus = ("dbus-run-session", "--")
    asked = subprocess.run([*bus, *command], capture_output=True, text=True)
    assert asked.returncode != 0 and "Call failed: " in asked.stderr
    short = subprocess.run([*bus, *command[:-1]], capture_output=True, text=True)
    assert short.returncode != 0 and "Call failed: " not in short.stderr


@pytest.fixture
async def forking():
    made = Forking(WORKER_ENVIRONMENT)
    yield made
    await made.aclose()


def leader_of(folder):
    """The process that leads the session of a folder."""
    (found,) = [p for p in psutil.process_iter(["cmdline"]) if (p.info["cmdline"] or [""])[-1] == str(folder)]
    return found


async def test_forked_leader_is_put_into_its_group_before_it_is_used(host, forking):
    session = new_id()
    group = groups.detect().folders["freezer"] / f"{unit_of(session)}.scope"
    group.mkdir()
    try:
        enter = ("sh", "-c", f"echo $0 > {group}/cgroup.procs")
        link = await start_leader(host.runtime / session, 0o711, Group(enter=enter), forking)
        leader = leader_of(host.runtime / session)
        assert (group / "cgroup.procs").read_text().split() == [str(leader.pid)]
        assert forking.pid is not None
        await link.close()
        await end_one(host.runtime / session, 0)
        await gone(leader)
    finally:
        group.rmdir()


async def test_leader_that_cannot_be_put_into_its_group_is_run_anew_inside_of_it(host, forking):
    session = new_id()
    group = Group(prefix=("env", "IN_ITS_GROUP=1"), enter=("false",))
    link = await start_leader(host.runtime / session, 0o711, group, forking)
    assert leader_of(host.runtime / session).environ()["IN_ITS_GROUP"] == "1"
    assert forking.pid is None
    await link.close()
    await end_one(host.runtime / session, 0)

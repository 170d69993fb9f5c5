import asyncio
import os
import pwd
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from agents.linux import display, groups
from agents.linux.groups import Group
from agents.linux.leaders import start_leader
from portcullis.model.session import Display
from portcullis.protocol.worker_channel import Status
from tests.support.patience import patient, until
from tests.support.session_host import MARKER, TINY_WORKER, gone, is_alive, processes, until_window, variables
from tests.support.told import until_ended, until_told


class Links:
    """What an agent does with leaders; every connection is closed after the test."""

    def __init__(self, host):
        self._host = host
        self._open = []

    async def __call__(self, *command, backend=None, limits=None, worker=TINY_WORKER, **order):
        order = self._host.order(*command, **order)
        launcher = self._host.launcher(worker, backend, limits)
        link = await launcher.launch(order, self._host.start(order))
        self._open.append(link)
        return order, link

    async def adopt(self):
        found = await self._host.launcher().adopt()
        self._open += [adopted.link for adopted in found if adopted.link is not None]
        return found

    async def close(self):
        for link in self._open:
            await link.close()


@pytest.fixture
async def launch(host):
    links = Links(host)
    yield links
    await links.close()


def as_user(account, program):
    """What `program` prints when the account runs it, outside of every session."""
    entry = pwd.getpwnam(account)
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def owner(pid):
    return Path(f"/proc/{pid}").stat().st_uid


async def test_session_runs_under_two_accounts_and_only_its_leader_is_root(host, launch):
    order, link = await launch("xterm")
    status, _ = await until_window(link)
    user, worker = (pwd.getpwnam(status.about[role]).pw_uid for role in ("user", "worker"))
    assert {name: owner(pid) for name, pid in status.processes.items()} == {
        "display": worker,
        "worker": worker,
        "bus": user,
        "window_manager": user,
        "application": user,
    }
    marked = [p for p in processes() if variables(p).get("PORTCULLIS_SESSION") == order.session]
    assert {uid for p in marked for uid in p.info["uids"]} == {user, worker}
    assert {gid for p in marked for gid in p.info["gids"]} == {
        pwd.getpwuid(uid).pw_gid for uid in (user, worker)
    }
    assert all("NoNewPrivs:\t1" in Path(f"/proc/{p.pid}/status").read_text() for p in marked)
    roots = [
        p
        for p in processes()
        if p.info["uids"].real == 0 and str(host.folder(order)) in (p.info["cmdline"] or ())
    ]
    assert [p.pid for p in roots] == [psutil.Process(status.processes["application"]).ppid()]


async def test_user_reaches_nothing_of_worker_or_leader(host, launch):
    order, link = await launch("xterm")
    status, _ = await until_window(link)
    folder = host.folder(order)
    framebuffer = next(Path("/dev/shm").glob(f"portcullis-{order.session}*"))
    forbidden = [
        framebuffer / "Xvfb_screen0",
        folder / "worker" / "xauthority",
        folder / "session.json",
        folder / "session.log",
        *(
            Path(f"/proc/{status.processes[name]}/{what}")
            for name in ("worker", "display")
            for what in ("mem", "environ")
        ),
    ]
    program = f"""
import os, socket
for path in {[str(path) for path in forbidden]!r}:
    try:
        open(path, "rb").read(1)
        print("read", path)
    except PermissionError:
        pass
try:
    socket.socket(socket.AF_UNIX).connect({str(folder / "leader.sock")!r})
    print("connected")
except PermissionError:
    pass
for pid in {[status.processes[name] for name in ("worker", "display")]!r}:
    try:
        os.kill(pid, 0)
        print("signalled", pid)
    except PermissionError:
        pass
"""
    assert all(path.exists() for path in forbidden)
    assert as_user(status.about["user"], program) == ""


async def test_display_has_no_shared_memory_extension_and_listens_on_no_port(host, launch):
    order, link = await launch("xterm")
    status, _ = await until_window(link)
    environment = {"DISPLAY": status.display, "XAUTHORITY": str(host.folder(order) / "worker" / "xauthority")}
    extensions = subprocess.run(
        ["xdpyinfo", "-queryExtensions"], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert "XTEST" in extensions and "MIT-SHM" not in extensions
    listening = [c for c in psutil.net_connections("tcp") if c.pid == status.processes["display"]]
    assert listening == []
    stranger = subprocess.run(["xdpyinfo"], env={"DISPLAY": status.display}, capture_output=True, check=False)
    assert stranger.returncode != 0


async def test_log_off_leaves_nothing_but_the_note_of_its_end(host, launch):
    order, link = await launch("mousepad")
    status, _ = await until_window(link)
    number = status.display.removeprefix(":")
    folder = host.folder(order)
    link.end("logged_off", 1)
    ended = await until_ended(link)
    assert (ended.code, ended.exit_statuses.keys()) == ("logged_off", status.processes.keys())
    assert list(folder.iterdir()) == [folder / "ended.json"]
    await host.launcher().forget(order.session)
    assert host.traces(order) == []
    assert not Path(f"/tmp/.X11-unix/X{number}").exists() and not Path(f"/tmp/.X{number}-lock").exists()


async def test_user_account_and_home_outlive_the_session(host, launch):
    order, link = await launch("sh", "-c", "echo kept > note; exec xterm")
    status, _ = await until_window(link)
    link.end("logged_off", 0)
    await until_ended(link)
    await host.launcher().forget(order.session)
    account = pwd.getpwnam(status.about["user"])
    home = Path(account.pw_dir)
    assert (home / "note").read_text() == "kept\n"
    assert home.stat().st_mode & 0o777 == 0o700 and (home / "note").stat().st_mode & 0o777 == 0o600
    _, second = await launch("xterm", session="0" * 16)
    assert (await until_window(second))[0].about["user"] == account.pw_name


async def test_leader_and_session_go_on_when_the_agent_leaves(host, launch):
    order, link = await launch("xterm")
    status, state = await until_window(link)
    await link.close()
    (adopted,) = await launch.adopt()
    assert adopted.link is not None and adopted.status == status
    assert await until_told(adopted.link, lambda message: message == state) == state
    adopted.link.end("logged_off", 0)
    assert (await until_ended(adopted.link)).session == order.session


async def test_newest_agent_wins(host, launch):
    _, link = await launch("xterm")
    await until_window(link)
    (adopted,) = await launch.adopt()
    async with asyncio.timeout(patient(30)):
        while await link.receive() is not None:
            pass
    adopted.link.end("logged_off", 0)
    assert (await until_ended(adopted.link)).ended


async def test_how_a_session_ended_is_kept_for_an_agent_that_was_away(host, launch):
    order, link = await launch("xterm")
    status, _ = await until_window(link)
    leader = psutil.Process(status.processes["application"]).parent()
    await link.close()
    os.kill(status.processes["application"], signal.SIGTERM)
    await gone(leader)
    (adopted,) = await launch.adopt()
    assert adopted.link is None
    assert (adopted.status.session, adopted.status.code) == (order.session, "application_closed")
    assert adopted.status.about["tenant"] == order.tenant


@pytest.mark.parametrize("command", ["no-such-program", "/etc/passwd", "./absent", "/root/x"])
async def test_command_that_the_user_cannot_run_is_missing_before_anything_starts(host, launch, command):
    _, link = await launch(command)
    ended = await until_ended(link)
    assert (ended.code, ended.stage, ended.processes) == ("application_missing", "accepted", {})
    assert command in ended.detail


async def test_application_that_exits_at_once_tells_its_last_words(host, launch):
    lines = "".join(f"echo word {n} >&2; " for n in range(9))
    _, link = await launch("sh", "-c", f"{lines} exit 3")
    ended = await until_ended(link)
    assert (ended.code, ended.exit_statuses["application"]) == ("application_exited", 3)
    assert ended.detail == "word 4 | word 5 | word 6 | word 7 | word 8"


async def test_session_lives_while_what_the_application_left_behind_lives(host, launch):
    _, link = await launch("sh", "-c", "setsid xterm >/dev/null 2>&1 & exit 0")
    await until_window(link)
    (xterm,) = [
        p for p in processes() if p.info["name"] == "xterm" and p.info["username"].startswith(host.prefix)
    ]
    xterm.kill()
    ended = await until_ended(link)
    assert (ended.code, ended.exit_statuses["application"]) == ("application_closed", 0)


async def test_session_ends_with_its_editor_whatever_the_bus_started_for_that(host, launch):
    order, link = await launch("mousepad")
    await until_window(link)

    def named(name):
        ours = {p.info["name"]: p for p in processes() if variables(p).get(MARKER) == order.session}
        return ours.get(name)

    await until(lambda: named("at-spi2-registryd"))
    named("mousepad").kill()
    ended = await until_ended(link)
    assert ended.code == "application_closed"


async def test_session_lives_while_a_window_of_what_the_bus_started_for_the_application_does(host, launch):
    """Many programs only ask the bus to start them, and end."""
    service = "[D-BUS Service]\\nName=org.example.Held\\nExec=/usr/bin/xterm\\n"
    folder = "$HOME/.local/share/dbus-1/services"
    ask = "dbus-send --session --type=method_call --dest=org.freedesktop.DBus / org.freedesktop.DBus"
    _, link = await launch(
        "sh",
        "-c",
        f"mkdir -p {folder} && printf '{service}' > {folder}/held.service && {ask}.ReloadConfig"
        f" && {ask}.StartServiceByName string:org.example.Held uint32:0",
    )
    status, _ = await until_window(link)
    (xterm,) = [
        p for p in processes() if p.info["name"] == "xterm" and p.info["username"].startswith(host.prefix)
    ]
    assert xterm.ppid() != status.processes["application"]
    await asyncio.sleep(0.5)
    assert xterm.is_running()
    xterm.kill()
    ended = await until_ended(link)
    assert (ended.code, ended.exit_statuses["application"]) == ("application_closed", 0)


async def test_application_that_ignores_the_request_to_end_is_killed(host, launch):
    _, link = await launch("sh", "-c", "trap '' TERM; xterm & exec sleep 4321")
    status, _ = await until_window(link)
    link.end("logged_off", 0.2)
    ended = await until_ended(link)
    assert ended.exit_statuses["application"] == -signal.SIGKILL
    assert status.processes == ended.processes


async def test_daemon_that_hid_itself_dies_at_log_off(host, launch):
    """Two forks, a session of its own and an emptied environment: nothing but its ancestry tells."""
    hidden = "(setsid env -i /bin/sh -c 'exec -a hidden sleep 4321' &) ; exec xterm"
    _, link = await launch("bash", "-c", hidden.replace("/bin/sh", "/bin/bash"))
    await until_window(link)
    daemons = [
        p
        for p in processes()
        if (p.info["cmdline"] or [])[:1] == ["hidden"] and p.info["username"].startswith(host.prefix)
    ]
    assert len(daemons) == 1 and "PORTCULLIS_SESSION" not in variables(daemons[0])
    link.end("logged_off", 1)
    await until_ended(link)
    assert not is_alive(daemons[0])


@pytest.mark.parametrize(("name", "code"), [("display", "display_failed"), ("worker", "worker_failed")])
async def test_session_ends_when_its_display_or_worker_is_killed(host, launch, name, code):
    order, link = await launch("xterm")
    status, _ = await until_window(link)
    os.kill(status.processes[name], signal.SIGKILL)
    ended = await until_ended(link)
    assert ended.code == code and f"{name} ended with -9" in ended.detail
    await host.launcher().forget(order.session)
    assert host.traces(order) == []


async def test_display_that_admits_strangers_ends_the_session(host, launch, monkeypatch):
    """So does an X server that cannot read its cookie: it tells nobody."""
    monkeypatch.setattr(display, "command", lambda dpi, command=display.command: [*command(dpi), "-ac"])
    order, link = await launch("xterm")
    ended = await until_ended(link)
    assert ended.code == "display_failed" and "cookie" in ended.detail
    assert "window_manager" not in ended.processes and "application" not in ended.processes
    await host.launcher().forget(order.session)
    assert host.traces(order) == []


async def test_application_cannot_have_its_display_fill_the_hosts_memory(host, launch):
    """Each pixmap would take 64 MB of the X server, which no limit of the user's counts."""
    program = """
import xcffib, xcffib.xproto
c = xcffib.Connection()
made = 0
try:
    for _ in range(200):
        c.core.CreatePixmapChecked(24, c.generate_id(), c.get_setup().roots[0].root, 4096, 4096).check()
        made += 1
except xcffib.Error as refused:
    print("refused", type(refused).__name__, "after", made)
raise SystemExit(7)
"""
    _, link = await launch(sys.executable, "-c", program)
    ended = await until_ended(link)
    assert "refused AllocError after" in ended.detail


async def test_worker_that_never_speaks_ends_the_session_with_its_last_words(host, launch):
    _, link = await launch("xterm", worker=(sys.executable, "-I", "-c", "raise SystemExit('no such luck')"))
    ended = await until_ended(link)
    assert ended.code == "worker_failed" and "no such luck" in ended.detail


async def test_what_a_killed_leader_left_is_swept_up(host, launch):
    order, link = await launch("bash", "-c", "(setsid sleep 4321 &) ; exec xterm")
    status, _ = await until_window(link)
    leader = psutil.Process(status.processes["application"]).parent()
    leader.kill()
    await gone(leader)
    async with asyncio.timeout(patient(30)):
        while await link.receive() is not None:
            pass
    assert await launch.adopt() == []
    assert host.traces(order) == []


async def test_leader_without_a_launch_goes_with_its_agent(host):
    order = host.order()
    link = await start_leader(host.folder(order), 0o711, Group())
    (leader,) = [p for p in processes() if str(host.folder(order)) in (p.info["cmdline"] or ())]
    assert host.folder(order).exists()
    await link.close()
    await gone(leader)
    assert not host.folder(order).exists()


async def test_leader_without_a_launch_goes_when_it_is_found(host):
    order = host.order()
    link = await start_leader(host.folder(order), 0o711, Group())
    assert await host.launcher().adopt() == []
    assert not host.folder(order).exists()
    await link.close()


async def test_malformed_lines_change_nothing(host, launch):
    _, link = await launch("xterm")
    await until_window(link)
    for line in (b"\n", b"{\n", b"[1]\n", b'{"type": "sing"}\n', b'{"type": "launch"}\n', b"\xff\xfe\n"):
        link._write(line)
    link.end("logged_off", 0)
    assert (await until_ended(link)).code == "logged_off"


async def test_endless_line_costs_the_connection_and_not_the_session(host, launch):
    order, link = await launch("xterm")
    await until_window(link)
    link._write(b"x" * (3 << 20))
    async with asyncio.timeout(patient(30)):
        while await link.receive() is not None:
            pass
    (adopted,) = await launch.adopt()
    assert adopted.status.session == order.session and not adopted.status.ended


async def test_programs_get_the_environment_of_user_and_session(host, launch):
    display = Display(1024, 768, device_pixel_ratio=2.0, locale="de-AT", time_zone="Europe/Vienna")
    own = {"EDITOR_MODE": "quiet", "HOME": "/tmp", "DISPLAY": ":99", "LD_PRELOAD": "/tmp/x.so"}
    _order, link = await launch("sh", "-c", "env > found; exec xterm", environment=own, display=display)
    status, _ = await until_window(link)
    account = pwd.getpwnam(status.about["user"])
    found = dict(line.split("=", 1) for line in Path(account.pw_dir, "found").read_text().splitlines())
    assert found["HOME"] == account.pw_dir and found["DISPLAY"] == status.display
    assert found["EDITOR_MODE"] == "quiet" and "LD_PRELOAD" not in found
    assert (found["TZ"], found["GDK_SCALE"], found["LANG"]) == ("Europe/Vienna", "2", "C.UTF-8")
    assert found["USER"] == found["LOGNAME"] == account.pw_name
    assert Path(found["XDG_RUNTIME_DIR"]).stat().st_mode & 0o777 == 0o700


async def test_every_backend_of_this_machine_ends_a_session_whole(host, launch):
    for index, backend in enumerate([groups.detect(), groups.Backend("rlimits")]):
        hidden = "(setsid env -i sleep 4321 &) ; exec xterm"
        _, link = await launch("bash", "-c", hidden, backend=backend, slot=index)
        await until_window(link)
        link.end("logged_off", 0)
        assert (await until_ended(link)).ended
        assert [p for p in processes() if p.info["username"].startswith(host.prefix)] == []


async def test_process_limit_of_the_group_stops_a_swarm_and_spares_the_worker(host, launch):
    if "pids" not in groups.detect().folders:
        pytest.skip("no writable cgroup v1 with the pids controller here")
    swarm = "for n in $(seq 300); do sleep 4321 & done"
    _, link = await launch("sh", "-c", swarm, limits=groups.Limits(memory_mb=0, processes=60))
    ended = await until_told(link, lambda m: isinstance(m, Status) and "application" in m.exit_statuses)
    mine = [p for p in processes() if p.info["username"] == ended.about["user"]]
    assert len(mine) <= 60 and "worker" not in ended.exit_statuses


async def test_two_sessions_of_a_user_share_the_account_and_not_the_display(host, launch):
    _, one = await launch("xterm", slot=0)
    second, two = await launch("xterm", slot=1)
    (a, _), (b, _) = await until_window(one), await until_window(two)
    assert a.about["user"] == b.about["user"] and a.about["worker"] != b.about["worker"]
    assert a.display != b.display
    one.end("logged_off", 0)
    await until_ended(one)
    assert owner(b.processes["application"]) == pwd.getpwnam(b.about["user"]).pw_uid
    assert host.traces(second) != []


async def test_many_sessions_at_once_get_displays_of_their_own(host, launch):
    launched = await asyncio.gather(*(launch("xterm", slot=slot) for slot in range(6)))
    found = await asyncio.gather(*(until_window(link) for _, link in launched))
    assert len({status.display for status, _ in found}) == 6
    for _, link in launched:
        link.end("logged_off", 0)
    await asyncio.gather(*(until_ended(link) for _, link in launched))
    assert [
        trace for order, _ in launched for trace in host.traces(order) if trace != host.folder(order)
    ] == []

"""Sessions on Windows, played through under Wine: `python windows_sessions.py FOLDER` prints what was seen of each
scenario, as one JSON object. One process plays them all: starting an interpreter under Wine takes a second.

The agent is this process, or another one where it is killed; helpers, pipes, job objects and applications are real. The
worker has no desktop (windows_worker.py).
"""

import asyncio
import json
import logging
import os
import secrets
import subprocess
import sys
import time
import traceback
from pathlib import Path

from agents.windows import acl, leaders, machine, paths, pipe
from agents.windows.interactive import LoggedOn, OwnSession
from agents.windows.launcher import WindowsLauncher
from portcullis.errors import PortcullisError
from portcullis.model.session import Display
from portcullis.protocol.checks import Check
from portcullis.protocol.orders import Order
from portcullis.protocol.worker_channel import Start, Status, Tell, WorkerState
from tests.support.patience import patient, until
from tests.support.told import until_ended, until_told

WORKER = (sys.executable, "-I", str(Path(__file__).with_name("windows_worker.py")))
PATIENCE_SECONDS = 45


class Records(logging.Handler):
    def __init__(self):
        super().__init__()
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())


class Host:
    def __init__(self, folder, places=None):
        self.runtime = folder
        self.launcher = WindowsLauncher(folder, places or OwnSession(), WORKER)

    def order(self, *command, environment=None):
        return Order(
            session=secrets.token_hex(8),
            tenant="t" * 16,
            user_id="b" * 16,
            user_name="Ada",
            slot=0,
            state="pending",
            application_id="a" * 16,
            application_name="Application",
            command=command,
            environment=environment or {},
            display=Display(width=1024, height=768),
        )

    async def launch(self, *command, environment=None):
        order = self.order(*command, environment=environment)
        start = Start(order.session, order.tenant, "b" * 16, "c" * 16, 1024, 768, ca="", grant_keys={})
        return await self.launcher.launch(order, start)

    def helper(self, session):
        return leaders.read_notes(self.runtime / "sessions" / session).helper


async def until_runs(link):
    return await until_told(
        link, lambda message: isinstance(message, Status) and message.stage == "application"
    )


async def until_gone(*pids):
    await until(lambda: all(machine.measure(pid) is None for pid in pids), PATIENCE_SECONDS)


def kill(pid):
    subprocess.run(["taskkill", "/f", "/pid", str(pid)], stdout=subprocess.DEVNULL, check=True)


async def begins_and_logs_off(host):
    link = await host.launch("notepad.exe")
    status = await until_runs(link)
    pids = list(status.processes.values())
    names = [each.name for each in host.launcher.processes(status.processes)]
    await until(lambda: window_of(status.processes["application"]), PATIENCE_SECONDS)
    link.end("logged_off", 60)
    ended = await until_ended(link)
    assert await link.receive() is None
    await until_gone(*pids, host.helper(link.session).pid)
    await host.launcher.forget(link.session)
    left = [path.name for path in (host.runtime / "sessions").iterdir()]
    return {
        "code": ended.code,
        "names": names,
        "status": ended.exit_statuses["application"],
        "left": left,
        "about": status.about["order"],
    }


def window_of(pid):
    from agents.windows.job import windows_of

    return windows_of({pid})


async def ends_at_once(host):
    link = await host.launch("cmd.exe", "/c", "exit 3")
    ended = await until_ended(link)
    return {"code": ended.code, "status": ended.exit_statuses["application"]}


async def crashes(host):
    link = await host.launch(sys.executable, "-I", "-c", "import os; os._exit(-1073741819)")
    ended = await until_ended(link)
    return {"code": ended.code, "status": ended.exit_statuses["application"]}


async def is_missing(host):
    link = await host.launch("C:\\none\\none.exe")
    ended = await until_ended(link)
    return {"code": ended.code, "detail": ended.detail}


async def arguments_and_environment(host):
    out = host.runtime / "out.json"
    code = (
        "import json, os, sys; from pathlib import Path;"
        "Path(sys.argv[1]).write_text(json.dumps([sys.argv[2:], os.environ['Own'], os.getcwd()]))"
    )
    words = ['a "b" c\\', "é € 漢字", "", "%PATH%", "x & y"]
    link = await host.launch(sys.executable, "-I", "-c", code, str(out), *words, environment={"OWN": "é=1"})
    await until_ended(link)
    arguments, own, folder = json.loads(out.read_text())
    return {"arguments": arguments == words, "own": own, "home": folder == os.environ["USERPROFILE"]}


async def child_goes_on(host):
    """The process that was started ends, one that it started does not."""
    link = await host.launch("cmd.exe", "/c", "start notepad.exe")
    first = await until_told(
        link, lambda message: isinstance(message, Status) and "application" in message.exit_statuses
    )
    link.send(Tell("show"))
    await until_told(link, lambda message: isinstance(message, WorkerState) and message.windows == 1)
    await until(notepads, PATIENCE_SECONDS)
    for pid in notepads():
        kill(pid)
    ended = await until_ended(link)
    return {"was_over": first.ended, "code": ended.code}


def notepads():
    from agents.windows.processes import _listed

    return [each.pid for each in _listed() if each.name == "notepad.exe"]


async def helper_is_killed(host):
    link = await host.launch("notepad.exe")
    status = await until_runs(link)
    kill(host.helper(link.session).pid)
    async with asyncio.timeout(patient(PATIENCE_SECONDS)):
        while await link.receive() is not None:
            pass
    await until_gone(*status.processes.values())
    again = await host.launcher.reopen(link.session)
    ended = await host.launcher.ended(link.session)
    await host.launcher.forget(link.session)
    return {"again": again, "ended": ended}


async def worker_dies(host):
    link = await host.launch("notepad.exe")
    status = await until_runs(link)
    link.send(Tell("something"))
    link.send(Tell("die"))
    ended = await until_ended(link)
    await until_gone(*status.processes.values())
    return {"code": ended.code, "detail": ended.detail}


async def link_is_dropped(host):
    link = await host.launch("notepad.exe")
    await until_runs(link)
    await link.close()
    link = await host.launcher.reopen(link.session)
    first = await link.receive()
    link.end("logged_off", 5)
    await until_ended(link)
    return {"session": first.session == link.session, "stage": first.stage}


async def agent_is_killed(host):
    agent = subprocess.Popen(
        [sys.executable, __file__, str(host.runtime), "agent"],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    begun = json.loads(await asyncio.to_thread(agent.stdout.readline))
    agent.kill()
    agent.wait()
    lives = all(machine.measure(pid) is not None for pid in begun["pids"])
    (adopted,) = await Host(host.runtime).launcher.adopt()
    adopted.link.end("logged_off", 5)
    ended = await until_ended(adopted.link)
    await until_gone(*begun["pids"])
    await host.launcher.forget(begun["session"])
    return {
        "lives": lives,
        "same": adopted.status.session == begun["session"],
        "pids": sorted(adopted.status.processes.values()) == sorted(begun["pids"]),
        "code": ended.code,
    }


async def ends_without_an_agent(host):
    link = await host.launch("cmd.exe", "/c", "ping -n 3 127.0.0.1 & exit 5")
    status = await until_runs(link)
    await link.close()
    await until_gone(*status.processes.values())
    (adopted,) = await Host(host.runtime).launcher.adopt()
    await host.launcher.forget(link.session)
    return {
        "code": adopted.status.code,
        "link": adopted.link,
        "status": adopted.status.exit_statuses["application"],
    }


async def dead_helper_is_swept(host):
    link = await host.launch("notepad.exe")
    await until_runs(link)
    kill(host.helper(link.session).pid)
    found = await Host(host.runtime).launcher.adopt()
    return {"found": found, "left": [path.name for path in (host.runtime / "sessions").iterdir()]}


class Crowded(OwnSession):
    """Somebody else comes to the pipe before the helper does: another program of the same user."""

    def start(self, place, command):
        name = command[-2]
        stranger = f"import sys; p = open({name!r}, 'r+b', buffering=0); print('in', flush=True); p.read()"
        self.stranger = subprocess.Popen(
            [sys.executable, "-c", stranger], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        assert self.stranger.stdout.readline().strip() == b"in"
        return super().start(place, command)


async def stranger_comes(host):
    places = Crowded()
    records = Records()
    logging.getLogger("agents.windows.leaders").addHandler(records)
    host = Host(host.runtime, places)
    link = await host.launch("notepad.exe")
    status = await until_runs(link)
    places.stranger.kill()
    link.end("logged_off", 5)
    await until_ended(link)
    return {"stage": status.stage, "noted": any("stranger" in text for text in records.texts)}


async def second_helper(host):
    """With the right name and owner, while the first is connected: it never gets in."""
    link = await host.launch("notepad.exe")
    await until_runs(link)
    notes = leaders.read_notes(host.runtime / "sessions" / link.session)
    refused = None
    try:
        pipe.dial(notes.pipe, acl.own_sid())
    except OSError as exc:
        refused = exc.errno
    link.send(Tell("show"))
    await until_told(link, lambda message: isinstance(message, WorkerState) and message.windows == 1)
    link.end("logged_off", 5)
    await until_ended(link)
    return {"refused": refused}


async def name_is_taken(host):
    name = leaders.new_pipe_name()
    first = pipe.PipeServer(name, acl.pipe(acl.own_sid(), acl.own_sid()))
    try:
        pipe.PipeServer(name, acl.pipe(acl.own_sid(), acl.own_sid()))
    except OSError:
        return {"refused": True}
    finally:
        first.close()
    return {"refused": False}


async def pipe_of_somebody_else(host):
    """A helper says nothing to a pipe whose owner is not the service."""
    name = leaders.new_pipe_name()
    server = pipe.PipeServer(name, acl.pipe(acl.own_sid(), acl.own_sid()))
    try:
        pipe.dial(name, acl.SYSTEM)
    except PermissionError as exc:
        return {"refused": str(exc)}
    finally:
        server.close()
    return {"refused": None}


async def as_a_service_would(host):
    """With the token of who is signed in."""
    host = Host(host.runtime, LoggedOn())
    link = await host.launch("notepad.exe")
    status = await until_runs(link)
    link.end("logged_off", 5)
    ended = await until_ended(link)
    return {"user": status.about["user"], "code": ended.code}


async def the_desktop_itself(host):
    link = await host.launch("explorer.exe")
    status = await until_runs(link)
    link.send(Tell("show"))
    await until_told(link, lambda message: isinstance(message, WorkerState) and message.windows == 1)
    link.end("logged_off", 5)
    ended = await until_ended(link)
    return {"processes": list(status.processes), "code": ended.code}


async def dry_run(host):
    check = Check("c" * 16, "t" * 16, "b" * 16, "Ada", ("notepad.exe",), {})
    good = {what: look().outcome for what, look in host.launcher.looks(check).items()}
    check = Check("c" * 16, "t" * 16, "b" * 16, "Ada", ("C:\\none.exe",), {})
    bad = host.launcher.looks(check)["command"]()
    return {"good": good, "bad": [bad.outcome, bad.code]}


async def service_runs_and_stops(host):
    """As the service manager starts it, on a machine that has not joined: it waits."""
    import win32service

    manager = win32service.OpenSCManager(None, None, win32service.SC_MANAGER_ALL_ACCESS)
    command = f'"{sys.executable}" -I -m agents.windows.service --state C:\\nowhere'
    kind, start, errors = (
        win32service.SERVICE_WIN32_OWN_PROCESS,
        win32service.SERVICE_DEMAND_START,
        win32service.SERVICE_ERROR_NORMAL,
    )
    every = win32service.SERVICE_ALL_ACCESS
    name = "PortcullisTest"
    service = win32service.CreateService(
        manager, name, name, every, kind, start, errors, command, None, 0, None, None, None
    )
    log = paths.logs() / "agent.log"

    def state():
        return win32service.QueryServiceStatus(service)[1]

    try:
        win32service.StartService(service, None)
        await until(lambda: state() == win32service.SERVICE_RUNNING, PATIENCE_SECONDS)
        await until(lambda: log.is_file() and "waiting for it to join" in log.read_text(), PATIENCE_SECONDS)
        accepted = win32service.QueryServiceStatus(service)[2]
        win32service.ControlService(service, win32service.SERVICE_CONTROL_STOP)
        await until(lambda: state() == win32service.SERVICE_STOPPED, PATIENCE_SECONDS)
        failed = win32service.QueryServiceStatus(service)[3]
    finally:
        win32service.DeleteService(service)
    sessions = bool(accepted & win32service.SERVICE_ACCEPT_SESSIONCHANGE)
    return {"sessions": sessions, "failed": failed}


SCENARIOS = (
    begins_and_logs_off,
    ends_at_once,
    crashes,
    is_missing,
    arguments_and_environment,
    child_goes_on,
    helper_is_killed,
    worker_dies,
    link_is_dropped,
    agent_is_killed,
    ends_without_an_agent,
    dead_helper_is_swept,
    stranger_comes,
    second_helper,
    name_is_taken,
    pipe_of_somebody_else,
    as_a_service_would,
    the_desktop_itself,
    dry_run,
    service_runs_and_stops,
)


async def agent_of_its_own(folder):
    """Launches a session, says what it is, and never ends by itself."""
    link = await Host(folder).launch("notepad.exe")
    status = await until_runs(link)
    print(json.dumps({"session": link.session, "pids": list(status.processes.values())}), flush=True)
    await asyncio.Event().wait()


async def play(folder, names):
    import win32gui

    win32gui.GetDesktopWindow()  # or Wine starts its desktop's process for the first application, in that one's job
    seen = {}
    for scenario in SCENARIOS:
        if names and scenario.__name__ not in names:
            continue
        host = Host(folder / scenario.__name__)
        began = time.monotonic()
        try:
            async with asyncio.timeout(patient(4 * PATIENCE_SECONDS)):
                seen[scenario.__name__] = await scenario(host)
        except (Exception, PortcullisError):
            seen[scenario.__name__] = {"failed": traceback.format_exc()}
        print(f"{scenario.__name__}: {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
    print(json.dumps(seen))


def main(folder, *rest):
    if rest == ("agent",):
        asyncio.run(agent_of_its_own(Path(folder)))
    else:
        asyncio.run(play(Path(folder), rest))


if __name__ == "__main__":
    main(*sys.argv[1:])

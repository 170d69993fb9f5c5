import os
import pwd

import psutil

from tests.support.session_host import processes, until_window, variables


async def launched(host, *command, **order):
    order = host.order(*command, **order)
    launcher = host.launcher()
    link = await launcher.launch(order, host.start(order))
    return order, launcher, link


async def test_session_runs_under_two_accounts_and_only_its_leader_is_root(host):
    order, _, link = await launched(host, "xterm")
    status, state = await until_window(link)
    assert state.windows == 1 and status.stage == "application"
    user = pwd.getpwnam(status.about["user"])
    worker = pwd.getpwnam(status.about["worker"])
    owners = {name: os.stat(f"/proc/{pid}").st_uid for name, pid in status.processes.items()}
    assert owners == {
        "display": worker.pw_uid,
        "worker": worker.pw_uid,
        "bus": user.pw_uid,
        "window_manager": user.pw_uid,
        "application": user.pw_uid,
    }
    marked = [p for p in processes() if variables(p).get("PORTCULLIS_SESSION") == order.session]
    assert {p.uids().real for p in marked} == {p.uids().saved for p in marked} == {user.pw_uid, worker.pw_uid}
    roots = [
        p for p in processes() if p.uids().real == 0 and str(host.folder(order)) in " ".join(p.cmdline())
    ]
    assert len(roots) == 1 and roots[0].pid == psutil.Process(status.processes["application"]).ppid()
    await link.close()

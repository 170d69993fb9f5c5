"""What `--status` says: the processes as the supervisor has them, then the site as it sees itself."""

from __future__ import annotations

import subprocess
import time

from portcullis.cli.output import table
from portcullis.lab.control import ask, trouble_of
from portcullis.lab.layout import LINKS, Lab
from portcullis.lab.start import site_trouble
from portcullis.quickstart import control_socket

HEALTHY, DEGRADED, STOPPED = 0, 1, 3


def report(lab: Lab) -> int:
    """Prints it. 0: healthy; 1: it runs and does not work; 3: stopped."""
    status = ask(lab, "status")
    print(f"Cluster {lab.place.key} of {lab.clone}")
    print(f"  URLs     {', '.join(lab.urls)}\n  State    {lab.state}\n  Logs     {lab.logs}")
    if status is None:
        print("  Stopped. deploy/cluster.sh starts it.")
        return STOPPED
    now = time.time()
    rows = [
        (
            part["name"],
            part["pid"] or "down",
            f"{now - part['since']:.0f} s",
            part["restarts"],
            "" if part["name"] == LINKS else (_reason(lab, part["name"]) or "ready"),
        )
        for part in status["parts"]
    ]
    print(f"  Release  {status['release']}\n")
    print(table(("PART", "PROCESS", "SINCE", "RESTARTS", "STATE"), rows))
    links = control_socket.ask(lab.links_socket, "status")
    if links and links["rules"]:
        print(f"\nLinks that are stalled or cut: {links['rules']}")
    trouble = site_trouble(lab)
    if trouble:
        print(f"\nNot healthy: {trouble}")
        return DEGRADED
    print()
    # of the release that runs, which may be newer than what calls this
    return subprocess.run(
        (str(lab.release / "bin/portcullis"), "--profile", f"{lab.var}/profile.json", "status"), check=False
    ).returncode


def _reason(lab: Lab, name: str) -> str | None:
    found = trouble_of(lab, name)
    return None if found is None else found.removeprefix(f"{name}: ")

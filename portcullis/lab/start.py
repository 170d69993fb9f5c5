"""Starts a lab, or finds it running: either way it ends with the card on the terminal and in var/."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

from portcullis.errors import PortcullisError
from portcullis.lab import card, etcd_member, layout, making, stop
from portcullis.lab.control import ask
from portcullis.lab.layout import Lab, Shape
from portcullis.quickstart import health, instance, log_files, publish, supervising, terminal
from portcullis.quickstart.errors import QuickstartError
from portcullis.rest.client import Client

PORT_SECONDS = 5.0
HEALTHY_SECONDS = 120.0
LOG_LINES = 8


def start(clone: Path, release: Path, shape: Shape | None, lock_descriptor: int | None = None) -> Lab:
    """`lock_descriptor` keeps `release` from being removed until the lab refers to it. Raises QuickstartError."""
    lab = choose(clone, release, shape)
    is_running = stop_for_another_release(lab, release)
    lab = replace(lab, release=release)
    layout.save(lab)
    if lock_descriptor is not None:
        os.close(lock_descriptor)
    if not is_running:
        if layout.JOINED not in lab.done:
            making.sweep(lab)
        account = making.make_folders(lab)
        check_ports(lab)
        with log_files.last_words(lab.logs, LOG_LINES):
            launch_supervisor(lab)
            lab = making.complete(lab, account)
    stop.undo_faults(lab)
    with (
        log_files.last_words(lab.logs, LOG_LINES),
        terminal.step("Waiting until every part is ready and knows the others"),
    ):
        making.wait_until_ready(lab, lab.services, HEALTHY_SECONDS)
        wait_for_site(lab)
    lab = publish_once(lab)
    card.write(lab)
    print(card.text(lab), flush=True)
    return lab


def choose(clone: Path, release: Path, shape: Shape | None) -> Lab:
    """The lab of this clone, as it was or new. Nothing is made yet."""
    if instance.load(clone) is not None:
        raise QuickstartError(
            f"{clone} has a quickstart: deploy/quickstart.sh --reset removes it, or take another clone"
        )
    found = layout.load(clone)
    if found is not None and shape not in (None, found.shape):
        raise QuickstartError("this cluster is made already: --reset it to make one of another shape")
    chosen = found.shape if found else shape or Shape()
    program, version = "", None
    if chosen.members:
        etcd = etcd_member.find()
        if etcd is None:
            raise QuickstartError(
                f"there is no etcd: install etcd-server, or name one in ${etcd_member.VARIABLE}"
            )
        program, version = str(etcd[0]), ".".join(map(str, etcd[1]))
        print(f"  etcd {version} ({program})")
    return replace(found, etcd=program) if found else layout.new_lab(clone, release, chosen, program)


def stop_for_another_release(lab: Lab, release: Path) -> bool:
    """True if it runs already, from this release."""
    status = ask(lab, "status")
    if status is None:
        return False
    if status["release"] == str(release):
        return layout.JOINED in lab.done
    with terminal.step("Stopping the parts of the release before; sessions go on"):
        stop.stop_supervisor(lab)
    return False


def check_ports(lab: Lab) -> None:
    """Parts of a supervisor that was killed may still be on their way out. Raises QuickstartError."""
    deadline = time.monotonic() + PORT_SECONDS
    for name, port in lab.ports.items():
        while not instance.port_is_free(port):
            if time.monotonic() > deadline:
                raise QuickstartError(
                    f"port {port}, which this cluster uses for {name}, is taken by another program: "
                    "end that, or --reset"
                )
            time.sleep(health.POLL_SECONDS)


def launch_supervisor(lab: Lab) -> None:
    supervising.launch(
        "portcullis.lab.supervisor",
        lab.clone,
        lab.release / "bin/python",
        lab.logs / "supervisor.log",
        lab.supervisor_pid_file,
        lambda: ask(lab, "status") is not None,
    )


def wait_for_site(lab: Lab) -> None:
    health.wait(
        "the start", lambda: site_trouble(lab), HEALTHY_SECONDS, lambda: ask(lab, "status") is not None
    )


def site_trouble(lab: Lab) -> str | None:
    """Asked at every gateway: all gateways and hosts are known to be online."""
    for number in range(len(lab.gateways)):
        client = Client(card.profile_of(lab, number), timeout_seconds=5)
        try:
            offline = [
                str(item["name"])
                for kind in ("gateways", "hosts")
                for item in client.items("admin", kind)
                if not item.get("online")
            ]
        except PortcullisError as exc:
            return f"{lab.gateways[number]}: {exc}"
        if offline:
            return f"{', '.join(offline)}: not online yet"
    return None


def publish_once(lab: Lab) -> Lab:
    """What an administrator takes away later stays away."""
    if layout.PUBLISHED in lab.done:
        return lab
    client = Client(card.profile_of(lab), timeout_seconds=10)
    publish.publish_all(client, card.secrets_of(lab).username)
    lab = lab.with_done(layout.PUBLISHED)
    layout.save(lab)
    return lab

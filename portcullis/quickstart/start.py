"""Starts an instance, or finds it running: either way it ends with the facts on the terminal and in var/."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from portcullis.errors import PortcullisError
from portcullis.quickstart import (
    control_socket,
    facts,
    first_start,
    health,
    instance,
    log_files,
    publish,
    stop,
    terminal,
)
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.facts import Secrets
from portcullis.quickstart.instance import Instance, Ports
from portcullis.quickstart.parts import ENVIRONMENT
from portcullis.quickstart.place import instance_key, isolation_here
from portcullis.rest.client import Client

PORT_SECONDS = 5.0
SUPERVISOR_SECONDS = 15.0
HEALTHY_SECONDS = 90.0
LOG_LINES = 15


def start(
    clone: Path,
    release: Path,
    port: int | None,
    lock_descriptor: int | None = None,
    guide: Callable[[Instance], str] = terminal.guide_of_clone,
) -> Instance:
    """`lock_descriptor` keeps `release` from being removed until the instance refers to it. Raises QuickstartError."""
    found = choose(clone, port)
    is_running = stop_if_of_another_release(found, release)
    found = found.running(release)
    instance.save(found)
    if lock_descriptor is not None:
        os.close(lock_descriptor)
    first_start.make_folders(found)
    if not is_running:
        check_ports(found)
        with last_words(found):
            found = first_start.complete(found)
            launch_supervisor(found)
    secrets = facts.read_secrets(found)
    client = Client(facts.profile_of(found, secrets))
    with last_words(found), terminal.step("Waiting until broker, gateway and agent are ready"):
        health.wait(
            "the start", lambda: health.site_trouble(client), HEALTHY_SECONDS, lambda: is_supervised(found)
        )
    found = publish_once(found, client, secrets)
    write_facts(found, client, secrets, guide(found))
    return found


def choose(clone: Path, port: int | None) -> Instance:
    """The instance of this clone, with its ports of before or new ones."""
    found = instance.load(clone)
    if found is None:
        taken = [port for other in instance.others(clone) for port in other.all_ports]
        key = instance_key(clone)
        ports = instance.choose_ports(port, key, taken, instance.port_is_free)
        return Instance(clone, ports, isolation=isolation_here())
    if port not in (None, found.ports.public):
        raise QuickstartError(
            f"this instance keeps port {found.ports.public}, which its site is made for; --reset it to choose another"
        )
    return found


def stop_if_of_another_release(found: Instance, release: Path) -> bool:
    """True if it runs already, from this release. Sessions go on while the parts change to another one."""
    status = control_socket.ask(found.control_socket, "status")
    if status is None:
        return False
    if status["release"] == str(release):
        return True
    with terminal.step("Stopping the parts of the release before; sessions go on"):
        stop.stop_supervisor(found)
    return False


def check_ports(found: Instance) -> None:
    """Parts of a supervisor that was killed may still be on their way out."""
    deadline = time.monotonic() + PORT_SECONDS
    for port in found.all_ports:
        while not instance.port_is_free(port):
            if time.monotonic() > deadline:
                raise QuickstartError(
                    f"port {port}, which this instance uses, is taken by another program: end that, or --reset"
                )
            time.sleep(health.POLL_SECONDS)


def launch_supervisor(found: Instance) -> None:
    """Apart from this process and its terminal."""
    output = log_files.open_log(found.logs / "supervisor.log")
    try:
        subprocess.Popen(
            (
                *(str(found.release / "bin/python"), "-I", "-m", "portcullis.quickstart.supervisor"),
                *("--clone", str(found.clone)),
            ),
            env=ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    finally:
        os.close(output)
    health.wait(
        "the supervisor's start",
        lambda: None if is_supervised(found) else "it does not answer",
        SUPERVISOR_SECONDS,
        lambda: True,
    )


def is_supervised(found: Instance) -> bool:
    return control_socket.ask(found.control_socket, "status") is not None


@contextlib.contextmanager
def last_words(found: Instance) -> Iterator[None]:
    """A failure says how every log ends: what one has to know about it, and what a bug report needs."""
    try:
        yield
    except QuickstartError as exc:
        blocks = [
            "\n".join((f"--- {path}", *log_files.tail(path, LOG_LINES)))
            for path in sorted(found.logs.glob("*.log"))
        ]
        raise QuickstartError("\n".join((str(exc), *blocks))) from exc


def publish_once(found: Instance, client: Client, secrets: Secrets) -> Instance:
    """What an administrator takes away later stays away."""
    if first_start.PUBLISHED in found.done:
        return found
    with terminal.step("Publishing this machine's applications"):
        for offer in publish.offers():
            try:
                publish.publish(client, offer, secrets.username)
            except PortcullisError as exc:
                print(f"\n  {offer.name} is left out: {exc}", file=sys.stderr)
    found = found.with_done(first_start.PUBLISHED)
    instance.save(found)
    return found


def write_facts(found: Instance, client: Client, secrets: Secrets, guide: str) -> None:
    try:
        names = [str(item["name"]) for item in client.items("admin", "applications")]
    except PortcullisError as exc:
        raise QuickstartError(f"the published applications cannot be listed: {exc}") from exc
    known = facts.facts_of(found, secrets, names)
    facts.write(found, known, facts.profile_of(found, secrets))
    print(terminal.welcome(found, known, guide), flush=True)

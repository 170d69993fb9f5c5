"""Starts an instance, or finds it running: either way it ends with the facts on the terminal and in var/."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import pwd
import sys
import time
from collections.abc import Callable
from pathlib import Path

from portcullis.errors import PortcullisError
from portcullis.quickstart import (
    control_socket,
    facts,
    first_start,
    given_certificate,
    health,
    instance,
    log_files,
    network,
    parts,
    publish,
    stop,
    supervising,
    terminal,
)
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.facts import Secrets
from portcullis.quickstart.instance import Instance, Ports
from portcullis.quickstart.network import Wish
from portcullis.quickstart.place import instance_key, isolation_here
from portcullis.rest.client import Client

PORT_SECONDS = 5.0
HEALTHY_SECONDS = 90.0
LOG_LINES = 15


def start(
    clone: Path,
    release: Path,
    port: int | None,
    lock_descriptor: int | None = None,
    guide: Callable[[Instance], str] = terminal.guide_of_clone,
    wish: Wish = Wish(),  # noqa: B008  # frozen
) -> Instance:
    """`lock_descriptor` keeps `release` from being removed until the instance refers to it. Raises QuickstartError."""
    before = instance.load(clone)
    found = choose(clone, before, port, wish)
    is_running = stop_to_change(found, before, release)
    found = found.running(release)
    instance.save(found)
    if lock_descriptor is not None:
        os.close(lock_descriptor)
    account = first_start.make_folders(found)
    hand_certificate(found, account)
    if not is_running:
        check_ports(found)
        with log_files.last_words(found.logs, LOG_LINES):
            found = first_start.complete(found)
            found = follow_network(found, account)
            launch_supervisor(found)
    secrets = facts.read_secrets(found)
    client = Client(facts.own_profile(found, secrets))
    with (
        log_files.last_words(found.logs, LOG_LINES),
        terminal.step("Waiting until broker, gateway and agent are ready"),
    ):
        health.wait(
            "the start", lambda: health.site_trouble(client), HEALTHY_SECONDS, lambda: is_supervised(found)
        )
    found = publish_once(found, client, secrets)
    write_facts(found, client, secrets, guide(found))
    return found


def choose(clone: Path, before: Instance | None, port: int | None, wish: Wish) -> Instance:
    """The instance of this clone, as it was or new, on the network that is wished for. Nothing is changed yet."""
    if before is not None and before.role != "site":
        raise QuickstartError(
            f"this clone is a {before.role} of another site: --reset it, or take another clone"
        )
    wanted = dataclasses.replace(wish, port=port)
    network_before = before.network if before else None
    is_public = network_before is not None if wish.is_empty else wish.listen not in network.LOOPBACK
    found = before or new_instance(clone, None if is_public else port)
    if not is_public and port not in (None, found.ports.public):
        raise QuickstartError(
            f"this instance keeps port {found.ports.public}, which its site is made for; --reset it to choose another"
        )
    held = set(found.sockets) if is_supervised(found) else set()
    chosen = network.choose(
        network_before,
        wanted if is_public else wish,
        lambda address, free: (address, free) in held or network.can_listen(address, free),
        low_ports=found.isolation == "accounts",
    )
    return dataclasses.replace(found, network=chosen, ports=with_metrics(clone, found))


def with_metrics(clone: Path, found: Instance) -> Ports:
    """An instance of an earlier release has no ports for metrics yet."""
    taken = [port for other in instance.others(clone) for port in other.all_ports]
    return instance.with_metrics(found.ports, instance_key(clone), taken, instance.port_is_free)


def new_instance(clone: Path, port: int | None) -> Instance:
    taken = [port for other in instance.others(clone) for port in other.all_ports]
    ports = instance.choose_ports(port, instance_key(clone), taken, instance.port_is_free)
    return Instance(clone, ports, isolation=isolation_here())


def stop_to_change(found: Instance, before: Instance | None, release: Path) -> bool:
    """True if it runs already, as it is wanted: from this release, on this network. Sessions go on meanwhile."""
    status = control_socket.ask(found.control_socket, "status")
    if status is None:
        return False
    if before is not None and found.network != before.network:
        why = "Stopping the parts to move them"
    elif status["release"] != str(release):
        why = "Stopping the parts of the release before"
    else:
        return True
    with terminal.step(f"{why}; sessions go on"):
        stop.stop_supervisor(found)
    return False


def hand_certificate(found: Instance, account: pwd.struct_passwd) -> None:
    pair = given_certificate.copy(found, account)
    for warning in pair.warnings if pair else ():
        print(f"Warning: {warning}", file=sys.stderr)


def follow_network(found: Instance, account: pwd.struct_passwd) -> Instance:
    if found.registered == found.registration:
        return found
    # It brings the enrolment's client, which takes longer to import than all else here together.
    from portcullis.quickstart import registration

    return registration.follow(found, account)


def check_ports(found: Instance) -> None:
    """Parts of a supervisor that was killed may still be on their way out."""
    deadline = time.monotonic() + PORT_SECONDS
    metrics = (found.ports.metrics(part) for part in parts.PARTS[found.role])
    for address, port in (*found.sockets, *(("127.0.0.1", port) for port in metrics if port)):
        while not is_free(address, port):
            if time.monotonic() > deadline:
                raise QuickstartError(
                    f"port {port} of {address}, which this instance uses, is taken by another program: end that, "
                    "choose another address, or --reset"
                )
            time.sleep(health.POLL_SECONDS)


def is_free(address: str, port: int) -> bool:
    on_loopback = ipaddress.ip_address(address).is_loopback
    return instance.port_is_free(port) if on_loopback else network.can_listen(address, port)


def launch_supervisor(found: Instance) -> None:
    supervising.launch(
        "portcullis.quickstart.supervisor",
        found.clone,
        found.release / "bin/python",
        found.logs / "supervisor.log",
        found.supervisor_pid_file,
        lambda: is_supervised(found),
    )


def is_supervised(found: Instance) -> bool:
    return control_socket.ask(found.control_socket, "status") is not None


def publish_once(found: Instance, client: Client, secrets: Secrets) -> Instance:
    """What an administrator takes away later stays away."""
    if first_start.PUBLISHED in found.done:
        return found
    publish.publish_all(client, secrets.username)
    found = found.with_done(first_start.PUBLISHED)
    instance.save(found)
    return found


def write_facts(found: Instance, client: Client, secrets: Secrets, guide: str) -> None:
    try:
        names = [str(item["name"]) for item in client.items("admin", "applications")]
        first_passwords = client.get("admin", "site")["first_passwords"]
    except PortcullisError as exc:
        raise QuickstartError(f"applications and accounts cannot be listed: {exc}") from exc
    known = facts.facts_of(found, secrets, names, first_passwords)
    facts.write(found, known, facts.profile_of(found, secrets))
    facts.write_trusted(found)
    print(terminal.welcome(found, known, guide), flush=True)

"""What runs, since when, and whether it works."""

from __future__ import annotations

import time

from portcullis.cli.output import table
from portcullis.errors import PortcullisError
from portcullis.quickstart import control_socket, facts, health, parts, terminal
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.instance import Instance, Role
from portcullis.rest.client import Client
from portcullis.settings import Address

SCRIPTS: dict[Role, str] = {"site": "quickstart.sh", "host": "host.sh", "gateway": "gateway.sh"}
HEALTHY, DEGRADED, STOPPED = 0, 1, 3


def report(found: Instance) -> int:
    """Prints it. 0: healthy; 1: it runs and does not work; 3: stopped."""
    status = control_socket.ask(found.control_socket, "status")
    print(f"Instance {found.key} of {found.clone}")
    if found.role != "host":
        print(f"  URL      {found.url}\n  Listens  {', '.join(map(shown, found.sockets))}")
    print(f"  State    {found.state}\n  Logs     {found.logs}")
    if text := terminal.warning(found):
        print(f"\n{text}")
    if status is None:
        print(f"  Stopped. deploy/{SCRIPTS[found.role]} starts it.")
        return STOPPED
    print(f"  Release  {status['release']}\n")
    now = time.time()
    rows = [
        (
            part["name"],
            part["pid"] or "down",
            f"{now - part['since']:.0f} s",
            part["restarts"],
            metrics_url(found, part["name"]),
        )
        for part in status["parts"]
    ]
    print(table(("PART", "PROCESS", "SINCE", "RESTARTS", "METRICS"), rows))
    if found.role != "site":
        trouble = health.part_trouble(found.ports.metrics(parts.PARTS[found.role][0]))
        print(f"\nNot healthy: {trouble}" if trouble else "\nHealthy: connected to a broker of the site")
        return DEGRADED if trouble else HEALTHY
    client = Client(facts.own_profile(found, facts.read_secrets(found)), timeout_seconds=5)
    trouble = health.site_trouble(client)
    print("\n" + (f"Not healthy: {trouble}" if trouble else f"Healthy{sessions(client)}"))
    return DEGRADED if trouble else HEALTHY


def shown(listener: tuple[str, int]) -> str:
    return str(Address(*listener))


def metrics_url(found: Instance, part: str) -> str | None:
    port = found.ports.metrics(part)
    return f"http://127.0.0.1:{port}/metrics" if port else None


def sessions(client: Client) -> str:
    try:
        return f", {len(client.items('admin', 'sessions'))} sessions"
    except (PortcullisError, QuickstartError):
        return ""

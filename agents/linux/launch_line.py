"""What a leader is told: the lines `launch` and `warm`, made of an order and of what its session was given. Pure.

What `launch` holds:

    session, about       ids; what the agent that adopts the session wants to know again
    accounts             {"worker", "user"}: names of local accounts
    home                 where the user's programs start
    display              {"command", "environment", "limits", "framebuffer_bytes"}
    worker               {"command", "environment", "limits", "start"}: its first line, without the display's fields
    bus                  {"command", "environment"} or null
    window_manager       {"command", "environment"}
    application          {"command", "environment"}, perhaps with "entered", which it finds to read, "folder", which it
                         gets opened as descriptor 3, "exit_codes": what its exit statuses mean, and "ends_its_own":
                         asked to end, it ends what it started
    attached             in place of display, bus, window manager and files: {"display", "answer_seconds", "view_only",
                         "left_seconds"}, a display of `accounts.user`'s own. The application is their helper.
    files                name -> text, written for the user into the session's folder
    group                {"folders", "worker", "user", "values"}: cgroups (groups.py)
    limits               name of an RLIMIT -> value, for the user's processes
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agents.desktops import attachments as desktops
from agents.linux import display, environment, window_manager
from agents.linux.accounts import Account
from agents.linux.desktops.attachments import Attachment, launch_parts
from agents.linux.groups import Group
from agents.linux.rdp import bridge
from agents.linux.rdp.bridge import ShownServer
from agents.linux.wine import bridge as wine
from agents.linux.wine.bridge import WineRun
from portcullis.model.desktops import DesktopTarget
from portcullis.protocol.orders import Order
from portcullis.protocol.reports import About
from portcullis.protocol.worker_channel import Prepare, Start, body

WORKER_COMMAND = (sys.executable, "-I", "-m", "agents.worker")
WORKER_ADDRESS_SPACE_BYTES = 4 << 30
"""Its threads reserve much more than they use (0.4 GB in all, measured); what lies above is an application's doing."""
WORKER_ENVIRONMENT = {
    "PATH": environment.PATH,
    "LANG": "C.UTF-8",
    "HOME": "/nonexistent",
    "OPENBLAS_NUM_THREADS": "1",  # numpy starts a thread a core at import, and nothing here multiplies matrices
    "MALLOC_ARENA_MAX": "1",  # its threads take turns; memory that one freed was of no use to the other
}
InPlace = ShownServer | WineRun
"""Of a program of the host."""


@dataclass(frozen=True, slots=True)
class People:
    """The two accounts of a session."""

    worker: Account
    user: Account


def build_launch(
    order: Order,
    start: Start,
    people: People,
    folder: Path,
    group: Group,
    machine: environment.Machine,
    worker_command: Sequence[str] = WORKER_COMMAND,
    shown: InPlace | None = None,
) -> dict[str, Any]:
    """The `launch` line without its type. `shown`: what is shown or run in place of the order's command."""
    scale = environment.scale(order.display.device_pixel_ratio)
    user = people.user
    base = environment.environment(user.name, user.home, folder / "user", order.display, machine)
    own = environment.with_application(base, order.environment)
    application: dict[str, Any] = {"command": list(order.command), "environment": own}
    if isinstance(shown, ShownServer):
        application = bridge.application(order, shown, own, folder / "user")
    elif isinstance(shown, WineRun):
        application = wine.application(order, shown, own, user.home)
    return {
        "session": order.session,
        "about": {
            "tenant": order.tenant,
            "slot": order.slot,
            "worker": people.worker.name,
            "user": user.name,
            "application": order.application_name,
            "reference": order.reference,
            "order": About.of(order).to_json(),
            **({"rdp": True} if isinstance(shown, ShownServer) else {}),
            **({"wine": True} if isinstance(shown, WineRun) else {}),
        },
        "accounts": {"worker": people.worker.name, "user": user.name},
        "home": str(user.home),
        "display": _display(round(environment.BASE_DPI * scale.ratio)),
        "worker": {
            **_worker(worker_command),
            "start": {"to": "worker", **body(fitting(start))},
        },
        "bus": {"command": bus_command(folder), "environment": base} if machine.bus else None,
        "window_manager": {"command": window_manager.command(folder), "environment": base},
        "application": application,
        "files": window_manager.files(folder, scale),
        "group": group.to_json(),
        "limits": dict(group.rlimits),
    }


def build_attachment(
    order: Order,
    target: DesktopTarget,
    start: Start,
    attachment: Attachment,
    group: Group,
    worker_command: Sequence[str] = WORKER_COMMAND,
) -> dict[str, Any]:
    """The `launch` line of a session on somebody's own display, as whose account both of its processes run."""
    owner = attachment.owner.name
    return {
        "session": order.session,
        "about": {
            "tenant": order.tenant,
            "slot": order.slot,
            "user": owner,
            "application": order.application_name,
            "reference": order.reference,
            "order": About.of(order).to_json(),
            **desktops.kept(attachment.taken, target),
        },
        "accounts": {"user": owner},
        "worker": {**_worker(worker_command), "start": {"to": "worker", **body(start)}},
        "group": group.to_json(),
        "limits": dict(group.rlimits),
        **launch_parts(order, target, attachment),
    }


def build_warm(
    warm_id: str, worker: Account, group: Group, expected: Prepare, worker_command: Sequence[str]
) -> dict[str, Any]:
    """The `warm` line without its type: what `launch` will say of display and worker, as far as it is known."""
    return {
        "session": warm_id,
        "accounts": {"worker": worker.name},
        "display": _display(environment.BASE_DPI),
        "worker": {**_worker(worker_command), "prepare": {"to": "worker", **body(expected)}},
        "group": group.to_json(),
    }


def _display(dots_per_inch: int) -> dict[str, Any]:
    """The worker sets the dots per inch of its session again, by RandR."""
    return {
        "command": display.command(dots_per_inch),
        "environment": WORKER_ENVIRONMENT,
        "limits": {"as": display.ADDRESS_SPACE_BYTES},
        "framebuffer_bytes": display.FRAMEBUFFER_BYTES,
    }


def _worker(command: Sequence[str]) -> dict[str, Any]:
    return {
        "command": list(command),
        "environment": WORKER_ENVIRONMENT,
        "limits": {"as": WORKER_ADDRESS_SPACE_BYTES},
    }


def fitting(start: Start) -> Start:
    """Of a size that the display can have."""
    width, height = min(start.width, display.MAXIMUM_WIDTH), min(start.height, display.MAXIMUM_HEIGHT)
    return replace(start, width=width, height=height)


def bus_command(folder: Path) -> list[str]:
    """It prints its address once it listens."""
    address = f"--address=unix:path={folder / 'user' / 'bus'}"
    return ["dbus-daemon", "--session", "--nofork", "--nopidfile", address, "--print-address"]

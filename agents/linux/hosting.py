"""What the agent's settings come to on Linux: whose accounts sessions have, and the launcher that runs them."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from agents.desktops.rules import allowed_consents
from agents.linux import groups
from agents.linux.accounts import Accounts, SessionAccounts
from agents.linux.desktops.attachments import DisplayAttachments
from agents.linux.forking import Forking
from agents.linux.launch_line import WORKER_COMMAND
from agents.linux.launcher import LinuxLauncher, this_machine
from agents.linux.leaders import make_passable
from agents.linux.one_account import OneAccount
from agents.linux.rdp.addresses import networks_of
from agents.linux.wine.bridge import WineHost
from agents.linux.wine.templates import Templates
from agents.settings import AgentSettings
from portcullis.errors import InvalidInput

log = logging.getLogger(__name__)


def accounts_of(settings: AgentSettings) -> SessionAccounts:
    """As `isolation` says, and never the weaker one because of who runs this. Raises InvalidInput."""
    if settings.isolation == "accounts":
        if os.geteuid() != 0:
            raise InvalidInput(
                "isolation", "root to run the agent, or `--isolation none`: see docs/unprivileged.md"
            )
        return Accounts(settings.account_prefix, settings.homes)
    if settings.isolation == "none":
        return OneAccount(settings.homes)
    raise InvalidInput("isolation", "accounts or none")


def launcher(
    settings: AgentSettings, accounts: SessionAccounts, forking: Forking | None = None
) -> LinuxLauncher:
    backend = groups.detect() if accounts.isolation == "accounts" else groups.unprivileged()
    log.info("sessions are grouped by %s, isolation %s", backend.name, accounts.isolation)
    return LinuxLauncher(
        settings.runtime,
        accounts,
        backend,
        groups.Limits(
            settings.session_memory_mb,
            settings.session_processes,
            settings.session_cpu_percent,
            settings.session_tmp_mb,
        ),
        this_machine(),
        (*WORKER_COMMAND, "--log-format", settings.log_format),
        forking,
        networks_of(settings.rdp_networks),
        WineHost(Templates.of_state(settings.state), settings.grace_seconds),
        DisplayAttachments(allowed_consents(settings.desktops)),
    )


@contextlib.contextmanager
def only_agent(runtime: Path, mode: int) -> Iterator[None]:
    """Two agents on one runtime folder would both lead its sessions. The kernel frees the lock of a dead one."""
    make_passable(runtime, mode)
    fd = os.open(runtime / "agent.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as exc:
        raise InvalidInput("--runtime", "a folder that no other agent uses") from exc
    finally:
        os.close(fd)

"""What happens once: the members' certificates, the site, its tokens; gateways and hosts join.

Until that is complete nothing of value exists: an attempt that was cut short is swept away and made anew.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
from pathlib import Path

from portcullis.lab import certificates, layout, parts
from portcullis.lab.card import counted
from portcullis.lab.control import ask, trouble_of
from portcullis.lab.layout import Lab
from portcullis.quickstart import commands, first_start, health, terminal
from portcullis.settings import Address

MEMBERS_SECONDS = 30.0
BROKERS_SECONDS = 60.0


def sweep(lab: Lab) -> None:
    """What an attempt that was cut short has left; nothing runs."""
    for path in (lab.certificates, *(lab.state / name for name in lab.services)):
        shutil.rmtree(path, ignore_errors=True)


def make_folders(lab: Lab) -> pwd.struct_passwd:
    """Each belongs to who writes there. Returns the account of members, brokers and gateways."""
    account = lab.place.make()
    for path, mode in ((lab.logs, 0o750), (lab.pids, 0o755)):
        path.mkdir(exist_ok=True)
        path.chmod(mode)
    for name in (*lab.members, *lab.brokers, *lab.gateways):
        path = lab.state / name
        path.mkdir(mode=0o700, exist_ok=True)
        os.chown(path, account.pw_uid, account.pw_gid)
    for name in lab.agents:
        (lab.state / name).mkdir(mode=0o700, exist_ok=True)
        for path, mode in ((lab.homes(name), 0o711), (lab.runtime(name), 0o755)):
            path.mkdir(exist_ok=True)
            path.chmod(mode)
    if lab.members and not (lab.certificates / "ca.pem").exists():
        certificates.make(lab.certificates, account.pw_uid, account.pw_gid)
    return account


def complete(lab: Lab, account: pwd.struct_passwd) -> Lab:
    """The supervisor runs the network and the members, and holds the rest. Raises QuickstartError."""
    if layout.JOINED in lab.done:
        return lab
    if lab.members:
        with terminal.step(f"Electing a leader among {len(lab.members)} etcd members"):
            wait_until_ready(lab, lab.members, MEMBERS_SECONDS)
    with terminal.step("Making the site, its tenant and users"):
        gateway_tokens, host_tokens = _initialise(lab, account)
    with terminal.step(f"Starting {counted(len(lab.brokers), 'broker')}"):
        _copy_site_key(lab)
        _release(lab, lab.brokers)
        _wait_for_brokers(lab)
    with terminal.step(
        f"Joining {counted(len(lab.gateways), 'gateway')} and {counted(len(lab.agents), 'host')}"
    ):
        for name, token in zip(lab.gateways, gateway_tokens, strict=True):
            with first_start.token_file(lab.state / name / "join-token", token, account.pw_uid) as path:
                commands.run(parts.join_gateway(lab, name, path))
        for name, token in zip(lab.agents, host_tokens, strict=True):
            with first_start.token_file(lab.state / name / "join-token", token, os.geteuid()) as path:
                commands.run(parts.join_host(lab, name, path))
    lab = lab.with_done(layout.JOINED)
    layout.save(lab)
    _release(lab, (*lab.gateways, *lab.agents))
    return lab


def wait_until_ready(lab: Lab, names: tuple[str, ...], seconds: float) -> None:
    """Raises QuickstartError."""
    health.wait(
        "the start",
        lambda: next(filter(None, (trouble_of(lab, name, drained_is_well=True) for name in names)), None),
        seconds,
        lambda: ask(lab, "status") is not None,
    )


def _initialise(lab: Lab, account: pwd.struct_passwd) -> tuple[list[str], list[str]]:
    """Join tokens: one a gateway, one a host. The secrets move to where only root can read them."""
    folder = first_start.private_folder(lab.state / "init", account)
    written = folder / "secrets.json"
    commands.run(parts.init(lab, written))
    secrets = json.loads(_own_file(written))
    with first_start.open_private(lab.secrets_file) as target:
        target.write(json.dumps(secrets).encode())
    found = [secrets]
    for number in range(1, max(len(lab.gateways), len(lab.agents))):
        written = folder / f"tokens-{number}.json"
        commands.run(parts.tokens(lab, written))
        found.append(json.loads(_own_file(written)))
    shutil.rmtree(folder)
    gateways = [str(each["gateway_join_token"]) for each in found[: len(lab.gateways)]]
    return gateways, [str(each["host_join_token"]) for each in found[: len(lab.agents)]]


def _own_file(path: Path) -> bytes:
    """Of another account's folder: not through a link."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        return file.read()


def _copy_site_key(lab: Lab) -> None:
    """As an operator does: it is what lets a broker into the grid's seals."""
    first = lab.state / lab.brokers[0] / "site.key"
    owner = first.stat()
    for name in lab.brokers[1:]:
        target = lab.state / name / "site.key"
        with first_start.open_private(target) as file:
            file.write(first.read_bytes())
        target.chmod(0o400)
        os.chown(target, owner.st_uid, owner.st_gid)


def _release(lab: Lab, names: tuple[str, ...]) -> None:
    for name in names:
        ask(lab, f"release {name}")


def _wait_for_brokers(lab: Lab) -> None:
    for name in lab.brokers:
        address = Address.parse(lab.address(f"{name}.inner"))
        health.wait(
            f"the start of {name}",
            lambda address=address: health.broker_trouble(address),  # type: ignore[misc]
            BROKERS_SECONDS,
            lambda: ask(lab, "status") is not None,
        )

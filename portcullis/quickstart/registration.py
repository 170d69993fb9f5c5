"""The gateway's record follows the instance's network: what browsers and hosts call it changes by enrolling it anew.

It is the same gateway afterwards, by name and id; only its certificate's generation moves. An attempt that was cut
short is made again at the next start: until it is over, the instance does not say what its gateway is registered as.
Sessions are no part of this: they run on, and their host finds gateway and broker at the new place.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
from pathlib import Path

from portcullis.enrolment.credentials import Credentials
from portcullis.quickstart import commands, first_start, instance, parts, terminal
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.instance import Instance

GATEWAY = "gateway"
"""What this machine's gateway is called."""


def follow(found: Instance, account: pwd.struct_passwd) -> Instance:
    """The parts do not run. Raises QuickstartError."""
    if found.registered == found.registration:
        return found
    found = found.registered_as("")
    instance.save(found)
    with terminal.step(f"Moving to {found.url}"):
        token = _gateway_token(found, account)
        point(found.state / "agent", found.inner(found.ports.broker))
        with first_start.running_broker(found):
            join_anew(found, account, token, GATEWAY)
    found = found.registered_as(found.registration)
    instance.save(found)
    return found


def _gateway_token(found: Instance, account: pwd.struct_passwd) -> str:
    folder = first_start.private_folder(found.state / "init", account)
    written = folder / "tokens.json"
    commands.run(parts.gateway_token(found, GATEWAY, written))
    token = json.loads(written.read_text())["gateway_join_token"]
    shutil.rmtree(folder)
    return str(token)


def join_anew(
    found: Instance, account: pwd.struct_passwd, token: str, name: str, broker: str | None = None
) -> None:
    """The gateway of that name takes the place of the one that was; `broker`: of a site elsewhere."""
    folder = first_start.private_folder(found.state / "gateway.new", account)
    with first_start.token_file(folder / "join-token", token, account.pw_uid) as path:
        commands.run(parts.join_gateway(found, path, name, folder, broker))
    old = found.state / "gateway.old"
    shutil.rmtree(old, ignore_errors=True)
    (found.state / "gateway").rename(old)
    folder.rename(found.state / "gateway")
    shutil.rmtree(old)


def point(state: Path, broker: str) -> None:
    """The machine that has joined in `state` looks for its broker there from now on."""
    try:
        credentials = Credentials.load(state)
    except OSError as exc:
        raise QuickstartError(f"{state}: {exc.strerror}") from exc
    if credentials is not None and credentials.brokers != (broker,):
        owner = (state / "machine.json").stat()
        credentials.with_site(brokers=(broker,))
        os.chown(state / "machine.json", owner.st_uid, owner.st_gid)

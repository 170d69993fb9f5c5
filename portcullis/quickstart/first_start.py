"""What happens once: the site is made, gateway and host join it by their one-time tokens.

Until that is complete nothing of value exists, so that an attempt that was cut short is swept away and made anew
(its tokens may have expired).
"""

from __future__ import annotations

import contextlib
import os
import platform
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from portcullis.quickstart import commands, facts, health, instance, log_files, parts, terminal
from portcullis.quickstart.instance import Instance
from portcullis.settings import Address

JOINED = "joined"
PUBLISHED = "published"
BROKER_SECONDS = 60.0
STOP_SECONDS = 10.0


def make_folders(found: Instance) -> pwd.struct_passwd:
    """Each belongs to the one who writes there: broker and gateway to their account, all else to who runs this."""
    account = found.place.make()
    for path, mode in ((found.logs, 0o750), (found.state / "agent", 0o700)):
        path.mkdir(exist_ok=True)
        path.chmod(mode)
    for name in ("broker", "gateway"):
        if name in parts.PARTS[found.role]:
            _service_folder(found.state / name, account)
    return account


def private_folder(path: Path, account: pwd.struct_passwd) -> Path:
    """Empty, and the account's alone."""
    shutil.rmtree(path, ignore_errors=True)
    _service_folder(path, account)
    return path


def _service_folder(path: Path, account: pwd.struct_passwd) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    os.chown(path, account.pw_uid, account.pw_gid)


def complete(found: Instance) -> Instance:
    """The instance with its site made and joined. Raises QuickstartError."""
    if JOINED in found.done:
        return found
    for name in ("broker", "gateway", "agent"):
        shutil.rmtree(found.state / name, ignore_errors=True)
    account = make_folders(found)
    with terminal.step("Making the site, its tenant and users"):
        initialise(found, account)
    secrets = facts.read_secrets(found)
    with terminal.step("Joining this machine's gateway and host"), running_broker(found):
        with token_file(
            found.state / "gateway/join-token", secrets.gateway_join_token, account.pw_uid
        ) as path:
            commands.run(parts.join_gateway(found, path, "gateway", found.state / "gateway"))
        with token_file(found.state / "agent/join-token", secrets.host_join_token, os.geteuid()) as path:
            commands.run(parts.join_host(found, path, host_name()))
    found = found.with_done(JOINED).registered_as(found.registration)
    instance.save(found)
    return found


def initialise(found: Instance, account: pwd.struct_passwd) -> None:
    """The service account writes the secrets where only it can; they move to where only root can."""
    folder = private_folder(found.state / "init", account)
    written = folder / "secrets.json"
    commands.run(parts.init(found, written))
    descriptor = os.open(written, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as source, open_private(found.secrets_file) as target:
        shutil.copyfileobj(source, target)
    shutil.rmtree(folder)


@contextlib.contextmanager
def open_private(path: Path) -> Iterator[BinaryIO]:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        yield file


@contextlib.contextmanager
def token_file(path: Path, token: str, uid: int) -> Iterator[Path]:
    """The token, for the account that joins, for as long as it takes."""
    with open_private(path) as file:
        file.write(token.encode())
        os.chown(path, uid, -1)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def running_broker(found: Instance) -> Iterator[None]:
    """A broker alone, for those who join. Raises QuickstartError."""
    output = log_files.open_log(found.logs / "broker.log")
    try:
        process = subprocess.Popen(
            parts.broker(found).command,
            env=parts.ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    finally:
        os.close(output)
    try:
        health.wait(
            "the broker's start",
            lambda: health.broker_trouble(Address.parse(found.inner(found.ports.broker))),
            BROKER_SECONDS,
            lambda: process.poll() is None,
        )
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def host_name() -> str:
    """This machine's name, as far as a host may be called that."""
    name = re.sub(r"[^a-z0-9-]+", "-", platform.node().partition(".")[0].lower()).strip("-")
    return name[:63] or "host"

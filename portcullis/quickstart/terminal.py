"""What the person in front of it sees: steps with the time they took, and how to go on."""

from __future__ import annotations

import contextlib
import platform
import sys
import time
from collections.abc import Iterator
from urllib.parse import quote

from portcullis.cli.qr import draw
from portcullis.quickstart.facts import Facts
from portcullis.quickstart.instance import Instance
from portcullis.quickstart.owner import owner


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Says what is being done, then how long it took."""
    started = time.monotonic()
    print(f"  {title} ... ", end="", flush=True)
    try:
        yield
    except BaseException:
        print("failed", flush=True)
        raise
    print(f"{time.monotonic() - started:.1f} s", flush=True)


def otpauth(tenant: str, user: str, secret: str) -> str:
    """The address that authenticator apps read (Key URI Format of google-authenticator)."""
    issuer = quote(f"Portcullis {tenant}", safe="")
    return f"otpauth://totp/{issuer}:{quote(user, safe='')}?secret={secret}&issuer={issuer}"


NO_WALLS = """\
This is an unprivileged trial: all sessions, and Portcullis itself, run as {account}.
Whoever signs in can reach what {account} can. Let nobody in whom you do not trust with that.
"""


def welcome(instance: Instance, facts: Facts, guide: str) -> str:
    """`guide` says how to go on."""
    port = instance.ports.public
    uri = otpauth(facts.tenant, facts.username, facts.totp_secret)
    applications = ", ".join(facts.applications)
    return f"""
Portcullis runs. Open it in a browser on this machine:

  {facts.url}

  User name    {facts.username}
  Password     {facts.password}
  TOTP secret  {facts.totp_secret}

Scan this with an authenticator app (or type the secret into it) for the verification code:

{draw(uri, sys.stdout.encoding)}
  {uri}

From another machine, open a tunnel there first and then the same address:

  ssh -L {port}:localhost:{port} {owner().name}@{platform.node()}

  Published      {applications}
  Administrator  {facts.admin_username} (secrets in {instance.var}/quickstart.json)
  Logs           {instance.logs}
{guide}

{warning(instance)}"""


def warning(instance: Instance) -> str:
    return NO_WALLS.format(account=owner().name) if instance.isolation == "none" else ""


def guide_of_clone(instance: Instance) -> str:
    return f"""\
  Command line   {instance.clone}/.venv/bin/portcullis get applications
  Look           deploy/quickstart.sh --status
  Stop, remove   deploy/quickstart.sh --stop, --reset"""

"""What the person in front of it sees: steps with the time they took, and how to go on."""

from __future__ import annotations

import contextlib
import platform
import sys
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote

from portcullis.cli.qr import draw
from portcullis.errors import PortcullisError
from portcullis.quickstart import facts
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.facts import Facts
from portcullis.quickstart.instance import Instance
from portcullis.quickstart.owner import owner


def exit_status(name: str, run: Callable[[], int]) -> int:
    """Of the command of that name: what its reader can put right is one line on standard error."""
    try:
        return run()
    except (QuickstartError, PortcullisError) as exc:
        print(f"{name}: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


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


def welcome(instance: Instance, known: Facts, guide: str) -> str:
    """`guide` says how to go on."""
    applications = ", ".join(known.applications)
    return f"""
Portcullis runs. Open it in a browser{"" if instance.network else " on this machine"}:

  {known.url}

{credentials(known)}
{from_elsewhere(instance)}
  Published      {applications}
  Administrator  {known.admin_username} ({secrets_of_the_administrator(instance, known)})
  Console        {known.url}/admin.html
  Logs           {instance.logs}
{guide}

{warning(instance)}"""


def credentials(known: Facts) -> str:
    """How the first user signs in, as long as it is known here."""
    if known.password is None or known.totp_secret is None:
        return f"""\
  User name    {known.username}
  Password     not the first one any more: the account was reset or deleted
"""
    uri = otpauth(known.tenant, known.username, known.totp_secret)
    return f"""\
  User name    {known.username}
  Password     {known.password}
  TOTP secret  {known.totp_secret}

Scan this with an authenticator app (or type the secret into it) for the verification code:

{draw(uri, sys.stdout.encoding)}
  {uri}
"""


def secrets_of_the_administrator(instance: Instance, known: Facts) -> str:
    if known.admin_password is None:
        return "reset or deleted: the first password is void"
    return f"secrets in {instance.var}/quickstart.json"


def from_elsewhere(instance: Instance) -> str:
    """How to reach it from another machine."""
    port = instance.ports.public
    if instance.network is None:
        return f"""\
From another machine, open a tunnel there first and then the same address:

  ssh -L {port}:localhost:{port} {owner().name}@{platform.node()}
"""
    found, ports = instance.network, instance.ports
    open_ports = [f"  {found.port:<6} from browsers"]
    if ports.broker:
        open_ports.append(f"  {ports.broker:<6} from further hosts and gateways")
    open_ports.append(f"  {ports.gateway_inner:<6} from {'further' if ports.broker else 'all'} hosts")
    if ports.broker:
        open_ports.append(
            "\n  Another host   .venv/bin/portcullis host join-token     (it says how to go on)"
        )
    listed = "\n".join(open_ports)
    return f"""\
{found.name} has to lead to this machine ({found.address}), and these ports have to be open:

{listed}
{trust(instance)}"""


TRUST = """
The certificate comes from this site's own web CA. Tell each browser to trust it, once (docs/https.md says how), after
comparing the fingerprint; it can speak for {name} alone.

  CA file        {path}
  SHA-256        {first}
                 {second}
"""


def trust(instance: Instance) -> str:
    """What to trust, when the web CA issues."""
    fingerprint = facts.fingerprint(instance)
    if fingerprint is None or instance.network is None:
        return ""
    middle = len(fingerprint) // 2 + 1
    return TRUST.format(
        name=instance.network.name,
        path=instance.var / facts.TRUSTED,
        first=fingerprint[:middle],
        second=fingerprint[middle:],
    )


def warning(instance: Instance) -> str:
    return NO_WALLS.format(account=owner().name) if instance.isolation == "none" else ""


def guide_of_clone(instance: Instance) -> str:
    return f"""\
  Command line   {instance.clone}/.venv/bin/portcullis get applications
  Look           deploy/quickstart.sh --status
  Stop, remove   deploy/quickstart.sh --stop, --reset"""

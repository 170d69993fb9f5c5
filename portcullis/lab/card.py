"""What one has to know to use the lab: `var/cluster.json` (0600), the CLI's profile, and the words on the terminal."""

from __future__ import annotations

import json
import sys
from typing import Any

from portcullis.cli.qr import draw
from portcullis.errors import PortcullisError
from portcullis.lab import layout, parts
from portcullis.lab.layout import Lab
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.facts import Secrets
from portcullis.quickstart.owner import make_folder, owner, write_private
from portcullis.quickstart.terminal import otpauth
from portcullis.rest.client import Client
from portcullis.rest.profile import Profile, of_clone

FILE = "cluster.json"


def secrets_of(lab: Lab) -> Secrets:
    """Raises QuickstartError."""
    try:
        data = json.loads(lab.secrets_file.read_text())
        return Secrets(**{name: str(data[name]) for name in Secrets.__dataclass_fields__})
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise QuickstartError(
            f"{lab.secrets_file} cannot be read ({exc}): run deploy/cluster.sh --reset"
        ) from exc


def profile_of(lab: Lab, gateway: int = 0) -> Profile:
    return Profile(lab.urls[gateway], secrets_of(lab).api_token)


def write(lab: Lab) -> None:
    """For the user who ran it, to whom the folder belongs from then on."""
    whose = owner()
    make_folder(lab.var, whose)
    write_private(lab.var / FILE, facts(lab), whose)
    write_private(of_clone(lab.clone), profile_of(lab).to_json(), whose)


def facts(lab: Lab) -> dict[str, Any]:
    secrets = secrets_of(lab)
    shown = (
        "tenant",
        "username",
        "password",
        "totp_secret",
        "admin_username",
        "admin_password",
        "admin_totp_secret",
    )
    return {
        "url": lab.urls[0],
        "urls": list(lab.urls),
        "profile": str(of_clone(lab.clone)),
        "parts": [part_facts(lab, name) for name in (layout.LINKS, *lab.services)],
        "links": str(lab.links_socket),
        "logs": str(lab.logs),
        **{name: getattr(secrets, name) for name in shown},
    }


def part_facts(lab: Lab, name: str) -> dict[str, Any]:
    kind = layout.kind_of(name)
    found: dict[str, Any] = {
        "name": name,
        "kind": kind,
        "pid_file": str(lab.pids / f"{name}.pid"),
        "supervised": True,
        "ports": {
            door.name.partition(".")[2]: {"dialled": door.port, "behind": door.target}
            for door in lab.doors
            if door.part == name
        },
    }
    if kind != "links":
        found["metrics"] = lab.ports[f"{name}.metrics"]
    if kind == "agent":
        found |= {
            "host": parts.host_of(name),
            "homes": str(lab.homes(name)),
            "runtime": str(lab.runtime(name)),
        }
    return found


def text(lab: Lab) -> str:
    secrets = secrets_of(lab)
    portcullis = f"{lab.clone}/.venv/bin/portcullis"
    uri = otpauth(secrets.tenant, secrets.username, secrets.totp_secret)
    members = f"{len(lab.members)} etcd members" if lab.members else "an embedded grid"
    return f"""
A cluster runs: {members}, {counted(len(lab.brokers), "broker")}, \
{counted(len(lab.gateways), "gateway")}, {counted(len(lab.agents), "host")}.
Open it in a browser on this machine; each of these leads to the same site:

{"".join(f"  {url}{chr(10)}" for url in lab.urls)}
{credentials(lab)}
Scan this with an authenticator app (or type the secret into it) for the verification code:

{draw(uri, sys.stdout.encoding)}
  {uri}

  Administrator  {secrets.admin_username} (secrets in {lab.var}/{FILE})
  Logs           {lab.logs}
  Command line   {portcullis} get hosts
  Drill          {portcullis} drill
  Look           deploy/cluster.sh --status
  Stop, remove   deploy/cluster.sh --stop, --reset

Now break it. Start an application, type into it, and then, in another terminal:

  cd {lab.pids}
  kill -9 $(cat gateway-1.pid)     the page comes back through the other gateway, and no key is lost
  kill -9 $(cat broker-1.pid)      nobody notices
  kill -STOP $(cat {first_member(lab)}.pid)    frozen, not dead (-CONT thaws it)
  kill -9 $(cat agent-1.pid)       the applications of host-1 run on

What is killed is started again. `portcullis drill` does all that and more, and measures it.
"""


def credentials(lab: Lab) -> str:
    """How the first user signs in, while that is known here."""
    secrets = secrets_of(lab)
    try:
        first = Client(profile_of(lab), timeout_seconds=5).get("admin", "site")["first_passwords"]
    except PortcullisError:
        first = [secrets.username]
    if secrets.username not in first:
        return f"""\
  User name    {secrets.username}
  Password     not the first one any more: the account was reset or deleted
"""
    return f"""\
  User name    {secrets.username}
  Password     {secrets.password}
  TOTP secret  {secrets.totp_secret}
"""


def first_member(lab: Lab) -> str:
    """What to freeze."""
    return lab.members[0] if lab.members else lab.brokers[0]


def counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number > 1 else ''}"

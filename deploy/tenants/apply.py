#!/usr/bin/env python3
"""The same as apply.sh for one tenant, in Python: plan, apply, ask who may start what. To build upon.

    deploy/tenants/apply.py DIRECTORY TENANT        with the profile of a platform administrator ($PORTCULLIS_PROFILE)

Files are read and checked as the command `portcullis` does (findings with file, line and hint); everything else is the
REST API through `portcullis.rest.client.Client` (docs/api.md).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from portcullis.cli.documents import ManifestError
from portcullis.cli.tree import read_tree
from portcullis.errors import PortcullisError, Refused
from portcullis.rest import profile
from portcullis.rest.client import Client

REASON = "applied by apply.py"


def client_in(tenant: str) -> Client:
    """One that acts in the tenant: entered for five minutes, unless the token is of the tenant itself."""
    found = profile.read(profile.find(None))
    try:
        body = {"reason": REASON, "minutes": 5}
        Client(found).post("platform", "tenants", tenant, "entry", body=body)
    except Refused as exc:
        if exc.code != "own_tenant":
            raise
        return Client(found)
    return Client(found, tenant=tenant)


def apply(client: Client, documents: list[dict[str, Any]]) -> dict[str, Any]:
    """Nothing that others changed since the plan is overwritten: `changed_meanwhile` is refused."""
    plan = client.post("admin", "configuration", "plan", body={"documents": documents})
    for change in plan["changes"]:
        print(f"  {change['action']} {change['kind']} {change['name']}")
    body = {"documents": documents, "revision": plan["revision"], "reason": REASON}
    client.post("admin", "configuration", "apply", body=body)
    return dict(plan)


def simulate(client: Client, user: str, application: str) -> dict[str, Any]:
    answer = client.post("admin", "simulations", body={"user": user, "application": application})
    return dict(answer)


def main(directory: str, tenant: str) -> int:
    documents = [document.data for document in read_tree(str(Path(directory) / tenant))]
    client = client_in(tenant)
    plan = apply(client, documents)
    print(f"{tenant}: {len(plan['changes'])} changes")
    users = [each["name"] for each in documents if each["kind"] == "user"]
    applications = [each["name"] for each in documents if each["kind"] == "application"]
    for user in users:
        for application in applications:
            verdict = simulate(client, user, application)
            may = "may start" if verdict["verdict"] in ("launches", "reconnects") else "may not start"
            print(f"{user} {may} {application} {verdict['code'] or ''}".rstrip())
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        sys.exit(main(sys.argv[1], sys.argv[2]))
    except (ManifestError, PortcullisError) as exc:
        sys.exit(f"apply.py: {exc}")

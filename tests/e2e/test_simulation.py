"""Asked, launched on a schedule, explained: simulation, dry run and probes on a whole installation."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.e2e.conftest import Installation
from tests.support.patience import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

APPLICATIONS = """\
kind: application
name: Probed
command: [xterm]
entitled: {users: [demo]}
---
kind: application
name: Missing
command: [no-such-program]
entitled: {users: [demo]}
"""


def simulated(installation: Installation, *words: str) -> tuple[int, dict[str, Any]]:
    try:
        done = installation.cli("simulate", "--json", "--user", "demo", *words)
    except subprocess.CalledProcessError as refused:
        return refused.returncode, json.loads(refused.stdout)
    return done.returncode, json.loads(done.stdout)


def last_of(installation: Installation, application: str) -> dict[str, Any]:
    probes = json.loads(installation.cli("get", "probes", "--json").stdout)
    found: dict[str, Any] = next(probe for probe in probes if probe["application"] == application)
    return found["last"] or {}


async def test_what_a_dry_run_says_of_an_application_is_what_a_probe_finds(
    installation: Installation,
) -> None:
    installation.cli("apply", "-f", "-", stdin=APPLICATIONS)
    code, fine = simulated(installation, "--app", "Probed", "--dry-run")
    assert (code, fine["verdict"]) == (0, "launches"), fine
    told = {
        step["reason"].split(": ")[0].split(", ")[-1] for step in fine["steps"] if step["name"] == "dry_run"
    }
    assert told == {"account", "command", "home", "display", "room", "gateways"}
    assert {step["outcome"] for step in fine["steps"] if step["name"] == "dry_run"} == {"passed"}
    assert simulated(installation, "--app", "Missing")[1]["verdict"] == "launches", "the plan cannot know"
    code, missing = simulated(installation, "--app", "Missing", "--dry-run")
    assert (code, missing["verdict"], missing["code"]) == (1, "refused", "application_missing")

    for application in ("Probed", "Missing"):
        installation.cli("probe", "set", application, "--user", "demo", "--every", "60")

    async def are_made() -> bool:
        return all(last_of(installation, application) for application in ("Probed", "Missing"))

    await until(are_made)
    well, failed = last_of(installation, "Probed"), last_of(installation, "Missing")
    assert (well["state"], list(well["stages"])) == (
        "ok",
        ["sign_in", "launch", "ready", "attach", "first_frame", "echo"],
    ), well
    assert (failed["state"], failed["code"]) == ("failed", "application_missing")
    explained = installation.cli("explain", failed["reference"]).stdout
    assert "no-such-program: not found" in explained and "The same launch now: REFUSED" in explained
    for application in ("Probed", "Missing"):
        installation.cli("probe", "delete", application)

    def nothing_is_left() -> bool:
        sessions = json.loads(installation.cli("get", "sessions", "--json").stdout)
        return all(each["application"]["name"] not in ("Probed", "Missing") for each in sessions)

    await until(nothing_is_left)

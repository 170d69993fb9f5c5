"""The command `portcullis doctor`. Exit codes: 0 no problem (warnings and notices are none), 1 problems, 3 nothing to
look at."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from portcullis.cli.output import as_json, safe
from portcullis.doctor import defaults, machine, publishing, report, running, tenancy, upkeep
from portcullis.doctor import site as sites
from portcullis.doctor.finding import Finding, problem, unseen
from portcullis.doctor.machine import Machine
from portcullis.doctor.site import Site
from portcullis.quickstart.errors import QuickstartError
from portcullis.rest import profile
from portcullis.rest.client import Client
from portcullis.rest.profile import Profile, ProfileError

NOTHING = 3
TIMEOUT_SECONDS = 10.0


def add_arguments(doctor: argparse.ArgumentParser) -> None:
    doctor.description = (
        "Looks at a running installation and names each problem, and each departure from the safe defaults, with its "
        "remedy. On the machine itself, best as root, it sees processes, files and disks; with --profile alone it asks "
        "the API. Exit codes: 0 no problem, 1 problems, 3 nothing to look at."
    )
    doctor.add_argument(
        "--clone",
        type=Path,
        metavar="FOLDER",
        help="the clone whose installation to look at (default: that of this command, unless --profile is given)",
    )
    doctor.add_argument("--json", action="store_true", help="JSON instead of text")
    doctor.set_defaults(here=run)


def run(arguments: argparse.Namespace) -> int:
    clone = arguments.clone or (None if arguments.profile else Path(sys.prefix).parent)
    here, findings = _look(clone.resolve(), arguments.clone is not None) if clone else (None, [])
    if arguments.clone and here is None and not arguments.profile:
        return _nothing(findings)  # a profile of whoever looks leads to another installation
    there, more = _ask(arguments.profile, clone)
    findings += more
    if here is None and there is None:
        return _nothing(findings)
    findings += examine(here, there, time.time())
    subject = f"{here.found.clone}, {here.found.url}" if here else there.url if there else ""
    if arguments.json:
        print(as_json(report.as_object(subject, findings)))
    else:
        print(report.text(subject, findings))
    return 1 if any(finding.severity == "problem" for finding in findings) else 0


def _nothing(findings: list[Finding]) -> int:
    for finding in findings:
        print(f"portcullis doctor: {safe(finding.what)}. {finding.remedy}", file=sys.stderr)
    return NOTHING


def _look(clone: Path, is_named: bool) -> tuple[Machine | None, list[Finding]]:
    try:
        found = machine.find(clone)
    except QuickstartError as exc:
        return None, [
            problem("installation", str(exc), "deploy/quickstart.sh --reset removes what is left of it.")
        ]
    except OSError as exc:
        what = f"{exc.filename} could not be looked at: {exc.strerror}"
        remedy = "Run `portcullis doctor` as the account that the installation belongs to, or as root."
        return None, [unseen("installation", what, remedy)]
    if found is None:
        remedy = "deploy/quickstart.sh makes one; --clone names another folder."
        return None, [problem("installation", f"there is none in {clone}", remedy)] if is_named else []
    return machine.look(found), []


def _ask(named: Path | None, clone: Path | None) -> tuple[Site | None, list[Finding]]:
    try:
        chosen = _profile(named, clone)
    except ProfileError as exc:
        remedy = "deploy/quickstart.sh leaves a profile in var/; --profile names another."
        make = problem if "read by others" in str(exc) else unseen
        return None, [make("api", f"the API was not asked: {exc}", remedy)]
    return sites.ask(Client(chosen, TIMEOUT_SECONDS), chosen.url), []


def _profile(named: Path | None, clone: Path | None) -> Profile:
    """Of the clone that is looked at, not of whoever looks: unless another is named."""
    own = profile.of_clone(clone) if clone else None
    return profile.read(own if named is None and own is not None and _is_there(own) else profile.find(named))


def _is_there(path: Path) -> bool:
    """Also in a folder that may not be entered: reading it then says so, and no other installation is asked."""
    try:
        return path.exists()
    except PermissionError:
        return True


def examine(here: Machine | None, there: Site | None, now: float) -> list[Finding]:
    """Every check, on what was gathered."""
    findings: list[Finding] = []
    if here is not None:
        findings += _examine_machine(here, now)
    if there is not None:
        findings += _examine_site(there)
        findings += defaults.transport(here.found.url if here else there.url)
    if here is not None and there is not None and here.runs_sessions:
        findings += publishing.commands(there, machine.is_program)
    findings += running.versions(here, there)
    if here is None:
        remedy = "Run `portcullis doctor` on the machines themselves, as root."
        findings.append(unseen("machine", "processes, files, disks and packages of the machines", remedy))
    return findings


def _examine_machine(here: Machine, now: float) -> list[Finding]:
    checks = (
        running.supervisor,
        running.parts,
        running.listeners,
        running.readiness,
        upkeep.file_modes,
        upkeep.disks,
        upkeep.packages,
        defaults.web_certificate,
        defaults.unprivileged,
        defaults.limits,
        defaults.metrics_listener,
    )
    findings = [finding for check in checks for finding in check(here)]
    return [*findings, *upkeep.certificates(here, now)]


def _examine_site(there: Site) -> list[Finding]:
    checks = (
        tenancy.api,
        tenancy.clock,
        tenancy.gateways,
        tenancy.hosts,
        tenancy.places,
        tenancy.isolation,
        tenancy.users,
        tenancy.first_passwords,
        tenancy.tokens,
        tenancy.join_tokens,
        publishing.applications,
        publishing.icons,
    )
    return [finding for check in checks for finding in check(there)]

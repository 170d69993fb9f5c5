"""Checks: does everything run, answer and fit together?"""

from __future__ import annotations

from collections.abc import Iterable

from portcullis.doctor.finding import Finding, ok, problem, unseen, warning
from portcullis.doctor.machine import Machine
from portcullis.doctor.site import Site

START = "Run deploy/quickstart.sh."
MANY_RESTARTS = 3


def supervisor(machine: Machine) -> Iterable[Finding]:
    if not machine.is_owner:
        who = (
            "root"
            if machine.found.isolation == "accounts"
            else "the account that the installation belongs to"
        )
        yield unseen("parts", "the processes were not looked at", f"Run `portcullis doctor` as {who}.")
    elif machine.parts is None:
        yield problem("parts", "nothing runs: there is no supervisor, or it hangs", START)


def parts(machine: Machine) -> Iterable[Finding]:
    for part in machine.parts or ():
        log = machine.found.logs / f"{part.name}.log"
        if part.pid is None:
            yield problem(
                "parts",
                f"the {part.name} does not run",
                f"The end of {log} says why. The supervisor tries again.",
            )
        elif part.restarts >= MANY_RESTARTS:
            what = f"the {part.name} was started again {part.restarts} times"
            yield warning("parts", what, f"Look for the reason in {log}.")
    if machine.parts and all(part.pid is not None for part in machine.parts):
        yield ok("parts", f"{' and '.join(part.name for part in machine.parts)} run")


def listeners(machine: Machine) -> Iterable[Finding]:
    silent = [listener for listener in machine.listeners if not listener.answers]
    for listener in silent:
        yield problem(
            "listeners",
            f"{listener.name}: nothing listens on {listener.address}:{listener.port}",
            f"{START} If the port is another program's, end that: the instance keeps its ports.",
        )
    if machine.listeners and not silent:
        yield ok("listeners", f"{len(machine.listeners)} listeners answer")


def readiness(machine: Machine) -> Iterable[Finding]:
    if not machine.probes:
        remedy = "Start the parts with --metrics HOST:PORT; the quickstart does so at its next start."
        yield unseen("readiness", "no part has a listener for metrics", remedy)
    for probe in machine.probes:
        if not probe.answers:
            what = f"the {probe.part} does not answer on its metrics listener, 127.0.0.1:{probe.port}"
            log = machine.found.logs / f"{probe.part}.log"
            yield problem("readiness", what, f"It does not run, or hangs: look at {log}.")
        for reason in probe.reasons:
            yield problem("readiness", f"the {probe.part} is not ready: {reason}", _REMEDIES[probe.part])
    if machine.probes and all(probe.answers and not probe.reasons for probe in machine.probes):
        yield ok("readiness", f"{' and '.join(probe.part for probe in machine.probes)} are ready")


_REMEDIES = {
    "broker": "Look at the disk of the grid, and at the broker's log.",
    "gateway": "It reaches no broker: look whether one runs, and at the gateway's log.",
    "agent": "It reaches no broker: look whether one runs, and at the agent's log under `no control channel`.",
}


def versions(machine: Machine | None, site: Site | None) -> Iterable[Finding]:
    """Parts of different releases talk to each other while a site is updated, and should not for long."""
    found: dict[str, str] = {}
    for probe in machine.probes if machine else ():
        if probe.version:
            found[f"this machine's {probe.part}"] = probe.version
    facts = site.facts if site else {}
    for broker in facts.get("brokers", ()):
        found[f"broker {broker.get('address')}"] = str(broker.get("version"))
    names = {host.get("id"): host.get("name") for host in site.items("hosts")} if site else {}
    for host_id, version in dict(facts.get("host_versions", {})).items():
        found[f"host {names.get(host_id, host_id)}"] = str(version)
    if len(set(found.values())) > 1:
        listed = ", ".join(f"{name} {version}" for name, version in found.items())
        yield warning(
            "versions", f"parts are of different versions: {listed}", "Update those that are behind."
        )
    elif found:
        yield ok("versions", f"all parts are of version {next(iter(found.values()))}")

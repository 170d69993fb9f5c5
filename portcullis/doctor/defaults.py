"""Checks: what is weaker than the safe defaults, or serves less than a site should."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from urllib.parse import urlsplit

from portcullis.doctor.finding import Finding, notice, ok, unseen, warning
from portcullis.doctor.machine import Machine
from portcullis.probes import is_loopback

BOUNDED = frozenset({"scope", "cgroup1"})


def transport(url: str) -> Iterable[Finding]:
    parts = urlsplit(url)
    if parts.scheme == "https":
        yield ok("transport", "browsers connect by https")
    elif is_loopback(parts.hostname or ""):
        remedy = "Fine for a trial. For others: deploy/quickstart.sh --listen ADDRESS --name PUBLIC.NAME."
        yield notice("transport", "plain http, on loopback alone: no other machine reaches it", remedy)
    else:
        what = (
            f"browsers connect to {parts.hostname} by plain http: passwords and keys can be read on the way"
        )
        yield warning("transport", what, "Use https.")


def web_certificate(machine: Machine) -> Iterable[Finding]:
    network = machine.found.network
    if network is not None and not network.certificate:
        yield notice(
            "web_certificate",
            "browsers are shown a certificate of the site's own CA, which they do not know",
            "Hand out var/web-ca.pem with its fingerprint, or give --cert and --key of a CA that they know.",
        )


def unprivileged(machine: Machine) -> Iterable[Finding]:
    if machine.found.isolation == "none":
        yield warning(
            "unprivileged",
            "this installation runs without root: everybody's sessions, the grid and its keys share one account",
            "For more than a trial install it as root (docs/unprivileged.md).",
        )


def limits(machine: Machine) -> Iterable[Finding]:
    if not machine.runs_sessions:
        return
    grouping = next((probe.grouping for probe in machine.probes if probe.grouping), None)
    if grouping is None:
        yield unseen("limits", "how sessions are bounded is not known", "The agent tells, once it answers.")
    elif grouping in BOUNDED:
        yield ok("limits", f"memory and processes of each session are bounded ({grouping})")
    else:
        yield warning(
            "limits",
            f"no cgroup bounds what a session uses ({grouping}): one that eats memory harms the others",
            "Run the host under systemd with cgroup v2, or with writable cgroup v1 controllers (docs/limits.md).",
        )


def metrics_listener(machine: Machine) -> Iterable[Finding]:
    for name, words in machine.command_lines.items():
        given = next((after for word, after in itertools.pairwise(words) if word == "--metrics"), None)
        if given and not is_loopback(given.rpartition(":")[0].strip("[]")):
            what = f"the {name}'s metrics are served on {given}, to whoever reaches that port"
            yield warning(
                "metrics_listener", what, "Use a loopback address, or keep strangers from the port."
            )

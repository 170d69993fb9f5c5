"""What is wrong with a site, and what to do about it: a pure function of its picture. Worst first."""

from __future__ import annotations

from collections.abc import Iterator

from broker.grid.grid import Member
from broker.peers.clocks import told
from broker.probes.result import Failing
from broker.status.picture import Finding, Picture, Severity
from portcullis.reasons import REASONS

MEMBER_LAG = 1000
"""Entries of the raft log that a member may be behind the others: a second or so of a busy grid."""
FILLING_SHARE = 0.6
"""Of the quota of a member: what is left gives time to act."""
UNTOLD_QUOTA_BYTES = 2 * 1024**3
"""etcd's own, taken where a version does not tell the one that it was started with (before 3.6)."""
LAG_SECONDS = 5.0
BAD_STREAMS, BAD_SHARE = 3, 0.3
"""Of a host: one user's bad network is no finding of the site."""
LASTING_FAILURES = 3
"""Of a probe, one after the other: what fails once may have met a host that was just restarted."""
TOLD_PROBES = 5
TOLD_MACHINES = 5
MINORITY_LOST = "the next one that fails stops launches and sign-ins"

_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "notice": 2}


def findings(picture: Picture) -> list[Finding]:
    kinds = (_grid, _brokers, _gateways, _hosts, _streams, _probes, _ca, _data_keys, _versions)
    found = [finding for kind in kinds for finding in kind(picture)]
    return sorted(found, key=lambda finding: _ORDER[finding.severity])


def _found(severity: Severity, code: str, what: str) -> Finding:
    return Finding(severity, code, what, REASONS[code].administrator)


def _grid(picture: Picture) -> Iterator[Finding]:
    members = picture.members
    down = [member for member in members if not _answers(member)]
    healthy, needed = len(members) - len(down), len(members) // 2 + 1
    if picture.store == "etcd" and members and healthy < needed:
        yield _found(
            "error",
            "grid_quorum_lost",
            f"{healthy} of {len(members)} members of the grid answer, {needed} are needed",
        )
    elif picture.degraded:
        yield _found("error", "grid_degraded", "the grid takes no changes")
    alarms = sorted({alarm for member in members for alarm in member.alarms})
    if "NOSPACE" in alarms:
        yield _found("error", "grid_full", f"{_names(members, 'NOSPACE')}: the grid's space is used up")
    if "CORRUPT" in alarms:
        yield _found(
            "error", "grid_corrupt", f"{_names(members, 'CORRUPT')}: the data differs from the others'"
        )
    for member in down:
        rest = (
            "" if healthy < needed else "; " + (MINORITY_LOST if healthy == needed else "the others carry on")
        )
        yield _found("error", "grid_member_down", f"{_name(member)} does not answer{rest}")
    if picture.store == "etcd" and "NOSPACE" not in alarms:
        yield from _filling(members)
    newest = max((member.raft_index for member in members), default=0)
    for member in members:
        if member.healthy and newest - member.raft_index > MEMBER_LAG:
            behind = newest - member.raft_index
            yield _found("warning", "grid_member_lags", f"{_name(member)} is {behind} entries behind")
        elif _answers(member) and member.trouble and healthy >= needed:
            yield _found("warning", "grid_member_trouble", f"{_name(member)}: {member.trouble}")


def _filling(members: tuple[Member, ...]) -> Iterator[Finding]:
    """The fullest member's: all hold the same."""
    for member in sorted(members, key=_fill, reverse=True)[:1]:
        if _fill(member) >= FILLING_SHARE:
            quota = f"{(member.quota_bytes or UNTOLD_QUOTA_BYTES) / 1024**3:.1f} GiB"
            untold = (
                "" if member.quota_bytes else ", if its quota is etcd's own: this version does not tell it"
            )
            what = f"the database of {_name(member)} takes {_fill(member):.0%} of {quota}{untold}"
            yield _found("warning", "grid_filling", what)


def _fill(member: Member) -> float:
    return member.database_bytes / (member.quota_bytes or UNTOLD_QUOTA_BYTES)


def _answers(member: Member) -> bool:
    """One that answers may be unhealthy all the same: without the others it has no leader."""
    return member.healthy or bool(member.version)


def _name(member: Member) -> str:
    return member.name or member.endpoint


def _names(members: tuple[Member, ...], alarm: str) -> str:
    return ", ".join(_name(member) for member in members if alarm in member.alarms)


def _brokers(picture: Picture) -> Iterator[Finding]:
    serving = [broker for broker in picture.brokers if broker.state in ("serving", "draining")]
    left = (
        f"{len(serving)} serve" if len(serving) != 1 else "one serves: if it fails nobody can start anything"
    )
    for broker in picture.brokers:
        if broker.state == "gone":
            yield _found("error", "broker_gone", f"broker {broker.name} died ({broker.address}); {left}")
        elif broker.state == "silent":
            yield _found(
                "error", "broker_silent", f"broker {broker.name} does not answer ({broker.address}); {left}"
            )
        elif broker.state == "draining":
            rest = f"{broker.hosts} hosts are left" if broker.hosts else "nothing is left: it can be stopped"
            yield _found("notice", "broker_drains", f"broker {broker.name} drains; {rest}")
        if broker.lag_seconds > LAG_SECONDS:
            yield _found(
                "warning",
                "broker_lags",
                f"broker {broker.name} is {broker.lag_revisions} revisions behind, for {broker.lag_seconds:.0f} s",
            )
        if broker.clock == "wrong":
            apart = told(broker.clock_ahead_seconds)
            yield _found(
                "error",
                "clock_wrong",
                f"the clock of broker {broker.name} is {apart} the others': it refuses changes",
            )
        if broker.audit == "audit_unavailable":
            what = f"broker {broker.name} cannot record what happens: it makes no changes"
            yield _found("error", broker.audit, what)
        elif broker.audit == "audit_damaged":
            what = f"the record of broker {broker.name} was damaged; it was set aside, and a new one begun"
            yield _found("warning", broker.audit, what)
    unsure = [broker for broker in picture.brokers if broker.clock == "unsure"]
    if unsure:
        names = ", ".join(broker.name for broker in unsure)
        apart = told(max(abs(broker.clock_ahead_seconds) for broker in unsure)).removesuffix(" ahead of")
        yield _found("warning", "clocks_differ", f"the clocks of the brokers {names} differ by up to {apart}")
    if picture.store == "etcd" and len(picture.brokers) == 1:
        yield _found(
            "notice", "broker_alone", "there is one broker: while it is away nobody can start anything"
        )


def _gateways(picture: Picture) -> Iterator[Finding]:
    if not any(gateway.state == "online" for gateway in picture.gateways):
        yield _found("error", "gateways_none", "no gateway is there to let anybody in")
    for gateway in picture.gateways:
        if gateway.state == "gone":
            yield _found("error", "gateway_gone", f"gateway {gateway.name} is not there")
        elif gateway.state == "draining":
            rest = (
                f"{gateway.streams} streams are left"
                if gateway.streams
                else "no stream is left: it can be stopped"
            )
            yield _found("notice", "gateway_drains", f"gateway {gateway.name} drains; {rest}")


def _hosts(picture: Picture) -> Iterator[Finding]:
    online = [host for host in picture.hosts if host.state == "online"]
    if not online:
        yield _found("error", "hosts_none", "no host takes sessions")
    elif all(host.sessions >= host.slots for host in online):
        yield _found("warning", "hosts_full", "every place on every host is taken")
    for host in picture.hosts:
        if host.state == "gone":
            lost = f"; {_sessions(host.sessions)} cannot be reached" if host.sessions else ""
            yield _found("error", "host_gone", f"host {host.name} is not there{lost}")
        elif host.state == "draining":
            rest = (
                f"{_sessions(host.sessions)} left"
                if host.sessions
                else "no session is left: it can be stopped"
            )
            yield _found("notice", "host_drains", f"host {host.name} drains; {rest}")
        if host.orphans:
            number = _sessions(host.orphans)
            yield _found(
                "warning", "host_orphans", f"host {host.name} runs {number} that the site does not know"
            )


def _streams(picture: Picture) -> Iterator[Finding]:
    for host in picture.hosts:
        if host.bad_streams >= BAD_STREAMS and host.bad_streams >= host.streams * BAD_SHARE:
            yield _found(
                "warning",
                "streams_bad",
                f"{host.bad_streams} of the {host.streams} sessions in use on host {host.name} are slow; "
                f"{_WHY[host.bad_limit]}",
            )


def _probes(picture: Picture) -> Iterator[Finding]:
    for probes in picture.probes:
        if failing := probes.failing:
            lasting = any(each.failures >= LASTING_FAILURES for each in failing)
            more = f" and {len(failing) - TOLD_PROBES} more" if len(failing) > TOLD_PROBES else ""
            each = "; ".join(map(_failing, failing[:TOLD_PROBES]))
            what = f"{len(failing)} of {_many(probes.total, 'probe')} of {probes.tenant} failed: {each}{more}"
            yield _found("error" if lasting else "warning", "probes_failed", what)
        if late := probes.states.get("late", 0):
            what = (
                f"{late} of {_many(probes.total, 'probe')} of {probes.tenant} were not made for a long time"
            )
            yield _found("warning", "probes_late", what)


def _failing(failing: Failing) -> str:
    name = f"{failing.application}: " if failing.application else ""
    stage = f" in stage {failing.stage}" if failing.stage else ""
    times = f", {failing.failures} times in a row" if failing.failures > 1 else ""
    reference = f", reference {failing.reference}" if failing.reference else ""
    return f"{name}{failing.code}{stage}{times}{reference}"


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


_WHY = {
    "network": "their users' network holds them up",
    "host": "the host is too busy",
    "client": "their users' browsers draw too slowly",
}


def _sessions(number: int) -> str:
    return _many(number, "session")


def _ca(picture: Picture) -> Iterator[Finding]:
    ca = picture.ca
    if ca is None:
        return
    done = "trust it" if ca.phase == "announced" else "have a certificate of it"
    step = "announced" if ca.phase == "announced" else "in use, the old one still trusted"
    machines = sum(not name.startswith("broker ") for name in ca.waits_for)
    left = ", ".join(ca.waits_for[:TOLD_MACHINES])
    more = f" and {len(ca.waits_for) - TOLD_MACHINES} more" if len(ca.waits_for) > TOLD_MACHINES else ""
    waits = f"; it waits for {left}{more}" if left else "; the next step follows within two minutes"
    what = f"a new CA of the site is {step}: {ca.of - machines} of {_many(ca.of, 'machine')} {done}{waits}"
    yield _found("notice", "ca_changes", what)


def _data_keys(picture: Picture) -> Iterator[Finding]:
    change = picture.data_keys
    if change is None:
        return
    step = {
        "coming": "announced; sealing begins within two minutes",
        "sealing": "in use; what lies under the old one is sealed anew",
        "kept": "in use; the old one opens for a day what a frozen broker may still write",
    }[change.phase]
    waits = (
        f"; it waits for brokers of an older version: {', '.join(change.waits_for)}"
        if change.waits_for
        else ""
    )
    what = f"a new data key of {_many(change.tenants, 'tenant')} is {step}{waits}"
    yield _found("notice", "data_keys_change", what)


def _versions(picture: Picture) -> Iterator[Finding]:
    versions = {broker.version for broker in picture.brokers if broker.state != "gone"}
    versions |= {host.version for host in picture.hosts}
    versions.discard("")
    if len(versions) > 1:
        yield _found("notice", "versions_differ", f"brokers and hosts run {', '.join(sorted(versions))}")

"""Each check of the doctor: what it names, how gravely, and that all is well when it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portcullis.doctor import defaults, publishing, running, tenancy, upkeep
from portcullis.doctor.finding import Finding
from portcullis.doctor.machine import Certificate, Disk, Listener, Machine, PartState, PrivateFile, Probe
from portcullis.doctor.site import Site
from portcullis.quickstart.instance import Instance, Ports
from portcullis.quickstart.network import Network

NOW = 1_800_000_000.0
DAY = 86400.0
INSTANCE = Instance(
    Path("/srv/clone"), Ports(8080, 21000, 21001, 21002, 21003, 21004), (Path("/opt/portcullis/a"),)
)
MACHINE = Machine(
    found=INSTANCE,
    is_owner=True,
    parts=(PartState("broker", 1, 0), PartState("gateway", 2, 0), PartState("agent", 3, 0)),
    listeners=(Listener("broker", "127.0.0.1", 21000, True),),
    probes=(
        Probe("broker", 21002, True, (), "1.0"),
        Probe("agent", 21004, True, (), "1.0", "cgroup1"),
    ),
    files=(PrivateFile(Path("/state/secrets.json"), 0o600),),
    certificates=(Certificate(Path("/state/machine.pem"), NOW - 3600, NOW + 23 * 3600, True),),
    disks=(
        Disk(Path("/state"), "the grid, logs and homes", 10 << 40, 5 << 40, 1000, 900),
        Disk(Path("/dev/shm"), "framebuffers", 1 << 40, 1 << 39, 0, 0),
    ),
    command_lines={"broker": ("portcullis-broker", "serve", "--metrics", "127.0.0.1:21002")},
)
SITE = Site(
    url="http://localhost:8080",
    now=NOW,
    skew_seconds=0.1,
    facts={
        "brokers": [{"address": "127.0.0.1:21000", "version": "1.0"}],
        "host_versions": {"h1": "1.0"},
        "join_tokens": [],
        "first_passwords": [],
    },
    lists={
        "hosts": [
            {"id": "h1", "name": "alpha", "online": True, "slots": 20, "sessions": 1, "isolation": "accounts"}
        ],
        "gateways": [{"name": "gate", "online": True}],
        "users": [{"name": "admin", "role": "administrator", "state": "enrolled"}],
        "tokens": [{"id": "t1", "note": "cli", "created": NOW - DAY, "expires": NOW + 60 * DAY}],
        "applications": [{"name": "Editor", "command": ["mousepad"], "icon": "/icons/1"}],
        "sessions": [],
    },
)

MACHINE_CHECKS = (
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
SITE_CHECKS = (
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


def only(findings: Iterable[Finding]) -> Finding:
    """The one that is not `ok`: it always has a remedy."""
    (finding,) = [each for each in findings if each.severity != "ok"]
    assert finding.remedy
    return finding


def site(**lists: list[dict[str, Any]]) -> Site:
    return replace(SITE, lists={**SITE.lists, **lists})


@pytest.mark.parametrize("check", MACHINE_CHECKS)
def test_a_healthy_machine_gives_no_complaint(check: Any) -> None:
    assert {finding.severity for finding in check(MACHINE)} <= {"ok"}


@pytest.mark.parametrize("check", SITE_CHECKS)
def test_a_healthy_site_gives_no_complaint(check: Any) -> None:
    assert {finding.severity for finding in check(SITE)} <= {"ok"}


def test_a_supervisor_that_is_gone_is_a_problem() -> None:
    assert only(running.supervisor(replace(MACHINE, parts=None))).severity == "problem"


def test_who_may_not_look_is_told_so() -> None:
    finding = only(running.supervisor(replace(MACHINE, parts=None, is_owner=False)))
    assert finding.severity == "unseen"
    assert "root" in (finding.remedy or "")


def test_a_part_that_is_down_is_named_with_its_log() -> None:
    down = replace(MACHINE, parts=(*MACHINE.parts[:2], PartState("agent", None, 1)))  # type: ignore[index]
    finding = only(running.parts(down))
    assert finding == Finding("parts", "problem", "the agent does not run", finding.remedy)
    assert str(INSTANCE.logs / "agent.log") in (finding.remedy or "")


def test_a_part_that_restarts_often_is_a_warning() -> None:
    finding = only(running.parts(replace(MACHINE, parts=(PartState("broker", 1, 7),))))
    assert (finding.severity, "7 times" in finding.what) == ("warning", True)


def test_a_silent_listener_is_named_with_its_port() -> None:
    silent = replace(MACHINE, listeners=(Listener("gateway, for browsers", "127.0.0.1", 8080, False),))
    finding = only(running.listeners(silent))
    assert (finding.severity, "127.0.0.1:8080" in finding.what) == ("problem", True)


def test_a_part_that_is_not_ready_says_why() -> None:
    unready = replace(MACHINE, probes=(Probe("gateway", 1, True, ("no broker has registered it",)),))
    assert only(running.readiness(unready)).what == "the gateway is not ready: no broker has registered it"


def test_a_part_that_hangs_is_named() -> None:
    hung = replace(MACHINE, probes=(Probe("agent", 21004, False),))
    assert "the agent does not answer" in only(running.readiness(hung)).what


def test_parts_of_different_versions_are_listed() -> None:
    mixed = replace(SITE, facts={**SITE.facts, "host_versions": {"h1": "0.9"}})
    finding = only(running.versions(MACHINE, mixed))
    assert (finding.severity, "host alpha 0.9" in finding.what) == ("warning", True)
    assert [finding.severity for finding in running.versions(MACHINE, SITE)] == ["ok"]


@pytest.mark.parametrize(
    ("mode", "safe"), [(0o644, "0600"), (0o640, "0600"), (0o755, "0700"), (0o604, "0600")]
)
def test_a_secret_that_others_may_read_is_a_problem(mode: int, safe: str) -> None:
    finding = only(upkeep.file_modes(replace(MACHINE, files=(PrivateFile(Path("/k"), mode),))))
    assert finding.severity == "problem"
    assert (finding.remedy or "").startswith(f"chmod {safe} /k")


@pytest.mark.parametrize(
    ("begins", "ends", "by_itself", "severity"),
    [
        (-23 * 3600, 3600, True, "warning"),
        (-25 * 3600, -3600, True, "problem"),
        (3600, 25 * 3600, True, "problem"),
        (-80 * DAY, 10 * DAY, False, "warning"),
        (-100 * DAY, -1, False, "problem"),
    ],
)
def test_a_certificate_near_its_end_or_past_it(
    begins: float, ends: float, by_itself: bool, severity: str
) -> None:
    certificate = Certificate(Path("/c.pem"), NOW + begins, NOW + ends, by_itself)
    finding = only(upkeep.certificates(replace(MACHINE, certificates=(certificate,)), NOW))
    assert (finding.severity, "/c.pem" in finding.what) == (severity, True)


def test_a_certificate_that_lives_long_yet_is_fine() -> None:
    certificate = Certificate(Path("/c.pem"), NOW - DAY, NOW + 60 * DAY, False)
    machine = replace(MACHINE, certificates=(certificate,))
    assert [finding.severity for finding in upkeep.certificates(machine, NOW)] == ["ok"]


@pytest.mark.parametrize(
    ("purpose", "free", "severity"),
    [
        ("the grid, logs and homes", 100 << 20, "problem"),
        ("the grid, logs and homes", 500 << 20, "warning"),
        ("framebuffers", 20 << 20, "problem"),
        ("framebuffers", 100 << 20, "warning"),
    ],
)
def test_a_disk_that_fills_up(purpose: str, free: int, severity: str) -> None:
    disk = Disk(Path("/d"), purpose, 1 << 40, free, 0, 0)
    assert only(upkeep.disks(replace(MACHINE, disks=(disk,)))).severity == severity


def test_inodes_run_out_too() -> None:
    disk = Disk(Path("/d"), "the grid, logs and homes", 1 << 40, 1 << 39, 1000, 5)
    assert "5 of 1000 inodes" in only(upkeep.disks(replace(MACHINE, disks=(disk,)))).what


def test_a_missing_package_is_named_with_its_command() -> None:
    finding = only(upkeep.packages(replace(MACHINE, missing_packages=("xvfb",))))
    assert (finding.severity, (finding.remedy or "").endswith(" xvfb")) == ("problem", True)
    assert not list(upkeep.packages(replace(MACHINE, missing_packages=("xvfb",), runs_sessions=False)))


def test_a_host_that_cannot_send_video_is_told() -> None:
    findings = list(upkeep.packages(replace(MACHINE, missing_video=("libx264-164 or libvpx7",))))
    assert [finding.severity for finding in findings] == ["ok", "notice"]
    assert (findings[1].remedy or "").endswith(" libx264-164")


def test_a_published_command_that_is_not_there_is_a_problem() -> None:
    finding = only(publishing.commands(SITE, lambda word: False))
    assert finding.severity == "problem"
    assert "'Editor'" in finding.what and "'mousepad'" in finding.what
    assert "portcullis delete application Editor" in (finding.remedy or "")
    disabled = site(applications=[{"name": "x", "command": ["gone"], "disabled": True}])
    assert [finding.severity for finding in publishing.commands(disabled, lambda word: False)] == ["ok"]


def test_applications_without_icons_are_counted_not_listed_for_ever() -> None:
    many = [{"name": f"a{number}", "command": ["x"], "icon": None} for number in range(20)]
    assert only(publishing.icons(site(applications=many))).what.endswith("a4 and 15 more")


def test_nothing_published_is_a_notice() -> None:
    assert only(publishing.applications(site(applications=[]))).severity == "notice"


def test_an_api_that_does_not_answer_is_a_problem_with_the_codes_remedy() -> None:
    finding = only(tenancy.api(Site("http://x", "no answer", "broker_unreachable")))
    assert finding.severity == "problem"
    assert "reaches no broker" in (finding.remedy or "")


def test_a_token_that_may_not_see_everything_is_no_problem_of_the_site() -> None:
    assert only(tenancy.api(replace(SITE, trouble="hosts: no", code="not_permitted"))).severity == "unseen"


@pytest.mark.parametrize(("skew", "severity"), [(6.0, "warning"), (-6.0, "warning"), (31.0, "problem")])
def test_a_clock_that_differs(skew: float, severity: str) -> None:
    finding = only(tenancy.clock(replace(SITE, skew_seconds=skew)))
    assert finding.severity == severity
    assert ("ahead of" if skew > 0 else "behind") in finding.what


@pytest.mark.parametrize(("check", "kind"), [(tenancy.hosts, "hosts"), (tenancy.gateways, "gateways")])
def test_machines_that_are_away(check: Any, kind: str) -> None:
    up, away, gone = (
        {"name": "a", "online": True},
        {"name": "b", "online": False},
        {"name": "c", "revoked": True},
    )
    assert only(check(site(**{kind: []}))).severity == "problem"
    assert only(check(site(**{kind: [away, gone]}))).severity == "problem"
    finding = only(check(site(**{kind: [up, away, gone]})))
    assert (finding.severity, "'b' is offline" in finding.what) == ("warning", True)


def test_no_place_left_is_a_warning() -> None:
    full = [{"name": "a", "online": True, "slots": 2, "sessions": 2}]
    assert only(tenancy.places(site(hosts=full))).severity == "warning"


def test_a_host_without_walls_is_a_warning() -> None:
    assert "alpha" in only(tenancy.isolation(site(hosts=[{"name": "alpha", "isolation": "none"}]))).what


def test_users_that_need_somebody() -> None:
    admin = {"name": "admin", "role": "administrator", "state": "enrolled"}
    assert "'ann'" in only(tenancy.users(site(users=[admin, {"name": "ann", "state": "factor_off"}]))).what
    assert (
        only(tenancy.users(site(users=[admin, {"name": "b", "state": "invitation_expired"}]))).severity
        == "notice"
    )
    assert "recover-admin" in (
        only(tenancy.users(site(users=[{"name": "ann", "state": "enrolled"}]))).remedy or ""
    )


def test_first_passwords_are_named() -> None:
    assert "'demo'" in only(tenancy.first_passwords(replace(SITE, facts={"first_passwords": ["demo"]}))).what


@pytest.mark.parametrize(
    ("expires", "severity"), [(None, "warning"), (NOW + 400 * DAY, "warning"), (NOW + 2 * DAY, "notice")]
)
def test_tokens_that_last_too_long_or_end_soon(expires: float | None, severity: str) -> None:
    token = {"id": "t9", "note": "backup", "created": NOW, "expires": expires}
    finding = only(tenancy.tokens(site(tokens=[token])))
    assert (finding.severity, "t9 (backup)" in finding.what) == (severity, True)


def test_join_tokens_that_are_good_yet_are_counted() -> None:
    tokens = [{"role": "host", "expires": NOW + 3600}, {"role": "gateway", "expires": NOW - 1}]
    finding = only(tenancy.join_tokens(replace(SITE, facts={"join_tokens": tokens})))
    assert finding.what.startswith("1 join tokens are good yet (host)")


@pytest.mark.parametrize(
    ("url", "severity"),
    [
        ("http://localhost:8080", "notice"),
        ("http://192.0.2.1:8080", "warning"),
        ("https://apps.example", "ok"),
    ],
)
def test_how_browsers_connect(url: str, severity: str) -> None:
    (finding,) = defaults.transport(url)
    assert finding.severity == severity


def test_a_certificate_that_browsers_do_not_know_is_a_notice() -> None:
    public = replace(INSTANCE, network=Network("192.0.2.1", "apps.example", 443))
    assert only(defaults.web_certificate(replace(MACHINE, found=public))).severity == "notice"
    given = replace(INSTANCE, network=Network("192.0.2.1", "apps.example", 443, "/c.pem", "/k.pem"))
    assert not list(defaults.web_certificate(replace(MACHINE, found=given)))


def test_an_installation_without_root_is_a_warning() -> None:
    assert (
        only(defaults.unprivileged(replace(MACHINE, found=replace(INSTANCE, isolation="none")))).severity
        == "warning"
    )


def test_sessions_without_bounds_are_a_warning() -> None:
    loose = replace(MACHINE, probes=(Probe("agent", 1, True, (), "1.0", "rlimits"),))
    assert "(rlimits)" in only(defaults.limits(loose)).what
    assert only(defaults.limits(replace(MACHINE, probes=()))).severity == "unseen"


@pytest.mark.parametrize("given", ["0.0.0.0:9100", "[::]:9100", "192.0.2.1:9100"])
def test_metrics_for_everybody_are_a_warning(given: str) -> None:
    exposed = replace(
        MACHINE, command_lines={"broker": ("x", "--metrics", given, "--metrics-exposed", "yes")}
    )
    assert given in only(defaults.metrics_listener(exposed)).what


@pytest.mark.parametrize("check", SITE_CHECKS)
@pytest.mark.parametrize("empty", [Site("http://x", "no", "gateway_unreachable"), Site("http://x")])
def test_an_answer_that_lacks_everything_breaks_no_check(check: Any, empty: Site) -> None:
    assert all(isinstance(finding, Finding) for finding in check(empty))

"""What an operator sees of a running quickstart: one launch through every log, metrics, the doctor's findings."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Response, expect
from prometheus_client.parser import text_string_to_metric_families

from portcullis.quickstart import instance
from portcullis.quickstart.instance import Instance
from tests.e2e.conftest import EDITOR, Installation, Visitor
from tests.e2e.portal import Person, launch, sign_in
from tests.support.patience import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

MISSING = """\
kind: application
name: No such program
command: [portcullis-no-such-program]
entitled: {groups: [staff]}
"""


def instance_of(installation: Installation) -> Instance:
    found = instance.load(installation.clone)
    assert found is not None
    return found


def log_of(installation: Installation, part: str) -> list[str]:
    """Its lines, of the file before as well if it was just turned over."""
    files = sorted(instance_of(installation).logs.glob(f"{part}.log*"), reverse=True)
    return [line for file in files for line in file.read_text(errors="replace").splitlines()]


def session_log(installation: Installation, session: str) -> list[str]:
    return (instance_of(installation).runtime / "sessions" / session / "session.log").read_text().splitlines()


def ids_in(lines: list[str], name: str) -> set[str]:
    return {match[1] for line in lines for match in re.finditer(rf"\b{name}=(\S+)", line)}


def metrics_of(installation: Installation, part: str) -> dict[tuple[str, ...], float]:
    port = instance_of(installation).ports.metrics(part)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def doctor(installation: Installation, code: int = 0) -> dict[str, list[dict[str, Any]]]:
    """Its findings by check; `code` is what it has to exit with."""
    done = subprocess.run(
        [str(installation.clone / ".venv/bin/portcullis"), "doctor", "--json"], capture_output=True, text=True
    )
    assert done.returncode == code, done.stdout + done.stderr
    findings: dict[str, list[dict[str, Any]]] = {}
    for finding in json.loads(done.stdout)["findings"]:
        findings.setdefault(finding["check"], []).append(finding)
    return findings


class Canaries:
    """Secrets that pass through a person's browser; none may stand in a log."""

    def __init__(self) -> None:
        self.found: set[str] = set()

    async def hear(self, response: Response) -> None:
        if "/ticket" in response.url or "/grant" in response.url:
            answer = await response.json()
            self.found |= {str(answer[name]) for name in ("ticket", "grant") if name in answer}
        signature = (await response.request.all_headers()).get("portcullis-signature")
        self.found |= set(signature.split()[-2:]) if signature else set()


async def test_one_reference_leads_through_every_log_and_no_secret_stands_in_one(
    visitor: Visitor, installation: Installation, person: Person
) -> None:
    before = {part: metrics_of(installation, part) for part in ("broker", "gateway", "agent")}
    page = await visitor.page()
    canaries = Canaries()
    page.on("response", canaries.hear)
    await sign_in(page, installation.url, person)
    session = await launch(page, EDITOR)
    own = session_log(installation, session)

    (reference,) = ids_in([line for line in log_of(installation, "broker") if session in line], "reference")
    for part in ("broker", "gateway", "agent"):
        assert any(reference in line for line in log_of(installation, part)), part
    assert any(" worker: " in line and reference in line for line in own)
    gateway = [line for line in log_of(installation, "gateway") if reference in line]
    (connection,) = ids_in(gateway, "connection")
    assert connection in ids_in(log_of(installation, "agent"), "connection")
    assert connection in ids_in(own, "connection")

    assert_metrics_tell(before, {part: metrics_of(installation, part) for part in before})
    secrets = canaries.found | {person.password, person.totp_secret} | secrets_of(installation)
    secrets |= {str(cookie["value"]) for cookie in await visitor.context.cookies()}
    assert len(canaries.found) >= 3
    assert not leaks(secrets, [*own, *(line for part in before for line in log_of(installation, part))])
    installation.cli("session", "logoff", session)
    await expect(page.get_by_label("Search applications")).to_be_visible()


def secrets_of(installation: Installation) -> set[str]:
    named = ("password", "totp_secret", "admin_password", "admin_totp_secret", "api_token")
    tokens = ("gateway_join_token", "host_join_token")
    made = json.loads(instance_of(installation).secrets_file.read_text())
    return {str(made[name]) for name in (*named, *tokens)}


def leaks(secrets: set[str], lines: list[str]) -> list[str]:
    """Of a bearer secret, `<kind>_<scope>_<64 hex>` with more behind it in a join token, the hex is what matters."""
    bearer = re.compile(r"[a-z]+_[0-9a-f]{16}_([0-9a-f]{64})")
    hidden = {match[1] if (match := bearer.match(secret)) else secret for secret in secrets}
    assert all(len(secret) >= 12 for secret in hidden)
    return [line for line in lines if any(secret in line for secret in hidden)]


def assert_metrics_tell(before: dict[str, Any], after: dict[str, Any]) -> None:
    def grown(part: str, *series: str) -> float:
        name = (f"portcullis_{part}_{series[0]}", *series[1:])
        return float(after[part].get(name, 0) - before[part].get(name, 0))

    assert grown("broker", "sign_ins_total", "signed_in") == 1
    assert grown("broker", "launches_total", "ready") == 1
    assert grown("broker", "launch_stage_seconds_count", "ready") == 1
    assert grown("broker", "ticket_redeems_total", "redeemed") == 1
    assert grown("gateway", "streams_admitted_total") == 1
    assert grown("gateway", "stream_bytes_total", "to_browser") > 1000
    assert grown("agent", "launches_total", "ready") == 1
    assert after["agent"]["portcullis_agent_workers",] >= 1
    assert after["agent"]["portcullis_agent_workers_resident_bytes",] > 10 << 20
    assert after["gateway"]["portcullis_gateway_registered",] == 1


async def test_a_healthy_installation_has_no_problem(installation: Installation) -> None:
    findings = doctor(installation)
    assert {finding["severity"] for finding in findings["parts"]} == {"ok"}
    assert [finding["severity"] for finding in findings["transport"]] == ["notice"]
    assert findings["api"][0]["severity"] == "ok"


async def test_each_thing_that_is_broken_is_named(installation: Installation) -> None:
    key = instance_of(installation).state / "gateway/machine.pem"
    installation.cli("apply", "-f", "-", stdin=MISSING)
    key.chmod(0o644)
    try:
        with frozen(installation, "agent"):
            findings = doctor(installation, code=1)
    finally:
        key.chmod(0o600)
        installation.cli("delete", "-f", "-", stdin=MISSING)
    wrong = {
        check: [finding["what"] for finding in found if finding["severity"] == "problem"]
        for check, found in findings.items()
    }
    assert wrong["file_modes"] == [f"others may read {key} (mode 0644)"]
    assert [what for what in wrong["commands"] if "portcullis-no-such-program" in what]
    assert [what for what in wrong["readiness"] if what.startswith("the agent does not answer")]
    assert all(
        finding["remedy"]
        for found in findings.values()
        for finding in found
        if finding["severity"] == "problem"
    )


@contextmanager
def frozen(installation: Installation, part: str) -> Iterator[None]:
    """The part stands still: its process is there, and answers nothing."""
    status = installation.run("--status", check=False).stdout
    (pid,) = (int(line.split()[1]) for line in status.splitlines() if line.startswith(part))
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_an_installation_that_is_stopped_is_said_to_be(installation: Installation) -> None:
    installation.run("--stop")
    try:
        findings = doctor(installation, code=1)
    finally:
        installation.run()
    assert findings["parts"][0]["what"] == "nothing runs: there is no supervisor, or it hangs"
    assert len([finding for finding in findings["listeners"] if finding["severity"] == "problem"]) == 3
    assert findings["api"][0]["severity"] == "problem"


async def test_from_elsewhere_the_doctor_says_what_it_cannot_see(
    installation: Installation, tmp_path: Path
) -> None:
    profile = tmp_path / "profile.json"
    profile.write_bytes((installation.clone / "var/profile.json").read_bytes())
    profile.chmod(0o600)
    command = [str(installation.clone / ".venv/bin/portcullis"), "--profile", str(profile), "doctor"]

    async def is_up() -> bool:
        return "1 of 1 hosts online" in subprocess.run(command, capture_output=True, text=True).stdout

    await until(is_up)
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "not seen  processes, files, disks and packages of the machines" in done.stdout

"""deploy/tenants: the scripts as they are, with the real command, against a broker's real API."""

from __future__ import annotations

import asyncio
import shutil
import sys

import pytest

from tests.integration.deploy.conftest import SCRIPTS, Operator


async def test_a_directory_is_applied_and_checked_and_what_fails_of_it_is_told(operator: Operator) -> None:
    tree = operator.folder / "tenants"
    shutil.copytree(SCRIPTS / "example/globex", tree / "globex")
    shutil.copytree(SCRIPTS / "example/globex", tree / "initech")
    with (tree / "globex/checks").open("a") as checks:
        checks.write("anna | Terminal | launches\n")
    (tree / "hosts").write_text("acme-h1: acme, globex\n")
    result = await operator("apply.sh", str(tree))
    assert result.code == 1 and "acme-h1: tenants acme, globex" in result.out
    assert "New, and not able to sign in yet: anna." in result.out and "#/enrol/" not in result.out
    assert "ok      anna, Text editor: launches" in result.out
    assert "FAILED  anna, Terminal: application_unknown, expected launches" in result.out
    assert "not_found" in result.out and "failed: globex initech" in result.out
    tenant = operator.site.services.identity.tenants.by_name("globex")
    assert tenant is not None and (tenant.title, tenant.quotas.sessions) == ("Globex", 10)
    assert operator.site.services.identity.entries.list(tenant.id) == []


async def test_a_tenant_comes_and_goes(operator: Operator) -> None:
    files, kept = operator.folder / "tenants", operator.folder / "kept"
    words = ("--administrator", "bill", "--sessions", "5", "--hosts", "acme-h1", "--files", str(files))
    made = await operator("onboard.sh", "initech", *words)
    assert made.code == 0 and "#/enrol/enrol_" in made.out and "acme-h1: tenants acme, initech" in made.out
    assert (files / "initech/tenant.yaml").exists()
    gone = await operator("offboard.sh", "initech", "--keep", str(kept), "--yes")
    assert gone.code == 0 and "): deleted" in gone.out, gone.out
    exported = "".join(file.read_text() for file in sorted((kept / "initech").rglob("*.yaml")))
    assert "bill" in exported and "enrol_" not in exported and "argon2" not in exported
    assert operator.site.services.identity.tenants.by_name("initech") is None


async def test_the_same_in_python_is_done_once(operator: Operator) -> None:
    command = (sys.executable, str(SCRIPTS / "apply.py"), str(SCRIPTS / "example"), "acme")
    printed = []
    for _ in range(2):
        process = await asyncio.create_subprocess_exec(
            *command,
            env=operator.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, out.decode()
        printed.append(out.decode())
    assert "acme: 9 changes" in printed[0] and "create application Terminal" in printed[0]
    assert "acme: 0 changes" in printed[1]
    for line in ("anna may start Terminal", "bert may not start Terminal not_entitled"):
        assert line in printed[1]


@pytest.mark.parametrize("script", ["apply.sh", "onboard.sh", "offboard.sh"])
async def test_a_wrong_option_is_answered_with_the_usage(operator: Operator, script: str) -> None:
    result = await operator(script, "--no-such")
    assert result.code == 2 and "usage:" in result.out

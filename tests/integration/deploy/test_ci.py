"""deploy/tenants/ci: both pipelines as they stand, run as a runner does, with the tokens that the README makes.

Which jobs an event runs is decided by the files' own conditions; their lines run in a shell. Only `pip` is not the real
one: the wheel of a release would come from a registry.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from tests.integration.deploy.conftest import SCRIPTS, Operator, Result

WHEEL = "https://packages.example/portcullis-1.0-py3-none-any.whl"
PYTHON = """\
#!/bin/sh
[ "$*" = "-m venv .venv" ] || exit 99
mkdir -p .venv/bin
ln -s {bin}/portcullis .venv/bin/portcullis
printf '#!/bin/sh\\necho "$@" >> installed\\n' > .venv/bin/pip
chmod +x .venv/bin/pip
"""


@dataclass
class Runner:
    """A checkout of a repository that holds `tenants/`, with deploy/tenants beside it."""

    operator: Operator
    folder: Path
    check: Path
    apply: Path
    commits: int = 0
    secrets: dict[str, str] = field(default_factory=dict)

    def checkout(self) -> Path:
        """Anew for every run."""
        self.commits += 1
        repository = self.folder / f"checkout-{self.commits}"
        shutil.copytree(SCRIPTS, repository / "deploy/tenants", ignore=shutil.ignore_patterns("example"))
        shutil.copytree(self.folder / "tenants", repository / "tenants")
        programs = repository / "programs"
        programs.mkdir()
        (programs / "python3").write_text(PYTHON.format(bin=Path(sys.executable).parent))
        (programs / "python3").chmod(0o755)
        return repository

    async def lines(self, script: str, repository: Path, **environment: str) -> Result:
        path = f"{repository / 'programs'}:/usr/bin:/bin"
        environment = {"PATH": path, "RUNNER_TEMP": str(repository), **environment}
        return await self.operator.run("bash", "-e", "-c", script, cwd=repository, **environment)

    async def github(self, event: str, **secrets: str) -> Result:
        workflow = yaml.safe_load((SCRIPTS / "ci/github.yaml").read_text())
        (job,) = [
            each for each in workflow["jobs"].values() if each["if"] == f"github.event_name == '{event}'"
        ]
        repository, out = self.checkout(), ""
        known = {
            "vars.PORTCULLIS_WHEEL": WHEEL,
            "secrets.PORTCULLIS_CHECK": secrets.get("check", self.check.read_text()),
            "secrets.PORTCULLIS_APPLY": secrets.get("apply", self.apply.read_text()),
        }
        for step in job["steps"]:
            if "run" in step:
                environment = {name: filled(text, known) for name, text in step.get("env", {}).items()}
                result = await self.lines(step["run"], repository, GITHUB_SHA="c0ffee", **environment)
                out += result.out
                if result.code:
                    return Result(result.code, out)
        assert (repository / "installed").read_text() == f"install {WHEEL}\n"
        return Result(0, out)

    async def gitlab(self, **variables: str) -> Result:
        pipeline = yaml.safe_load((SCRIPTS / "ci/gitlab.yaml").read_text())
        (job,) = [
            each
            for name, each in pipeline.items()
            if not name.startswith(".") and all(holds(rule["if"], variables) for rule in each["rules"])
        ]
        repository = self.checkout()
        lines = [*pipeline[job["extends"]]["before_script"], *job["script"]]
        files = {"PORTCULLIS_CHECK": str(self.check), "PORTCULLIS_APPLY": str(self.apply)}
        files |= {"PORTCULLIS_WHEEL": WHEEL}
        return await self.lines("\n".join(lines), repository, **files, **variables)

    def applications(self) -> list[str]:
        services = self.operator.site.services
        return [each.name for each in services.applications.list(self.operator.site.globex.tenant.id)]


def filled(text: str, known: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda found: known[found[1]], text)


def holds(rule: str, variables: Mapping[str, str]) -> bool:
    """`$A == "text"` or `$A == $B`."""
    one, other = rule.split(" == ")
    value = other.strip('"') if other.startswith('"') else variables.get(other[1:], "")
    return variables.get(one[1:], "") == value


@pytest.fixture
async def runner(operator: Operator) -> Runner:
    tenants = operator.folder / "tenants"
    shutil.copytree(SCRIPTS / "example/globex", tenants / "globex")
    profiles = []
    for name, permissions in tokens_of_the_readme().items():
        made = await operator.run(
            *(str(Path(sys.executable).parent / "portcullis"), "token", "create"),
            *("--note", name, "--permissions", permissions),
        )
        profile = operator.folder / f"{name}.json"
        token = re.search(r"api_[0-9a-f]{16}_[0-9a-f]{64}", made.out)
        assert token is not None, made.out
        profile.write_text(json.dumps({"url": operator.url, "token": token[0]}))
        profile.chmod(0o600)
        profiles.append(profile)
    return Runner(operator, operator.folder, *profiles)


def tokens_of_the_readme() -> dict[str, str]:
    """As somebody would copy them: the permissions of the token that checks, and of the one that applies."""
    commands = re.findall(
        r"portcullis token create --note \"tenants: (\w+)\".*?\n  (\S+)", (SCRIPTS / "README.md").read_text()
    )
    assert [name for name, _ in commands] == ["checks", "applies"]
    return dict(commands)


async def test_a_change_is_planned_in_its_request_and_applied_on_the_main_branch(runner: Runner) -> None:
    before = runner.applications()
    checked = await runner.github("pull_request")
    assert checked.code == 0, checked.out
    assert "application Text editor" in checked.out and "later   anna, Text editor" in checked.out
    assert runner.applications() == before
    applied = await runner.github("push")
    assert applied.code == 0, applied.out
    assert "ok      anna, Text editor: launches" in applied.out
    assert set(runner.applications()) == {*before, "Text editor"}
    assert "enrol_" not in checked.out + applied.out, "logs of pipelines are read by many"
    again = await runner.gitlab(
        CI_PIPELINE_SOURCE="merge_request_event", CI_COMMIT_BRANCH="x", CI_DEFAULT_BRANCH="main"
    )
    assert again.code == 0 and "ok      anna, Text editor: launches" in again.out, again.out
    (runner.folder / "tenants/globex/checks").write_text("anna | Terminal | launches\n")
    red = await runner.github("pull_request")
    assert red.code == 1 and "FAILED  anna, Terminal: application_unknown" in red.out, red.out


async def test_what_leaves_the_files_leaves_the_site_and_the_commit_stands_in_the_history(
    runner: Runner,
) -> None:
    main = {"CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main", "CI_COMMIT_SHORT_SHA": "c0ffee"}
    applied = await runner.gitlab(**main, CI_COMMIT_TITLE="Begin")
    assert applied.code == 0, applied.out
    (runner.folder / "tenants/globex/applications.yaml").unlink()
    (runner.folder / "tenants/globex/checks").unlink()
    pruned = await runner.gitlab(**main, CI_COMMIT_TITLE="No editor")
    assert pruned.code == 0 and "Text editor" not in runner.applications(), pruned.out
    site = runner.operator.site
    store = await site.stores.tenant(site.globex.tenant.id)
    reasons = {record.value.get("reason") for record in await store.list("history", "application")}
    assert {"Begin (c0ffee)", "No editor (c0ffee)"} <= reasons


async def test_the_token_that_checks_changes_nothing_whatever_the_scripts_say(runner: Runner) -> None:
    """Who proposes a change proposes the scripts as well."""
    before = runner.applications()
    refused = await runner.github("push", apply=runner.check.read_text())
    assert refused.code == 1 and "not_permitted" in refused.out, refused.out
    assert runner.applications() == before


def test_the_secret_that_applies_is_for_the_main_branch_alone() -> None:
    workflow = yaml.safe_load((SCRIPTS / "ci/github.yaml").read_text())
    assert workflow[True].keys() == {"pull_request", "push"}
    assert workflow[True]["push"]["branches"] == ["main"]
    assert workflow["jobs"]["apply"]["environment"] == "portcullis"
    assert "secrets.PORTCULLIS_APPLY" not in json.dumps(workflow["jobs"]["check"])

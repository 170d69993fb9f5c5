"""How the probes of a site are told of: by state, and by name only where there is one tenant to hear it."""

from __future__ import annotations

from typing import cast

import pytest

from broker.probes.health import ProbeHealth
from broker.probes.records import Probes
from broker.probes.result import HEALTH, STAGES, Failing, Probe, ProbesOfTenant, Result, state_of
from broker.repositories.applications import Applications
from portcullis import metrics
from portcullis.model.application import Application
from portcullis.model.tenant import Tenant

NOW = 1_000_000.0
EDITOR = Application("00000000000000cc", "Editor", ("mousepad",))
ACME, GLOBEX = Tenant("0" * 15 + "a", "acme"), Tenant("0" * 15 + "b", "globex")
FAILED = Result("failed", NOW - 5, code="host_full", stage="launch", failures=2, reference="k7h3m2pa")


class Kept:
    def __init__(self, **results: Result | None) -> None:
        self._results = results

    def list(self, tenant_id: str) -> list[Probe]:
        return [Probe(EDITOR.id if name == "editor" else name, "u", 60) for name in self._results]

    def result(self, tenant_id: str, application_id: str) -> Result | None:
        return self._results["editor" if application_id == EDITOR.id else application_id]


class OneApplication:
    def get(self, tenant_id: str, application_id: str) -> Application | None:
        return EDITOR if application_id == EDITOR.id else None


def look(kept: Kept, *tenants: Tenant) -> tuple[ProbesOfTenant, ...]:
    applications = cast(Applications, OneApplication())
    return ProbeHealth(cast(Probes, kept), applications).look(tenants, NOW)


@pytest.mark.parametrize(
    ("result", "state"),
    [
        (None, "waiting"),
        (Result("ok", NOW - 60), "ok"),
        (Result("skipped", NOW - 60), "skipped"),
        (Result("failed", NOW - 419), "failed"),
        (Result("failed", NOW - 421), "late"),
        (Result("ok", NOW - 9999), "late"),
    ],
)
def test_a_result_that_is_long_past_says_nothing(result: Result | None, state: str) -> None:
    assert state_of(Probe("a", "u", 60), result, NOW) == state


def test_where_there_is_one_tenant_applications_are_named() -> None:
    (told,) = look(Kept(editor=FAILED, gone=None), ACME)
    assert (told.tenant, told.states["failed"], told.states["waiting"], told.total) == ("acme", 1, 1, 2)
    assert told.failing == (Failing("Editor", "host_full", "launch", 2, "k7h3m2pa"),)


def test_where_there_are_several_nothing_of_theirs_is_named() -> None:
    told = look(Kept(editor=FAILED), ACME, GLOBEX)
    assert [each.tenant for each in told] == ["acme", "globex"]
    assert told[0].failing == (Failing("", "host_full", "launch", 2, ""),)
    assert "Editor" not in repr(told) and "k7h3m2pa" not in repr(told)


def test_a_tenant_without_probes_is_not_told_of() -> None:
    assert look(Kept(), ACME) == ()


def test_metrics_know_every_state_and_stage() -> None:
    assert (metrics.PROBE_STATES, metrics.PROBE_STAGES) == (HEALTH, STAGES)

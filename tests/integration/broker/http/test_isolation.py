"""Two tenants of equal names: whatever one does, nothing of the other shines through, and nothing of it changes.

A random program of both sides' requests, by every route of the API, with names, own ids, the other side's and nobody's.
A few programs each time the same; `-m long`: two hundred, drawn anew.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from portcullis.errors import Refused
from portcullis.metrics import METRICS, Routes
from tests.support.mirrored_tenants import ADMIN, Mirror, Side, mirror, quoted
from tests.support.permission_vectors import FILE

ROUTES: dict[str, str] = json.loads(FILE.read_text())["routes"]
STREAMS = frozenset({"GET /api/v1/admin/feed", "GET /api/v1/sessions/{id}/stages"})
OF_NO_TENANT = frozenset({"GET /api/v1/openapi.json", "POST /api/v1/account/sign-out-everywhere"})
SIGNING = frozenset(route for route in ROUTES if "/login" in route or "/enrolment" in route)
ALL = sorted(set(ROUTES) - STREAMS - SIGNING - OF_NO_TENANT)
NAMES = (
    "ann",
    "ben",
    "cleo",
    "Editor",
    "Shell",
    "Notes",
    "staff",
    "night",
    "shared",
    "acme",
    "globex",
)
FEW = 5
"""Those of every run are always the same."""
LEVELS = ("tenant", "group", "application", "user")


WRITES = [
    (f"PUT {ADMIN}/applications/{{name}}", f"{ADMIN}/applications/Notes"),
    (f"PUT {ADMIN}/applications/{{name}}", f"{ADMIN}/applications/Editor"),
    (f"PUT {ADMIN}/groups/{{name}}", f"{ADMIN}/groups/staff"),
    (f"PUT {ADMIN}/hosts/{{name}}", f"{ADMIN}/hosts/HOST"),
    (f"PUT {ADMIN}/policies/{{level}}/{{name}}", f"{ADMIN}/policies/tenant/-"),
    (f"PUT {ADMIN}/policies/{{level}}/{{name}}", f"{ADMIN}/policies/user/ann"),
    (f"PUT {ADMIN}/roles/{{name}}", f"{ADMIN}/roles/night"),
    (f"PUT {ADMIN}/tenant", f"{ADMIN}/tenant"),
    (f"PUT {ADMIN}/users/{{name}}", f"{ADMIN}/users/ben"),
    (f"POST {ADMIN}/users", f"{ADMIN}/users"),
    (f"POST {ADMIN}/tokens", f"{ADMIN}/tokens"),
    (f"POST {ADMIN}/join-tokens", f"{ADMIN}/join-tokens"),
    (f"POST {ADMIN}/simulations", f"{ADMIN}/simulations"),
    (f"POST {ADMIN}/configuration/plan", f"{ADMIN}/configuration/plan"),
    (f"POST {ADMIN}/configuration/apply", f"{ADMIN}/configuration/apply"),
]


def body_for(route: str, side: Side, data: st.DataObject) -> Any:
    """One that the route takes, most of the time; all text in it is the side's."""
    canary, users = side.canary, ["ann", "ben"]
    application = {"command": ["xterm", "-T", canary], "environment": {"NOTE": canary}}
    entitled = {"users": data.draw(st.sampled_from([[], ["ann"]])), "groups": ["staff", canary]}
    bodies: dict[str, Any] = {
        "PUT /api/v1/admin/applications/{name}": {**application, "entitled": entitled},
        "PUT /api/v1/admin/groups/{name}": {"description": canary, "users": users[:1]},
        "PUT /api/v1/admin/hosts/{name}": {"groups": [canary]},
        "PUT /api/v1/admin/policies/{level}/{name}": {
            "values": {"sessions": 40, "time_zone": "Europe/Berlin"}
        },
        "PUT /api/v1/admin/roles/{name}": {"permissions": ["users.read"]},
        "PUT /api/v1/admin/tenant": {"title": canary, "theme": {"accent": "#123456"}},
        "PUT /api/v1/admin/users/{name}": {"groups": ["staff", canary]},
        "POST /api/v1/admin/users": {"name": data.draw(st.sampled_from(users)), "groups": [canary]},
        "POST /api/v1/admin/tokens": {"note": canary},
        "POST /api/v1/admin/join-tokens": {"role": "host", "name": side.fixture.host.name},
        "POST /api/v1/admin/simulations": {"user": "ann", "application": data.draw(st.sampled_from(NAMES))},
        "POST /api/v1/admin/configuration/plan": {"documents": [{"kind": "group", "name": canary}]},
        "POST /api/v1/admin/configuration/apply": {
            "documents": [{"kind": "group", "name": "night", "description": canary}],
            "reason": canary,
        },
        "POST /api/v1/admin/history/rollback": {"revision": data.draw(st.integers(1, 200)), "dry": True},
        "POST /api/v1/admin/sessions/{id}/message": {"text": canary},
        "POST /api/v1/admin/hosts/{name}/drain": {"draining": False},
    }
    return bodies.get(route, {})


class Isolation(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._undo = AsyncExitStack()
        self._folder = tempfile.TemporaryDirectory()
        self.mirror: Mirror = self._run(self._undo.enter_async_context(mirror(Path(self._folder.name))))

    def _run(self, work: Any) -> Any:
        return self._runner.run(work)

    def teardown(self) -> None:
        async def finish() -> None:
            try:
                await self.mirror.check_feeds()
            finally:
                await self._undo.aclose()

        self._run(finish())
        self._runner.close()
        self._folder.cleanup()

    @rule(side=st.integers(0, 1), write=st.sampled_from(WRITES), data=st.data())
    def write(self, side: int, write: tuple[str, str], data: st.DataObject) -> None:
        """Something that the side then has, with its canary in it."""
        route, path = write
        asker = self.mirror.sides[side]
        path = path.replace("HOST", asker.fixture.host.name)
        self._run(self.mirror.ask(asker, route.split(" ")[0], path, body_for(route, asker, data)))

    @rule(side=st.integers(0, 1), route=st.sampled_from(ALL), data=st.data())
    def any_request(self, side: int, route: str, data: st.DataObject) -> None:
        asker = self.mirror.sides[side]
        method, template = route.split(" ")
        own = self.mirror.foreign(self.mirror.other(asker))
        foreign = self.mirror.foreign(asker)
        choices = [*NAMES, asker.canary, *_some(own), *_some(foreign)]
        path = template
        while "{" in path:
            head, _, rest = path.partition("{")
            name, _, tail = rest.partition("}")
            values = LEVELS if name == "level" else choices
            path = f"{head}{quoted(data.draw(st.sampled_from(values)))}{tail}"
        body = None if method in ("GET", "DELETE") else body_for(route, asker, data)
        as_ann = ROUTES[route] in ("user", "browser")
        self._run(self.mirror.ask(asker, method, path, body, as_ann=as_ann))

    @rule(side=st.integers(0, 1), data=st.data())
    def launch(self, side: int, data: st.DataObject) -> None:
        """What it may have, what it may not, what another tenant has."""
        asker, other = self.mirror.sides[side], self.mirror.sides[1 - side]
        applications = [asker.fixture.editor.id, asker.fixture.shell.id, other.fixture.editor.id]
        body = {"application": data.draw(st.sampled_from(applications))}
        self._run(self.mirror.ask(asker, "POST", "/api/v1/sessions", body, as_ann=True))

    @rule(side=st.integers(0, 1))
    def hosts_report(self, side: int) -> None:
        site, tenant = self.mirror.site, self.mirror.sides[side].id
        for session in site.services.sessions.list(tenant):
            if session.state == "pending":
                self._run(site.report(session))

    @rule(side=st.integers(0, 1), data=st.data())
    def look_for_what_the_other_has(self, side: int, data: st.DataObject) -> None:
        asker = self.mirror.sides[side]
        foreign = self.mirror.foreign(asker)
        kind, method, template = data.draw(
            st.sampled_from(
                [
                    ("session", "DELETE", ADMIN + "/sessions/{}"),
                    ("session", "POST", ADMIN + "/sessions/{}/message"),
                    ("reference", "GET", ADMIN + "/launches/{}"),
                    ("token", "DELETE", ADMIN + "/tokens/{}"),
                    ("host", "POST", ADMIN + "/hosts/{}/drain"),
                    ("application", "DELETE", ADMIN + "/applications/{}"),
                    ("user", "POST", ADMIN + "/users/{}/disable"),
                ]
            )
        )
        body = {"draining": True} if "drain" in template else {"text": "x"} if "message" in template else {}
        for id in foreign[kind][:1]:
            sent = None if method in ("GET", "DELETE") else body
            self._run(self.mirror.ask_twice(asker, method, template, id, sent))

    @rule(
        side=st.integers(0, 1),
        route=st.sampled_from([one for one in ALL if one.startswith("GET") and "{" not in one]),
    )
    def read(self, side: int, route: str) -> None:
        asker = self.mirror.sides[side]
        as_ann = ROUTES[route] in ("user", "browser")
        self._run(self.mirror.ask(asker, "GET", route.split(" ")[1], as_ann=as_ann))


def _some(ids: dict[str, list[str]]) -> list[str]:
    return [each for many in ids.values() for each in many[:2]]


@pytest.mark.parametrize("examples", [FEW, pytest.param(200, marks=pytest.mark.long)])
def test_nothing_of_one_tenant_shines_through_to_another(examples: int) -> None:
    run_state_machine_as_test(
        Isolation,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            derandomize=examples <= FEW,
            database=None,
            phases=[
                Phase.generate
            ],  # the assertion says enough: a shorter program would take minutes to find
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_no_metric_has_a_label_that_could_hold_what_is_a_tenants() -> None:
    free = [
        (metric.name, label)
        for metric in METRICS
        for label, allowed in metric.labels.items()
        if allowed is not Routes and not isinstance(allowed, tuple)
    ]
    assert free == []


async def test_the_watch_over_tenants_sees_what_shines_through(tmp_path: Path) -> None:
    """It would be worth nothing if it saw nothing."""
    async with mirror(tmp_path) as watched:
        amber, indigo = watched.sides
        host = watched.site.services.hosts
        await host.set_groups(amber.fixture.host.id, frozenset({indigo.canary}), "test")
        with pytest.raises(AssertionError, match="tells of the other tenant"):
            await watched.ask(amber, "GET", f"{ADMIN}/hosts")
        with pytest.raises(Refused):
            await watched.site.services.lifecycle.log_off(amber.id, "0" * 16)

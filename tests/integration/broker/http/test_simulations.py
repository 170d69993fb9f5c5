"""Launch Simulation and explain over the API: what an administrator is told, and what nobody is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from broker.grid.grid import GridUnavailable
from broker.hosts.answers import GONE, LATE, OLDER, HostAnswer
from broker.repositories.hosts import live_path
from broker.repositories.users import user_deletion
from portcullis.errors import Unavailable
from portcullis.protocol.checks import Check, CheckResult
from tests.support.api_site import ApiSite, signed_in
from tests.support.browser import Answer, ApiBrowser

SIMULATIONS, LAUNCHES = "/api/v1/admin/simulations", "/api/v1/admin/launches"
HOSTILE = [
    "../../etc/passwd",
    "ann' OR 1=1",
    "\u202eann",
    "a" * 256,
    "<b>ann</b>",
    "\x1b[31m",
    "%00",
    "🦊" * 60,
]


@pytest.fixture
async def open_site(site: ApiSite) -> ApiSite:
    """With a gateway that lets people in."""
    for gateway in site.services.gateways.list():
        await site.services.gateways.mark_live(gateway.id)
    return site


@pytest.fixture
async def root(open_site: ApiSite) -> AsyncIterator[ApiBrowser]:
    async with signed_in(open_site, open_site.acme.root) as browser:
        yield browser


async def ask(browser: ApiBrowser, user: str = "ann", application: str = "Editor", **context: Any) -> Answer:
    body = {"user": user, "application": application, **({"context": context} if context else {})}
    return await browser.change("POST", SIMULATIONS, body)


def outcomes(simulation: dict[str, Any]) -> dict[str, str]:
    """The last of each name."""
    return {step["name"]: step["outcome"] for step in simulation["steps"]}


async def test_a_launch_that_would_work_is_told_step_by_step(root: ApiBrowser) -> None:
    answer = (await ask(root)).json
    assert (answer["verdict"], answer["code"], answer["remedy"]) == ("launches", "", None)
    assert (answer["user"], answer["application"], answer["reference"]) == ("ann", "Editor", None)
    assert answer["message"] == "Editor starts on acme-h1."
    names = list(outcomes(answer))
    assert names[:5] == ["user", "groups", "catalogue", "application", "entitlement"]
    assert names[-5:] == ["host", "hosts", "placement", "dry_run", "gateway"]
    assert all(step["milliseconds"] >= 0 and step["reason"] for step in answer["steps"])
    host = next(step for step in answer["steps"] if step["name"] == "host")
    assert (host["object"], host["outcome"]) == ("host:acme-h1", "passed") and host["score"] > 0
    assert outcomes(answer)["dry_run"] == "skipped"


async def test_a_refusal_names_the_step_the_object_the_code_and_the_remedy(root: ApiBrowser) -> None:
    answer = (await ask(root, application="Shell")).json
    assert (answer["verdict"], answer["code"]) == ("refused", "not_entitled")
    assert "entitled" in answer["remedy"]
    last = answer["steps"][-1]
    assert (last["name"], last["outcome"], last["code"]) == ("entitlement", "failed", "not_entitled")
    assert last["object"] == "application:Shell" and "[" not in last["reason"]
    assert outcomes(answer)["catalogue"] == "info"


async def test_a_running_session_is_taken_up_again(open_site: ApiSite, root: ApiBrowser) -> None:
    await open_site.launch(open_site.acme)
    answer = (await ask(root)).json
    assert (answer["verdict"], answer["message"]) == (
        "reconnects",
        "The session on acme-h1 is taken up again.",
    )
    assert outcomes(answer)["reconnect"] == "passed"


async def test_an_application_is_found_by_its_id_and_names_whatever_their_case(
    open_site: ApiSite, root: ApiBrowser
) -> None:
    by_id = await ask(root, "ANN", open_site.acme.editor.id)
    assert (by_id.json["user"], by_id.json["application"]) == ("ann", "Editor")
    foreign = await ask(root, "ann", open_site.globex.editor.id)
    assert foreign.json["code"] == "application_unknown"


async def test_a_deleted_user_an_unknown_application_and_hostile_names_are_refused_with_a_remedy(
    open_site: ApiSite, root: ApiBrowser
) -> None:
    tenant = await open_site.stores.tenant(open_site.acme.tenant.id)
    result = await open_site.stores.commit(*user_deletion(tenant, open_site.acme.ann.user, "test"))
    await open_site.services.snapshot.until(result.revision)
    answer = (await ask(root)).json
    assert (answer["verdict"], answer["code"]) == ("refused", "user_unknown") and answer["remedy"]
    assert [step["name"] for step in answer["steps"]] == ["user"]
    unknown = (await ask(root, "root", "Nothing")).json
    assert (unknown["code"], unknown["steps"][-1]["object"]) == ("application_unknown", "application:Nothing")
    for name in HOSTILE:
        assert (await ask(root, name, name)).json["code"] == "user_unknown"
        assert (await ask(root, "root", name)).json["code"] == "application_unknown"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "user"),
        ({"user": "ann"}, "application"),
        ({"user": "", "application": "Editor"}, "user"),
        ({"user": "a" * 257, "application": "Editor"}, "user"),
        ({"user": ["ann"], "application": "Editor"}, "user"),
        ({"user": "ann", "application": "Editor", "context": []}, "context"),
        ({"user": "ann", "application": "Editor", "more": 1}, "more"),
        (
            {"user": "ann", "application": "Editor", "context": {"client_address": "10.0.0.0/8"}},
            "client_address",
        ),
        ({"user": "ann", "application": "Editor", "context": {"client_address": 7}}, "client_address"),
        ({"user": "ann", "application": "Editor", "context": {"time": -1}}, "time"),
        ({"user": "ann", "application": "Editor", "context": {"time": "noon"}}, "time"),
        (
            {"user": "ann", "application": "Editor", "context": {"factor_age_minutes": -1}},
            "factor_age_minutes",
        ),
        ({"user": "ann", "application": "Editor", "context": {"time_zone": "; rm"}}, "time_zone"),
        ({"user": "ann", "application": "Editor", "context": {"dry_run": "yes"}}, "dry_run"),
        ({"user": "ann", "application": "Editor", "context": {"weather": "fine"}}, "weather"),
    ],
)
async def test_what_is_malformed_is_refused_by_its_field(root: ApiBrowser, body: Any, field: str) -> None:
    answer = await root.change("POST", SIMULATIONS, body)
    assert (answer.status, answer.code) == (422, "invalid_field")
    assert field in answer.json["error"]["field"]


async def test_circumstances_decide_where_a_policy_asks_for_them(
    open_site: ApiSite, root: ApiBrowser
) -> None:
    values = {
        "networks": ["10.0.0.0/8"],
        "hours": [{"days": ["mon"], "from": "08:00", "to": "18:00"}],
        "second_factor_minutes": 10,
    }
    await root.change("PUT", "/api/v1/admin/policies/group/staff", {"values": values})
    monday_noon = 1_763_985_600.0
    inside = {"client_address": "10.1.2.3", "time": monday_noon, "factor_age_minutes": 5}
    assert (await ask(root, **inside)).json["verdict"] == "launches"
    for change, code in (
        ({"client_address": "192.0.2.1"}, "outside_networks"),
        ({"client_address": None}, "outside_networks"),
        ({"time": monday_noon + 86400}, "outside_hours"),
        ({"factor_age_minutes": 11}, "factor_needed"),
        ({"factor_age_minutes": None}, "factor_needed"),
    ):
        answer = (await ask(root, **{**inside, **change})).json
        assert (answer["verdict"], answer["code"]) == ("refused", code)
        assert answer["steps"][-1]["object"] == "policy:group:staff"


async def test_nobody_gets_in_without_a_gateway(site: ApiSite) -> None:
    async with signed_in(site, site.acme.root) as root:
        answer = (await ask(root)).json
    assert (answer["verdict"], answer["code"]) == ("refused", "gateways_none")
    assert outcomes(answer)["placement"] == "passed"


async def test_somebody_who_has_not_enrolled_is_told_of_as_such(open_site: ApiSite, root: ApiBrowser) -> None:
    await root.change("POST", "/api/v1/admin/users", {"name": "newcomer", "groups": ["staff"]})
    answer = (await ask(root, "newcomer")).json
    assert answer["verdict"] == "launches"
    assert any("has not set up the account" in step["reason"] for step in answer["steps"])


class FakeChannel:
    """A host's channel that says what a test wants; a real one: tests/integration/broker/hosts/test_dry_runs.py."""

    def __init__(self, *answers: HostAnswer) -> None:
        self.answers = list(answers)
        self.asked: list[Check] = []

    async def check(self, check: Check) -> HostAnswer:
        self.asked.append(check)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def host_says(site: ApiSite, *answers: HostAnswer) -> FakeChannel:
    channel = FakeChannel(*answers)
    site.brokers[0].registry.replace(site.acme.host.id, channel)  # type: ignore[arg-type]
    return channel


async def test_a_dry_run_asks_the_host_and_a_program_that_is_missing_there_refuses(
    open_site: ApiSite, root: ApiBrowser
) -> None:
    account = CheckResult("account", "passed", "it is made at the first launch")
    missing = CheckResult("command", "failed", "mousepad: not found", "application_missing")
    channel = host_says(open_site, HostAnswer((account, missing)))
    answer = (await ask(root, dry_run=True)).json
    assert (answer["verdict"], answer["code"]) == ("refused", "application_missing")
    assert "Install the program" in answer["remedy"]
    told = [(s["outcome"], s["reason"]) for s in answer["steps"] if s["name"] == "dry_run"]
    assert told == [
        ("passed", "acme-h1, account: it is made at the first launch"),
        ("failed", "acme-h1, command: mousepad: not found"),
    ]
    (check,) = channel.asked
    assert (check.user_name, check.command) == ("ann", ("mousepad",))


@pytest.mark.parametrize("answer", [OLDER, LATE, HostAnswer(), GONE], ids=("older", "late", "empty", "gone"))
async def test_a_host_that_says_nothing_is_skipped_and_decides_nothing(
    open_site: ApiSite, root: ApiBrowser, answer: HostAnswer
) -> None:
    host_says(open_site, answer)
    simulation = (await ask(root, dry_run=True)).json
    assert simulation["verdict"] == "launches"
    (step,) = (step for step in simulation["steps"] if step["name"] == "dry_run")
    assert step["outcome"] == "skipped" and "acme-h1" in step["reason"]


async def test_a_failure_that_only_a_later_version_has_a_code_for_is_told_and_decides_nothing(
    open_site: ApiSite, root: ApiBrowser
) -> None:
    host_says(open_site, HostAnswer((CheckResult("licence", "failed", "no licence is free"),)))
    simulation = (await ask(root, dry_run=True)).json
    assert simulation["verdict"] == "launches"
    assert any("no licence is free" in step["reason"] for step in simulation["steps"])


async def test_a_host_that_goes_away_while_it_is_asked_is_planned_without(
    open_site: ApiSite, root: ApiBrowser
) -> None:
    class Leaving(FakeChannel):
        async def check(self, check: Check) -> HostAnswer:
            open_site.brokers[0].registry.remove(open_site.acme.host.id, self)  # type: ignore[arg-type]
            site = open_site.stores.site
            result = await open_site.stores.commit(site.delete(live_path(open_site.acme.host.id)))
            await open_site.services.snapshot.until(result.revision)
            return GONE

    open_site.brokers[0].registry.replace(open_site.acme.host.id, Leaving(GONE))  # type: ignore[arg-type]
    answer = (await ask(root, dry_run=True)).json
    assert (answer["verdict"], answer["code"]) == ("refused", "host_offline")


async def test_a_simulation_shows_nothing_of_another_tenant(open_site: ApiSite, root: ApiBrowser) -> None:
    others = replace(open_site.globex.host, name="globex-canary")
    await open_site.stores.commit(open_site.stores.site.put(("host", others.id), others.to_json()))
    answer = await ask(root, dry_run=True)
    assert "globex" not in json.dumps(answer.json)


async def test_a_refused_launch_is_explained_with_the_present_and_with_what_was_changed_since(
    open_site: ApiSite, root: ApiBrowser
) -> None:
    async with signed_in(open_site, open_site.acme.ann) as ann:
        refused = await ann.change("POST", "/api/v1/sessions", {"application": open_site.acme.shell.id})
    reference = refused.json["error"]["reference"]
    assert "steps" not in refused.json["error"]
    before = (await root.get(f"{LAUNCHES}/{reference}")).json
    assert (before["outcome"], before["code"], before["changes"]) == ("refused", "not_entitled", [])
    assert before["now"]["code"] == "not_entitled" and before["remedy"]
    entitled = {"command": ["xterm"], "entitled": {"users": [], "groups": ["staff"]}}
    await root.change("PUT", "/api/v1/admin/applications/Shell", entitled)
    after = (await root.get(f"{LAUNCHES}/{reference.upper()}")).json
    assert after["now"]["verdict"] == "launches"
    (change,) = after["changes"]
    assert (change["kind"], change["name"], change["action"]) == ("application", "Shell", "change")
    assert change["fields"] == [{"field": "entitled.groups", "from": [], "to": ["staff"]}]
    assert change["author"].startswith("root") and change["revision"] > after["revision"]


async def test_what_was_changed_of_a_user_holds_no_secret(open_site: ApiSite, root: ApiBrowser) -> None:
    async with signed_in(open_site, open_site.acme.ann) as ann:
        refused = await ann.change("POST", "/api/v1/sessions", {"application": open_site.acme.shell.id})
    await open_site.put_user(
        open_site.acme.ann,
        replace(open_site.acme.ann.user, password_hash="canary", totp_secret="CANARY", groups=frozenset()),
    )
    answer = await root.get(f"{LAUNCHES}/{refused.json['error']['reference']}")
    assert [change["fields"] for change in answer.json["changes"]] == [
        [{"field": "groups", "from": ["staff"], "to": []}]
    ]
    assert b"canary" not in answer.body.lower()


async def test_an_explanation_holds_no_more_than_its_reader_may_see(
    open_site: ApiSite, root: ApiBrowser
) -> None:
    async with signed_in(open_site, open_site.acme.ann) as ann:
        refused = await ann.change("POST", "/api/v1/sessions", {"application": open_site.acme.shell.id})
        reference = refused.json["error"]["reference"]
        entitled = {"command": ["xterm"], "entitled": {"users": [], "groups": ["staff"]}}
        await root.change("PUT", "/api/v1/admin/applications/Shell", entitled)
        await root.change("PUT", "/api/v1/admin/roles/reader", {"permissions": ["launches.read"]})
        await root.change("PUT", "/api/v1/admin/users/ann", {"role": "reader"})
        seen = (await ann.get(f"{LAUNCHES}/{reference}")).json
        assert (seen["code"], seen["now"], seen["changes"]) == ("not_entitled", None, [])
        await root.change("PUT", "/api/v1/admin/users/ann", {"role": "auditor"})
        more = (await ann.get(f"{LAUNCHES}/{reference}")).json
    assert more["now"] is None
    assert {change["kind"] for change in more["changes"]} == {"application", "user"}


@pytest.mark.parametrize("away", ["grid", "audit"])
async def test_a_launch_is_explained_though_the_grid_or_the_audit_is_away(
    open_site: ApiSite, root: ApiBrowser, monkeypatch: pytest.MonkeyPatch, away: str
) -> None:
    async with signed_in(open_site, open_site.acme.ann) as ann:
        refused = await ann.change("POST", "/api/v1/sessions", {"application": open_site.acme.shell.id})
    reference = refused.json["error"]["reference"]

    async def fails(*asked: object) -> None:
        raise GridUnavailable("no answer") if away == "grid" else Unavailable("audit_unavailable")

    if away == "grid":
        monkeypatch.setattr(open_site.services.traces, "get", fails)
        monkeypatch.setattr(open_site.services.explainer._changes, "since", fails)
    else:
        monkeypatch.setattr(open_site.services.explainer, "_search", fails)
    shown = (await root.get(f"{LAUNCHES}/{reference}")).json
    assert (shown["code"], shown["now"]["code"], shown["changes"]) == ("not_entitled", "not_entitled", [])
    assert shown["steps"][-1]["name"] == "entitlement"


async def test_every_launch_is_listed_newest_first_and_explained(
    open_site: ApiSite, root: ApiBrowser
) -> None:
    async with signed_in(open_site, open_site.acme.ann) as ann:
        launched = await ann.change("POST", "/api/v1/sessions", {"application": open_site.acme.editor.id})
        await ann.change("POST", "/api/v1/sessions", {"application": open_site.acme.editor.id})
        refused = await ann.change("POST", "/api/v1/sessions", {"application": open_site.acme.shell.id})
    items = (await root.get(LAUNCHES)).json["items"]
    assert (items[0]["outcome"], items[0]["code"]) == ("refused", "not_entitled")
    assert items[0]["reference"] == refused.json["error"]["reference"]
    session = launched.json["session"]
    assert (items[-1]["reference"], items[-1]["session"]) == (session["reference"], session["id"])
    shown = (await root.get(f"{LAUNCHES}/{session['reference']}")).json
    assert shown["outcome"] in ("launched", "reconnected") and shown["host"] == "acme-h1"
    assert shown["now"]["verdict"] == "reconnects" and shown["steps"]
    only = (await root.get(f"{LAUNCHES}?application=Shell&code=not_entitled&outcome=refused")).json["items"]
    assert [item["reference"] for item in only] == [items[0]["reference"]]
    assert (await root.get(f"{LAUNCHES}?user=nobody")).json["items"] == []


async def test_a_launch_that_failed_on_its_host_is_one_line_with_the_last_word(
    open_site: ApiSite, root: ApiBrowser
) -> None:
    async with signed_in(open_site, open_site.acme.ann) as ann:
        launched = await ann.change("POST", "/api/v1/sessions", {"application": open_site.acme.editor.id})
    session = launched.json["session"]
    held = open_site.services.sessions.get(open_site.acme.tenant.id, session["id"])
    assert held is not None
    await open_site.report(held, "ended", "accepted", "application_missing")
    shown = (await root.get(f"{LAUNCHES}/{session['reference']}")).json
    assert (shown["outcome"], shown["code"]) == ("failed", "application_missing")
    assert shown["revision"] and shown["host"] == "acme-h1", "as the launch itself said"
    assert outcomes(shown["now"])["dry_run"] == "skipped" and shown["now"]["verdict"] == "launches"
    host_says(open_site, HostAnswer((CheckResult("command", "failed", "gone", "application_missing"),)))
    again = (await root.get(f"{LAUNCHES}/{session['reference']}")).json
    assert again["now"]["code"] == "application_missing"
    assert shown["steps"][-1]["outcome"] == "failed"


CLIENT = {
    "User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/" + "1" * 300,
    "Portcullis-Client-Address": "10.1.2.3",
}


@pytest.fixture
async def two_roots(two_brokers: ApiSite) -> AsyncIterator[tuple[ApiSite, ApiBrowser, ApiBrowser]]:
    """The second broker has nothing of the first one's audit: what it tells is the grid's."""
    site = two_brokers
    for broker in site.brokers:
        for gateway in broker.services.gateways.list():
            await broker.services.gateways.mark_live(gateway.id)
    async with (
        signed_in(site, site.acme.ann) as ann,
        signed_in(site, site.acme.root) as root,
        signed_in(site, site.acme.root, broker=1) as elsewhere,
    ):
        policy = {"values": {"second_factor_minutes": 15}}
        await root.change("PUT", "/api/v1/admin/policies/tenant/-", policy)
        site.clock.wall += 46 * 60
        yield site, ann, elsewhere


async def test_another_broker_tells_what_a_refused_launch_was_judged_by(
    two_roots: tuple[ApiSite, ApiBrowser, ApiBrowser],
) -> None:
    site, ann, elsewhere = two_roots
    asked = {"application": site.acme.editor.id}
    refused = await ann.change("POST", "/api/v1/sessions", asked, headers=CLIENT)
    assert refused.code == "factor_needed"
    shown = (await elsewhere.get(f"{LAUNCHES}/{refused.json['error']['reference']}")).json
    told = shown["circumstances"]
    assert (told["client_address"], told["factor_age_minutes"]) == ("10.1.2.3", 46.0)
    assert (
        told["user_agent"].startswith("Mozilla/5.0 (X11; Linux) Firefox/1") and len(told["user_agent"]) == 200
    )
    assert shown["client_address"] == "10.1.2.3"
    assert shown["now"]["code"] == "factor_needed", "in the circumstances that it had"
    assert "46 min ago" in shown["now"]["steps"][-1]["reason"]


async def test_another_broker_tells_what_a_failed_launch_was_judged_by(
    two_roots: tuple[ApiSite, ApiBrowser, ApiBrowser],
) -> None:
    site, ann, elsewhere = two_roots
    await elsewhere.change("DELETE", "/api/v1/admin/policies/tenant/-")
    await site.services.snapshot.until(site.brokers[1].services.snapshot.revision)
    asked = {"application": site.acme.editor.id}
    session = (await ann.change("POST", "/api/v1/sessions", asked, headers=CLIENT)).json["session"]
    held = site.services.sessions.get(site.acme.tenant.id, session["id"])
    assert held is not None
    await site.report(held, "ended", "accepted", "application_missing")
    shown = (await elsewhere.get(f"{LAUNCHES}/{session['reference']}")).json
    assert (shown["outcome"], shown["circumstances"]["factor_age_minutes"]) == ("failed", 46.0)
    assert shown["client_address"] == "10.1.2.3"


@pytest.mark.parametrize(
    "query",
    [
        "from=yesterday",
        "to=inf",
        "limit=0",
        "limit=1000",
        "limit=x",
        "before=zz",
        "outcome=fine",
        "sort=user",
    ],
)
async def test_a_malformed_question_about_launches_is_refused(root: ApiBrowser, query: str) -> None:
    answer = await root.get(f"{LAUNCHES}?{query}")
    assert (answer.status, answer.code) == (422, "invalid_field")

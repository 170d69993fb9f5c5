"""The prober on a real grid: what is due, whom it leaves alone, what it tells, and what it leaves behind.

The visit is scripted here: a whole one, through gateway, host and application, is in tests/e2e/test_simulation.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from ssl import SSLContext

import pytest

from broker.audit.event import Event
from broker.grid.scopes import Condition
from broker.identity import totp
from broker.identity.lockout import Attempts
from broker.identity.passwords import Passwords
from broker.identity.users import new_user
from broker.probes import prober
from broker.probes.accounts import ProbeAccounts
from broker.probes.prober import AT_ONCE, Means, Prober
from broker.probes.records import CLAIM_SECONDS, Probes
from broker.probes.result import Probe, Result
from broker.probes.visit import Entry, Occupied
from broker.repositories.applications import Applications
from broker.repositories.attempts import AttemptRecords
from broker.repositories.logins import LoginRecords
from broker.repositories.users import Users
from portcullis.drill.person import Person
from portcullis.errors import Refused, Unavailable
from portcullis.ids import new_id
from portcullis.model.application import Application
from portcullis.model.user import User
from portcullis.tasks import cancel_and_wait
from tests.support.broker_grid import EDITOR, TENANT, USER, SmallSite, small_site

Script = Callable[["ScriptedVisit", Callable[[str], Awaitable[None]]], Awaitable[None]]
PROBE_USER = replace(USER, password_hash="x", totp_secret="x")


class ScriptedVisit:
    script: Script

    def __init__(
        self, person: Person, application_id: str, context: SSLContext | None, entry: Entry | None = None
    ) -> None:
        self.person = person
        self.entry = entry
        self.application_id = application_id
        self.context = context
        self.stages = {"sign_in": 2.0}
        self.session, self.reference, self.host = "", "", "h1"

    async def make(self, launched: Callable[[str], Awaitable[None]]) -> None:
        await type(self).script(self, launched)

    async def sign_out(self) -> None:
        self.person.seen(-1)


async def goes_well(visit: ScriptedVisit, launched: Callable[[str], Awaitable[None]]) -> None:
    await launched("5" * 16)
    visit.stages["echo"] = 8.0


class Probing:
    def __init__(self, site: SmallSite) -> None:
        self.site = site
        self.events: list[Event] = []
        self.ended: list[str] = []
        self.measured: list[Result] = []
        self.probers: list[Prober] = []
        self.urls: tuple[str, ...] = ("http://localhost:1",)
        self.probes = Probes(site.stores, site.snapshot)
        self.passwords = Passwords()
        self.attempts = AttemptRecords(site.stores, 3600)
        self.accounts = ProbeAccounts(
            *(site.stores, site.snapshot, self.attempts, self.passwords, site.clock)
        )
        self.prober = self.another_prober("a")

    def another_prober(self, broker_id: str) -> Prober:
        site = self.site
        made = Prober(
            *(site.stores, self.probes, self.accounts, Users(site.stores, site.snapshot)),
            Applications(site.stores, site.snapshot),
            LoginRecords(site.stores, site.snapshot),
            *(site.traces, site.clock),
            Means(
                urls=lambda: self.urls,
                trust=SSLContext,
                cookie=lambda: "cookie",
                epoch=lambda: 1,
                end_session=self._end,
                record=self._record,
                organisation=lambda tenant_id: "acme",
                broker_id=broker_id,
                measured=self.measured.append,
            ),
        )
        self.probers.append(made)
        return made

    async def _record(self, event: Event) -> None:
        self.events.append(event)

    async def _end(self, tenant_id: str, session_id: str) -> None:
        self.ended.append(session_id)

    async def set(self, application: Application = EDITOR, every_seconds: int = 60) -> None:
        revision = await self.probes.put(TENANT, Probe(application.id, PROBE_USER.id, every_seconds), "test")
        await self.site.snapshot.until(revision)

    async def round(self) -> Result | None:
        """One, to its end."""
        await self.prober.round(self.fence())
        for task in list(self.prober._tasks.values()):
            await task
        return self.prober.result(TENANT, EDITOR.id)

    def fence(self) -> Condition:
        return self.site.stores.site.absent(("job", "of-nobody"))


@pytest.fixture
async def probing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Probing]:
    monkeypatch.setattr(prober, "Visit", ScriptedVisit)
    monkeypatch.setattr(ScriptedVisit, "script", goes_well, raising=False)
    async with small_site(tmp_path) as site:
        await site.put_user(PROBE_USER)
        made = Probing(site)
        yield made
        for each in made.probers:
            await each.stop()
        made.passwords.close()


def scripted(monkeypatch: pytest.MonkeyPatch, script: Script) -> None:
    monkeypatch.setattr(ScriptedVisit, "script", script)


async def test_a_probe_is_made_when_it_is_due_and_leaves_no_login_behind(probing: Probing) -> None:
    assert await probing.round() is None
    await probing.set()
    result = await probing.round()
    assert result is not None and (result.state, result.stages) == ("ok", {"sign_in": 2.0, "echo": 8.0})
    assert await probing.site.records(TENANT, "login") == []
    assert probing.probes.under_way(TENANT, EDITOR.id) == "5" * 16
    assert await probing.round() is result, "it is not due yet"
    probing.site.clock.passed += 60
    assert await probing.round() is not result


async def test_the_login_is_the_users_and_for_the_key_of_the_visit(
    probing: Probing, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    async def looks(visit: ScriptedVisit, launched: Callable[[str], Awaitable[None]]) -> None:
        (record,) = await probing.site.records(TENANT, "login")
        seen.append((record.value["user_id"], record.value["expires"], record.lease != 0))
        assert visit.person.key.public

    scripted(monkeypatch, looks)
    await probing.set()
    result = await probing.round()
    assert result is not None and result.state == "ok", result
    assert seen == [(PROBE_USER.id, probing.site.clock.now() + CLAIM_SECONDS, True)]


async def test_a_session_of_somebody_at_work_is_left_alone(
    probing: Probing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def occupied(visit: ScriptedVisit, launched: Callable[[str], Awaitable[None]]) -> None:
        raise Occupied("6" * 16)

    scripted(monkeypatch, occupied)
    await probing.set()
    result = await probing.round()
    assert result is not None and (result.state, result.code) == ("skipped", "probe_occupied")
    assert probing.ended == []
    await probing.site.put(TENANT, ("probing", EDITOR.id), {"session": "6" * 16})
    probing.site.clock.passed += 60
    await probing.round()
    assert probing.ended == ["6" * 16], "a prober that died left it behind"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("not_entitled"), "not_entitled"),
        (Unavailable("probe_timeout"), "probe_timeout"),
        (Unavailable("gateway_unreachable"), "gateway_unreachable"),
        (KeyError("session"), "internal_error"),
    ],
)
async def test_what_goes_wrong_is_told_by_its_code(
    probing: Probing, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    async def fails(visit: ScriptedVisit, launched: Callable[[str], Awaitable[None]]) -> None:
        raise error

    scripted(monkeypatch, fails)
    await probing.set()
    result = await probing.round()
    assert result is not None and (result.state, result.code, result.failures) == ("failed", code, 1)
    assert await probing.site.records(TENANT, "login") == []


async def test_where_the_host_said_why_that_counts(probing: Probing, monkeypatch: pytest.MonkeyPatch) -> None:
    session, _ = await probing.site.launch()
    await probing.site.traces.failed(session, "application_exited", "It ended.", "exit status 3")

    async def fails(visit: ScriptedVisit, launched: Callable[[str], Awaitable[None]]) -> None:
        visit.reference = session.reference
        raise Refused("session_ended")

    scripted(monkeypatch, fails)
    await probing.set()
    result = await probing.round()
    assert result is not None
    assert (result.code, result.detail, result.reference) == (
        "application_exited",
        "exit status 3",
        session.reference,
    )


async def test_without_user_application_gateway_or_factor_nothing_is_launched(probing: Probing) -> None:
    async def state() -> str:
        probing.site.clock.passed += 60
        result = await probing.round()
        assert result is not None and result.state == "failed"
        return result.code

    await probing.set()
    await probing.site.put_user(replace(PROBE_USER, disabled=True))
    assert await state() == "user_disabled"
    await probing.site.put_user(USER)
    assert await state() == "signed_out"
    probing.urls = ()
    assert await state() == "gateways_none"
    await probing.site.delete(TENANT, "user", USER.id)
    assert await state() == "user_unknown"
    await probing.site.put_user(PROBE_USER)
    await probing.site.delete(TENANT, "application", EDITOR.id)
    assert await state() == "application_unknown"


async def test_a_prober_that_lost_the_job_makes_no_probe(probing: Probing) -> None:
    await probing.set()
    await probing.prober.round(probing.site.stores.site.created_at(("job", "prober"), 999_999))
    for task in list(probing.prober._tasks.values()):
        await task
    assert probing.prober.result(TENANT, EDITOR.id) is None and probing.events == []
    assert await probing.site.records(TENANT, "login") == []


async def test_no_two_brokers_make_a_probe_at_once(probing: Probing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each believes that the job is its own: one was paused, say."""
    visits: list[ScriptedVisit] = []
    inside, leave = asyncio.Event(), asyncio.Event()

    async def stays(visit: ScriptedVisit, launched: Callable[[str], Awaitable[None]]) -> None:
        visits.append(visit)
        inside.set()
        await leave.wait()

    scripted(monkeypatch, stays)
    await probing.set()
    probers = [probing.prober, probing.another_prober("b"), probing.another_prober("c")]
    for each in probers:
        await each.round(probing.fence())
    await inside.wait()
    started = [task for each in probers for task in each._tasks.values()]
    await asyncio.wait(started, timeout=10, return_when=asyncio.FIRST_COMPLETED)
    assert any(task.done() for task in started), "two of the three leave it at once"
    probing.site.clock.passed += 60
    await asyncio.gather(*(task for task in started if task.done()))
    await probers[1].round(probing.fence())
    await asyncio.gather(*probers[1]._tasks.values())
    assert len(visits) == 1
    leave.set()
    await asyncio.gather(*started)
    assert await probing.site.records(TENANT, "probe-claim") == []
    probing.site.clock.passed += 60
    await probers[2].round(probing.fence())
    await asyncio.gather(*probers[2]._tasks.values())
    assert len(visits) == 2


async def test_what_one_broker_found_the_next_one_knows(
    probing: Probing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(visit: ScriptedVisit, launched: Callable[[str], Awaitable[None]]) -> None:
        raise Refused("host_full")

    scripted(monkeypatch, fails)
    await probing.set()
    await probing.round()
    kept = probing.probes.result(TENANT, EDITOR.id)
    assert kept is not None and (kept.code, kept.stage, kept.failures) == ("host_full", "launch", 1)
    other = probing.another_prober("b")
    await other.round(probing.fence())
    assert not other._tasks, "it was made a moment ago"
    probing.site.clock.passed += 60
    await other.round(probing.fence())
    await asyncio.gather(*other._tasks.values())
    result = probing.probes.result(TENANT, EDITOR.id)
    assert result is not None and result.failures == 2
    assert [each.failures for each in probing.measured] == [1, 2]


async def test_a_prober_that_stops_lets_others_go_on_at_once(
    probing: Probing, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = asyncio.Event()

    async def stays(visit: ScriptedVisit, launched: Callable[[str], Awaitable[None]]) -> None:
        inside.set()
        await asyncio.Event().wait()

    scripted(monkeypatch, stays)
    await probing.set()
    await probing.prober.round(probing.fence())
    await inside.wait()
    assert len(await probing.site.records(TENANT, "probe-claim")) == 1
    await probing.prober.stop()
    assert await probing.site.records(TENANT, "probe-claim") == []


class TestAccounts:
    async def make(self, probing: Probing) -> User:
        user, revision = await probing.accounts.make(TENANT, new_user("probe", groups=["staff"]), "test")
        await probing.site.snapshot.until(revision)
        revision = await probing.probes.put(TENANT, Probe(EDITOR.id, user.id, 60), "test")
        await probing.site.snapshot.until(revision)
        return user

    async def test_it_signs_in_by_its_own_password_and_each_code_once(
        self, probing: Probing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        entries: list[Entry | None] = []

        async def looks(visit: ScriptedVisit, launched: Callable[[str], Awaitable[None]]) -> None:
            entries.append(visit.entry)

        scripted(monkeypatch, looks)
        user = await self.make(probing)
        result = await probing.round()
        assert result is not None and (result.state, result.by_password) == ("ok", True)
        (entry,) = entries
        assert entry is not None and entry.organisation == "acme"
        verdict = await probing.passwords.verify(entry.password, user.password_hash)
        step = totp.accepted_step(user.totp_secret, entry.code, probing.site.clock.now(), 0)
        assert verdict.correct and step is not None
        assert entry.password not in repr(entry) and entry.code not in repr(entry)
        assert await probing.accounts.credentials(TENANT, user) is None, "its code is used up"
        probing.site.clock.passed += 60
        assert await probing.accounts.credentials(TENANT, user) is not None

    async def test_a_code_that_another_broker_used_is_no_failure(
        self, probing: Probing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        user = await self.make(probing)

        async def refused(visit: ScriptedVisit, launched: Callable[[str], Awaitable[None]]) -> None:
            if visit.entry is not None:
                step = totp.step_at(probing.site.clock.now())
                attempts = replace(Attempts(), last_step=step)
                await probing.site.put(TENANT, ("attempts", user.id), attempts.to_json())
                raise Refused("sign_in_refused")

        scripted(monkeypatch, refused)
        result = await probing.round()
        assert result is not None and (result.state, result.by_password) == ("ok", False)

    async def test_a_refused_password_is_a_failure_of_the_sign_in(
        self, probing: Probing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def refused(visit: ScriptedVisit, launched: Callable[[str], Awaitable[None]]) -> None:
            visit.stages.clear()
            raise Refused("sign_in_refused")

        scripted(monkeypatch, refused)
        await self.make(probing)
        result = await probing.round()
        assert result is not None
        assert (result.state, result.code, result.stage) == ("failed", "sign_in_refused", "sign_in")

    async def test_an_account_that_became_a_persons_is_never_signed_in_by_password(
        self, probing: Probing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        entries: list[Entry | None] = []

        async def looks(visit: ScriptedVisit, launched: Callable[[str], Awaitable[None]]) -> None:
            entries.append(visit.entry)

        scripted(monkeypatch, looks)
        user = await self.make(probing)
        await probing.site.put_user(replace(user, totp_secret=totp.new_secret()))
        result = await probing.round()
        assert result is not None and result.state == "ok" and entries == [None]


async def test_failures_recoveries_and_one_success_an_hour_are_recorded(
    probing: Probing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(visit: ScriptedVisit, launched: Callable[[str], Awaitable[None]]) -> None:
        raise Refused("host_full")

    async def states(*scripts: Script) -> list[str]:
        probing.events.clear()
        for script in scripts:
            scripted(monkeypatch, script)
            probing.site.clock.passed += 60
            await probing.round()
        return [str(event.detail["state"]) for event in probing.events]

    await probing.set()
    assert await states(goes_well, goes_well, goes_well) == ["ok"]
    assert await states(fails, fails, goes_well, goes_well) == ["failed", "failed", "ok"]
    probing.site.clock.passed += prober.RECORDED_EVERY_SECONDS
    assert await states(goes_well) == ["ok"]
    (event,) = probing.events
    assert (event.type, event.actor.user, event.object.name) == ("probe", "demo", "Editor")


async def test_few_probes_are_made_at_a_time_and_those_taken_away_are_forgotten(probing: Probing) -> None:
    others = [replace(EDITOR, id=new_id(), name=f"Editor {n}") for n in range(AT_ONCE + 2)]
    for application in others:
        await probing.site.put_application(application)
        await probing.set(application)
    await probing.prober.round(probing.fence())
    assert len(probing.prober._tasks) == AT_ONCE
    for _ in others:
        await probing.round()
    assert all(probing.prober.result(TENANT, application.id) for application in others)
    revision = await probing.probes.delete(TENANT, others[0].id, "test")
    await probing.site.snapshot.until(revision)
    await probing.round()
    assert probing.prober.result(TENANT, others[0].id) is None
    await cancel_and_wait(*probing.prober._tasks.values())

"""The store of events on a real disk: durable, searched, pruned, and never in the way of what must go on."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.audit.audit import DAY_SECONDS, Audit
from broker.audit.event import Actor, Event, Object
from broker.audit.query import Query
from broker.audit.store import LARGEST_BYTES, LOOKED_AT, NAME
from portcullis.errors import Unavailable
from tests.support.clock import ManualClock
from tests.support.patience import until

TENANT, OTHER = "a" * 16, "b" * 16
LAUNCH = Event("launch", TENANT, Actor("Alice", "1" * 16), Object("application", "2" * 16, "Text editor"))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def audit(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Audit]:
    made = Audit(tmp_path, clock)
    await made.start()
    yield made
    await made.stop()


async def types(audit: Audit, query: Query) -> list[str]:
    return [event.type for event in (await audit.search(query)).items]


async def test_what_was_recorded_is_there_after_a_restart(
    audit: Audit, tmp_path: Path, clock: ManualClock
) -> None:
    detail = {"steps": [{"step": "user", "outcome": "passed", "detail": "x" * 900}]}
    kept = await audit.record(replace(LAUNCH, detail=detail, code="", reference="7f3a0000"))
    await audit.stop()
    again = Audit(tmp_path, clock)
    await again.start()
    found = await again.search(Query(TENANT, reference="7f3a0000"))
    assert found.items == (kept,)
    assert (await again.record(LAUNCH)).id > kept.id
    await again.stop()


async def test_events_of_one_moment_share_a_commit(audit: Audit) -> None:
    kept = await asyncio.gather(*(audit.record(LAUNCH) for _ in range(200)))
    numbered = await audit.read(lambda store: store.since(store.id, 0, 1000))
    assert [each.event.id for each in numbered] == [event.id for event in kept]
    assert [each.number for each in numbered] == list(range(1, 201))


async def test_a_search_sees_one_tenant_alone(audit: Audit) -> None:
    await audit.record(LAUNCH)
    await audit.record(replace(LAUNCH, tenant=OTHER))
    await audit.record(Event("entry", None))
    assert await types(audit, Query(TENANT)) == ["launch"]
    assert await types(audit, Query(None)) == ["entry"]
    assert await types(audit, Query(OTHER)) == ["launch"]


@pytest.mark.parametrize(
    "query",
    [
        Query(TENANT, types=("launch_refused",)),
        Query(TENANT, types=("launch_refused", "change")),
        Query(TENANT, user="BOB"),
        Query(TENANT, user="3" * 16),
        Query(TENANT, object="application:TERMINAL"),
        Query(TENANT, object="terminal"),
        Query(TENANT, object="4" * 16),
        Query(TENANT, code="not_entitled"),
        Query(TENANT, text="203.0.113"),
        Query(TENANT, text="TERMI"),
        Query(TENANT, user="bob", code="not_entitled", text="term"),
    ],
)
async def test_each_field_finds_the_event_that_has_it(audit: Audit, query: Query) -> None:
    refused = Event(
        "launch_refused",
        TENANT,
        Actor("Bob", "3" * 16, address="203.0.113.9"),
        Object("application", "4" * 16, "Terminal"),
        code="not_entitled",
    )
    for event in (LAUNCH, refused, LAUNCH):
        await audit.record(event)
    assert await types(audit, query) == ["launch_refused"]


async def test_pages_join_without_a_gap(audit: Audit, clock: ManualClock) -> None:
    kept = [await audit.record(replace(LAUNCH, reason=str(number))) for number in range(25)]
    found = [event async for event in audit.each(Query(TENANT, limit=10))]
    assert found == kept[::-1]


async def test_a_rare_word_is_found_page_by_page_however_much_there_is(audit: Audit) -> None:
    await audit.record(replace(LAUNCH, reason="needle"))
    store = audit._usable()
    store.append([audit._stamp(LAUNCH) for _ in range(LOOKED_AT + 10)])
    first = await audit.search(Query(TENANT, text="needle"))
    assert first.items == () and first.before
    second = await audit.search(Query(TENANT, text="needle", before=first.before))
    assert [event.reason for event in second.items] == ["needle"] and not second.before


async def test_a_time_is_a_bound(audit: Audit, clock: ManualClock) -> None:
    start = clock.now()
    for _ in range(5):
        await audit.record(LAUNCH)
        clock.advance(100)
    found = await audit.search(Query(TENANT, start=start + 100, end=start + 300))
    assert [event.time - start for event in found.items] == [200, 100]


async def test_a_clock_that_goes_back_a_little_keeps_the_order(audit: Audit, clock: ManualClock) -> None:
    first = await audit.record(LAUNCH)
    clock.advance(-(5))
    assert (await audit.record(LAUNCH)).id > first.id


async def test_a_clock_that_was_a_year_ahead_leaves_no_events_of_next_year(
    audit: Audit, clock: ManualClock
) -> None:
    clock.advance(365 * DAY_SECONDS)
    wrong = await audit.record(LAUNCH)
    clock.advance(-(365 * DAY_SECONDS))
    assert (await audit.record(LAUNCH)).id < wrong.id


async def test_events_go_when_they_are_too_old(audit: Audit, clock: ManualClock) -> None:
    await audit.record(LAUNCH)
    clock.advance(91 * DAY_SECONDS)
    young = await audit.record(LAUNCH)
    await audit.retain()
    assert (await audit.search(Query(TENANT))).items == (young,)
    assert await audit.read(lambda store: store.since(store.id, 1, 10)), "numbers go on"


async def test_what_is_too_much_pushes_out_its_own_kind(tmp_path: Path, clock: ManualClock) -> None:
    audit = Audit(tmp_path, clock, megabytes=1)
    await audit.start()
    await audit.record(Event("change", TENANT, reason="kept"))
    noise = Event("sign_in_refused", TENANT, reason="n" * 300)
    audit._usable().append([audit._stamp(noise) for _ in range(4000)])
    assert audit._usable().used_bytes() > 1024 * 1024
    await audit.retain()
    assert audit._usable().used_bytes() <= 1024 * 1024
    assert await types(audit, Query(TENANT, types=("change",))) == ["change"]
    await audit.stop()


async def test_a_damaged_file_is_set_aside_and_a_new_one_begins(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / NAME).write_bytes(b"this was a database" * 1000)
    audit = Audit(tmp_path, clock)
    await audit.start()
    await audit.record(LAUNCH)
    assert await types(audit, Query(TENANT)) == ["launch"]
    assert Path(audit.set_aside).read_bytes().startswith(b"this was")
    await audit.stop()


async def test_a_page_that_rotted_is_found_at_the_start(
    audit: Audit, tmp_path: Path, clock: ManualClock
) -> None:
    audit._usable().append([audit._stamp(LAUNCH) for _ in range(2000)])
    await audit.stop()
    path = tmp_path / NAME
    raw = bytearray(path.read_bytes())
    for at in range(20 * 4096, 200 * 4096, 4096):
        raw[at : at + 2048] = b"\xff" * 2048
    path.write_bytes(raw)
    again = Audit(tmp_path, clock)
    await again.start()
    await until(lambda: again.set_aside)
    await again.record(LAUNCH)
    assert await types(again, Query(TENANT)) == ["launch"]
    await again.stop()


async def test_a_full_disk_refuses_records_and_keeps_notes_for_later(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.audit.audit.RETRY_SECONDS", 0.01)
    store = audit._usable()
    await audit.record(LAUNCH)
    pages = store._write.execute("PRAGMA page_count").fetchone()[0]
    store._write.execute(f"PRAGMA max_page_count = {pages}")
    big = {"x": [str(number) * 40 for number in range(1000)]}
    with pytest.raises(Unavailable, match="audit_unavailable"):
        await audit.record(replace(LAUNCH, detail=big))
    assert audit.trouble
    with pytest.raises(Unavailable):
        audit.check()
    await audit.note(Event("sign_in", TENANT))
    store._write.execute("PRAGMA max_page_count = 1000000")
    await until(lambda: not audit.trouble)
    audit.check()

    async def all_are_there() -> bool:
        return len(await types(audit, Query(TENANT))) == 3

    await until(all_are_there)
    assert sorted(await types(audit, Query(TENANT))) == ["launch", "launch", "sign_in"]


async def test_the_file_is_its_owners_alone(audit: Audit, tmp_path: Path) -> None:
    await audit.record(LAUNCH)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}, modes


async def test_events_of_a_tenant_that_is_gone_are_removed(audit: Audit) -> None:
    await audit.record(LAUNCH)
    await audit.record(replace(LAUNCH, tenant=OTHER))
    await audit.forget(TENANT)
    assert await audit.read(lambda store: store.tenants()) == {OTHER}


async def test_no_search_looks_at_a_whole_table(audit: Audit) -> None:
    for query in (
        Query(TENANT),
        Query(TENANT, user="x"),
        Query(TENANT, object="y"),
        Query(TENANT, types=("z",)),
    ):
        await audit.search(query)
    connection = sqlite3.connect(audit._path)
    plan = connection.execute(
        "EXPLAIN QUERY PLAN SELECT * FROM event INDEXED BY event_user WHERE tenant = ? AND id >= ? AND id < ?"
        " AND user = ? AND user != '' ORDER BY id DESC LIMIT 20000",
        ("a", "b", "c", "d"),
    ).fetchall()
    connection.close()
    assert "USING INDEX event_user (tenant=? AND user=? AND id>? AND id<?)" in str(plan), plan
    assert "TEMP B-TREE" not in str(plan)


async def test_what_is_too_large_for_an_event_is_left_out_of_it(audit: Audit) -> None:
    steps = [{"step": "host", "detail": str(number)} for number in range(1000)]
    await audit.record(replace(LAUNCH, detail={"steps": steps, "host": "h1"}))
    await audit.record(replace(LAUNCH, detail={"text": "x" * 2 * LARGEST_BYTES}))
    large, launch = (await audit.search(Query(TENANT))).items
    assert launch.detail == {"steps": steps, "host": "h1"} and list(large.detail) == ["left_out"]
    assert (await audit.search(Query(TENANT, whole=False))).items[1].detail == {"host": "h1"}

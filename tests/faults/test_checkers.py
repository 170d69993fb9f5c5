"""The judges themselves: histories that are right pass, each kind of wrong is found."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.faults.history import Place, Revision, Written
from tests.support.faults.invariants import violations
from tests.support.faults.linearizability import UNKNOWN, Call, explain
from tests.support.faults.models import NOTHING, is_read, own_session, tickets

HOST = {"id": "h1", "slots": 2, "draining": False, "revoked": False}
USER = {"id": "u1", "disabled": False}


def is_sound(*calls: Call) -> bool:
    return explain(calls, NOTHING, own_session, is_read).is_linearizable


def launch(begun: float, ended: float, answer: Any) -> Call:
    return Call(begun, ended, ("launch",), answer)


def test_a_launch_and_its_reconnects_are_linearizable() -> None:
    assert is_sound(launch(0, 1, ("new", "a")), launch(2, 3, ("again", "a")), launch(2, 4, ("again", "a")))


def test_two_new_sessions_of_one_application_are_not() -> None:
    assert not is_sound(launch(0, 3, ("new", "a")), launch(1, 4, ("new", "b")))


def test_a_new_session_after_a_log_off_is() -> None:
    end = Call(2, 3, ("end", "a"), "accepted")
    gone = Call(0, 6, ("gone", "a"), "seen")
    assert is_sound(launch(0, 1, ("new", "a")), end, launch(4, 5, ("new", "b")), gone)
    assert not is_sound(launch(0, 1, ("new", "a")), end, launch(4, 5, ("new", "b")))


def test_a_reconnect_to_a_session_that_was_over_is_not() -> None:
    end = Call(2, 3, ("end", "a"), "accepted")
    assert not is_sound(launch(0, 1, ("new", "a")), end, launch(4, 5, ("again", "a")))


def test_a_log_off_without_an_answer_may_have_happened_or_not() -> None:
    begun, unanswered = launch(0, 1, ("new", "a")), Call(2, 3, ("end", "a"), UNKNOWN)
    assert is_sound(begun, unanswered, launch(4, 5, ("again", "a")))
    assert is_sound(begun, unanswered, launch(4, 5, ("new", "b")), Call(0, 6, ("gone", "a"), "seen"))


def test_an_acknowledged_session_that_is_forgotten_is_not_linearizable() -> None:
    assert not is_sound(launch(0, 1, ("new", "a")), Call(2, 3, ("end", "a"), "unknown"))


def test_a_ticket_that_is_good_twice_is_found() -> None:
    first = Call(0, 1, ("redeem", "t"), ("epoch", 1))
    calls = [first, Call(0, 1, ("redeem", "t"), ("epoch", 2))]
    assert explain([first], (0, frozenset()), tickets).is_linearizable
    assert not explain(calls, (0, frozenset()), tickets).is_linearizable


def test_an_epoch_that_is_given_twice_is_found() -> None:
    calls = [Call(0, 1, ("redeem", ticket), ("epoch", 1)) for ticket in "ab"]
    assert not explain(calls, (0, frozenset()), tickets).is_linearizable


def test_the_verdict_says_where_it_stuck() -> None:
    verdict = explain([launch(0, 1, ("new", "a")), launch(2, 3, ("new", "b"))], NOTHING, own_session)
    assert "'b'" in str(verdict) and not verdict.is_linearizable


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), min_size=1, max_size=8), st.data())
def test_calls_that_took_effect_in_some_order_are_linearizable(
    spans: list[tuple[float, float]], data: st.DataObject
) -> None:
    """Answers are those of a register that took each call at a moment inside its span."""
    moments = sorted((data.draw(st.floats(min(s), max(s))), min(s), max(s)) for s in spans)
    calls, epoch, spent = [], 0, set[str]()
    for number, (_, begun, ended) in enumerate(moments):
        ticket = data.draw(st.sampled_from("abc"))
        answer: Any = "refused" if ticket in spent else ("epoch", epoch + 1)
        epoch += ticket not in spent
        spent.add(ticket)
        is_lost = data.draw(st.booleans())
        calls.append(Call(begun, ended, ("redeem", ticket), UNKNOWN if is_lost else answer, str(number)))
    assert explain(calls, (0, frozenset()), tickets, is_read).is_linearizable


def session(**changes: Any) -> dict[str, Any]:
    base = {"id": "s1", "user_id": "u1", "application_id": "a1", "host_id": "h1", "slot": 0, "e": 0}
    return {**base, "state": "pending", "reference": "ref", **changes}


def launched(value: dict[str, Any]) -> list[tuple[Place, dict[str, Any] | None]]:
    slot = {"tenant": "t", "session": value["id"]}
    return [
        (("t", ("session", value["id"])), value),
        (("site", ("slot", value["host_id"], str(value["slot"]))), slot),
        (("t", ("own", value["user_id"], value["application_id"])), {"session": value["id"]}),
    ]


SITE = [
    (("site", ("host", "h1")), HOST),
    (("site", ("live", "host", "h1")), {"host_id": "h1"}),
    (("t", ("user", "u1")), USER),
]


def judged(*revisions: list[tuple[Place, dict[str, Any] | None]]) -> list[str]:
    history = [
        Revision(number, tuple(Written(place, value) for place, value in written))
        for number, written in enumerate([SITE, *revisions], 1)
    ]
    return violations(history)


def test_a_whole_life_of_a_session_violates_nothing() -> None:
    ticket = ("t", ("ticket", "x"))
    ended: list[tuple[Place, dict[str, Any] | None]] = [(place, None) for place, _ in launched(session())]
    attached = (("t", ("session", "s1")), session(e=1))
    assert judged(launched(session()), [(ticket, {"session": "s1"})], [(ticket, None), attached], ended) == []


def test_a_slot_that_is_taken_from_another_session_is_found() -> None:
    found = judged(launched(session()), launched(session(id="s2", application_id="a2")))
    assert any("goes from s1 to s2" in said for said in found)


def test_a_slot_beyond_the_capacity_is_found() -> None:
    assert any("of a host with 2" in said for said in judged(launched(session(slot=2))))


def test_a_session_without_its_slot_is_found() -> None:
    assert any("without its slot" in said for said in judged(launched(session())[:1]))


def test_a_slot_that_outlives_its_session_is_found() -> None:
    assert any("is not" in said for said in judged(launched(session()), [(("t", ("session", "s1")), None)]))


def test_a_launch_of_a_disabled_user_is_found() -> None:
    disabled = [(("t", ("user", "u1")), {**USER, "disabled": True})]
    assert any("may not" in said for said in judged(disabled, launched(session())))


def test_a_launch_on_a_host_that_is_gone_is_found() -> None:
    gone: list[tuple[Place, dict[str, Any] | None]] = [(("site", ("live", "host", "h1")), None)]
    assert any("which is not live" in said for said in judged(gone, launched(session())))


def test_an_epoch_without_a_ticket_is_found() -> None:
    assert any("with 0 tickets" in said for said in judged(launched(session()), launched(session(e=1))[:1]))


def test_an_epoch_by_the_ticket_of_another_session_is_found() -> None:
    ticket = ("t", ("ticket", "x"))
    attached = (("t", ("session", "s1")), session(e=1))
    found = judged(launched(session()), [(ticket, {"session": "s2"})], [(ticket, None), attached])
    assert any("with 0 tickets" in said for said in found)


def test_two_attached_to_at_one_revision_by_a_ticket_each_violate_nothing() -> None:
    other = session(id="s2", application_id="a2", slot=1)
    keys = {name: ("t", ("ticket", name)) for name in ("s1", "s2")}
    issued = [(key, {"session": name}) for name, key in keys.items()]
    spent: list[tuple[Place, dict[str, Any] | None]] = [(key, None) for key in keys.values()]
    attached = [(("t", ("session", each["id"])), {**each, "e": 1}) for each in (session(), other)]
    assert judged(launched(session()), launched(other), issued, [*spent, *attached]) == []


def test_an_epoch_that_jumps_is_found() -> None:
    ticket = ("t", ("ticket", "x"))
    found = judged(
        launched(session()),
        [(ticket, {"session": "s1"})],
        [(ticket, None), (("t", ("session", "s1")), session(e=2))],
    )
    assert any("from epoch 0 to 2" in said for said in found)


def test_a_session_given_up_while_its_host_lives_is_found() -> None:
    active = session(state="active")
    ended: list[tuple[Place, dict[str, Any] | None]] = [(place, None) for place, _ in launched(active)]
    found = judged(launched(active), ended, [(("t", ("trace", "ref")), {"code": "host_lost"})])
    assert any("its host was live" in said for said in found)

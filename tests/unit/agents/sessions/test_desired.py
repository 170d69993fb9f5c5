import pytest

from agents.sessions.desired import End, Forget, ReportGone, Start, actions
from portcullis.model.session import Display
from portcullis.protocol.orders import Order

STATES = ("pending", "starting", "ready", "active", "disconnected", "ending")


def order(session="s", state="pending"):
    return Order(session, "t", "u", "Ada", 0, state, "a", "Editor", ("mousepad",), {}, Display())


def test_pending_session_is_started_once():
    assert actions([order()], {}) == [Start(order())]
    assert actions([order()], {"s": "running"}) == []


@pytest.mark.parametrize("state", [state for state in STATES if state != "ending"])
def test_running_session_is_kept_whatever_the_site_believes(state):
    assert actions([order(state=state)], {"s": "running"}) == []


def test_only_its_own_ending_order_ends_a_session():
    assert actions([order(state="ending")], {"s": "running", "other": "running"}) == [End("s")]
    assert actions([order(state="ending")], {"s": "ending"}) == []


def test_session_that_the_site_does_not_know_is_kept():
    assert actions([], {"s": "running", "r": "ending"}) == []


@pytest.mark.parametrize("state", ["starting", "ready", "active", "disconnected"])
def test_session_that_does_not_run_is_reported_and_never_started_again(state):
    assert actions([order(state=state)], {}) == [ReportGone(order(state=state), "host_lost")]
    assert actions([order(state="ending")], {}) == [ReportGone(order(state="ending"), "logged_off")]


@pytest.mark.parametrize("state", STATES)
def test_ended_session_is_remembered_until_the_site_has_forgotten_it(state):
    assert actions([order(state=state)], {"s": "ended"}) == []
    assert actions([], {"s": "ended"}) == [Forget("s")]


def test_what_has_ended_is_forgotten_before_its_slot_is_used_again():
    assert actions([order("new")], {"old": "ended"}) == [Forget("old"), Start(order("new"))]


def test_same_list_twice_asks_for_nothing_new():
    orders = [order("a"), order("b", "ready"), order("c", "ending")]
    first = actions(orders, {"c": "running"})
    assert [type(action) for action in first] == [Start, ReportGone, End]
    assert actions(orders, {"a": "running", "b": "ended", "c": "ending"}) == []

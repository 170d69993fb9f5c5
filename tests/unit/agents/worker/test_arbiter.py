"""Who may be attached: epochs, resumes, cuts and the end."""

from dataclasses import replace

import pytest

from agents.worker.arbiter import Admission, Arbiter
from portcullis.errors import Refused
from portcullis.tickets import CHANNELS, Grant

GRANT = Grant("kid", "tenant", "user", "login", "session", "host", CHANNELS, b"key", 1, 0.0, 100.0)


@pytest.fixture
def arbiter():
    return Arbiter("session", "host", "tenant")


def code_of(arbiter, grant):
    with pytest.raises(Refused) as refusal:
        arbiter.admit(grant)
    return refusal.value.code


def test_first_is_admitted_and_its_resumes_are_counted(arbiter):
    assert [arbiter.admit(GRANT) for _ in range(3)] == [Admission(1, 0), Admission(1, 1), Admission(1, 2)]


def test_higher_epoch_wins_and_the_lower_is_refused_for_good(arbiter):
    arbiter.admit(GRANT)
    assert arbiter.admit(replace(GRANT, e=2, login="other", client_key=b"other")) == Admission(2, 0)
    assert code_of(arbiter, GRANT) == "taken_over"
    assert code_of(arbiter, GRANT) == "taken_over"
    assert arbiter.e == 2


def test_resume_keeps_the_last_input_and_a_new_epoch_starts_at_zero(arbiter):
    arbiter.admit(GRANT)
    arbiter.last_input = 17
    arbiter.admit(replace(GRANT, issued=50.0))
    assert arbiter.last_input == 17
    arbiter.admit(replace(GRANT, e=2))
    assert arbiter.last_input == 0


@pytest.mark.parametrize(
    "changes",
    [{"session": "x"}, {"host": "x"}, {"tenant": "x"}, {"channels": frozenset({"input"})}],
    ids=lambda changes: next(iter(changes)),
)
def test_grant_of_another_place_is_refused(arbiter, changes):
    assert code_of(arbiter, replace(GRANT, **changes)) == "grant_refused"


@pytest.mark.parametrize("changes", [{"login": "x"}, {"client_key": b"x"}], ids=["login", "key"])
def test_same_epoch_belongs_to_one_login_and_key(arbiter, changes):
    arbiter.admit(GRANT)
    assert code_of(arbiter, replace(GRANT, **changes)) == "grant_refused"


def test_refused_grant_changes_nothing(arbiter):
    arbiter.admit(GRANT)
    arbiter.last_input = 5
    code_of(arbiter, replace(GRANT, e=9, session="x"))
    assert (arbiter.e, arbiter.last_input) == (1, 5)
    assert arbiter.admit(GRANT) == Admission(1, 1)


def test_cut_login_stays_out_whatever_its_epoch(arbiter):
    arbiter.cut("login", "signed_out")
    assert code_of(arbiter, GRANT) == "signed_out"
    assert code_of(arbiter, replace(GRANT, e=9)) == "signed_out"
    assert arbiter.admit(replace(GRANT, login="other")) == Admission(1, 0)


def test_remembered_cuts_are_bounded_and_the_newest_stay(arbiter):
    for number in range(3000):
        arbiter.cut(f"login{number}", "signed_out")
    assert code_of(arbiter, replace(GRANT, login="login2999")) == "signed_out"
    assert len(arbiter._cut) == 1024


def test_ended_session_admits_nobody(arbiter):
    arbiter.end("session_ended")
    assert code_of(arbiter, GRANT) == "session_ended"


def test_reason_of_a_later_release_is_refused_with_one_that_is_known(arbiter):
    arbiter.cut("login", "of_the_future")
    assert code_of(arbiter, GRANT) == "signed_out"
    arbiter.end("of_the_future")
    assert code_of(arbiter, GRANT) == "session_ended"

"""Which displays are taken, and for how long."""

import pytest

from agents.desktops.attachments import Attachments, Taken, kept, looks, told
from agents.desktops.rules import FoundDisplay
from portcullis.errors import Refused
from portcullis.model.desktops import CONSENTS, DesktopTarget
from portcullis.model.session import Display
from portcullis.protocol.orders import Order

SCREEN = FoundDisplay(":1", r"CORP\Ann", is_console=True)
ALONE, SHARED = DesktopTarget(consent="none"), DesktopTarget(consent="none", shared=True)


def order(session, user_name="Bo"):
    return Order(
        session=session,
        tenant="t" * 16,
        user_id="b" * 16,
        user_name=user_name,
        slot=0,
        state="pending",
        application_id="a" * 16,
        application_name="Reception",
        command=(),
        environment={},
        display=Display(),
    )


def taken(attachments, session, target):
    with attachments.attaching(order(session), target, [SCREEN]) as taken_now:
        return taken_now.number


def test_a_display_is_taken_until_its_session_is_led_no_more():
    attachments = Attachments(CONSENTS)
    led = {"first"}
    attachments.is_led = led.__contains__
    taken(attachments, "first", ALONE)
    with pytest.raises(Refused) as refused:
        taken(attachments, "second", ALONE)
    assert refused.value.code == "desktop_in_use"
    led.clear()  # though nobody has forgotten it yet
    assert taken(attachments, "second", ALONE) == 0


def test_those_who_share_a_display_are_numbered_and_one_that_did_not_begin_is_none():
    attachments = Attachments(CONSENTS)
    assert taken(attachments, "first", SHARED) == 0
    with pytest.raises(OSError), attachments.attaching(order("second"), SHARED, [SCREEN]):
        raise OSError("no helper")
    assert taken(attachments, "third", SHARED) == 1


def test_no_two_signs_lie_at_one_place_whoever_left_before_and_whichever_agent_it_was():
    attachments, again = Attachments(CONSENTS), Attachments(CONSENTS)
    numbers = {name: taken(attachments, name, SHARED) for name in ("first", "second", "third")}
    attachments.release("first")
    assert taken(attachments, "fourth", SHARED) == 0
    again.adopt("third", kept(Taken(SCREEN, numbers["third"]), SHARED))
    assert [taken(again, name, SHARED) for name in ("fifth", "sixth", "seventh")] == [0, 1, 3]


def test_an_agent_that_returns_knows_what_is_taken_and_by_whom_it_is_shared():
    attachments = Attachments(CONSENTS)
    attachments.adopt("first", kept(Taken(SCREEN, 0), SHARED))
    attachments.adopt("application", {})
    assert taken(attachments, "second", SHARED) == 1
    with pytest.raises(Refused):
        taken(attachments, "third", ALONE)


def test_case_of_accounts_counts_where_the_system_tells_them_apart_by_it():
    own = DesktopTarget(consent="own", account=r"corp\{user}")
    assert Attachments(CONSENTS, ignores_case=True).judged(own, "ANN", [SCREEN]) == SCREEN
    with pytest.raises(Refused):
        Attachments(CONSENTS).judged(own, "ANN", [SCREEN])


def test_a_dry_run_says_whose_it_is_and_who_will_be_asked():
    asking = DesktopTarget()
    (look,) = looks("bo", asking, Attachments(["ask"]), lambda: [SCREEN]).values()
    assert look().detail == r":1 of CORP\Ann; whoever is there will be asked"
    (look,) = looks("bo", ALONE, Attachments(["ask"]), lambda: [SCREEN]).values()
    assert (look().outcome, look().code) == ("failed", "desktop_not_allowed")


def test_a_helper_is_told_who_asks_and_for_what():
    said = told(order("first"), DesktopTarget(view_only=True, answer_seconds=9), Taken(SCREEN, 2))
    assert (said["user"], said["application"], said["number"]) == ("Bo", "Reception", 2)
    assert (said["asks"], said["answer_seconds"], said["view_only"]) == (True, 9, True)

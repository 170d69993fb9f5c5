"""Whose display is meant, and who may be connected to it: the same on all operating systems."""

import pytest

from agents.desktops.rules import Attached, FoundDisplay, admit, allowed_consents, chosen, is_own
from portcullis.errors import InvalidInput, Refused
from portcullis.model.desktops import CONSENTS, DesktopTarget

SCREEN = FoundDisplay(":0", "ann", is_console=True)
OTHER = FoundDisplay(":1", "bo")


def refusal(call, *arguments, **options):
    with pytest.raises(Refused) as refused:
        call(*arguments, **options)
    return refused.value.code


def test_console_is_the_host_s_own_screen_or_the_only_display():
    target = DesktopTarget()
    assert chosen(target, [OTHER, SCREEN]) == SCREEN
    assert chosen(target, [OTHER]) == OTHER
    assert refusal(chosen, target, [OTHER, FoundDisplay(":2", "cy")]) == "desktop_empty"
    assert refusal(chosen, target, []) == "desktop_empty"


def test_a_display_that_is_named_is_that_one():
    assert chosen(DesktopTarget(":1"), [SCREEN, OTHER]) == OTHER
    assert refusal(chosen, DesktopTarget(":9"), [SCREEN, OTHER]) == "desktop_empty"
    assert refusal(chosen, DesktopTarget(":0"), [FoundDisplay(":0", "")]) == "desktop_empty"
    wayland = FoundDisplay(":0", "ann", trouble="a Wayland session")
    assert refusal(chosen, DesktopTarget(":0"), [wayland]) == "desktop_unsupported"


@pytest.mark.parametrize("consent", CONSENTS)
def test_the_host_has_the_last_word(consent):
    target = DesktopTarget(consent=consent)
    admit(target, SCREEN, "ann", {consent}, [])
    assert refusal(admit, target, SCREEN, "ann", set(CONSENTS) - {consent}, []) == "desktop_not_allowed"


def test_own_is_one_account_and_no_other():
    own = DesktopTarget(consent="own")
    assert is_own(own, SCREEN, "ann")
    assert is_own(
        own, SCREEN, "Ann"
    )  # names of users are one whatever their case, accounts are in small letters
    assert not is_own(own, FoundDisplay(":0", "ANN"), "ann")
    assert is_own(own, FoundDisplay("1", r"CORP\Ann"), "ann", ignores_case=True) is False
    corporate = DesktopTarget(consent="own", account=r"CORP\{user}")
    assert is_own(corporate, FoundDisplay("1", r"corp\Ann"), "ann", ignores_case=True)
    assert refusal(admit, own, OTHER, "ann", CONSENTS, []) == "desktop_not_own"


def test_an_account_may_have_several_names():
    local = FoundDisplay(":2", "Ann", also=(r"DESK-7\Ann", r".\Ann"))
    for account in ("{user}", r"desk-7\{user}", r".\{user}"):
        assert is_own(DesktopTarget(consent="own", account=account), local, "ann", ignores_case=True)
    assert not is_own(DesktopTarget(consent="own", account=r"CORP\{user}"), local, "ann", ignores_case=True)


@pytest.mark.parametrize(
    ("user", "account"), [("strasse", "straße"), ("\u212aim", "kim"), ("ıan", "ian"), ("ſam", "sam")]
)
def test_accounts_that_only_look_alike_in_small_letters_are_two(user, account):
    own = DesktopTarget(consent="own")
    assert not is_own(own, FoundDisplay(":1", account), user, ignores_case=True)
    assert not is_own(own, FoundDisplay(":1", account), user)
    assert is_own(own, FoundDisplay(":1", "ÄNNE"), "Änne", ignores_case=True)


def test_one_at_a_time_unless_all_are_shared():
    alone, shared = DesktopTarget(":0"), DesktopTarget(":0", shared=True)
    here, elsewhere = Attached("a", ":0", is_shared=False), Attached("b", ":1", is_shared=False)
    admit(alone, SCREEN, "ann", CONSENTS, [elsewhere])
    assert refusal(admit, alone, SCREEN, "ann", CONSENTS, [here]) == "desktop_in_use"
    assert refusal(admit, shared, SCREEN, "ann", CONSENTS, [here]) == "desktop_in_use"
    both = [Attached("a", ":0", is_shared=True)]
    assert refusal(admit, alone, SCREEN, "ann", CONSENTS, both) == "desktop_in_use"
    admit(shared, SCREEN, "ann", CONSENTS, both)


def test_the_setting_names_consents_or_off():
    assert allowed_consents("off") == frozenset()
    assert allowed_consents(" Ask, none ") == {"ask", "none"}
    for wrong in ("", "ask,off", "yes", "ask;own"):
        with pytest.raises(InvalidInput):
            allowed_consents(wrong)

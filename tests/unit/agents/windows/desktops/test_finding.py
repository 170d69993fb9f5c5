"""Which Windows sessions may be attached to, and what their accounts are called."""

import pytest

from agents.desktops.rules import chosen, is_own
from agents.windows.desktops.finding import seat
from agents.windows.wts import ACTIVE, DISCONNECTED, WindowsSession
from portcullis.errors import Refused
from portcullis.model.desktops import DesktopTarget, is_fit_display

SID = "S-1-5-21-1"


def at(number, account, state=ACTIVE, console=1):
    return seat(WindowsSession(number, state, account[0]), SID, account, "DESK-7", console).found


CONSOLE = at(1, ("Ann", "CORP"))
REMOTE = at(2, ("bo", "DESK-7"))


def test_console_is_the_session_that_the_machine_s_screen_shows():
    assert chosen(DesktopTarget(), [REMOTE, CONSOLE]) == CONSOLE
    assert chosen(DesktopTarget(), [REMOTE]) == REMOTE  # nobody is at the console: who came by Remote Desktop
    assert chosen(DesktopTarget(display=":2"), [REMOTE, CONSOLE]) == REMOTE
    assert all(is_fit_display(each.name) for each in (CONSOLE, REMOTE))


def test_a_session_that_no_screen_shows_is_not_shown_here_either():
    left = at(1, ("Ann", "CORP"), DISCONNECTED)
    with pytest.raises(Refused) as refused:
        chosen(DesktopTarget(), [left])
    assert refused.value.code == "desktop_unsupported"


@pytest.mark.parametrize(
    ("found", "account", "user", "own"),
    [
        (CONSOLE, "{user}", "ann", False),  # some domain's: which one is the application's to say
        (CONSOLE, r"CORP\{user}", "ann", True),
        (CONSOLE, r"corp\{user}", "ANN", True),
        (CONSOLE, r"OTHER\{user}", "ann", False),
        (CONSOLE, r".\{user}", "ann", False),
        (CONSOLE, r"DESK-7\{user}", "ann", False),
        (REMOTE, "{user}", "Bo", True),
        (REMOTE, r".\{user}", "bo", True),
        (REMOTE, r"desk-7\{user}", "bo", True),
        (REMOTE, r"CORP\{user}", "bo", False),
    ],
)
def test_a_domain_s_account_is_told_apart_from_the_machine_s_of_the_same_name(found, account, user, own):
    target = DesktopTarget(consent="own", account=account)
    assert is_own(target, found, user, ignores_case=True) is own

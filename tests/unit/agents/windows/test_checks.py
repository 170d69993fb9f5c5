import pytest

from agents.windows import checks
from agents.windows.interactive import Place
from portcullis.errors import Refused
from portcullis.protocol.checks import Check

ENVIRONMENT = {"SystemRoot": "C:\\Windows", "PATH": ""}


class Places:
    def __init__(self, code=None):
        self.code = code

    def find(self):
        if self.code:
            raise Refused(self.code)
        return Place(1, "ann", "S-1-5-21-1")


def check(*command):
    return Check("c" * 16, "t" * 16, "u" * 16, "Ada", command, {})


@pytest.fixture
def command(monkeypatch):
    monkeypatch.setattr(checks, "_environment", lambda: ENVIRONMENT)
    files = {"C:\\Windows\\System32\\notepad.exe"}
    return lambda *words: checks.command(check(*words), files.__contains__)


def test_it_is_said_whose_desktop_it_would_be():
    told = checks.account(Places())
    assert told.outcome == "passed" and "as ann" in told.detail


@pytest.mark.parametrize("code", ["console_nobody", "console_locked", "console_disconnected"])
def test_that_there_is_no_desktop_is_foreseen(code):
    told = checks.account(Places(code))
    assert (told.outcome, told.code) == ("failed", code)


def test_a_program_of_the_system_is_found(command):
    assert command("notepad.exe").outcome == "passed"


@pytest.mark.parametrize("words", [(), ("C:\\none.exe",)])
def test_one_that_is_not_there_is_foreseen(command, words):
    told = command(*words)
    assert (told.outcome, told.code) == ("failed", "application_missing")


def test_one_that_only_the_user_may_have_is_not_judged(command):
    assert command("%LOCALAPPDATA%\\App\\app.exe").outcome == "skipped"
    assert command("tool.exe").outcome == "skipped"

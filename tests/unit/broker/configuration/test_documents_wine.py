"""A Windows program in a document: the round trip says no more than it must, and what is wrong is named."""

import pytest

from broker.configuration.documents import documents_of
from broker.configuration.objects import state_of
from broker.configuration.reading import application_held, application_of
from portcullis.model.application import Application
from portcullis.model.session import Session
from portcullis.model.wine import WineProgram
from portcullis.schemas.checking import file_findings

EDITOR = Application("a" * 16, "Editor", (), wine=WineProgram("office", "C:\\App\\app.exe"))
BASE = {"kind": "application", "name": "Editor"}
WINE = {"template": "office", "program": "App/app.exe"}


def document(application=EDITOR):
    (made,) = documents_of(state_of(1, [application_held(application, {}, 1)]), ["application"])
    return made


def test_what_is_as_ever_is_not_said():
    assert document()["wine"] == {"template": "office", "program": "C:\\App\\app.exe"}
    assert "command" not in document() and "rdp" not in document()


def test_what_was_exported_is_right_and_means_the_same():
    assert file_findings({**document(), "icon": None}) == []
    held = application_held(EDITOR, {}, 1)
    assert application_of(EDITOR.id, EDITOR.name, held.fields) == EDITOR


def test_a_record_of_the_release_before_has_a_program():
    old = {name: value for name, value in EDITOR.to_json().items() if name != "wine"} | {"command": ["xterm"]}
    assert Application.from_json(old).wine is None
    assert "wine" in Session.__dataclass_fields__


@pytest.mark.parametrize(
    ("wine", "path"),
    [
        ({"program": "a.exe"}, ("wine", "template")),
        ({"template": "office"}, ("wine", "program")),
        ({**WINE, "template": "../office"}, ("wine", "template")),
        ({**WINE, "template": "Office"}, ("wine", "template")),
        ({**WINE, "template": "office\n"}, ("wine", "template")),
        ({**WINE, "program": "..\\..\\x.exe"}, ("wine", "program")),
        ({**WINE, "program": "App\\..\\..\\x.exe"}, ("wine", "program")),
        ({**WINE, "program": "Z:\\bin\\x.exe"}, ("wine", "program")),
        ({**WINE, "program": "\\\\server\\share\\x.exe"}, ("wine", "program")),
        ({**WINE, "program": "/bin/sh"}, ("wine", "program")),
        ({**WINE, "program": "App\\app.exe\n"}, ("wine", "program")),
        ({**WINE, "program": "App \\app.exe"}, ("wine", "program")),
        ({**WINE, "program": "a" * 300 + ".exe"}, ("wine", "program")),
        ({**WINE, "arguments": ["a\0b"]}, ("wine", "arguments", 0)),
        ({**WINE, "argument": []}, ("wine", "argument")),
    ],
)
def test_findings_name_the_field(wine, path):
    assert {finding.path for finding in file_findings({**BASE, "wine": wine})} == {path}


def test_one_of_command_server_and_program_alone():
    assert file_findings({**BASE, "wine": WINE}) == []
    beside = {**BASE, "wine": WINE, "command": ["x"]}
    assert [each.path for each in file_findings(beside)] == [("command",)]
    both = {**BASE, "wine": WINE, "rdp": {"server": "s"}}
    assert [each.path for each in file_findings(both)] == [("wine",)]

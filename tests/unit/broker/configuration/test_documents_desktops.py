"""An existing desktop in a document: the round trip says no more than it must, and changes nothing."""

from broker.configuration.documents import documents_of
from broker.configuration.objects import state_of
from broker.configuration.reading import application_held, application_of
from broker.configuration.wanted import _desktop
from portcullis.model.application import Application
from portcullis.model.desktops import DesktopTarget
from portcullis.protocol.desktops import desktop_json, read_desktop
from portcullis.protocol.fields import Fields
from portcullis.schemas.checking import file_findings

DESK = Application("a" * 16, "Desk", (), desktop=DesktopTarget(consent="own", account="{user}@corp"))
BASE = {"kind": "application", "name": "Desk"}


def document():
    (made,) = documents_of(state_of(1, [application_held(DESK, {}, 1)]), ["application"])
    return made


def test_what_is_as_ever_is_not_said():
    assert document()["desktop"] == {"display": "console", "consent": "own", "account": "{user}@corp"}
    assert "command" not in document()


def test_what_was_exported_is_right_and_means_the_same():
    assert file_findings({**document(), "icon": None}) == []
    held = application_held(DESK, {}, 1)
    assert _desktop(document()["desktop"]) == held.fields["desktop"]
    assert application_of(DESK.id, DESK.name, held.fields) == DESK


def test_findings_name_the_field():
    for desktop, path in (
        ({"display": ":x"}, ("desktop", "display")),
        ({"display": "host:0"}, ("desktop", "display")),
        ({"consent": "maybe"}, ("desktop", "consent")),
        ({"account": ""}, ("desktop", "account")),
        ({"account": "a:b"}, ("desktop", "account")),
        ({"answer_seconds": 4}, ("desktop", "answer_seconds")),
        ({"shared": 1}, ("desktop", "shared")),
        ({"is_asked_always": True}, ("desktop", "is_asked_always")),
    ):
        assert [finding.path for finding in file_findings({**BASE, "desktop": desktop})] == [path], desktop
    assert file_findings({**BASE, "desktop": {}}) == []


def test_one_thing_is_shown():
    for beside, path in (
        ({"command": ["x"]}, ("command",)),
        ({"rdp": {"server": "s"}}, ("desktop",)),
        ({"wine": {"template": "t", "program": "a.exe"}}, ("desktop",)),
    ):
        findings = file_findings({**BASE, "desktop": {"consent": "ask"}, **beside})
        assert [finding.path for finding in findings] == [path], beside


def test_an_order_carries_it_and_what_a_policy_added():
    for target in (DesktopTarget(), DesktopTarget(":3", "none", shared=True).tightened("view")):
        assert read_desktop(Fields(dict(desktop_json(target)))) == target
    assert read_desktop(Fields({})) is None

"""A server in a document: the round trip says no more than it must, and changes nothing."""

from broker.configuration.documents import documents_of
from broker.configuration.objects import state_of
from broker.configuration.reading import application_held, application_of
from broker.configuration.wanted import Wanted, _rdp
from portcullis.model.application import Application
from portcullis.model.rdp import RdpTarget
from portcullis.schemas.checking import file_findings

DESK = Application("a" * 16, "Desk", (), rdp=RdpTarget("ts1.example.com", domain="CORP", credentials="vault"))


def document():
    (made,) = documents_of(state_of(1, [application_held(DESK, {}, 1)]), ["application"])
    return made


def test_what_is_as_ever_is_not_said():
    assert document()["rdp"] == {"server": "ts1.example.com", "domain": "CORP", "credentials": "vault"}
    assert "command" not in document()


def test_what_was_exported_is_right_and_means_the_same():
    assert file_findings({**document(), "icon": None}) == []
    held = application_held(DESK, {}, 1)
    assert _rdp(Wanted, 0, document()["rdp"]) == held.fields["rdp"]
    assert application_of(DESK.id, DESK.name, held.fields) == DESK


def test_a_record_of_the_release_before_has_a_program():
    old = {name: value for name, value in DESK.to_json().items() if name != "rdp"} | {"command": ["xterm"]}
    assert Application.from_json(old).rdp is None


def test_findings_name_the_field():
    base = {"kind": "application", "name": "Desk"}
    for rdp, path in (
        ({}, ("rdp", "server")),
        ({"server": "a b"}, ("rdp", "server")),
        ({"server": "s", "port": 0}, ("rdp", "port")),
        ({"server": "s", "certificate": "ab"}, ("rdp", "certificate")),
        ({"server": "s", "securty": "nla"}, ("rdp", "securty")),
        ({"server": "s", "gateway": "g:0"}, ("rdp", "gateway")),
    ):
        assert [finding.path for finding in file_findings({**base, "rdp": rdp})] == [path], rdp
    assert [each.path for each in file_findings({**base, "rdp": {"server": "s"}, "command": ["x"]})] == [
        ("command",)
    ]
    assert [each.path for each in file_findings(base)] == [("command",)]
    assert file_findings({**base, "rdp": {"server": "s"}}) == []

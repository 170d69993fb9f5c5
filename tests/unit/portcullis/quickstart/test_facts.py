from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from portcullis.quickstart import facts, instance, place, terminal
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.instance import Instance, Ports
from portcullis.quickstart.owner import Owner, owner, write_private
from portcullis.rest.profile import read

SECRETS = {
    "site_id": "0" * 16,
    "tenant": "demo",
    "tenant_id": "1" * 16,
    "username": "demo",
    "password": "p4ss",
    "totp_secret": "JBSWY3DPEHPK3PXP",
    "admin_username": "admin",
    "admin_password": "4dmin",
    "admin_totp_secret": "JBSWY3DPEHPK3PXQ",
    "api_token": f"api_{'1' * 16}_{'a' * 64}",
    "gateway_join_token": "g",
    "host_join_token": "h",
}


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    monkeypatch.setattr(place, "STATES", tmp_path)
    monkeypatch.setattr(place, "isolation_here", lambda: "accounts")
    (tmp_path / "clone").mkdir()
    made = Instance(tmp_path / "clone", Ports(8080, 21000, 21001), (tmp_path / "release",))
    instance.save(made)
    made.secrets_file.write_text(json.dumps(SECRETS))
    return made


def test_the_facts_have_the_fields_that_are_promised(found: Instance) -> None:
    secrets = facts.read_secrets(found)
    facts.write(
        found, facts.facts_of(found, secrets, ["XTerm"], ["admin", "demo"]), facts.profile_of(found, secrets)
    )
    written = found.var / "quickstart.json"
    assert json.loads(written.read_text()) == {
        "url": "http://localhost:8080",
        "ca_cert": None,
        "tenant": "demo",
        "username": "demo",
        "password": "p4ss",
        "totp_secret": "JBSWY3DPEHPK3PXP",
        "admin_username": "admin",
        "admin_password": "4dmin",
        "admin_totp_secret": "JBSWY3DPEHPK3PXQ",
        "applications": ["XTerm"],
    }
    assert written.stat().st_mode & 0o777 == 0o600
    assert found.var.stat().st_mode & 0o777 == 0o700


def test_the_profile_is_one_that_the_command_takes(found: Instance) -> None:
    secrets = facts.read_secrets(found)
    facts.write(
        found, facts.facts_of(found, secrets, [], ["admin", "demo"]), facts.profile_of(found, secrets)
    )
    assert read(found.var / "profile.json").token == SECRETS["api_token"]


def test_secrets_stand_in_no_repr(found: Instance) -> None:
    assert "p4ss" not in repr(facts.read_secrets(found))


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"tenant": "demo"}'])
def test_damaged_secrets_say_what_to_do(found: Instance, content: str) -> None:
    found.secrets_file.write_text(content)
    with pytest.raises(QuickstartError, match="--reset"):
        facts.read_secrets(found)


def test_a_link_in_the_way_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("keep")
    (tmp_path / "facts.json").symlink_to(tmp_path / "precious")
    (tmp_path / ".facts.json.partial").symlink_to(tmp_path / "precious")
    write_private(tmp_path / "facts.json", {"a": 1}, owner({}))
    assert (tmp_path / "precious").read_text() == "keep"
    assert json.loads((tmp_path / "facts.json").read_text()) == {"a": 1}
    assert not (tmp_path / "facts.json").is_symlink()


def test_the_user_behind_sudo_owns_what_is_left() -> None:
    if os.geteuid() == 0:
        assert owner({"SUDO_UID": "1"}) == Owner("daemon", 1, 1)
    else:
        assert owner({"SUDO_UID": "1"}).uid == os.geteuid()


@pytest.mark.parametrize("value", ["", "x", "-1", "4294967294", "99999999999999999999", "²"])
def test_a_strange_sudo_user_is_not_believed(value: str) -> None:
    assert owner({"SUDO_UID": value}).uid == os.geteuid()


def test_the_welcome_holds_what_one_needs(found: Instance) -> None:
    known = facts.facts_of(found, facts.read_secrets(found), ["XTerm", "Mousepad"], ["admin", "demo"])
    text = terminal.welcome(found, known, terminal.guide_of_clone(found))
    for needed in (
        "http://localhost:8080",
        "p4ss",
        "JBSWY3DPEHPK3PXP",
        "ssh -L 8080:localhost:8080",
        "otpauth://",
    ):
        assert needed in text
    assert "4dmin" not in text


@pytest.mark.parametrize("reset", ["demo", "admin"])
def test_secrets_that_a_reset_made_void_are_told_no_more(found: Instance, reset: str) -> None:
    others = {"demo", "admin"} - {reset}
    known = facts.facts_of(found, facts.read_secrets(found), [], others)
    void = {"demo": ("password", "totp_secret"), "admin": ("admin_password", "admin_totp_secret")}[reset]
    told = known.to_json()
    for name, secret in SECRETS.items():
        if name in told:
            assert told[name] == (None if name in void else secret)
    text = terminal.welcome(found, known, "")
    assert ("p4ss" in text, "otpauth://" in text) == (reset != "demo", reset != "demo")
    assert ("quickstart.json" in text) == (reset != "admin")
    assert text.count("reset or deleted") == 1
    assert "None" not in text


def test_an_authenticator_reads_the_address() -> None:
    assert (
        terminal.otpauth("a b", "x/y", "ABC")
        == "otpauth://totp/Portcullis%20a%20b:x%2Fy?secret=ABC&issuer=Portcullis%20a%20b"
    )

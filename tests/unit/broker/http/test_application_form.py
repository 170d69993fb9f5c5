"""What administrators send to publish: every wrong field is named with its place."""

from __future__ import annotations

import base64
import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.http.admin.application_form import parse_publication
from broker.http.admin.icon_form import MAXIMUM_ICON_BYTES
from broker.http.body import Fields
from broker.repositories.icons import Icon
from portcullis.errors import InvalidInput
from portcullis.model.user import User
from tests.support.pictures import png

USERS = {"demo": User("0" * 16, "demo")}
FORM: dict[str, Any] = {
    "command": ["mousepad", "--disable-server"],
    "environment": {"GTK_THEME": "Adwaita"},
    "entitled": {"users": ["demo"], "groups": ["staff"]},
}
PNG = png()
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path fill="url(#g)" d="M0 0"/></svg>'


def _parse(form: dict[str, Any], name: str = "Text editor") -> Any:
    return parse_publication(name, Fields(form), lambda text: USERS.get(text.casefold()))


def _changed(path: str, value: object) -> dict[str, Any]:
    form = copy.deepcopy(FORM)
    *outer, last = path.split("/")
    inside: Any = form
    for key in outer:
        inside = inside[key]
    inside[last] = value
    return form


def test_a_whole_form_is_read() -> None:
    publication = _parse(FORM)
    assert publication.name == "Text editor"
    assert publication.command == ("mousepad", "--disable-server")
    assert publication.environment == {"GTK_THEME": "Adwaita"}
    assert publication.entitlement.users == {"demo"}
    assert publication.entitlement.groups == {"staff"}
    assert publication.icon == "keep"
    assert not publication.disabled


def test_users_are_kept_by_the_name_that_they_have() -> None:
    assert _parse(_changed("entitled/users", ["DEMO"])).entitlement.users == {"demo"}


def test_a_group_exists_by_mention() -> None:
    assert _parse(_changed("entitled/groups", ["never heard of"])).entitlement.groups == {"never heard of"}


def test_an_icon_is_replaced_or_removed() -> None:
    icon = {"content_type": "image/png", "data": base64.b64encode(PNG).decode()}
    assert _parse(_changed("icon", icon)).icon == Icon("image/png", PNG)
    assert _parse(_changed("icon", None)).icon is None


WRONG = [
    ("command", None, "command"),
    ("command", "mousepad", "command"),
    ("command", [], "command"),
    ("command", ["x"] * 65, "command"),
    ("command", [""], "command[0]"),
    ("command", ["  "], "command[0]"),
    ("command", ["sh", 1], "command[1]"),
    ("command", ["sh", "a\0b"], "command[1]"),
    ("command", ["sh", "x" * 4097], "command[1]"),
    ("environment", [], "environment"),
    ("environment", {f"V{n}": "" for n in range(65)}, "environment"),
    ("environment", {"1A": "x"}, "environment.1A"),
    ("environment", {"": "x"}, "environment."),
    ("environment", {"A B": "x"}, "environment.A B"),
    ("environment", {"A=B": "x"}, "environment.A=B"),
    ("environment", {"Ä": "x"}, "environment.Ä"),
    ("environment", {"LD_PRELOAD": "x"}, "environment.LD_PRELOAD"),
    ("environment", {"LD_LIBRARY_PATH": "x"}, "environment.LD_LIBRARY_PATH"),
    ("environment", {"DISPLAY": ":0"}, "environment.DISPLAY"),
    ("environment", {"XAUTHORITY": "/x"}, "environment.XAUTHORITY"),
    ("environment", {"HOME": "/root"}, "environment.HOME"),
    ("environment", {"PATH": "/x"}, "environment.PATH"),
    ("environment", {"BASH_ENV": "/x"}, "environment.BASH_ENV"),
    ("environment", {"A": 1}, "environment.A"),
    ("environment", {"A": "a\0b"}, "environment.A"),
    ("environment", {"A": "x" * 4097}, "environment.A"),
    ("entitled", None, "entitled"),
    ("entitled", ["demo"], "entitled"),
    ("entitled/users", "demo", "entitled.users"),
    ("entitled/users", ["nobody"], "entitled.users[0]"),
    ("entitled/users", ["demo", "nobody"], "entitled.users[1]"),
    ("entitled/users", [""], "entitled.users[0]"),
    ("entitled/groups", ["staff", " x"], "entitled.groups[1]"),
    ("entitled/hosts", [], "entitled.hosts"),
    ("disabled", "no", "disabled"),
    ("disabled", None, "disabled"),
    ("colour", "red", "colour"),
    ("icon", "mousepad", "icon"),
    ("icon", {}, "icon.data"),
    ("icon", {"data": "%%%", "content_type": "image/png"}, "icon.data"),
    ("icon", {"data": "", "content_type": "image/png"}, "icon.data"),
    ("icon", {"data": "AAAA", "content_type": "image/png"}, "icon.data"),
    ("icon", {"data": base64.b64encode(PNG).decode(), "content_type": "image/gif"}, "icon.content_type"),
    ("icon", {"data": base64.b64encode(PNG).decode(), "content_type": "image/svg+xml"}, "icon.data"),
    ("icon", {"data": base64.b64encode(PNG).decode(), "content_type": "image/png", "x": 1}, "icon.x"),
    (
        "icon",
        {"data": base64.b64encode(PNG + b"\0" * MAXIMUM_ICON_BYTES).decode(), "content_type": "image/png"},
        "icon.data",
    ),
]


@pytest.mark.parametrize(("path", "value", "field"), WRONG)
def test_a_wrong_field_is_named(path: str, value: object, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        _parse(_changed(path, value))
    assert refused.value.field == field


@pytest.mark.parametrize("name", ["", " x", "x\n", "a\u202eb", "x" * 65])
def test_an_unfit_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        _parse(FORM, name)
    assert refused.value.field == "name"


def test_a_name_is_kept_in_one_unicode_form() -> None:
    assert _parse(FORM, "Cafe\u0301").name == "Caf\u00e9"


_ANY = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.lists(st.text())
    | st.dictionaries(st.text(), st.text())
)


@given(st.sampled_from(["command", "environment", "entitled", "icon", "disabled", "x"]), _ANY)
def test_no_value_raises_anything_but_a_field_error(key: str, value: object) -> None:
    try:
        _parse({**FORM, key: value})
    except InvalidInput as error:
        assert error.field

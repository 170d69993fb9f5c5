"""An existing desktop as an administrator sends it."""

import pytest

from broker.http.admin.desktop_form import parse_desktop
from broker.http.body import Fields
from portcullis.errors import InvalidInput
from portcullis.model.desktops import DesktopTarget


def test_what_is_not_said_is_the_tightest():
    assert parse_desktop(Fields({"desktop": {}})) == DesktopTarget(
        "console", "ask", "{user}", False, False, 30
    )
    assert parse_desktop(Fields({"desktop": None})) is None
    assert parse_desktop(Fields({})) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("display", "host:0"),
        ("display", ":"),
        ("display", 0),
        ("consent", "maybe"),
        ("consent", None),
        ("account", ""),
        ("account", "a\nb"),
        ("account", "x" * 300),
        ("view_only", "yes"),
        ("shared", 1),
        ("answer_seconds", 4),
        ("answer_seconds", 301),
        ("is_asked_always", True),
        ("cookie", "x"),
    ],
)
def test_an_error_names_the_field(field, value):
    with pytest.raises(InvalidInput) as refused:
        parse_desktop(Fields({"desktop": {field: value}}))
    assert f"desktop.{field}" in str(refused.value)

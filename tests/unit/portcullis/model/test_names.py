"""Names that a path of the API can address, and the nearest such name to any text."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api_proxy import PREFIX, is_plain_path
from portcullis.model.names import MAXIMUM_NAME_LENGTH, fitted_name, is_fit_group, is_fit_name


@pytest.mark.parametrize(
    "name", ["ann", "Ann Lee", "ann@example.org", "Zoë", "李", "x" * 64, "<b>", "a;b#c?d"]
)
def test_ordinary_names_are_fit(name: str) -> None:
    assert is_fit_name(name)
    assert fitted_name(name) == name


@pytest.mark.parametrize("name", ["TCP/IP", "A\\B", "100%", "%2F", ".", ".."])
def test_what_a_path_cannot_hold_is_no_name_but_a_group(name: str) -> None:
    assert not is_fit_name(name)
    assert is_fit_group(name)


@pytest.mark.parametrize(
    ("text", "fitted"),
    [
        ("Audio/Video", "Audio-Video"),
        ("\\\\server\\share", "--server-share"),
        ("50% off\n", "50- off"),
        (" \u202eevil\u200b ", "evil"),
        ("x" * 80, "x" * MAXIMUM_NAME_LENGTH),
        ("x" * 63 + " y", "x" * 63),
        ("..", None),
        (" \n ", None),
    ],
)
def test_the_nearest_name_is_found(text: str, fitted: str | None) -> None:
    assert fitted_name(text) == fitted


@given(st.text(max_size=100))
def test_every_fit_name_can_be_addressed_through_a_gateway(text: str) -> None:
    name = fitted_name(text)
    assert name is None or is_fit_name(name)
    assert name is None or is_plain_path(f"{PREFIX}admin/applications/{quote(name, safe='')}")

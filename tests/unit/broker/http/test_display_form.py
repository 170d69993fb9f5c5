"""The display that a launch asks for: defaults, bounds, and names that are safe to hand to a host."""

from __future__ import annotations

import math

import pytest

from broker.http.body import Fields
from broker.http.sessions import parse_display
from portcullis.errors import InvalidInput
from portcullis.model.session import Display


def test_absent_fields_take_the_defaults() -> None:
    assert parse_display(Fields({})) == Display()


def test_a_window_larger_than_the_largest_display_is_cut_to_it() -> None:
    display = parse_display(Fields({"width": 5120, "height": 2880}))
    assert (display.width, display.height) == (3840, 2160)


@pytest.mark.parametrize(
    "given",
    [
        {"locale": "de-CH"},
        {"locale": "zh-Hant-TW"},
        {"layout": "de(nodeadkeys)"},
        {"layout": "us"},
        {"time_zone": "Europe/Berlin"},
        {"time_zone": "America/Argentina/Buenos_Aires"},
        {"time_zone": "Etc/GMT+5"},
        {"device_pixel_ratio": 1.25},
    ],
)
def test_ordinary_values_are_kept(given: dict[str, object]) -> None:
    (name, value) = next(iter(given.items()))
    assert getattr(parse_display(Fields(given)), name) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("width", value) for value in (0, -1, 16385, 65535, 1.5, "800", True, None)),
        *(("height", value) for value in (0, 2**31)),
        *(("device_pixel_ratio", value) for value in (0, -1, 0.1, 9, "2", True, math.nan, math.inf)),
        *(("locale", value) for value in ("", "x", "en-US;rm", "en\n", "../../etc", "e" * 65, 1)),
        *(("layout", value) for value in ("", "us -option", "us;x", "u\n", "$(x)", "-us", "us\n")),
        *(("time_zone", value) for value in ("", "../../etc/shadow", "/etc/localtime", "UTC\n", "a//b", "Ü")),
        ("colour", 1),
    ],
)
def test_wrong_values_are_refused_by_field(field: str, value: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_display(Fields({field: value}, "display"))
    assert refused.value.field == f"display.{field}"

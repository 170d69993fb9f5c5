from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.linux.environment import (
    PROTECTED,
    Machine,
    environment,
    language,
    scale,
    scaling,
    time_zone,
    with_application,
)
from portcullis.model.session import Display

INSTALLED = ("C", "C.utf8", "POSIX", "de_AT.utf8", "de_DE.utf8", "en_GB.utf8", "fr_FR")
MACHINE = Machine(locales=INSTALLED, time_zones={"Europe/Vienna", "UTC"})


def of(display=None, machine=MACHINE):
    return environment("ada", PurePath("/home/ada"), PurePath("/run/s/user"), display or Display(), machine)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("de-AT", "de_AT.UTF-8"),
        ("de_at", "de_AT.UTF-8"),
        ("de-Latn-AT", "de_AT.UTF-8"),
        ("de", "de_AT.utf8"),
        ("en", "en_GB.utf8"),
        ("en-US", "C.UTF-8"),
        ("fr-FR", "C.UTF-8"),
        ("fr", "C.UTF-8"),
        ("", "C.UTF-8"),
        ("../../etc", "C.UTF-8"),
        ("de-AT\n", "C.UTF-8"),
        ("x" * 64, "C.UTF-8"),
    ],
)
def test_language_is_only_one_that_the_host_has(asked, given):
    assert language(asked, INSTALLED) == given


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "../../etc/passwd", "/etc/localtime", "", ":UTC", "UTC\n", "UTC0"]
)
def test_unknown_time_zone_is_left_out(name):
    assert time_zone(name, MACHINE.time_zones) is None
    assert "TZ" not in of(Display(time_zone=name))


def test_session_is_described_whole():
    variables = of(Display(locale="de-AT", time_zone="Europe/Vienna"))
    assert variables["TZ"] == "Europe/Vienna" and variables["LANG"] == "de_AT.UTF-8"
    assert variables["XDG_RUNTIME_DIR"] == "/run/s/user"
    assert variables["DBUS_SESSION_BUS_ADDRESS"] == "unix:path=/run/s/user/bus"
    assert variables["XAUTHORITY"] == "/run/s/user/xauthority"
    assert (variables["HOME"], variables["USER"], variables["LOGNAME"]) == ("/home/ada", "ada", "ada")


def test_host_without_a_bus_names_none():
    assert "DBUS_SESSION_BUS_ADDRESS" not in of(machine=Machine(INSTALLED, (), bus=False))


def test_application_changes_everything_but_what_is_protected():
    own = {name: "elsewhere" for name in PROTECTED} | {
        "LANG": "C",
        "MODE": "x",
        "A=B": "x",
        "": "x",
        "1A": "x",
    }
    variables = with_application(of(), own)
    assert "elsewhere" not in variables.values()
    assert variables["LANG"] == "C" and variables["MODE"] == "x"
    assert variables.keys() - of().keys() == {"MODE"}


@pytest.mark.parametrize(
    ("ratio", "gdk", "dpi", "qt"),
    [
        (1.25, "1", 120, "1.25"),
        (1.33, "1", 120, "1.25"),
        (2, "2", 96, "2"),
        (2.5, "2", 120, "2.5"),
        (9, "4", 96, "4"),
    ],
)
def test_scale_is_whole_by_the_toolkit_and_the_rest_by_text(ratio, gdk, dpi, qt):
    variables = scaling(ratio)
    assert (variables["GDK_SCALE"], scale(ratio).text_dpi, variables["QT_SCALE_FACTOR"]) == (gdk, dpi, qt)


@given(st.floats(0.1, 10))
def test_whole_part_and_text_make_the_ratio(ratio):
    chosen = scale(ratio)
    assert chosen.whole * chosen.text_dpi == pytest.approx(chosen.ratio * 96, abs=chosen.whole)


@pytest.mark.parametrize("ratio", [1, 0.5, 1.1])
def test_ordinary_screen_is_not_scaled(ratio):
    assert scaling(ratio) == {} and scale(ratio).text_dpi == 96

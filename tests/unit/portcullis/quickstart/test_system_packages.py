from __future__ import annotations

from portcullis.quickstart.system_packages import LIST, choose, parse

WANTED = parse("# why\nxvfb Xvfb\nx11-xkb-utils xkbcomp setxkbmap\nxkb-data\n")


def test_the_list_names_packages_and_their_commands() -> None:
    assert WANTED == {"xvfb": ("Xvfb",), "x11-xkb-utils": ("xkbcomp", "setxkbmap"), "xkb-data": ()}
    assert {"xvfb", "openbox", "util-linux"} <= parse(LIST.read_text()).keys()


def test_a_package_is_missing_when_one_of_its_commands_is() -> None:
    assert choose(WANTED, {"Xvfb", "xkbcomp"}, {"xkb-data"}) == ["x11-xkb-utils"]


def test_a_command_from_elsewhere_will_do() -> None:
    assert choose(WANTED, {"Xvfb", "xkbcomp", "setxkbmap"}, {"xkb-data"}) == []


def test_what_brings_no_command_is_asked_of_the_package_manager_where_there_is_one() -> None:
    there = {"Xvfb", "xkbcomp", "setxkbmap"}
    assert choose(WANTED, there, set()) == ["xkb-data"]
    assert choose(WANTED, there, None) == []

from __future__ import annotations

from portcullis.desktop.entries import DesktopEntry
from portcullis.quickstart.publish import ALWAYS, MAXIMUM_ENTRIES, choose, offers


def entry(name: str, *command: str) -> DesktopEntry:
    return DesktopEntry(f"{name}.desktop", name, command or (name.lower(),), None)


def test_terminal_and_editor_are_always_offered() -> None:
    assert choose([]) == list(ALWAYS)
    assert [offer.command for offer in offers()][:2] == [("xterm",), ("mousepad",)]


def test_at_most_twenty_more_are_offered() -> None:
    assert len(choose(entry(f"App {n}") for n in range(50))) == len(ALWAYS) + MAXIMUM_ENTRIES


def test_nothing_is_offered_twice() -> None:
    entries = [
        entry("Editor", "/usr/bin/mousepad"),
        entry("XTERM", "x"),
        entry("A", "a"),
        entry("a", "b"),
        entry("C", "a"),
    ]
    assert [offer.name for offer in choose(entries)][2:] == ["A"]


def test_the_same_program_with_other_arguments_is_another_offer() -> None:
    assert [offer.name for offer in choose([entry("Settings", "mousepad", "--preferences")])][2:] == [
        "Settings"
    ]


def test_a_name_that_applications_may_not_have_is_changed_to_the_nearest() -> None:
    entries = [entry("Sound/Video", "a"), entry("Sound-Video", "b"), entry("..", "c"), entry("x" * 90, "d")]
    assert [offer.name for offer in choose(entries)][2:] == ["Sound-Video", "x" * 64]

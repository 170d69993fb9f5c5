"""What `portcullis status` prints fits a terminal, says what to do once, and drives no escape sequence."""

from __future__ import annotations

from typing import Any

from portcullis.cli.output import width
from portcullis.cli.status import page

LONG = "a-very-long-name-of-a-machine-in-a-data-centre.example.com"


def member(name: str, **said: Any) -> dict[str, Any]:
    whole = {"name": name, "healthy": True, "version": "3.6.1", "is_leader": False, "alarms": [], "lag": 0}
    return {**whole, "database_bytes": 2_400_000, **said}


def answer(**said: Any) -> dict[str, Any]:
    broker = {"name": "b1", "state": "serving", "version": "1.0", "load": 0.3, "lag_seconds": 0, "hosts": 2}
    gateway = {"name": "g1", "state": "online", "load": 0.1, "streams": 0, "public_origin": "https://g1"}
    host = {"name": "h1", "state": "online", "version": "1.0", "load": 0.2, "sessions": 0, "slots": 8}
    return {
        "site": "lab",
        "version": "1.0",
        "revision": 8123,
        "grid": {"store": "etcd", "members": [member("m1", is_leader=True), member("m2")]},
        "brokers": [{**broker, "here": True}],
        "gateways": [gateway],
        "hosts": [{**host, "memory_available_bytes": 9_000_000_000, "broker": "b1"}],
        "findings": [],
        **said,
    }


def finding(code: str, severity: str = "error", what: str = "something", remedy: str = "Do that.") -> Any:
    return {"code": code, "severity": severity, "what": what, "remedy": remedy}


def test_a_site_that_is_well_says_so_in_its_first_line_and_shows_every_part() -> None:
    text = page(answer())
    assert text.splitlines()[0] == "lab: all is well   (Portcullis 1.0, revision 8123)"
    for line in ("m1    leader    3.6.1    2 MB  0", "b1 *", "https://g1", "0/8", "9.0 GB"):
        assert line in text


def test_nothing_is_wider_than_80_columns_whatever_names_are() -> None:
    found = [finding("broker_gone", what=f"broker {LONG} died, and {LONG} as well", remedy="Start it. " * 30)]
    parts = answer(findings=found)
    for kind in ("brokers", "gateways", "hosts"):
        parts[kind] = [{**parts[kind][0], "name": LONG, "broker": LONG, "public_origin": f"https://{LONG}"}]
    parts["grid"]["members"][1] = member(LONG)
    assert max(map(width, page(parts).splitlines())) <= 80


def test_errors_come_with_what_to_do_once_for_those_that_are_alike() -> None:
    text = page(answer(findings=[finding("down", what="m1"), finding("down", what="m2"), finding("other")]))
    assert text.splitlines()[0].startswith("lab: 3 things to put right")
    assert text.count("Do that.") == 2
    assert text.index("m1 [down]") < text.index("m2 [down]") < text.index("Do that.")


def test_warnings_leave_the_site_working_and_notices_leave_it_well() -> None:
    assert "works, 1 thing to look at" in page(answer(findings=[finding("slow", "warning")]))
    text = page(answer(findings=[finding("drains", "notice")]))
    assert "all is well" in text and "[drains]" in text and "Do that." not in text


def test_members_say_why_they_are_not_well() -> None:
    members = [
        member("m1", alarms=["NOSPACE"]),
        member("m2", healthy=False),
        member("m3", healthy=False, version=""),
    ]
    lines = page(answer(grid={"members": members})).splitlines()
    assert [line.split()[1] for line in lines if line.startswith("m")] == ["NOSPACE", "no", "down"]
    assert "no member can be asked" in page(answer(grid={"members": []}))


def test_names_of_other_people_drive_no_terminal() -> None:
    text = page(answer(site="\x1b[31mlab", findings=[finding("x", what="\x1b]0;title\x07")]))
    assert "\x1b" not in text and "\x07" not in text
    assert "\x1b[32mall is well\x1b[0m" in page(answer(), paint=True)

"""Parts, doors and ports of a lab."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from portcullis.lab import layout, parts
from portcullis.lab.layout import Lab, Shape
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.place import SystemPlace


def new(clone: str = "/a", shape: Shape | None = None) -> Lab:
    return layout.new_lab(Path(clone), Path("/release"), shape or Shape(), "/usr/bin/etcd", lambda port: True)


def test_every_listener_of_a_part_lies_behind_a_door_and_no_port_is_used_twice() -> None:
    lab = new()
    assert len(set(lab.ports.values())) == len(lab.ports)
    doors = {door.name for door in lab.doors}
    assert {f"etcd-{n}.{way}" for n in (1, 2, 3) for way in ("client", "peer")} <= doors
    assert {f"broker-{n}.inner" for n in (1, 2, 3)} <= doors
    assert {f"gateway-{n}.{way}" for n in (1, 2) for way in ("public", "inner")} <= doors
    assert len(doors) == 13


def test_what_others_are_told_is_the_door_and_never_what_lies_behind() -> None:
    lab = new()
    for door in lab.doors:
        commands = [parts.broker(lab, "broker-1"), parts.etcd(lab, "etcd-1"), parts.gateway(lab, "gateway-1")]
        for part in commands:
            words = " ".join(part.command)
            if door.part != part.name:
                assert f":{door.target}" not in words


def test_a_port_that_is_taken_is_passed_over() -> None:
    first = new()
    taken = set(first.ports.values())
    second = layout.new_lab(Path("/a"), Path("/release"), Shape(), "etcd", lambda port: port not in taken)
    assert taken.isdisjoint(second.ports.values())


def test_the_accounts_of_no_host_begin_as_those_of_another() -> None:
    prefixes = list(new(shape=Shape(agents=9)).account_prefixes.values())
    assert len(set(prefixes)) == 9
    assert not any(a != b and a.startswith(b) for a in prefixes for b in prefixes)


@pytest.mark.parametrize(
    "shape",
    [Shape(members=2), Shape(members=0), Shape(members=0, brokers=2), Shape(brokers=0), Shape(gateways=10)],
)
def test_a_shape_that_cannot_be_is_refused(shape: Shape) -> None:
    with pytest.raises(QuickstartError):
        new(shape=shape)


def test_a_lab_without_members_has_one_broker_on_an_embedded_grid() -> None:
    lab = new(shape=Shape(members=0, brokers=1))
    assert "--grid" not in parts.broker(lab, "broker-1").command
    assert lab.services[0] == "broker-1"


def test_it_is_read_again_as_it_was_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portcullis.quickstart.place.STATES", tmp_path)
    lab = new().with_done(layout.JOINED)
    layout.save(lab)
    assert layout.load(Path("/a")) == lab
    assert layout.load(Path("/b")) is None
    path = SystemPlace(layout.folder_of(Path("/a"))).state / "instance.json"
    assert json.loads(path.read_text())["releases"] == [
        "/release"
    ]  # as the quickstart counts releases in use
    path.write_text("{}")
    with pytest.raises(QuickstartError, match="--reset"):
        layout.load(Path("/a"))

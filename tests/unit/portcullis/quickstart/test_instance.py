from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from portcullis.quickstart import instance, place
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.instance import (
    INNER_PORTS,
    Instance,
    Ports,
    choose_ports,
    instance_key,
    port_is_free,
)


@pytest.fixture(autouse=True)
def states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(place, "STATES", tmp_path / "states")
    monkeypatch.setattr(place, "isolation_here", lambda: "accounts")
    (tmp_path / "states").mkdir()
    yield tmp_path / "states"


def made(clone: str = "/clone") -> Instance:
    return Instance(Path(clone), Ports(8080, 21000, 21001), (Path("/opt/portcullis/a"),))


def test_an_instance_is_kept(states: Path) -> None:
    assert instance.load(Path("/clone")) is None
    found = made().with_done("joined").running(Path("/opt/portcullis/b"))
    instance.save(found)
    assert instance.load(Path("/clone")) == found


def test_two_clones_share_no_name() -> None:
    one, other = made("/a"), made("/b")
    for name in ("state", "runtime", "control_socket", "var"):
        assert getattr(one, name) != getattr(other, name)
    for name in ("service_account", "account_prefix"):
        assert getattr(one.place, name) != getattr(other.place, name)


def test_names_fit_where_they_go() -> None:
    found = made("/x" * 2000).place
    assert len(found.service_account) <= 32
    assert not found.service_account.startswith(found.account_prefix)
    assert (
        len(str(found.control_socket.relative_to(place.STATES))) < 80
    )  # of the 108 bytes of a socket's path


def test_the_current_release_stands_last_and_once() -> None:
    a, b = Path("/opt/portcullis/a"), Path("/opt/portcullis/b")
    found = made().running(b).running(a)
    assert (found.releases, found.release) == ((b, a), a)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"clone": "/clone", "ports": {"public": 1}}', "\0"])
def test_a_damaged_file_says_what_to_do(states: Path, content: str) -> None:
    folder = states / f"portcullis-{instance_key(Path('/clone'))}"
    folder.mkdir()
    (folder / "instance.json").write_text(content)
    with pytest.raises(QuickstartError, match="--reset"):
        instance.load(Path("/clone"))


def test_others_are_found_as_far_as_they_can_be_read(states: Path) -> None:
    for clone in ("/a", "/b", "/c"):
        instance.save(made(clone))
    (made("/c").state / "instance.json").write_text("{")
    assert [other.clone for other in instance.others(Path("/a"))] == [Path("/b")]


def test_the_first_free_port_is_taken() -> None:
    ports = choose_ports(None, "00000000", {8080}, lambda port: port != 8081)
    assert ports.public == 8082


def test_a_wished_port_is_taken_or_refused() -> None:
    assert choose_ports(9000, "00000000", set(), lambda port: True).public == 9000
    with pytest.raises(QuickstartError, match="port 9000 is in use"):
        choose_ports(9000, "00000000", set(), lambda port: port != 9000)


def test_no_free_port_is_said() -> None:
    with pytest.raises(QuickstartError, match="choose one with --port"):
        choose_ports(None, "00000000", set(), lambda port: False)


@pytest.mark.parametrize("key", ["00000000", "ffffffff", "12345678"])
def test_inner_ports_differ_and_nobody_else_has_them(key: str) -> None:
    taken = set(INNER_PORTS) - {21005, 29999, 30000}
    ports = choose_ports(21005, key, taken, lambda port: True)
    assert {ports.broker, ports.gateway_inner} == {29999, 30000}


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_port_taken_on_either_loopback_is_not_free(family: socket.AddressFamily, address: str) -> None:
    try:
        listener = socket.create_server((address, 0), family=family)
    except OSError:
        assert family == socket.AF_INET6, "this machine has no loopback"
        return
    with listener:
        assert not port_is_free(listener.getsockname()[1])


def test_nothing_secret_is_kept_in_the_file() -> None:
    instance.save(made())
    data = json.loads((made().state / "instance.json").read_text())
    assert set(data) == {
        *("clone", "ports", "releases", "done", "isolation"),
        *("role", "network", "registered"),
    }

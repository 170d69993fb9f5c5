"""What the doctor gathers: from this machine, and from answers of the API."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portcullis.doctor import machine, site
from portcullis.errors import Refused
from portcullis.quickstart import instance, place
from portcullis.quickstart.instance import Instance, Ports

METRICS = b"""\
portcullis_build_info{part="agent",version="1.2"} 1.0
portcullis_agent_grouping{backend="rlimits"} 1.0
"""


class FakeClient:
    """Of the REST API; `broken` are lists that are refused."""

    def __init__(self, told: float | None, broken: tuple[str, ...] = ()) -> None:
        self._told = told
        self._broken = broken

    def get(self, *segments: str) -> Any:
        if segments == ("login",):
            return {"time": self._told}
        raise Refused("not_found")

    def items(self, *segments: str) -> list[dict[str, Any]]:
        if segments[-1] in self._broken:
            raise Refused("not_permitted")
        return [{"name": segments[-1]}]


@pytest.mark.parametrize(("told", "skew"), [(100.5, 0.0), (90.0, 10.0), (111.0, -10.0), (None, None)])
def test_the_brokers_clock_is_asked_between_two_looks_at_ours(told: float | None, skew: float | None) -> None:
    ticks = iter((100.0, 101.0, 102.0))
    found = site.ask(FakeClient(told), "http://x", lambda: next(ticks))  # type: ignore[arg-type]
    assert found.skew_seconds == skew


def test_a_list_that_is_refused_keeps_the_others() -> None:
    found = site.ask(FakeClient(1.0, ("hosts",)), "http://x")  # type: ignore[arg-type]
    assert (found.code, "hosts" in found.lists, len(found.items("users"))) == ("not_permitted", False, 1)
    assert found.facts == {}


@pytest.fixture
def metrics_port() -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ready = self.path == "/readyz"
            self.send_response(503 if ready else 200)
            self.end_headers()
            body = {"status": "unavailable", "reasons": ["no broker"]}
            self.wfile.write(json.dumps(body).encode() if ready else METRICS)

        def log_message(self, *_: object) -> None: ...

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_metrics_listener_tells_reasons_version_and_grouping(metrics_port: int) -> None:
    found = machine.probe("agent", metrics_port)
    assert found == machine.Probe("agent", metrics_port, True, ("no broker",), "1.2", "rlimits")


def test_nobody_on_the_port_is_no_answer() -> None:
    assert not machine.probe("agent", 1).answers


def test_an_instance_is_found_whoever_made_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "STATES", tmp_path)
    clone = tmp_path / "clone"
    made = Instance(clone, Ports(8080, 21000, 21001))
    assert machine.find(clone) is None
    made.place.make_state()
    instance.save(made)
    assert machine.find(clone) == made


def test_a_private_file_is_looked_at_only_if_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "STATES", tmp_path)
    found = Instance(tmp_path / "clone", Ports(8080, 21000, 21001))
    (found.state / "broker").mkdir(parents=True)
    (found.state / "broker").chmod(0o700)
    key = found.state / "broker/site.key"
    key.write_bytes(b"k")
    key.chmod(0o644)
    files, unread = machine._files(found)
    assert {file.path.name: file.mode for file in files} == {"broker": 0o700, "site.key": 0o644}
    assert unread == ()


def test_a_program_is_looked_for_as_the_agent_would(tmp_path: Path) -> None:
    assert machine.is_program("sh") and machine.is_program("/bin/sh")
    assert not machine.is_program("no-such-program") and not machine.is_program("/bin")

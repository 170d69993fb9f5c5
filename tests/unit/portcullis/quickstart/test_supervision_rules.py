from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from portcullis.quickstart import parts
from portcullis.quickstart.backoff import FIRST_SECONDS, LONGEST_SECONDS, STEADY_SECONDS, Backoff
from portcullis.quickstart.instance import Instance, Ports
from portcullis.quickstart.log_files import numbered, open_log, tail, turn_over

FOUND = Instance(Path("/home/me/portcullis"), Ports(8080, 21000, 21001), (Path("/opt/portcullis/a"),))


def test_waits_double_up_to_a_bound() -> None:
    backoff = Backoff()
    waits = [backoff.died(0) for _ in range(10)]
    assert waits[:3] == [FIRST_SECONDS, 2 * FIRST_SECONDS, 4 * FIRST_SECONDS]
    assert waits[-1] == LONGEST_SECONDS


def test_a_part_that_ran_well_starts_again_at_once() -> None:
    backoff = Backoff()
    for _ in range(10):
        backoff.died(0)
    assert backoff.died(STEADY_SECONDS) == FIRST_SECONDS


@given(st.lists(st.floats(0, 1e6)))
def test_a_wait_is_never_nothing_and_never_long(runs: list[float]) -> None:
    backoff = Backoff()
    assert all(FIRST_SECONDS <= backoff.died(ran) <= LONGEST_SECONDS for ran in runs)


def test_a_grown_log_is_turned_over_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "broker.log"
    output = open_log(path)
    try:
        for generation in range(5):
            os.write(output, f"generation {generation}\n".encode() * 10)
            assert turn_over(path, maximum_bytes=50, kept=3)
        os.write(output, b"after\n")
    finally:
        os.close(output)
    assert path.read_text() == "after\n"
    kept = [numbered(path, number).read_text().split("\n")[0] for number in (1, 2, 3)]
    assert kept == ["generation 4", "generation 3", "generation 2"]
    assert not numbered(path, 4).exists()


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "broker.log"
    assert not turn_over(path)
    path.write_text("x")
    assert not turn_over(path)
    assert path.read_text() == "x"


def test_a_log_is_for_nobody_else(tmp_path: Path) -> None:
    os.close(open_log(tmp_path / "a.log"))
    assert (tmp_path / "a.log").stat().st_mode & 0o007 == 0


def test_the_end_of_a_log_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    assert tail(path, 2) == []
    path.write_bytes(b"x" * 100_000 + b"\none\n\xfftwo\n")
    assert tail(path, 2) == ["one", "\ufffdtwo"]


def test_broker_and_gateway_give_up_root_and_the_agent_keeps_it() -> None:
    broker, gateway, agent = parts.parts(FOUND)
    for part in (broker, gateway):
        assert part.command[part.command.index("--reuid") + 1] == FOUND.place.service_account
        assert {"--no-new-privs", "--clear-groups", "--bounding-set"} <= set(part.command)
    assert "--reuid" not in agent.command


def test_no_part_outlives_its_supervisor() -> None:
    for part in parts.parts(FOUND):
        assert part.command[:3] == ("setpriv", "--pdeathsig", "TERM")


def test_every_address_is_loopback_and_no_secret_is_an_argument() -> None:
    commands = [part.command for part in parts.parts(FOUND)]
    commands += [
        parts.init(FOUND, Path("/s")),
        parts.join_gateway(FOUND, Path("/t"), "gateway", Path("/g")),
        parts.join_host(FOUND, Path("/t"), "a"),
    ]
    addresses = [word for command in commands for word in command if word.rpartition(":")[2].isdecimal()]
    assert addresses
    assert all(word.startswith(("127.0.0.1:", "http://localhost:")) for word in addresses if ":" in word)
    assert not any("_token" in word or "join_" in word for command in commands for word in command)


def test_everything_runs_from_the_release() -> None:
    for part in parts.parts(FOUND):
        assert any(word == f"/opt/portcullis/a/bin/portcullis-{part.name}" for word in part.command)

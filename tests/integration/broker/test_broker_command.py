"""`portcullis-broker` as an operator meets it: init, serve, signals, and one clear line for what went wrong."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.support.patience import patient

INIT = [
    *("--site", "lab", "--tenant", "acme", "--administrator", "admin", "--user", "demo"),
    *("--public-origin", "http://localhost:8080"),
]


async def run(*arguments: object) -> tuple[int, str]:
    """Exit status and standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "broker",
        *map(str, arguments),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(patient(60)):
        _, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, errors.decode()


async def initialised(folder: Path) -> Path:
    state = folder / "state"
    status, errors = await run("init", "--state", state, "--secrets-file", folder / "secrets.json", *INIT)
    assert (status, errors) == (0, "")
    return state


@asynccontextmanager
async def serving(state: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "broker", "serve", "--state", str(state), "--listen", "127.0.0.1:0"),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(patient(60)):
        while b"broker serves" not in (line := await process.stderr.readline()):
            assert line, "the broker ended"
    yield process
    if process.returncode is None:
        process.kill()
        await process.communicate()


def one_line(errors: str) -> str:
    (line,) = errors.splitlines()
    assert line.startswith("portcullis-broker: ")
    return line.removeprefix("portcullis-broker: ")


async def test_init_makes_a_site_once_and_its_files_are_private(tmp_path: Path) -> None:
    state = await initialised(tmp_path)
    secrets = json.loads((tmp_path / "secrets.json").read_text())
    assert {"password", "totp_secret", "api_token", "host_join_token", "gateway_join_token"} <= secrets.keys()
    for path in (tmp_path / "secrets.json", state / "site.key", state / "grid.sqlite", state):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    before = (tmp_path / "secrets.json").read_text()
    status, errors = await run("init", "--state", state, "--secrets-file", tmp_path / "secrets.json", *INIT)
    assert status == 1
    assert "holds a site already" in one_line(errors)
    assert (tmp_path / "secrets.json").read_text() == before


async def test_init_tokens_mints_new_join_tokens(tmp_path: Path) -> None:
    state = await initialised(tmp_path)
    status, errors = await run("init", "--tokens", "--state", state, "--secrets-file", tmp_path / "new.json")
    assert (status, errors) == (0, "")
    old = json.loads((tmp_path / "secrets.json").read_text())
    new = json.loads((tmp_path / "new.json").read_text())
    assert new.keys() == {"host_join_token", "gateway_join_token"}
    assert new["host_join_token"] != old["host_join_token"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_serve_stops_in_order_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    state = await initialised(tmp_path)
    async with serving(state) as process:
        process.send_signal(number)
        async with asyncio.timeout(patient(30)):
            _, errors = await process.communicate()
    assert process.returncode == 0
    lines = errors.decode().splitlines()
    assert "broker stopped" in lines[-1]
    assert not [line for line in lines if " error " in line or "Traceback" in line]


async def test_a_broker_is_ready_to_be_watched_and_every_line_is_an_object(tmp_path: Path) -> None:
    state = await initialised(tmp_path)
    errors = tmp_path / "errors"
    with errors.open("wb") as stream:
        options = ("--log-format", "json", "--metrics", "127.0.0.1:0")
        process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "broker",
                "serve",
                "--state",
                str(state),
                "--listen",
                "127.0.0.1:0",
                *options,
            ),
            stderr=stream,
        )
    try:
        async with asyncio.timeout(patient(60)):
            while "broker serves" not in errors.read_text():
                assert process.returncode is None, errors.read_text()
                await asyncio.sleep(0.02)
        events = [json.loads(line) for line in errors.read_text().splitlines()]
        (address,) = (event["address"] for event in events if event["message"] == "metrics are served")
        assert {event["part"] for event in events} == {"broker"}
        async with aiohttp.ClientSession(f"http://{address}") as session:
            async with session.get("/readyz") as ready:
                assert (ready.status, await ready.json()) == (200, {"status": "ok"})
            async with session.get("/metrics") as metrics:
                assert 'portcullis_broker_hosts{state="online"} 0.0' in await metrics.text()
    finally:
        process.terminate()
        await process.wait()


async def test_metrics_beyond_loopback_are_refused_unless_they_are_meant(tmp_path: Path) -> None:
    status, errors = await run("serve", "--state", tmp_path, "--metrics", "0.0.0.0:9100")
    assert (status, "--metrics-exposed yes" in one_line(errors)) == (1, True)


async def test_two_brokers_cannot_share_an_embedded_grid(tmp_path: Path) -> None:
    state = await initialised(tmp_path)
    async with serving(state):
        for arguments in (
            ("serve", "--state", state, "--listen", "127.0.0.1:0"),
            ("init", "--tokens", "--state", state, "--secrets-file", tmp_path / "new.json"),
        ):
            status, errors = await run(*arguments)
            assert status == 1
            assert one_line(errors)


async def test_wrong_settings_and_state_are_one_line_that_names_them(tmp_path: Path) -> None:
    state = await initialised(tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    wrong: list[tuple[tuple[object, ...], str]] = [
        (("serve", "--state", empty), "portcullis-broker init"),
        (("serve", "--state", tmp_path / "absent"), "portcullis-broker init"),
        (("serve", "--state", state, "--listen", "nonsense"), "--listen"),
        (("serve", "--state", state, "--listen", "0.0.0.0:0"), "--address"),
        (("serve", "--state", state, "--address", "x"), "--address"),
        (("serve", "--state", state, "--sessions-per-user", "0"), "--sessions-per-user"),
        (("serve", "--state", state, "--log-level", "loud"), "--log-level"),
        (("init", "--state", state, "--secrets-file", tmp_path / "x.json"), "--site"),
        (("serve", "--state", state, "--listen", "192.0.2.1:8444"), ""),
    ]
    outcomes = await asyncio.gather(*(run(*arguments) for arguments, _ in wrong))
    for (arguments, named), (status, errors) in zip(wrong, outcomes, strict=True):
        assert status == 1, arguments
        assert named in one_line(errors)


async def test_a_port_in_use_and_a_wrong_site_key_are_one_line(tmp_path: Path) -> None:
    state = await initialised(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, errors = await run(
            "serve", "--state", state, "--listen", f"127.0.0.1:{taken.getsockname()[1]}"
        )
    assert status == 1
    assert "in use" in one_line(errors)
    (state / "site.key").chmod(0o600)
    (state / "site.key").write_text("ab" * 32 + "\n")
    status, errors = await run("serve", "--state", state, "--listen", "127.0.0.1:0")
    assert status == 1
    assert one_line(errors)


async def test_a_usage_error_exits_with_two() -> None:
    status, errors = await run("fly")
    assert status == 2
    assert "usage:" in errors

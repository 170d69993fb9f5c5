"""What is said with a join token: the command for the other machine, whichever system it has."""

from __future__ import annotations

from portcullis.cli.joining import advice

MADE = {"token": "join_x", "brokers": ["10.0.0.1:9443", "10.0.0.2:9443"], "reachable": True}


def test_a_host_may_be_linux_or_windows() -> None:
    said = advice(MADE, "host", "beta")
    assert "PORTCULLIS_JOIN_TOKEN=join_x deploy/host.sh --broker 10.0.0.1:9443 --name beta\n" in said
    windows = said.split("On a Windows machine")[1]
    assert "install.ps1 -Source portcullis-agent.msi -Broker 10.0.0.1:9443 -Name beta\n" in windows
    assert "-Name" not in advice(MADE, "host", None)


def test_a_token_stands_on_no_command_line_of_windows() -> None:
    assert "join_x" not in advice(MADE, "host", "beta").split("On a Windows machine")[1]


def test_a_gateway_is_linux() -> None:
    assert "install.ps1" not in advice(MADE, "gateway", None)


def test_a_site_that_others_cannot_reach_says_so_first() -> None:
    assert "--listen" in advice({**MADE, "reachable": False}, "host", None)

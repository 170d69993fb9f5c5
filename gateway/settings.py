"""The settings of `portcullis-gateway`: command line, environment, file and documentation derive from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from portcullis.logs import FORMAT_HELP
from portcullis.probes import METRICS_EXPOSED_HELP, METRICS_HELP
from portcullis.settings import Address, setting


@dataclass(frozen=True)
class JoinSettings:
    state: Path = setting(help="Folder for keys and certificates; made if it is missing.")
    broker: Address = setting(help="Inner address of a broker of the site.")
    token_file: Path = setting(help="File that holds the one-time join token.")
    name: str = setting(help="What the gateway is called in lists and logs.")
    inner_address: Address = setting(help="Where agents and workers will reach this gateway.")
    public_origin: str = setting(
        help="Where browsers will reach it, such as http://localhost:8080 or https://apps.example.com."
    )


@dataclass(frozen=True)
class ServeSettings:
    state: Path = setting(help="Folder that `join` has made.")
    listen: Address = setting(
        "127.0.0.1:8080",
        help="Where browsers connect: https if the registered public origin is, else plain http, on loopback alone.",
    )
    certificate: str = setting(
        "", help="PEM file of the certificate for browsers, with its chain; empty: one of the site's web CA."
    )
    key: str = setting("", help="PEM file of its key. Both are read again when they change.")
    inner_listen: Address = setting("127.0.0.1:8444", help="Where agents and workers connect (TLS).")
    connections: int = setting(4096, help="How many connections browsers may hold, all together.")
    connections_per_client: int = setting(1024, help="How many of them one client address may hold.")
    streams: int = setting(2048, help="How many streams may be open, all together.")
    streams_per_client: int = setting(512, help="How many of them one client address may hold.")
    log_level: str = setting("info", help="debug, info, warning or error.")
    log_format: str = setting("text", help=FORMAT_HELP)
    metrics: str = setting("", help=METRICS_HELP)
    metrics_exposed: bool = setting(False, help=METRICS_EXPOSED_HELP)

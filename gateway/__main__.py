"""`portcullis-gateway join | serve`."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.app import GatewayApp, Options
from gateway.origins import parse_origin
from gateway.settings import JoinSettings, ServeSettings
from portcullis import logs, settings
from portcullis.certificate_files import CertificateFiles
from portcullis.enrolment.credentials import Credentials
from portcullis.enrolment.joining import join
from portcullis.errors import InvalidInput, PortcullisError
from portcullis.probes import Watch
from portcullis.serving.gate import Gate
from portcullis.serving.guard import Limits
from portcullis.serving.listener import slim_tls_buffers

_COMMANDS: dict[str, tuple[type[Any], str]] = {
    "join": (JoinSettings, "Enrol this machine as a gateway by a one-time token."),
    "serve": (ServeSettings, "Serve browsers, agents and workers until SIGTERM."),
}


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    try:
        values = settings.load(_COMMANDS[chosen.command][0], "gateway", chosen)
        logs.configure("gateway", getattr(values, "log_level", "info"), getattr(values, "log_format", "text"))
        asyncio.run(_join(values) if chosen.command == "join" else _serve(values))
    except (PortcullisError, OSError) as exc:
        print(f"portcullis-gateway: {exc}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="portcullis-gateway", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (cls, text) in _COMMANDS.items():
        settings.add_arguments(commands.add_parser(name, help=text, description=text), cls)
    return parser


async def _join(values: JoinSettings) -> None:
    if Credentials.load(values.state) is not None:
        raise InvalidInput(
            "--state", "a folder without credentials: this one has joined already", "already_exists"
        )
    credentials = await join(
        values.broker,
        values.token_file.read_text(),
        values.name,
        values.state,
        role="gateway",
        address=str(values.inner_address),
        public_origin=parse_origin(values.public_origin),
    )
    print(f"Joined site {credentials.site_name} as gateway {credentials.name}.")


async def _serve(values: ServeSettings) -> None:
    credentials = Credentials.load(values.state)
    if credentials is None:
        raise InvalidInput(
            "--state", "the folder of a machine that has joined: run `portcullis-gateway join` first"
        )
    if credentials.role != "gateway":
        raise InvalidInput("--state", "the folder of a gateway")
    slim_tls_buffers()
    options = Options(
        limits=Limits(values.connections, values.connections_per_client),
        stream_gate=Gate(values.streams, values.streams_per_client),
        certificate=_certificate_files(values),
        watch=Watch.of(values.metrics, values.metrics_exposed),
    )
    app = GatewayApp(credentials, values.listen, values.inner_listen, options)
    try:
        await app.start()
        await _termination()
    finally:
        await app.stop()


def _certificate_files(values: ServeSettings) -> CertificateFiles | None:
    if bool(values.certificate) != bool(values.key):
        raise InvalidInput("--certificate and --key", "both or none")
    return CertificateFiles(Path(values.certificate), Path(values.key)) if values.certificate else None


async def _termination() -> None:
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    await asked.wait()


if __name__ == "__main__":
    sys.exit(main())

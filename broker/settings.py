"""Settings of the broker: command line, environment (`PORTCULLIS_BROKER_...`) and file derive from this table."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path

from broker.grid.opening import CA_HELP, CERT_HELP, EMBEDDED, GRID_HELP, KEY_HELP, GridChoice
from broker.pki.claims import parse_machine_name
from portcullis.errors import InvalidInput
from portcullis.logs import FORMAT_HELP
from portcullis.probes import METRICS_EXPOSED_HELP, METRICS_HELP, Watch
from portcullis.settings import Address, setting

SHORTEST_HOST_LOST_SECONDS = 30
"""A host that restarts must be back by then."""
SMALLEST_AUDIT_MB = 16


@dataclass(frozen=True)
class BrokerSettings:
    state: Path = setting(help="Folder with the site key (site.key) and the embedded grid (grid.sqlite).")
    grid: str = setting(EMBEDDED, help=GRID_HELP)
    grid_ca: str = setting("", help=CA_HELP)
    grid_cert: str = setting("", help=CERT_HELP)
    grid_key: str = setting("", help=KEY_HELP)
    listen: Address = setting("127.0.0.1:8444", help="Where gateways and hosts connect.")
    address: str = setting("", help="How gateways and hosts reach this broker, if not as it listens.")
    name: str = setting(
        "", help="What `portcullis status` calls it; by default the machine's name and the port."
    )
    sessions_per_user: int = setting(10, help="How many sessions a user may have at once.")
    host_lost_seconds: int = setting(
        300, help="How long a host may be gone before its sessions are given up; 0: for ever."
    )
    audit_days: int = setting(90, help="How long the record of what happened (audit.sqlite) is kept.")
    audit_mb: int = setting(1024, help="How large it may become, in MB; what there is most of gives way.")
    log_level: str = setting("info", help="debug, info, warning or error.")
    log_format: str = setting("text", help=FORMAT_HELP)
    metrics: str = setting("", help=METRICS_HELP)
    metrics_exposed: bool = setting(False, help=METRICS_EXPOSED_HELP)

    @property
    def site_key(self) -> Path:
        return self.state / "site.key"

    def check(self) -> None:
        """Raises InvalidInput for what the types let through."""
        if self.log_level not in ("debug", "info", "warning", "error"):
            raise InvalidInput("--log-level", "debug, info, warning or error")
        Watch.of(self.metrics, self.metrics_exposed)
        GridChoice.of(self).check()
        if self.sessions_per_user < 1:
            raise InvalidInput("--sessions-per-user", "at least 1")
        if self.host_lost_seconds != 0 and self.host_lost_seconds < SHORTEST_HOST_LOST_SECONDS:
            raise InvalidInput("--host-lost-seconds", f"0 or at least {SHORTEST_HOST_LOST_SECONDS}")
        if self.audit_days < 1:
            raise InvalidInput("--audit-days", "at least 1")
        if self.audit_mb < SMALLEST_AUDIT_MB:
            raise InvalidInput("--audit-mb", f"at least {SMALLEST_AUDIT_MB}")
        if self.name:
            _check_name(self.name)
        self.advertised(self.listen.port)

    def called(self, port: int) -> str:
        """This broker's name; `port` is the one that the listener got."""
        return self.name or f"{socket.gethostname().partition('.')[0][:50].lower()}-{port}"

    def advertised(self, port: int) -> Address:
        """The address that others are told; `port` is the one that the listener got."""
        if self.address:
            try:
                return Address.parse(self.address)
            except ValueError as exc:
                raise InvalidInput("--address", "HOST:PORT") from exc
        if _is_any(self.listen.host):
            raise InvalidInput("--address", f"HOST:PORT, since {self.listen.host} is no address to dial")
        return Address(self.listen.host, port)


def _check_name(name: str) -> None:
    try:
        parse_machine_name(name)
    except InvalidInput as exc:
        raise InvalidInput("--name", exc.expected) from exc


def _is_any(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False

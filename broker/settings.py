"""Settings of the broker: command line, environment (`PORTCULLIS_BROKER_...`) and file derive from this table."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from portcullis.errors import InvalidInput
from portcullis.logs import FORMAT_HELP
from portcullis.probes import METRICS_EXPOSED_HELP, METRICS_HELP, Watch
from portcullis.settings import Address, setting


@dataclass(frozen=True)
class BrokerSettings:
    state: Path = setting(help="Folder with the site key (site.key) and the embedded grid (grid.sqlite).")
    listen: Address = setting("127.0.0.1:8444", help="Where gateways and hosts connect.")
    address: str = setting("", help="How gateways and hosts reach this broker, if not as it listens.")
    sessions_per_user: int = setting(10, help="How many sessions a user may have at once.")
    log_level: str = setting("info", help="debug, info, warning or error.")
    log_format: str = setting("text", help=FORMAT_HELP)
    metrics: str = setting("", help=METRICS_HELP)
    metrics_exposed: bool = setting(False, help=METRICS_EXPOSED_HELP)

    @property
    def site_key(self) -> Path:
        return self.state / "site.key"

    @property
    def grid(self) -> Path:
        return self.state / "grid.sqlite"

    def check(self) -> None:
        """Raises InvalidInput for what the types let through."""
        if self.log_level not in ("debug", "info", "warning", "error"):
            raise InvalidInput("--log-level", "debug, info, warning or error")
        Watch.of(self.metrics, self.metrics_exposed)
        Watch.of(self.metrics, self.metrics_exposed)
        if self.sessions_per_user < 1:
            raise InvalidInput("--sessions-per-user", "at least 1")
        self.advertised(self.listen.port)

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


def _is_any(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False

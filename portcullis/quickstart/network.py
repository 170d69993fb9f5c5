"""Where an instance is reached from other machines: one address for all its listeners, one public name, https.

`choose` turns what was asked for into a Network, and refuses whatever could not be served before anything is changed.
None stands for the default: plain http on loopback, which other machines cannot reach.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import ipaddress
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portcullis import certificate_files
from portcullis.certificate_files import CertificateFiles, CertificatePair
from portcullis.errors import Refused
from portcullis.model.names import DNS_NAME_RULE, is_dns_name
from portcullis.quickstart.errors import QuickstartError
from portcullis.settings import Address

HTTPS_PORT = 443
OTHER_HTTPS_PORTS = range(8443, 8543)
LOOPBACK = ("localhost", "loopback")

IsFree = Callable[[str, int], bool]


@dataclass(frozen=True, slots=True)
class Network:
    address: str
    """Of this machine, as a literal."""
    name: str
    """What browsers call the site."""
    port: int
    """Of https."""
    certificate: str = ""
    key: str = ""
    """Files of whoever runs this; both empty: the site's web CA issues a certificate."""

    @property
    def origin(self) -> str:
        return f"https://{self.name}" + ("" if self.port == HTTPS_PORT else f":{self.port}")

    @property
    def public(self) -> Address:
        return Address(self.address, self.port)

    @property
    def files(self) -> CertificateFiles | None:
        return CertificateFiles(Path(self.certificate), Path(self.key)) if self.certificate else None

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for on the command line; None: not mentioned."""

    listen: str | None = None
    name: str | None = None
    certificate: Path | None = None
    key: Path | None = None
    port: int | None = None

    @property
    def is_empty(self) -> bool:
        return self == Wish(port=self.port)


def choose(current: Network | None, wish: Wish, is_free: IsFree, *, low_ports: bool) -> Network | None:
    """The network that is wished for, checked. `--listen` and `--name` say it anew; without them what was stays.

    `is_free` knows the ports that this instance holds now. Raises QuickstartError.
    """
    if wish.is_empty:
        return current if current is None or wish.port is None else _with_port(current, wish.port, is_free)
    if wish.listen in LOOPBACK:
        if wish.name or wish.certificate or wish.key:
            raise QuickstartError("--listen localhost is plain http: it takes no --name, --cert or --key")
        return None
    address = wish.listen or (current.address if current else None)
    name = wish.name or (current.name if current else None)
    if address is None or name is None:
        raise QuickstartError(
            "--listen ADDRESS and --name PUBLIC.NAME go together: where to listen, and what browsers call it"
        )
    address = own_address(address)
    if not is_dns_name(name):
        raise QuickstartError(f"--name {name}: expected {DNS_NAME_RULE}")
    certificate, key = _files(wish)
    port = wish.port or _default_port(current, address, is_free, low_ports)
    chosen = Network(address, name, port, certificate, key)
    check_certificate(chosen)
    if not is_free(address, port):
        raise QuickstartError(f"port {port} of {address} is in use: choose another one with --port")
    return chosen


def own_address(text: str) -> str:
    """Raises QuickstartError unless this machine has it."""
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        raise QuickstartError(f"--listen {text}: expected an IP address of this machine{_listed()}") from None
    if parsed.is_unspecified or parsed.is_multicast:
        raise QuickstartError(
            f"--listen {text}: expected one address, which other machines are told{_listed()}"
        )
    if not _can_bind(text, 0):
        raise QuickstartError(f"--listen {text}: this machine has no such address{_listed()}")
    return str(parsed)


def check_certificate(network: Network) -> CertificatePair | None:
    """The given pair, None when the web CA is to issue one. Raises QuickstartError."""
    if network.files is None:
        return None
    try:
        return certificate_files.read(network.files, network.name, time.time())
    except Refused as exc:
        raise QuickstartError(str(exc)) from exc


def can_listen(address: str, port: int) -> bool:
    return _can_bind(address, port)


def addresses() -> list[str]:
    """Of this machine that others may reach. Empty when they cannot be told."""
    try:
        done = subprocess.run(["ip", "-j", "addr"], capture_output=True, check=True, timeout=5)
        found = [entry["local"] for link in json.loads(done.stdout) for entry in link["addr_info"]]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        return []
    return [address for address in found if not ipaddress.ip_address(address).is_loopback]


def _listed() -> str:
    found = addresses()
    return f" (it has {', '.join(found)})" if found else ""


def _files(wish: Wish) -> tuple[str, str]:
    if (wish.certificate is None) != (wish.key is None):
        raise QuickstartError("--cert and --key go together: a certificate and its key, each in PEM")
    if wish.certificate is None or wish.key is None:
        return "", ""
    return str(wish.certificate.absolute()), str(wish.key.absolute())


def _with_port(current: Network, port: int, is_free: IsFree) -> Network:
    if port != current.port and not is_free(current.address, port):
        raise QuickstartError(f"port {port} of {current.address} is in use: choose another one with --port")
    return dataclasses.replace(current, port=port)


def _default_port(current: Network | None, address: str, is_free: IsFree, low_ports: bool) -> int:
    usual: Iterable[int] = (*((HTTPS_PORT,) if low_ports else ()), *OTHER_HTTPS_PORTS)
    if current is not None:
        usual = (current.port, *usual)
    port = next((port for port in usual if is_free(address, port)), None)
    if port is None:
        raise QuickstartError(f"no usual port of {address} is free: choose one with --port")
    return port


def _can_bind(address: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, port))
        except OSError as exc:
            return exc.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES, errno.EINVAL)
    return True

"""An instance is the path of its clone: two clones on one machine share nothing but the release of equal content.

`instance.json` in its state folder (place.py) keeps what was chosen at the first start (ports) and how far it came.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from portcullis.model.host import Isolation
from portcullis.quickstart import place
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.network import Network
from portcullis.quickstart.place import Place, instance_key
from portcullis.settings import Address

Role = Literal["site", "host", "gateway"]
"""What this clone makes of its machine: all of a site, or one machine more of a site elsewhere."""

FIRST_PUBLIC_PORT = 8080
PUBLIC_PORTS = range(FIRST_PUBLIC_PORT, FIRST_PUBLIC_PORT + 100)
INNER_PORTS = range(21000, 31000)  # below Linux's ephemeral range, so that no outgoing connection takes one


@dataclass(frozen=True, slots=True)
class Ports:
    public: int
    broker: int
    gateway_inner: int
    broker_metrics: int = 0
    gateway_metrics: int = 0
    agent_metrics: int = 0
    """On loopback; 0: none."""

    def metrics(self, part: str) -> int:
        """Of broker, gateway or agent."""
        return {"broker": self.broker_metrics, "gateway": self.gateway_metrics, "agent": self.agent_metrics}[
            part
        ]

    @property
    def all(self) -> tuple[int, ...]:
        return tuple(port for port in dataclasses.astuple(self) if port)


@dataclass(frozen=True, slots=True)
class Instance:
    """`releases`: folders whose code may still run for this instance, the current one last."""

    clone: Path
    ports: Ports
    releases: tuple[Path, ...] = ()
    done: frozenset[str] = frozenset()
    """Steps of the first start that are behind us: joined, published."""
    isolation: Isolation = "accounts"
    role: Role = "site"
    network: Network | None = None
    """None: on loopback alone."""
    registered: str = ""
    """What the gateway of this instance is known as to the broker; empty while that changes."""

    @property
    def place(self) -> Place:
        return place.place(self.clone, self.isolation)

    @property
    def key(self) -> str:
        return instance_key(self.clone)

    @property
    def state(self) -> Path:
        return self.place.state

    @property
    def runtime(self) -> Path:
        return self.place.runtime

    @property
    def homes(self) -> Path:
        return self.state / "homes"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def secrets_file(self) -> Path:
        return self.state / "secrets.json"

    @property
    def control_socket(self) -> Path:
        return self.place.control_socket

    @property
    def supervisor_pid_file(self) -> Path:
        """Written by who launches it: there is one before it can answer."""
        return self.state / "supervisor.pid"

    @property
    def var(self) -> Path:
        return self.clone / "var"

    @property
    def url(self) -> str:
        return self.network.origin if self.network else f"http://localhost:{self.ports.public}"

    def inner(self, port: int) -> str:
        """Where machines reach a port of this one."""
        return str(Address(self.network.address if self.network else "127.0.0.1", port))

    @property
    def public_address(self) -> str:
        return str(self.network.public) if self.network else f"127.0.0.1:{self.ports.public}"

    @property
    def registration(self) -> str:
        """What its gateway is to be registered as: the public origin, and where hosts reach it."""
        return f"{self.url} {self.inner(self.ports.gateway_inner)}"

    @property
    def given_certificate(self) -> Path:
        """The gateway's copy of what was given with --cert and --key."""
        return self.state / "certificate/given.pem"

    @property
    def trusted_file(self) -> Path | None:
        """What leads to the certificate that browsers see; readable for who runs this."""
        if self.network is None:
            return None
        return self.given_certificate if self.network.certificate else self.state / "gateway/web-ca.pem"

    @property
    def sockets(self) -> tuple[tuple[str, int], ...]:
        """Every address and port that the parts listen on for others."""
        address = self.network.address if self.network else "127.0.0.1"
        public = self.network.port if self.network else self.ports.public
        return tuple(
            (address, port) for port in (public, self.ports.broker, self.ports.gateway_inner) if port
        )

    def registered_as(self, registration: str) -> Instance:
        return dataclasses.replace(self, registered=registration)

    @property
    def all_ports(self) -> tuple[int, ...]:
        return self.ports.all

    @property
    def release(self) -> Path:
        return self.releases[-1]

    def running(self, release: Path) -> Instance:
        """With `release` as the current one."""
        others = tuple(known for known in self.releases if known != release)
        return dataclasses.replace(self, releases=(*others, release))

    def with_done(self, step: str) -> Instance:
        return dataclasses.replace(self, done=self.done | {step})

    def to_json(self) -> dict[str, Any]:
        return {
            "clone": str(self.clone),
            "ports": dataclasses.asdict(self.ports),
            "releases": [str(release) for release in self.releases],
            "done": sorted(self.done),
            "isolation": self.isolation,
            "role": self.role,
            "network": self.network.to_json() if self.network else None,
            "registered": self.registered,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Instance:
        return cls(
            Path(data["clone"]),
            Ports(**data["ports"]),
            tuple(map(Path, data.get("releases", ()))),
            frozenset(data.get("done", ())),
            data.get("isolation", "accounts"),
            data.get("role", "site"),
            Network(**data["network"]) if data.get("network") else None,
            # before there was a network, a gateway could only be known as on loopback
            data.get("registered", _on_loopback(Ports(**data["ports"]))),
        )


def _on_loopback(ports: Ports) -> str:
    return f"http://localhost:{ports.public} 127.0.0.1:{ports.gateway_inner}"


def state_folder(clone: Path) -> Path:
    """Of the instance that who runs this may have."""
    return place.place(clone, place.isolation_here()).state


def load(clone: Path) -> Instance | None:
    """The instance of this clone, or None before its first start. Raises QuickstartError on a damaged file."""
    path = state_folder(clone) / "instance.json"
    try:
        found = Instance.from_json(json.loads(path.read_text()))
        return dataclasses.replace(found, clone=clone, isolation=place.isolation_here())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise QuickstartError(f"{path} cannot be read ({exc}): run deploy/quickstart.sh --reset") from exc


def save(instance: Instance) -> None:
    instance.place.make_state()
    path = instance.state / "instance.json"
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(instance.to_json(), indent=2) + "\n")
    partial.replace(path)


def releases_in_use(clone: Path) -> set[Path] | None:
    """By other clones, whatever version wrote their files; None when one of them cannot be read at all."""
    found: set[Path] = set()
    for path in place.STATES.glob("portcullis-*/instance.json"):
        try:
            data = json.loads(path.read_text())
            if data["clone"] != str(clone):
                found.update(map(Path, data["releases"]))
        except FileNotFoundError:
            continue  # it was removed meanwhile
        except (OSError, ValueError, KeyError, TypeError):
            return None
    return found


def others(clone: Path) -> list[Instance]:
    """The other instances of this machine, as far as their files can be read."""
    found = []
    for path in place.STATES.glob("portcullis-*/instance.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            instance = Instance.from_json(json.loads(path.read_text()))
            if instance.clone != clone:
                found.append(instance)
    return found


def choose_ports(public: int | None, key: str, taken: Iterable[int], is_free: Callable[[int], bool]) -> Ports:
    """Ports for a new instance: `public` as wished, else the first free one from 8080 on; free inner ones.

    `taken`: ports of other instances, which may be stopped now. Raises QuickstartError.
    """
    reserved = set(taken)
    if public is not None and not is_free(public):
        raise QuickstartError(f"port {public} is in use: choose another one with --port")
    if public is None:
        public = next((port for port in PUBLIC_PORTS if port not in reserved and is_free(port)), None)
        if public is None:
            raise QuickstartError(
                f"no free port from {PUBLIC_PORTS[0]} to {PUBLIC_PORTS[-1]}: choose one with --port"
            )
    free = _free_inner_ports(key, reserved | {public}, is_free)
    return with_metrics(Ports(public, next(free), next(free)), key, reserved, is_free)


def with_metrics(ports: Ports, key: str, taken: Iterable[int], is_free: Callable[[int], bool]) -> Ports:
    """With a port for the metrics of each part, where it has none: an instance of an earlier release."""
    free = _free_inner_ports(key, {*taken, *ports.all}, is_free)
    return dataclasses.replace(
        ports,
        broker_metrics=ports.broker_metrics or next(free, 0),
        gateway_metrics=ports.gateway_metrics or next(free, 0),
        agent_metrics=ports.agent_metrics or next(free, 0),
    )


def _free_inner_ports(key: str, reserved: set[int], is_free: Callable[[int], bool]) -> Iterator[int]:
    """Tried when they are asked for. Where to begin depends on the instance."""
    start = int(key, 16) % len(INNER_PORTS)
    order = (*INNER_PORTS[start:], *INNER_PORTS[:start])
    return (port for port in order if port not in reserved and is_free(port))


def port_is_free(port: int) -> bool:
    """On both loopback addresses: `localhost` may mean either to a browser."""
    return all(_can_listen(family, address, port) for family, address in _LOOPBACK)


_LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def _can_listen(family: socket.AddressFamily, address: str, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
    except PermissionError:
        return False
    except OSError as exc:
        # Without IPv6 there is nobody to take the port on it.
        return family == socket.AF_INET6 and exc.errno != errno.EADDRINUSE
    return True

"""What a lab consists of: its parts, the ports they keep, the folders they have. Kept in `instance.json` of its state.

The state is that of the folder `var/cluster` of the clone, so that a quickstart of another clone, and every other lab,
stands beside it. `instance.json` names the release in the quickstart's words: nobody removes one that is in use.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from portcullis.quickstart import instance
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.place import SystemPlace, instance_key

Kind = Literal["links", "etcd", "broker", "gateway", "agent"]
LINKS = "links"
PUBLIC_PORTS = range(8180, 8280)
JOINED, PUBLISHED = "joined", "published"


@dataclass(frozen=True, slots=True)
class Shape:
    """How many of each. Without members there is one broker, on an embedded grid."""

    members: int = 3
    brokers: int = 3
    gateways: int = 2
    agents: int = 2

    def check(self) -> None:
        """Raises QuickstartError."""
        if self.members == 0 and self.brokers != 1:
            raise QuickstartError("without etcd members there is exactly one broker")
        if self.members not in (0, 1, 3, 5):
            raise QuickstartError("etcd needs an odd number of members: 1, 3 or 5 (or 0: an embedded grid)")
        if not (1 <= self.brokers <= 9 and 1 <= self.gateways <= 9 and 1 <= self.agents <= 9):
            raise QuickstartError("there are 1 to 9 brokers, gateways and agents each")


@dataclass(frozen=True, slots=True)
class Door:
    """A port that others dial, and the one behind it where the part listens."""

    name: str
    part: str
    port: int
    target: int


@dataclass(frozen=True)
class Lab:
    clone: Path
    release: Path
    shape: Shape
    ports: dict[str, int]
    etcd: str = ""
    """Program of the members."""
    done: frozenset[str] = frozenset()

    @property
    def folder(self) -> Path:
        return folder_of(self.clone)

    @property
    def place(self) -> SystemPlace:
        return SystemPlace(self.folder)

    @property
    def state(self) -> Path:
        return self.place.state

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def pids(self) -> Path:
        return self.state / "pids"

    @property
    def certificates(self) -> Path:
        return self.state / "certificates"

    @property
    def secrets_file(self) -> Path:
        return self.state / "secrets.json"

    @property
    def control_socket(self) -> Path:
        return self.place.control_socket

    @property
    def links_socket(self) -> Path:
        return self.state / "links.sock"

    @property
    def supervisor_pid_file(self) -> Path:
        return self.state / "supervisor.pid"

    @property
    def var(self) -> Path:
        return self.clone / "var"

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(f"etcd-{n}" for n in range(1, self.shape.members + 1))

    @property
    def brokers(self) -> tuple[str, ...]:
        return tuple(f"broker-{n}" for n in range(1, self.shape.brokers + 1))

    @property
    def gateways(self) -> tuple[str, ...]:
        return tuple(f"gateway-{n}" for n in range(1, self.shape.gateways + 1))

    @property
    def agents(self) -> tuple[str, ...]:
        return tuple(f"agent-{n}" for n in range(1, self.shape.agents + 1))

    @property
    def services(self) -> tuple[str, ...]:
        """All parts that the site itself consists of, in the order in which they start."""
        return (*self.members, *self.brokers, *self.gateways, *self.agents)

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(f"http://localhost:{self.ports[f'{name}.public']}" for name in self.gateways)

    @property
    def account_prefixes(self) -> dict[str, str]:
        """Agent -> how the names of its accounts begin; none is the beginning of another."""
        return {name: f"{self.place.account_prefix}{chr(ord('a') + n)}" for n, name in enumerate(self.agents)}

    @property
    def doors(self) -> tuple[Door, ...]:
        return tuple(
            Door(name, name.partition(".")[0], port, self.ports[f"{name}.behind"])
            for name, port in self.ports.items()
            if f"{name}.behind" in self.ports
        )

    def homes(self, agent: str) -> Path:
        return self.state / "homes" / agent

    def runtime(self, agent: str) -> Path:
        return self.place.runtime / agent

    def address(self, door: str) -> str:
        """Where others dial."""
        return f"127.0.0.1:{self.ports[door]}"

    def behind(self, door: str) -> str:
        """Where the part listens."""
        return f"127.0.0.1:{self.ports[f'{door}.behind']}"

    def with_done(self, step: str) -> Lab:
        return dataclasses.replace(self, done=self.done | {step})

    def to_json(self) -> dict[str, Any]:
        return {
            "clone": str(self.folder),
            "releases": [str(self.release)],
            "lab": {
                "shape": dataclasses.asdict(self.shape),
                "ports": self.ports,
                "etcd": self.etcd,
                "done": sorted(self.done),
            },
        }


def kind_of(part: str) -> Kind:
    name = part.partition("-")[0]
    kinds: dict[str, Kind] = {
        "etcd": "etcd",
        "broker": "broker",
        "gateway": "gateway",
        "agent": "agent",
        LINKS: "links",
    }
    return kinds[name]


def folder_of(clone: Path) -> Path:
    return clone / "var/cluster"


def load(clone: Path) -> Lab | None:
    """None before the first start. Raises QuickstartError for a damaged file."""
    path = SystemPlace(folder_of(clone)).state / "instance.json"
    try:
        data = json.loads(path.read_text())
        lab = data["lab"]
        return Lab(
            clone,
            Path(data["releases"][-1]),
            Shape(**lab["shape"]),
            {str(name): int(port) for name, port in lab["ports"].items()},
            str(lab["etcd"]),
            frozenset(lab["done"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, IndexError) as exc:
        raise QuickstartError(f"{path} cannot be read ({exc}): run deploy/cluster.sh --reset") from exc


def save(lab: Lab) -> None:
    lab.place.make_state()
    path = lab.state / "instance.json"
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(lab.to_json(), indent=2) + "\n")
    partial.replace(path)


def new_lab(
    clone: Path,
    release: Path,
    shape: Shape,
    etcd: str,
    is_free: Callable[[int], bool] = instance.port_is_free,
) -> Lab:
    """Raises QuickstartError for a shape that cannot be."""
    shape.check()
    bare = Lab(clone, release, shape, {}, etcd)
    return dataclasses.replace(bare, ports=choose_ports(bare, is_free))


def choose_ports(lab: Lab, is_free: Callable[[int], bool]) -> dict[str, int]:
    """Where to begin depends on the folder, so that two labs that are stopped keep apart."""
    start = int(instance_key(lab.folder), 16) % (len(instance.INNER_PORTS) // 100) * 100
    inner = _cycle(instance.INNER_PORTS, start, is_free)
    public = _cycle(PUBLIC_PORTS, start // 100 * 2, is_free)
    ports: dict[str, int] = {}
    for part in lab.services:
        kind = kind_of(part)
        for door in {"etcd": ("client", "peer"), "broker": ("inner",), "gateway": ("public", "inner")}.get(
            kind, ()
        ):
            ports[f"{part}.{door}"] = next(public if door == "public" else inner)
            ports[f"{part}.{door}.behind"] = next(inner)
        ports[f"{part}.metrics"] = next(inner)
    return ports


def _cycle(ports: range, start: int, is_free: Callable[[int], bool]) -> Iterator[int]:
    start %= len(ports)
    return (port for port in itertools.chain(ports[start:], ports[:start]) if is_free(port))

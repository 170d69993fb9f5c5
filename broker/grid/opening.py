"""Which grid a command works on, and opening it: the one place that knows that there are two stores.

choice = GridChoice.of(arguments)
grid = await open_grid(choice, may_create=False)
"""

from __future__ import annotations

import argparse
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from broker.grid.embedded import EmbeddedGrid
from broker.grid.grid import Grid
from portcullis.errors import InvalidInput

EMBEDDED = "embedded"
FILE = "grid.sqlite"

GRID_HELP = (
    "Where the site is kept: embedded (a file in the state folder, for one broker), or etcds://HOST:PORT,HOST:PORT "
    "naming every member of an etcd cluster; etcd:// is without TLS."
)
CA_HELP = "The CA of etcd's certificates, PEM; by default the machine's own roots."
CERT_HELP = "This broker's certificate for etcd, PEM."
KEY_HELP = "The key of --grid-cert, PEM."


class Chosen(Protocol):
    """Settings or parsed arguments. An empty text: not given."""

    @property
    def state(self) -> Path: ...
    @property
    def grid(self) -> str: ...
    @property
    def grid_ca(self) -> str: ...
    @property
    def grid_cert(self) -> str: ...
    @property
    def grid_key(self) -> str: ...


@dataclass(frozen=True, slots=True)
class GridChoice:
    address: str
    state: Path
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    @property
    def is_embedded(self) -> bool:
        return self.address == EMBEDDED

    @property
    def file(self) -> Path:
        """Of the embedded grid."""
        return self.state / FILE

    @staticmethod
    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--state", type=Path, required=True, metavar="PATH", help="The broker's state folder."
        )
        parser.add_argument("--grid", default=EMBEDDED, metavar="GRID", help=GRID_HELP)
        parser.add_argument("--grid-ca", default="", metavar="PATH", help=CA_HELP)
        parser.add_argument("--grid-cert", default="", metavar="PATH", help=CERT_HELP)
        parser.add_argument("--grid-key", default="", metavar="PATH", help=KEY_HELP)

    @classmethod
    def of(cls, chosen: argparse.Namespace | Chosen) -> GridChoice:
        files = (Path(path) if path else None for path in (chosen.grid_ca, chosen.grid_cert, chosen.grid_key))
        return cls(chosen.grid, chosen.state, *files)

    def at(self, address: str) -> GridChoice:
        """Another grid with the same files."""
        return dataclasses.replace(self, address=address)

    def check(self) -> None:
        """Raises InvalidInput for what can be told without asking the grid."""
        from broker.grid.etcd.address import parse_address

        if not self.is_embedded:
            parse_address(self.address, self.ca, self.cert, self.key)
        elif self.ca or self.cert or self.key:
            raise InvalidInput("--grid", "etcds://... where --grid-ca, --grid-cert or --grid-key is given")

    def check_made(self) -> None:
        """Raises InvalidInput where an embedded grid should be and is not."""
        if self.is_embedded and not self.file.exists():
            raise InvalidInput("--state", "a folder made by `portcullis-broker init`")


async def open_grid(choice: GridChoice, *, may_create: bool) -> Grid:
    """`may_create` is of the embedded grid: etcd's operator makes a cluster. Raises InvalidInput, GridError."""
    choice.check()
    if choice.is_embedded:
        if not may_create:
            choice.check_made()
        return await EmbeddedGrid.open(choice.file, may_create=may_create)
    # Here, since gRPC costs a second of start and 20 MB, of which an embedded grid needs nothing.
    from broker.grid.etcd.address import parse_address
    from broker.grid.etcd.grid import EtcdGrid

    return await EtcdGrid.open(parse_address(choice.address, choice.ca, choice.cert, choice.key))

"""`--reset`: asks, finds what there is to remove even where its file is damaged, and removes it."""

from __future__ import annotations

import sys
from pathlib import Path

from portcullis.quickstart import instance, stop
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.instance import Instance, Ports
from portcullis.quickstart.place import isolation_here


def reset(clone: Path, yes: bool) -> int:
    found = instance_to_remove(clone)
    if found is None:
        print("There is nothing to remove.")
        return 0
    if not yes and not confirmed(found):
        print("Nothing was removed.")
        return 1
    stop.reset(found)
    return 0


def instance_to_remove(clone: Path) -> Instance | None:
    """Also one whose file is damaged or missing, as long as anything of it is there."""
    try:
        found = instance.load(clone)
    except QuickstartError:
        found = None
    if found is not None and found.releases and found.release.exists():
        return found
    ports = found.ports if found else Ports(0, 0, 0)
    nameless = Instance(clone, ports, (Path(sys.prefix),), isolation=isolation_here())
    return nameless if nameless.place.is_there() else None


def confirmed(found: Instance) -> bool:
    print(f"This ends all sessions and removes {found.place.what_reset_removes}.")
    try:
        return input("Remove it? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False

"""`portcullis demo`: a whole site on this machine out of an installed package, until Ctrl-C.

It is the quickstart (portcullis/quickstart/) on the packages of the environment that this runs in. Root gets accounts
for sessions, everybody else none (quickstart/place.py). Nothing is installed; what it makes is removed at the end,
unless it is to be kept: by another process, which outlives this one (quickstart/keeper.py).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

from portcullis.quickstart import control_socket, foreground, instance, keeper, start, system_packages
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.instance import Instance
from portcullis.quickstart.options import port_number
from portcullis.quickstart.parts import ENVIRONMENT

COMMANDS = ("portcullis-broker", "portcullis-gateway", "portcullis-agent")
USUAL_FOLDER = Path("~/.local/state/portcullis-demo")
PREFIX = "portcullis-demo-"
NOBODY = "65534"


def add_arguments(demo: argparse.ArgumentParser) -> None:
    demo.description = (
        "Portcullis on this machine, on loopback, until Ctrl-C; everything that it made is removed then."
    )
    demo.add_argument(
        "--port", type=port_number, help="where browsers connect (default: the first free one from 8080)"
    )
    demo.add_argument(
        "--keep",
        nargs="?",
        type=Path,
        const=USUAL_FOLDER,
        metavar="FOLDER",
        help=f"keep users, applications and files in FOLDER (default: {USUAL_FOLDER}) and go on with them next time",
    )
    demo.set_defaults(here=run)


def run(arguments: argparse.Namespace) -> int:
    for number in foreground.ENDS:
        signal.signal(number, signal.default_int_handler)
    try:
        check_environment(Path(sys.prefix))
        check_system_packages()
        remove_leftovers()
        return serve(make_folder(arguments.keep), arguments.port, keep=arguments.keep is not None)
    except QuickstartError as exc:
        print(f"portcullis demo: {exc}", file=sys.stderr)
        return 1


def serve(folder: Path, port: int | None, keep: bool) -> int:
    """Until a signal. Raises QuickstartError."""
    lock = keeper.claim(folder)
    check_is_free(folder)
    behind = keeper.start(folder, keep, lock)
    was_told, is_clean = False, False
    try:
        was_told = foreground.wait(start.start(folder, Path(sys.prefix), port, guide=guide))
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, foreground.ENDS)  # a second Ctrl-C must not leave half of it
        is_clean = keeper.finish(behind, folder, keep)
    return 0 if was_told and is_clean else 1


def check_environment(prefix: Path) -> None:
    """Raises QuickstartError unless the services can run out of it, as root's accounts too."""
    if any(not (prefix / "bin" / name).exists() for name in COMMANDS):
        raise QuickstartError(f"its services are not in {prefix}/bin: install it into a virtual environment")
    if os.geteuid() != 0:
        return
    command = (str(prefix / "bin/python"), "-I", "-c", "import agents.worker.app")
    # `env` between them: setpriv itself still has root's capabilities when it opens what it runs
    as_nobody = ("setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "env", *command)
    if subprocess.run(as_nobody, env=ENVIRONMENT, cwd="/", capture_output=True, check=False).returncode:
        raise QuickstartError(
            f"root runs sessions as accounts of their own, which cannot read {prefix} or its Python "
            f"({(prefix / 'bin/python').resolve()}): make the environment below /opt, of the system's Python, or do "
            "not run this as root"
        )


def check_system_packages() -> None:
    """Raises QuickstartError that names them all."""
    if missing := system_packages.missing():
        raise QuickstartError(
            f"this machine lacks {len(missing)} system packages. On Debian, as root:\n\n"
            f"  {system_packages.INSTALL} {' '.join(missing)}\n"
        )


def make_folder(keep: Path | None) -> Path:
    """Private, and resolved: an instance is the path of its folder."""
    if keep is None:
        return Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    folder = keep.expanduser().absolute()
    if is_temporary(folder.resolve()):
        raise QuickstartError(f"{folder} has the name of a demo that is not kept: choose another one")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise QuickstartError(f"{folder} cannot be made: {exc.strerror}") from exc
    return folder.resolve()


def check_is_free(folder: Path) -> None:
    """Raises QuickstartError when a demo runs there already: leaving the second one would end the first."""
    found = instance.load(folder)
    if found is not None and control_socket.ask(found.control_socket, "status") is not None:
        raise QuickstartError(f"it runs in {folder} already, on {found.url}")


def remove_leftovers() -> None:
    """Of demos that were to be removed, whose keepers were killed with them or by a power failure."""
    known = (other.clone for other in instance.others(Path()))
    for folder in sorted({*temporary_folder().glob(f"{PREFIX}*"), *filter(is_temporary, known)}):
        if not was_ours(folder) or instance.load(folder) is None:
            continue
        with contextlib.suppress(QuickstartError):  # it runs
            lock = keeper.claim(folder)
            print(f"Removing what an earlier demo left in {folder}")
            keeper.clean(folder, keep=False)
            os.close(lock)


def was_ours(folder: Path) -> bool:
    """A demo's folder of this account. One that is gone is made again: what was made for it elsewhere is not."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        return True
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and (folder / keeper.LOCK).exists()


def is_temporary(folder: Path) -> bool:
    """Whether its name is that of a demo which is removed in the end."""
    return folder.name.startswith(PREFIX) and folder.parent == temporary_folder()


def temporary_folder() -> Path:
    return Path(tempfile.gettempdir()).resolve()


def guide(found: Instance) -> str:
    return f"  Command line   {sys.prefix}/bin/portcullis --profile {found.var}/profile.json get applications"

"""`portcullis demo`: a whole site on this machine out of an installed package, until Ctrl-C.

It is the quickstart (portcullis/quickstart/) on the packages of the environment that this runs in. Root gets accounts
for sessions, everybody else none (quickstart/place.py). Nothing is installed; what it makes is removed at the end,
unless it is to be kept.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from portcullis.quickstart import control_socket, foreground, instance, start, stop, system_packages
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.instance import Instance
from portcullis.quickstart.options import port_number
from portcullis.quickstart.parts import ENVIRONMENT

COMMANDS = ("portcullis-broker", "portcullis-gateway", "portcullis-agent")
USUAL_FOLDER = Path("~/.local/state/portcullis-demo")
NOBODY = "65534"


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "Portcullis on this machine, on loopback, until Ctrl-C; everything that it made is removed then."
    demo = commands.add_parser(
        "demo", help="try it: a whole site on this machine, until Ctrl-C", description=about
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
        folder = make_folder(arguments.keep)
        check_is_free(folder)
        return serve(folder, arguments.port, keep=arguments.keep is not None)
    except QuickstartError as exc:
        print(f"portcullis demo: {exc}", file=sys.stderr)
        return 1


def serve(folder: Path, port: int | None, keep: bool) -> int:
    """Until a signal. Raises QuickstartError."""
    try:
        return foreground.stay(start.start(folder, Path(sys.prefix), port, guide=guide))
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, foreground.ENDS)  # a second Ctrl-C must not leave half of it
        clean(folder, keep)


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
            f"root runs sessions as accounts of their own, which cannot read {prefix}: "
            "make the environment below /opt, say, or do not run this as root"
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
        return Path(tempfile.mkdtemp(prefix="portcullis-demo-")).resolve()
    folder = keep.expanduser().absolute()
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


def clean(folder: Path, keep: bool) -> None:
    """Nothing runs afterwards, and nothing is left unless it is kept."""
    try:
        found = instance.load(folder)
        if found is not None and keep:
            stop.stop(found)
        elif found is not None:
            stop.reset(found)
    except QuickstartError as exc:
        print(f"portcullis demo: {exc}", file=sys.stderr)
        return  # what is left lies in the folder: it is needed to look into that
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)


def guide(found: Instance) -> str:
    return f"  Command line   {sys.prefix}/bin/portcullis --profile {found.var}/profile.json get applications"

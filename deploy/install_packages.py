"""Put the five packages and their commands into a virtual environment, without a build tool or the network.

python install_packages.py ENVIRONMENT           copies them, for services
python install_packages.py ENVIRONMENT --link    refers to the clone: changes take effect at once
"""

from __future__ import annotations

import argparse
import compileall
import shutil
import tomllib
from pathlib import Path

CLONE = Path(__file__).resolve().parent.parent

# A shebang line breaks at a blank and at 127 bytes: the shell starts Python instead.
COMMAND = """#!/bin/sh
'''exec' "{python}" -I "$0" "$@"
' '''
import sys

from {module} import {function}

sys.exit({function}())
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("environment", type=Path)
    parser.add_argument("--link", action="store_true")
    arguments = parser.parse_args()
    environment = arguments.environment.absolute()
    project = tomllib.loads((CLONE / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    (site_packages,) = environment.glob("lib/python3*/site-packages")
    if arguments.link:
        (site_packages / "portcullis-clone.pth").write_text(f"{CLONE}\n")
    else:
        copy(packages, site_packages)
    write_metadata(site_packages, project["project"]["name"], project["project"]["version"], packages)
    for name, target in project["project"]["scripts"].items():
        write_command(environment, name, target)


def copy(packages: list[str], site_packages: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    for package in packages:
        shutil.rmtree(site_packages / package, ignore_errors=True)
        shutil.copytree(CLONE / package, site_packages / package, ignore=ignored)
        compileall.compile_dir(site_packages / package, quiet=1)


def write_metadata(site_packages: Path, name: str, version: str, packages: list[str]) -> None:
    """What importlib.metadata answers about versions and owners from (PyPA: core metadata)."""
    folder = site_packages / f"{name}-{version}.dist-info"
    for older in site_packages.glob(f"{name}-*.dist-info"):
        if older != folder:
            shutil.rmtree(older)
    folder.mkdir(exist_ok=True)
    write_if_changed(folder / "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    write_if_changed(folder / "top_level.txt", "".join(f"{package}\n" for package in packages))


def write_if_changed(path: Path, text: str) -> None:
    """Others may be reading it."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def write_command(environment: Path, name: str, target: str) -> None:
    module, function = target.split(":")
    command = environment / "bin" / name
    text = COMMAND.format(python=environment / "bin/python", module=module, function=function)
    write_if_changed(command, text)
    command.chmod(0o755)


if __name__ == "__main__":
    main()

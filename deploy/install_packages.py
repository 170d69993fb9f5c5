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
    for name, target in project["project"]["scripts"].items():
        write_command(environment, name, target)


def copy(packages: list[str], site_packages: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    for package in packages:
        shutil.rmtree(site_packages / package, ignore_errors=True)
        shutil.copytree(CLONE / package, site_packages / package, ignore=ignored)
        compileall.compile_dir(site_packages / package, quiet=1)


def write_command(environment: Path, name: str, target: str) -> None:
    module, function = target.split(":")
    command = environment / "bin" / name
    text = COMMAND.format(python=environment / "bin/python", module=module, function=function)
    if not command.exists() or command.read_text() != text:
        command.write_text(text)
        command.chmod(0o755)


if __name__ == "__main__":
    main()

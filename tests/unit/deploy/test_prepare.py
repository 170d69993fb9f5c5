"""What every script of deploy/ begins with."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

DEPLOY = Path(__file__).parents[3] / "deploy"


def test_packages_of_the_caller_never_count_as_installed(tmp_path: Path) -> None:
    script = 'source "$1" && python3 -c "import only_of_the_caller"'
    (tmp_path / "only_of_the_caller.py").touch()
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = ["bash", "-c", script, "bash", str(DEPLOY / "prepare.sh")]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert "No module named 'only_of_the_caller'" in result.stderr


def test_what_a_killed_removal_left_of_an_environment_is_made_anew(tmp_path: Path) -> None:
    folder, lock = tmp_path / "environment", tmp_path / "nothing.lock"
    lock.touch()
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", str(folder)], check=True)
    (folder / "pyvenv.cfg").unlink()  # now its python is the system's, with the pip of that
    script = 'source "$1" && make_environment env "$2" "$3"'
    command = ["bash", "-c", script, "bash", str(DEPLOY / "prepare.sh"), str(folder), str(lock)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert (folder / "pyvenv.cfg").exists()

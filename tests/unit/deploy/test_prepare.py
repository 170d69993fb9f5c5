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

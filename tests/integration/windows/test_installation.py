"""What the package's own actions do to a Windows machine, apart from the package."""

from __future__ import annotations

import json
from pathlib import Path

from portcullis.ids import new_id
from tests.support.wine import Wine

SLEEPER = "import time; print('here', flush=True); time.sleep(600)"
END = """
import json, subprocess, sys
from pathlib import Path
from agents.windows import installation, leaders, machine
from agents.windows.interactive import Place, Started

def begin():
    pipes = dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    process = subprocess.Popen([sys.executable, "-c", sys.argv[2]], **pipes)
    process.stdout.readline()
    return process

helper, other = begin(), begin()
folders = Path(sys.argv[1])
for name, process, shift in zip(sys.argv[3:], (helper, other), (0, 60)):
    (folders / name).mkdir(parents=True)
    started = Started(process.pid, machine.measure(process.pid)[1] + shift)
    leaders.write_notes(folders / name, leaders.Notes("pipe", Place(1, "ann", "S-1-5-21"), started))
installation.end_sessions(folders)
helper.wait(20)
print(json.dumps(other.poll()))
other.kill()
"""


def test_a_removal_ends_helpers_and_no_process_that_got_the_number_of_one(
    windows: Wine, tmp_path: Path
) -> None:
    folders = windows.path(tmp_path / "sessions")
    done = windows.python("-c", END, folders, SLEEPER, new_id(), new_id())
    assert json.loads(done.stdout) is None, "it was another one's"


def test_folders_are_made_for_system_and_administrators_and_links_are_refused(windows: Wine) -> None:
    code = (
        "import sys; from pathlib import Path; from agents.windows.installation import take\n"
        "take(Path(sys.argv[1])); take(Path(sys.argv[1]))\n"
        "try: take(Path(sys.argv[2]))\n"
        "except OSError as exc: print(exc)"
    )
    file = windows.drive / "a file"
    file.write_text("")
    done = windows.python("-c", code, "C:\\made", windows.path(file))
    assert (windows.drive / "made").is_dir() and "no folder" in done.stdout

"""Kills the window manager; with `all` all else of the account in its session; with `ever` each new window manager."""

import os
import signal
import sys
import time
from pathlib import Path

from window import Window

MARK = f"PORTCULLIS_SESSION={os.environ['PORTCULLIS_SESSION']}".encode()


def is_victim(folder: Path) -> bool:
    if not folder.name.isdigit() or folder.stat().st_uid != os.getuid() or int(folder.name) == os.getpid():
        return False
    if MARK not in (folder / "environ").read_bytes():
        return False
    return sys.argv[1:] == ["all"] or (folder / "comm").read_text().strip() == "openbox"


def kill_victims() -> None:
    for folder in Path("/proc").iterdir():
        try:
            if is_victim(folder):
                os.kill(int(folder.name), signal.SIGKILL)
        except OSError:
            continue


window = Window()
window.until_managed()
kill_victims()
while sys.argv[1:] == ["ever"]:
    time.sleep(0.05)
    kill_victims()
window.rest()

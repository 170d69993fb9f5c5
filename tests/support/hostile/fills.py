"""Fills the folders that it is given to the last byte, says how far it came in its title, and rests."""

import os
import sys
from pathlib import Path

from window import Window

LARGEST = 64 << 20 if len(sys.argv) < 3 else int(sys.argv[2])


def fill(folder: str) -> tuple[int, str]:
    written = 0
    try:
        with Path(folder, f"full-{os.getpid()}").open("wb", buffering=0) as file:
            while written < LARGEST:
                written += file.write(bytes(1 << 16))
    except OSError as exc:
        return written, exc.strerror
    return written, "no end"


done = [fill(os.path.expandvars(folder)) for folder in sys.argv[1].split(":")]
Window(" ".join(f"{written >> 20}MB:{why}" for written, why in done).encode()).rest()

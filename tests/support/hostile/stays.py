"""Ignores every request to end, and so do its children."""

import os
import signal

from window import Window

for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    signal.signal(number, signal.SIG_IGN)
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        while True:
            signal.pause()
Window().rest()

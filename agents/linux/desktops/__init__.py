"""Existing X displays (docs/desktops.md): somebody's own, of which a session is an attachment and nothing else.

All that touches such a display runs as its owner, with the owner's own authority file: the worker, and a helper that
asks and shows the sign. No cookie is read, copied or passed on by anybody else.

    finding.py      which displays there are and whose, from sockets, their servers and utmp.py (pure); the agent's
    attachments.py  what a launch holds that attaches, beside agents/desktops/; the agent's
    __main__.py     the helper: asks, shows the sign, ends when either says so or the display does
    connection.py   its connection      windows.py  what it shows      drawing.py  text (Pango) and shapes
    locks.py        is the display locked?  leftovers.py  keys a worker left down
    desktop.py      the worker's desktop, on capture.py (MIT-SHM), injection.py (keys as they are there) and person.py
                    (whether somebody there types or points)
"""

"""The X server of a session: how Xvfb is called. Pure; the leader adds `-fbdir`, `-auth` and `-displayfd`.

It starts at the largest size that a client may ask for, since it cannot grow, and the worker sets the wanted mode
by RandR: a resize then costs nothing. It draws no cursor into the framebuffer, or viewers would see two: they are
told its picture, which XFixes knows all the same. MIT-SHM is off: display and application run under two accounts,
and Chromium then makes its segments readable and writable for every account of the host
(docs/decisions/0004-accounts-on-a-host.md, measured).
"""

from __future__ import annotations

MAXIMUM_WIDTH = 3840
MAXIMUM_HEIGHT = 2160
BYTES_PER_PIXEL = 4
FRAMEBUFFER_BYTES = MAXIMUM_WIDTH * MAXIMUM_HEIGHT * BYTES_PER_PIXEL + 8192
"""With room for the header of the file."""

ADDRESS_SPACE_BYTES = 2 << 30
"""What applications make the server hold for them, pixmaps above all, counts in no limit of theirs."""


def command(dots_per_inch: int) -> list[str]:
    return [
        "Xvfb",
        "-screen",
        "0",
        f"{MAXIMUM_WIDTH}x{MAXIMUM_HEIGHT}x24",
        "-dpi",
        str(dots_per_inch),
        "-nolisten",
        "tcp",
        "-extension",
        "MIT-SHM",
        "-nocursor",
        "-noreset",
    ]

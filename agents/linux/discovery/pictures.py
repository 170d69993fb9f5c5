"""The picture of an icon as a small PNG, drawn anew from what a file holds: PNG, SVG or XPM.

Runs in the process without rights (`__main__.py`). An SVG is drawn by librsvg, from its standard input, so that it has
no folder from which to take other files.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from agents.icon_pictures import Unreadable, drawn
from portcullis.desktop.entries import content_of
from portcullis.protocol.discovery import ICON_SIDE

MAXIMUM_FILE_BYTES = 2 << 20
SVG_SECONDS = 3.0

_PNG = b"\x89PNG\r\n\x1a\n"


def picture(path: Path) -> bytes:
    """Raises Unreadable."""
    try:
        content = content_of(path, MAXIMUM_FILE_BYTES)
    except (OSError, ValueError) as exc:
        raise Unreadable(str(exc)) from exc
    if content.startswith(_PNG):
        return drawn(content, "PNG")
    if content[:256].lstrip().startswith(b"/* XPM */") or path.suffix == ".xpm":
        return drawn(content, "XPM")
    if b"<svg" in content[:65536]:
        return drawn(_rasterised(content), "PNG")
    raise Unreadable("neither PNG, SVG nor XPM")


def _rasterised(content: bytes) -> bytes:
    side = str(ICON_SIDE)
    command = ("rsvg-convert", "--format", "png", "--keep-aspect-ratio", "--width", side, "--height", side)
    try:
        done = subprocess.run(
            command, input=content, capture_output=True, timeout=SVG_SECONDS, check=True, cwd="/"
        )
    except (OSError, subprocess.SubprocessError) as exc:
        raise Unreadable(f"rsvg-convert: {exc}") from exc
    return done.stdout

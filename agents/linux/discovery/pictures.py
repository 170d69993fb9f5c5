"""The picture of an icon as a small PNG, drawn anew from what a file holds: PNG, SVG or XPM.

Runs in the process without rights (`__main__.py`). An SVG is drawn by librsvg, from its standard input, so that it has
no folder from which to take other files.
"""

from __future__ import annotations

import io
import subprocess
import warnings
from pathlib import Path

from PIL import Image

from portcullis.desktop.entries import content_of
from portcullis.protocol.discovery import ICON_BYTES, ICON_SIDE

MAXIMUM_FILE_BYTES = 2 << 20
MAXIMUM_SIDE = 2048
SVG_SECONDS = 3.0
SIDES = (ICON_SIDE, 96, 64, 48, 32)
"""The largest whose PNG is small enough is taken."""

_PNG = b"\x89PNG\r\n\x1a\n"


class Unreadable(Exception):
    """No picture can be made of it."""


def picture(path: Path) -> bytes:
    """Raises Unreadable."""
    try:
        content = content_of(path, MAXIMUM_FILE_BYTES)
    except (OSError, ValueError) as exc:
        raise Unreadable(str(exc)) from exc
    if content.startswith(_PNG):
        return _drawn(content, "PNG")
    if content[:256].lstrip().startswith(b"/* XPM */") or path.suffix == ".xpm":
        return _drawn(content, "XPM")
    if b"<svg" in content[:65536]:
        return _drawn(_rasterised(content), "PNG")
    raise Unreadable("neither PNG, SVG nor XPM")


def _drawn(content: bytes, kind: str) -> bytes:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(content), formats=(kind,)) as opened:
                if max(opened.size) > MAXIMUM_SIDE:
                    raise Unreadable("it is too large")
                image = opened.convert("RGBA")
        return _small(image)
    except Unreadable:
        raise
    except Exception as exc:  # whatever a damaged picture makes a decoder raise
        raise Unreadable(repr(exc)) from exc


def _small(image: Image.Image) -> bytes:
    for side in SIDES:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        written = io.BytesIO()
        image.save(written, "PNG", optimize=True)
        if written.tell() <= ICON_BYTES:
            return written.getvalue()
    raise Unreadable("it does not become small enough")


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

"""The picture of an icon as a small PNG, drawn anew from what a file holds. For processes without rights alone."""

from __future__ import annotations

import io
import warnings

from PIL import Image

from portcullis.protocol.discovery import ICON_BYTES, ICON_SIDE

MAXIMUM_SIDE = 2048
SIDES = (ICON_SIDE, 96, 64, 48, 32)
"""The largest whose PNG is small enough is taken."""


class Unreadable(Exception):
    """No picture can be made of it."""


def drawn(content: bytes, kind: str) -> bytes:
    """`kind`: the only format, by Pillow's name, that it may be. Raises Unreadable."""
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

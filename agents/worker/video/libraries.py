"""Debian's libraries for video, by ctypes: what each offers stays loaded once a region has needed it.

Why not a wheel: the ones that hold x264 are a hundred megabytes, are GPL as a whole, and cannot set the quantiser of a
picture (docs/decisions/0018-video-source.md). A library that is missing, or whose binary interface is another than
those known here, is not used: the session goes on without video.
"""

from __future__ import annotations

import ctypes
import functools
import logging
from collections.abc import Sequence

log = logging.getLogger(__name__)


@functools.cache
def load(*names: str) -> ctypes.CDLL | None:
    """The first of these libraries that is there."""
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    log.warning("%s is not installed: video goes without it", " or ".join(names))
    return None


def declare(library: ctypes.CDLL, name: str, arguments: Sequence[object], result: object = None) -> None:
    """The types of a function, kept by its attribute of the library: what is not declared is passed as 32 bits, which
    pointers do not survive. Raises LookupError where it has none such."""
    function = getattr(library, name, None)
    if function is None:
        raise LookupError(f"{name} is in no {library._name}")
    function.argtypes = arguments
    function.restype = result

"""Libraries for video, by ctypes: what each offers stays loaded once a region has needed it.

On Linux they are Debian's. Why not a wheel: the ones that hold x264 are a hundred megabytes, are GPL as a whole, and
cannot set the quantiser of a picture (docs/decisions/0018-video-source.md). Windows has no such libraries of its own,
so there they are the ones within PyAV's wheel, past PyAV. A library that is missing, or whose binary interface is
another than those known here, is not used: the session goes on without video.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

log = logging.getLogger(__name__)

FROM_WHEEL = sys.platform == "win32"


def load(*names: str, wheel: str) -> ctypes.CDLL | None:
    """The first of these libraries that is there. `wheel`: what PyAV's is called but for what its builders add."""
    return _first(wheel, *in_wheel(wheel)) if FROM_WHEEL else _first(" or ".join(names), *names)


def in_wheel(name: str) -> list[str]:
    found = find_spec("av")
    if found is None or found.origin is None:
        return []
    # auditwheel and delvewheel write a hash behind the name; not every one has `lib` before it on Windows.
    folder = Path(found.origin).parent.parent / "av.libs"
    return [str(path) for pattern in (f"lib{name}-*", f"{name}-*") for path in folder.glob(pattern)]


@functools.cache
def _first(title: str, *names: str) -> ctypes.CDLL | None:
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    log.warning("%s is not installed: video goes without it", title)
    return None


def declare(library: ctypes.CDLL, name: str, arguments: Sequence[object], result: object = None) -> None:
    """The types of a function, kept by its attribute of the library: what is not declared is passed as 32 bits, which
    pointers do not survive. Raises LookupError where it has none such."""
    function = getattr(library, name, None)
    if function is None:
        raise LookupError(f"{name} is in no {library._name}")
    function.argtypes = arguments
    function.restype = result

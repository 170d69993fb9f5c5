"""libx264 by ctypes: one encoder whose caller sets the quantiser of each picture.

Only the heads of its structures are used, which are as below in both builds that are accepted (the number stands in the
name of `x264_encoder_open`, so a build with other structures is not taken for one of these); all else is set by name.
"""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Callable, Mapping
from ctypes import POINTER, addressof, byref, c_char, c_char_p, c_int, c_int64, c_uint32, c_void_p
from typing import Any, ClassVar

from agents.worker.video.colour import Plane
from agents.worker.video.libraries import declare, load

_BUILDS = {164: "libx264.so.164", 165: "libx264.so.165"}
_AUTOMATIC, _KEY = 0, 1
I420, I444 = 0x0002, 0x000C
_ROOM = 16 * 1024
"""For the rest of a structure: more than any has."""
_SEQUENCE_PARAMETERS = 7
_AVX512 = 1 << 16
"""Among the flags of x86. A picture of 1920x1080 takes x264 9.1 ms by its code for AVX-512 and 6.5 by that for AVX2,
to the same bytes (measured on a Xeon of 2023, at preset ultrafast)."""


class _Image(ctypes.Structure):
    _fields_: ClassVar = [
        ("format", c_int),
        ("planes", c_int),
        ("stride", c_int * 4),
        ("plane", c_void_p * 4),
    ]


class _Picture(ctypes.Structure):
    _fields_: ClassVar = [
        ("kind", c_int),
        ("quantiser_and_1", c_int),
        ("structure", c_int),
        ("is_key", c_int),
        ("time", c_int64),
        ("decode_time", c_int64),
        ("parameters", c_void_p),
        ("image", _Image),
        ("rest", c_char * _ROOM),
    ]


class _Parameters(ctypes.Structure):
    _fields_: ClassVar = [
        ("cpu", c_uint32),
        ("threads", c_int * 6),
        ("width", c_int),
        ("height", c_int),
        ("format", c_int),
        ("depth", c_int),
        ("rest", c_char * _ROOM),
    ]


class _Unit(ctypes.Structure):
    _fields_: ClassVar = [
        ("reference", c_int),
        ("kind", c_int),
        ("has_long_start", c_int),
        ("first", c_int),
        ("last", c_int),
        ("size", c_int),
        ("data", c_void_p),
        ("padding", c_int),
    ]


class X264:
    def __init__(self, width: int, height: int, image_format: int, settings: Mapping[str, str]) -> None:
        """Raises LookupError where the library is missing, ValueError for what it refuses."""
        self._handle: int | None = None
        self._library, open_encoder = _library()
        parameters = _Parameters()
        if self._library.x264_param_default_preset(byref(parameters), b"ultrafast", b"zerolatency"):
            raise ValueError("a preset is refused")
        if (parameters.format, parameters.depth) != (I420, 8):
            raise LookupError("the structures of libx264 are not the known ones")
        if platform.machine() in ("x86_64", "AMD64"):
            parameters.cpu &= ~_AVX512
        parameters.width, parameters.height, parameters.format = width, height, image_format
        for name, value in settings.items():
            if self._library.x264_param_parse(byref(parameters), name.encode(), value.encode()):
                raise ValueError(f"{name} is refused")
        self._handle = open_encoder(byref(parameters))
        if not self._handle:
            raise ValueError(f"{width}x{height} is refused")
        self._picture, self._out = _Picture(), _Picture()
        self._library.x264_picture_init(byref(self._picture))
        self._picture.image.format, self._picture.image.planes = image_format, 3
        self._units, self._count = POINTER(_Unit)(), c_int()

    def sequence_parameters(self) -> bytes:
        """The SPS without its start code."""
        if self._library.x264_encoder_headers(self._handle, byref(self._units), byref(self._count)) > 0:
            for unit in self._units[: self._count.value]:
                if unit.kind == _SEQUENCE_PARAMETERS:
                    data = ctypes.string_at(unit.data, unit.size)
                    return data[4 if unit.has_long_start else 3 :]
        raise ValueError("no SPS is given")

    def encode(self, planes: list[Plane], quantiser: int, *, is_key: bool) -> bytes:
        """The access unit of the picture; empty when there is none."""
        picture = self._picture
        picture.kind = _KEY if is_key else _AUTOMATIC
        picture.quantiser_and_1 = quantiser + 1
        picture.time += 1
        for at, plane in enumerate(planes):
            picture.image.plane[at], picture.image.stride[at] = plane.address, plane.stride
        size = self._library.x264_encoder_encode(
            self._handle, byref(self._units), byref(self._count), addressof(picture), addressof(self._out)
        )
        # What its units point at lies in one piece, as x264.h promises.
        return ctypes.string_at(self._units[0].data, size) if size > 0 else b""

    def close(self) -> None:
        handle, self._handle = self._handle, None
        if handle:
            self._library.x264_encoder_close(handle)


def _library() -> tuple[ctypes.CDLL, Callable[..., int | None]]:
    """With its `x264_encoder_open`, whose name says the build."""
    library = load(*_BUILDS.values(), wheel="x264")
    if library is None:
        raise LookupError("libx264")
    build = next((one for one in _BUILDS if hasattr(library, f"x264_encoder_open_{one}")), None)
    if build is None:
        raise LookupError("libx264 of another build")
    out: list[Any] = [POINTER(POINTER(_Unit)), POINTER(c_int)]
    declare(library, "x264_param_default_preset", [POINTER(_Parameters), c_char_p, c_char_p], c_int)
    declare(library, "x264_param_parse", [POINTER(_Parameters), c_char_p, c_char_p], c_int)
    declare(library, "x264_picture_init", [POINTER(_Picture)])
    declare(library, f"x264_encoder_open_{build}", [POINTER(_Parameters)], c_void_p)
    declare(library, "x264_encoder_headers", [c_void_p, *out], c_int)
    declare(library, "x264_encoder_encode", [c_void_p, *out, c_void_p, c_void_p], c_int)
    declare(library, "x264_encoder_close", [c_void_p])
    return library, getattr(library, f"x264_encoder_open_{build}")

"""libvpx by ctypes: one encoder of VP8 or VP9 in its mode for real time, at a bounded rate.

The library refuses callers whose structures are of another version than its own; the part of them that is used is as
below in both that are accepted.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from ctypes import POINTER, byref, c_char, c_char_p, c_int, c_int64, c_size_t, c_uint, c_ulong, c_void_p
from typing import ClassVar

from agents.worker.video.libraries import declare, load

_LIBRARY = "libvpx.so.7"
_VERSIONS = (25, 39)
"""Of its structures: that of Debian 12's, and that of the one in PyAV's wheel."""
_I420, _CONTIGUOUS = 0x102, 1
_FORCE_KEY, _REALTIME_DEADLINE, _PACKET_OF_A_PICTURE = 1, 1, 0
_ANOTHER_VERSION = 3
_CONSTANT_RATE, _KEYS_BY_CALLER = 1, 0


class _Configuration(ctypes.Structure):
    _fields_: ClassVar = [
        ("usage", c_uint),
        ("threads", c_uint),
        ("profile", c_uint),
        ("width", c_uint),
        ("height", c_uint),
        ("depth", c_uint * 2),
        ("timebase", c_int * 2),
        ("error_resilient", c_uint),
        ("passes", c_uint),
        ("lag", c_uint),
        ("drop_threshold", c_uint),
        ("resizing", c_uint * 5),
        ("end_usage", c_uint),
        ("statistics", c_size_t * 4),
        ("kilobits", c_uint),
        ("least_quantizer", c_uint),
        ("largest_quantizer", c_uint),
        ("undershoot", c_uint),
        ("overshoot", c_uint),
        ("buffer_ms", c_uint),
        ("buffer_initial_ms", c_uint),
        ("buffer_optimal_ms", c_uint),
        ("two_pass", c_uint * 4),
        ("key_mode", c_uint),
        ("key_least", c_uint),
        ("key_largest", c_uint),
        ("rest", c_char * 1024),
    ]


class _Packet(ctypes.Structure):
    _fields_: ClassVar = [("kind", c_int), ("data", c_void_p), ("size", c_size_t)]


class Libvpx:
    def __init__(
        self, width: int, height: int, *, is_vp9: bool, kilobits: int, controls: Mapping[int, int]
    ) -> None:
        """`controls`: by their numbers in vp8cx.h. Raises LookupError without the library, ValueError if it refuses."""
        self._image: int | None = None
        self._context: ctypes.Array[c_char] | None = None
        self._library = library = _library()
        interface = library.vpx_codec_vp9_cx() if is_vp9 else library.vpx_codec_vp8_cx()
        self._configuration = one = _Configuration()
        self._require(library.vpx_codec_enc_config_default(interface, byref(one), 0), "the configuration")
        one.width, one.height, one.threads = width, height, 1
        one.timebase[:] = 1, 1000
        one.lag = one.drop_threshold = 0
        one.end_usage, one.key_mode, one.kilobits = _CONSTANT_RATE, _KEYS_BY_CALLER, kilobits
        one.least_quantizer, one.largest_quantizer = 12, 60
        one.undershoot, one.overshoot = 50, 50
        one.buffer_ms, one.buffer_initial_ms, one.buffer_optimal_ms = 500, 250, 300
        context = ctypes.create_string_buffer(256)
        opened = (
            library.vpx_codec_enc_init_ver(context, interface, byref(one), 0, each) for each in _VERSIONS
        )
        self._require(next((one for one in opened if one != _ANOTHER_VERSION), _ANOTHER_VERSION), "the size")
        self._context = context
        for control, value in controls.items():
            self._require(library.vpx_codec_control_(context, c_int(control), c_int(value)), f"{control}")
        self._size = width, height
        self._last_ms = -1

    def set_rate(self, kilobits: int) -> None:
        if self._configuration.kilobits != kilobits:
            self._configuration.kilobits = kilobits
            self._library.vpx_codec_enc_config_set(self._context, byref(self._configuration))

    def encode(self, address: int, at_ms: int, *, is_key: bool) -> bytes:
        """The packets of the picture whose planes lie there one behind the other; empty when there is none."""
        if self._image is None:
            self._image = self._library.vpx_img_wrap(None, _I420, *self._size, _CONTIGUOUS, address)
        self._last_ms, before = max(at_ms, self._last_ms + 1), self._last_ms
        flags = _FORCE_KEY if is_key else 0
        duration = max(1, min(100, self._last_ms - before))
        if self._library.vpx_codec_encode(
            self._context, self._image, self._last_ms, duration, flags, _REALTIME_DEADLINE
        ):
            return b""
        data, place = b"", c_void_p()
        while packet := self._library.vpx_codec_get_cx_data(self._context, byref(place)):
            if packet.contents.kind == _PACKET_OF_A_PICTURE:
                data += ctypes.string_at(packet.contents.data, packet.contents.size)
        return data

    def close(self) -> None:
        image, self._image = self._image, None
        context, self._context = self._context, None
        if image is not None:
            self._library.vpx_img_free(image)
        if context is not None:
            self._library.vpx_codec_destroy(context)

    def _require(self, result: int, what: str) -> None:
        if result:
            self.close()
            raise ValueError(f"{what} is refused by libvpx: {result}")


def _library() -> ctypes.CDLL:
    library = load(_LIBRARY, wheel="vpx")
    if library is None:
        raise LookupError("libvpx")
    context = c_char_p
    declare(library, "vpx_codec_vp8_cx", [], c_void_p)
    declare(library, "vpx_codec_vp9_cx", [], c_void_p)
    configuration = POINTER(_Configuration)
    declare(library, "vpx_codec_enc_config_default", [c_void_p, configuration, c_uint], c_int)
    declare(
        library, "vpx_codec_enc_init_ver", [context, c_void_p, configuration, ctypes.c_long, c_int], c_int
    )
    declare(library, "vpx_codec_enc_config_set", [context, configuration], c_int)
    declare(library, "vpx_codec_control_", [context, c_int], c_int)
    declare(library, "vpx_img_wrap", [c_void_p, c_int, c_uint, c_uint, c_uint, c_void_p], c_void_p)
    declare(library, "vpx_img_free", [c_void_p])
    declare(
        library,
        "vpx_codec_encode",
        [context, c_void_p, c_int64, c_ulong, ctypes.c_long, c_ulong],
        c_int,
    )
    declare(library, "vpx_codec_get_cx_data", [context, POINTER(c_void_p)], POINTER(_Packet))
    declare(library, "vpx_codec_destroy", [context], c_int)
    return library

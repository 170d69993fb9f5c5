"""Each encoder with its real library, decoded by PyAV: one access unit a picture, of any size and content."""

from __future__ import annotations

import ctypes
import itertools
import subprocess
import sys
from functools import partial

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.worker.video import libraries, x264
from agents.worker.video.contract import LARGEST, SMALLEST, VideoFailed, open_encoder
from agents.worker.video.h264 import H264Encoder
from agents.worker.video.vpx import VpxEncoder
from portcullis.protocol import operations as o
from tests.support.moving_pictures import Decoder, moving, psnr

ALL = frozenset({"h264", "vp9", "vp8"})
EVERY_BIT = o.VIDEO_H264 | o.VIDEO_H264_444 | o.VIDEO_VP8 | o.VIDEO_VP9


def from_wheel(encoder):
    """With the libraries that there are on Windows; PyAV's wheel for this system holds the same."""

    def opened(*arguments, **named):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(libraries, "FROM_WHEEL", True)
            return encoder(*arguments, **named)

    return opened


ENCODERS = {
    "H.264": partial(H264Encoder, full_colour=False),
    "H.264 4:4:4": partial(H264Encoder, full_colour=True),
    "VP8": partial(VpxEncoder, is_vp9=False),
    "VP9": partial(VpxEncoder, is_vp9=True),
}
ENCODERS |= {f"{name} of a wheel": from_wheel(encoder) for name, encoder in ENCODERS.items()}
DECODERS = {name: "h264" if name.startswith("H.264") else name[:3].lower() for name in ENCODERS}


def clock():
    """A sixtieth of a second a picture."""
    return partial(next, (number / 60 for number in itertools.count()))


@pytest.mark.parametrize("name", ENCODERS)
@settings(max_examples=8, deadline=None)
@given(
    width=st.integers(SMALLEST, 400),
    height=st.integers(SMALLEST, 300),
    seed=st.integers(0, 1000),
    keys=st.sets(st.integers(1, 5)),
)
def test_each_picture_is_one_unit_that_decodes_at_once_to_what_it_was(name, width, height, seed, keys):
    encoder, decoder = ENCODERS[name](width, height, clock=clock()), Decoder(DECODERS[name])
    for number, pixels in enumerate(moving(width, height, 6, seed)):
        unit = encoder.encode(pixels, key=number in keys, quality=1.0)
        picture = decoder.picture(unit)
        assert picture.shape[1::-1] == encoder.coded_size
        assert psnr(picture, pixels) > 30
    encoder.close()


@pytest.mark.parametrize("name", ENCODERS)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 1000), qualities=st.lists(st.floats(0, 1), min_size=4, max_size=12))
def test_noise_at_any_quality_still_decodes_picture_by_picture(name, seed, qualities):
    rng = np.random.default_rng(seed)
    encoder, decoder = ENCODERS[name](96, 80, clock=clock()), Decoder(DECODERS[name])
    for quality in qualities:
        pixels = rng.integers(0, 1 << 32, (80, 96), dtype=np.uint32)
        assert decoder.picture(encoder.encode(pixels, key=False, quality=quality)).shape == (80, 96, 3)
    encoder.close()


@pytest.mark.parametrize("name", [name for name in ENCODERS if DECODERS[name] == "h264"])
def test_a_decoder_may_start_at_any_key_frame(name):
    encoder = ENCODERS[name](64, 64, clock=clock())
    pictures = moving(64, 64, 4, 1)
    units = [encoder.encode(pixels, key=number == 2, quality=1.0) for number, pixels in enumerate(pictures)]
    assert psnr(Decoder(DECODERS[name]).picture(units[2]), pictures[2]) > 30
    with pytest.raises((av.error.FFmpegError, ValueError)):
        Decoder(DECODERS[name]).picture(units[3])
    for unit in (units[0], units[2]):
        kinds = [part[0] & 31 for part in unit.split(b"\0\0\1")[1:]]
        assert kinds.index(7) < kinds.index(8) < kinds.index(5), "SPS and PPS stand before the picture"


def test_full_colour_keeps_edges_that_4_2_0_blurs():
    y, x = np.mgrid[0:64, 0:64]
    pixels = np.where((x + y) % 2, 0xFF0000, 0x0000FF).astype(np.uint32)
    found = {}
    for name in ("H.264", "H.264 4:4:4"):
        encoder = ENCODERS[name](64, 64, clock=clock())
        found[name] = psnr(
            Decoder(DECODERS[name]).picture(encoder.encode(pixels, key=True, quality=1.0)), pixels
        )
        encoder.close()
    assert found["H.264 4:4:4"] > found["H.264"] + 10


@pytest.mark.parametrize("name", ENCODERS)
def test_less_quality_is_fewer_bytes(name):
    sizes, pictures = [], moving(320, 240, 16, 3, grain=12)
    for quality in (1.0, 0.5, 0.0):
        encoder = ENCODERS[name](320, 240, clock=clock())
        units = [encoder.encode(one, key=False, quality=quality) for one in pictures]
        sizes.append(sum(map(len, units)))
    assert sizes[0] > 1.5 * sizes[2], sizes


def test_the_stream_says_which_colours_it_has():
    encoder = H264Encoder(64, 64, full_colour=False)
    decoder = av.CodecContext.create("h264", "r")
    (frame,) = decoder.decode(av.Packet(encoder.encode(moving(64, 64, 1, 0)[0], key=True, quality=1.0)))
    smpte170m, limited = 6, 1
    assert (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range) == (
        smpte170m,
        smpte170m,
        smpte170m,
        limited,
    )


@pytest.mark.parametrize("name", ENCODERS)
def test_pixels_of_another_size_or_after_the_end_fail_for_good_reason(name):
    encoder = ENCODERS[name](64, 48)
    with pytest.raises(VideoFailed, match="64"):
        encoder.encode(np.zeros((64, 48), np.uint32), key=False, quality=1.0)
    encoder.close()
    encoder.close()
    with pytest.raises(VideoFailed, match="closed"):
        encoder.encode(np.zeros((48, 64), np.uint32), key=False, quality=1.0)


@pytest.mark.parametrize("quality", [-1.0, 2.0, 1e9])
def test_a_quality_beyond_its_bounds_is_the_next_one_within(quality):
    for name in ENCODERS:
        encoder = ENCODERS[name](64, 48, clock=clock())
        assert encoder.encode(np.zeros((48, 64), np.uint32), key=False, quality=quality)


@pytest.mark.parametrize(
    ("video", "allowed", "chosen"),
    [
        (EVERY_BIT, ALL, "H.264 4:4:4"),
        (o.VIDEO_H264, ALL, "H.264"),
        (o.VIDEO_VP8 | o.VIDEO_VP9, ALL, "VP9"),
        (EVERY_BIT, frozenset({"vp8"}), "VP8"),
        (0, ALL, None),
        (EVERY_BIT, frozenset(), None),
    ],
)
def test_the_best_that_client_and_host_have_in_common_is_chosen(video, allowed, chosen):
    encoder = open_encoder(320, 200, video, allowed=allowed)
    assert (encoder.name if encoder else None) == chosen


def test_a_large_region_is_4_2_0_or_goes_without():
    assert open_encoder(1920, 1080, EVERY_BIT, allowed=ALL).name == "H.264"
    assert open_encoder(1920, 1080, o.VIDEO_H264_444, allowed=ALL) is None


@pytest.mark.parametrize("size", [(SMALLEST - 1, 64), (64, 1), (0, 0), (LARGEST + 1, 64), (64, 16385)])
def test_a_size_that_no_decoder_takes_opens_nothing(size):
    assert open_encoder(*size, EVERY_BIT, allowed=ALL) is None


def test_the_largest_screen_is_encoded_or_refused_but_never_breaks():
    encoder = open_encoder(LARGEST, SMALLEST, EVERY_BIT, allowed=ALL)
    assert encoder is not None
    assert encoder.encode(np.zeros((SMALLEST, LARGEST), np.uint32), key=False, quality=1.0)


def test_without_x264_the_next_codec_is_taken(monkeypatch):
    monkeypatch.setattr(x264, "load", lambda *names, wheel: None)
    assert open_encoder(320, 200, EVERY_BIT, allowed=ALL).name == "VP9"


def test_a_library_of_another_build_is_not_used(monkeypatch):
    monkeypatch.setattr(x264, "_BUILDS", {999: "libx264.so.164"})
    with pytest.raises(LookupError, match="build"):
        H264Encoder(64, 64, full_colour=False)


def test_x264_uses_all_of_the_processor_but_avx_512():
    encoder = H264Encoder(64, 64, full_colour=False)
    library, own = encoder._x264._library, x264._Parameters()
    library.x264_encoder_parameters(ctypes.c_void_p(encoder._x264._handle), ctypes.byref(own))
    found = x264._Parameters()
    library.x264_param_default(ctypes.byref(found))
    assert own.cpu and own.cpu == found.cpu & ~(1 << 16)


def test_what_a_library_refuses_opens_nothing(monkeypatch):
    monkeypatch.setattr("agents.worker.video.h264._SETTINGS", {"fps": "nonsense"})
    assert open_encoder(64, 64, o.VIDEO_H264, allowed=ALL) is None


def test_a_function_that_a_library_lacks_is_a_missing_library():
    with pytest.raises(LookupError, match="sing"):
        libraries.declare(libraries.load("libyuv.so.0", wheel="yuv"), "sing", [])


def test_a_wheel_has_no_libyuv_and_without_a_wheel_there_is_no_library(monkeypatch):
    monkeypatch.setattr(libraries, "FROM_WHEEL", True)
    assert libraries.load("libyuv.so.0", wheel="yuv") is None
    monkeypatch.setattr(libraries, "find_spec", lambda name: None)
    assert open_encoder(320, 200, EVERY_BIT, allowed=ALL) is None


def test_no_codec_is_loaded_before_a_region_opens():
    program = (
        "from agents.worker.video.contract import open_encoder\n"
        "open_encoder(8, 8, 15, allowed=frozenset({'h264'}))\n"
        "maps = open('/proc/self/maps').read()\n"
        "print([name for name in ('x264', 'libvpx', 'libyuv') if name in maps])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_encoder_gives_its_memory_back():
    program = (
        "import numpy as np\n"
        "from agents.worker.video.h264 import H264Encoder\n"
        "def kilobytes(): return int(open('/proc/self/statm').read().split()[1]) * 4\n"
        "picture = np.zeros((1080, 1920), np.uint32)\n"
        "def film():\n"
        "    encoder = H264Encoder(1920, 1080, full_colour=False)\n"
        "    encoder.encode(picture, key=True, quality=1.0)\n"
        "    encoder.close()\n"
        "film()\n"
        "before = kilobytes()\n"
        "for _ in range(5): film()\n"
        "print(kilobytes() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 8 * 1024

"""The adapter's encoder, with libx264 in the adapter's place: what opens is tried out before it is believed."""

from __future__ import annotations

import numpy as np
import pytest

from agents.worker.video import hardware, libraries
from agents.worker.video.contract import VideoFailed
from agents.worker.video.hardware import KINDS, HardwareEncoder, Kind, open_hardware
from tests.support.moving_pictures import Decoder, moving, psnr

OPTIONS = {"preset": "ultrafast", "tune": "zerolatency", "forced-idr": "1"}
IN_ITS_PLACE = Kind("libx264", OPTIONS, "yuv420p")


@pytest.fixture(autouse=True)
def _nothing_has_failed(monkeypatch):
    monkeypatch.setattr(hardware, "_failed", set())
    monkeypatch.setattr(libraries, "FROM_WHEEL", True)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "nv12"])
@pytest.mark.parametrize("size", [(1280, 720), (1023, 517)])
def test_each_picture_is_one_unit_that_decodes_at_once_to_what_it_was(pixel_format, size):
    encoder = open_hardware(*size, (Kind("libx264", OPTIONS, pixel_format),))
    assert encoder.codec.startswith("avc1.") and len(encoder.codec) == 11
    decoder = Decoder("h264")
    for number, pixels in enumerate(moving(*size, 6, 1)):
        picture = decoder.picture(encoder.encode(pixels, key=number == 3, quality=1.0))
        assert picture.shape[1::-1] == encoder.coded_size
        assert psnr(picture, pixels) > 30


def test_a_decoder_may_start_at_any_key_frame():
    encoder, pictures = open_hardware(320, 192, (IN_ITS_PLACE,)), moving(320, 192, 4, 1)
    units = [encoder.encode(pixels, key=number == 2, quality=1.0) for number, pixels in enumerate(pictures)]
    assert psnr(Decoder("h264").picture(units[2]), pictures[2]) > 28


def test_less_quality_is_fewer_bytes():
    sizes = []
    for quality in (1.0, 0.0):
        encoder = open_hardware(320, 240, (IN_ITS_PLACE,))
        sizes.append(
            sum(len(encoder.encode(one, key=False, quality=quality)) for one in moving(320, 240, 24, 3, 40))
        )
    assert sizes[0] > 1.5 * sizes[1]


def test_without_an_adapter_nothing_opens_and_nothing_is_asked_twice(monkeypatch):
    with pytest.raises(LookupError):
        open_hardware(1280, 720)
    assert hardware._failed == {kind.codec for kind in KINDS}
    monkeypatch.setattr(hardware, "HardwareEncoder", lambda *_: pytest.fail("it is asked again"))
    with pytest.raises(LookupError):
        open_hardware(1280, 720)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"tune": "film"}, "gave 0 units"),
        ({"x264-params": "repeat-headers=0:annexb=0"}, "parameter sets"),
        ({"preset": "none of these"}, "does not open"),
    ],
)
def test_an_encoder_that_would_not_serve_is_passed_over(options, why, caplog):
    caplog.set_level("DEBUG", "agents.worker.video.hardware")
    with pytest.raises(LookupError):
        open_hardware(320, 192, (Kind("libx264", OPTIONS | options, "yuv420p"),))
    assert why in caplog.text


def test_an_encoder_that_gives_another_picture_is_passed_over(monkeypatch, caplog):
    caplog.set_level("DEBUG", "agents.worker.video.hardware")
    unit = HardwareEncoder._unit

    def of_another(self, context, *, is_key):
        self._planes.luma.samples[:] = 255 - self._planes.luma.samples
        try:
            return unit(self, context, is_key=is_key)
        finally:
            self._planes.luma.samples[:] = 255 - self._planes.luma.samples

    monkeypatch.setattr(HardwareEncoder, "_unit", of_another)
    with pytest.raises(LookupError):
        open_hardware(320, 192, (IN_ITS_PLACE,))
    assert "another picture" in caplog.text


def test_the_one_behind_it_is_taken():
    kinds = (Kind("no_such_encoder", {}), Kind("h264_nvenc", {}), IN_ITS_PLACE)
    assert isinstance(open_hardware(320, 192, kinds), HardwareEncoder)


def test_one_that_fails_in_the_middle_ends_its_region_and_is_not_taken_again(monkeypatch):
    encoder = open_hardware(320, 192, (IN_ITS_PLACE,))
    monkeypatch.setattr(encoder, "_context", Silent(encoder._context.time_base))
    with pytest.raises(VideoFailed, match="0 units"):
        encoder.encode(np.zeros((192, 320), np.uint32), key=False, quality=1.0)
    with pytest.raises(LookupError):
        open_hardware(320, 192, (IN_ITS_PLACE,))


class Silent:
    def __init__(self, time_base) -> None:
        self.time_base = time_base

    def encode(self, frame) -> list:
        return []


def test_pixels_of_another_size_or_after_the_end_fail_for_good_reason():
    encoder = open_hardware(320, 192, (IN_ITS_PLACE,))
    with pytest.raises(VideoFailed, match="320"):
        encoder.encode(np.zeros((10, 10), np.uint32), key=False, quality=1.0)
    encoder.close()
    encoder.close()
    with pytest.raises(VideoFailed, match="closed"):
        encoder.encode(np.zeros((192, 320), np.uint32), key=False, quality=1.0)

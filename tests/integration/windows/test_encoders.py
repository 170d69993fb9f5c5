"""What Windows encodes with the libraries within PyAV's wheel, as a decoder here sees it."""

from __future__ import annotations

import base64
import json

from tests.support import windows_encoders
from tests.support.moving_pictures import Decoder, psnr
from tests.support.wine import Wine

EXPECTED = {
    "full colour": ("H.264 4:4:4", "h264"),
    "beyond what an adapter is asked for": ("H.264", "h264"),
    "VP9": ("VP9", "vp9"),
    "VP8": ("VP8", "vp8"),
}


def test_each_encoder_gives_pictures_that_decode_at_once_to_what_they_were(windows: Wine) -> None:
    """No adapter is under Wine: the software stands in for it."""
    printed = windows.python("-m", "tests.support.windows_encoders").stdout
    found = {title: rest for title, *rest in map(json.loads, printed.splitlines())}
    assert found.keys() == EXPECTED.keys()
    for title, (name, codec) in EXPECTED.items():
        said, _, coded_size, units = found[title]
        assert said == name
        decoder = Decoder(codec)
        width, height, _ = windows_encoders.FILMS[title]
        for unit, pixels in zip(units, windows_encoders.film(width, height), strict=True):
            picture = decoder.picture(base64.b64decode(unit))
            assert list(picture.shape[1::-1]) == coded_size
            assert psnr(picture, pixels) > 30

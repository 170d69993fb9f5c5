"""Run by the Windows interpreter: `python windows_encoders.py` opens each kind of encoder there and encodes a film.

What it prints, a line each: the encoder's name, codec and coded size, and its pictures in base64.
"""

from __future__ import annotations

import base64
import json

from agents.worker.video.contract import open_encoder
from portcullis.protocol import operations as o
from tests.support.moving_pictures import moving

FILMS = {
    "full colour": (323, 241, o.VIDEO_H264 | o.VIDEO_H264_444),
    "beyond what an adapter is asked for": (1024, 768, o.VIDEO_H264),
    "VP9": (320, 200, o.VIDEO_VP9),
    "VP8": (320, 200, o.VIDEO_VP8),
}
PICTURES, SEED = 4, 5


def film(width: int, height: int):
    return moving(width, height, PICTURES, SEED)


def main() -> None:
    for title, (width, height, video) in FILMS.items():
        encoder = open_encoder(width, height, video, allowed=frozenset({"h264", "vp8", "vp9"}))
        assert encoder is not None, title
        units = [
            encoder.encode(one, key=number == 2, quality=1.0)
            for number, one in enumerate(film(width, height))
        ]
        encoded = [base64.b64encode(unit).decode() for unit in units]
        print(json.dumps([title, encoder.name, encoder.codec, encoder.coded_size, encoded]))
        encoder.close()


if __name__ == "__main__":
    main()

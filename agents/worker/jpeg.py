"""A still photograph at once: JPEG is a tenth of its exact tiles, which follow when it rests.

Quality 90 with whole colours is 40 dB and more. The library is imported when the first photograph is shown.
"""

from __future__ import annotations

import numpy as np

from agents.worker.damage import Pixels

QUALITY = 90
LARGEST_SIDE = 65500


def encode_jpeg(pixels: Pixels) -> bytes:
    """A baseline JPEG of exactly these pixels' size."""
    from simplejpeg import encode_jpeg as encode

    height, width = pixels.shape
    bgrx = np.ascontiguousarray(pixels).view(np.uint8).reshape(height, width, 4)
    data: bytes = encode(bgrx, quality=QUALITY, colorspace="BGRX", colorsubsampling="444", fastdct=True)
    return data

"""A still photograph at once: JPEG is a tenth of its exact tiles, which follow when it rests.

Quality 90 with whole colours is 40 dB and more; a path that carries little gets less until it is made exact. The
library is imported when the first photograph is shown.
"""

from __future__ import annotations

import numpy as np

from agents.worker.damage import Pixels

BEST, LEAST = 90, 50


def encode_jpeg(pixels: Pixels, quality: float = 1.0) -> bytes:
    """A baseline JPEG of exactly these pixels' size. `quality`: 0 to 1."""
    from simplejpeg import encode_jpeg as encode

    height, width = pixels.shape
    bgrx = np.ascontiguousarray(pixels).view(np.uint8).reshape(height, width, 4)
    data: bytes = encode(
        bgrx,
        quality=round(LEAST + (BEST - LEAST) * quality),
        colorspace="BGRX",
        colorsubsampling="444",
        fastdct=True,
    )
    return data

"""What the encoders make of flat colours, decoded by real Chromium: as exact as eight bits of limited range allow."""

from __future__ import annotations

import base64
import itertools
from functools import partial

import numpy as np
import pytest

from agents.worker.video.h264 import H264Encoder
from agents.worker.video.vpx import VpxEncoder
from tests.integration.web_client.conftest import Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

COLOURS = [
    (0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255), (255, 0, 255),
    (128, 128, 128), (37, 150, 190), (246, 139, 30), (24, 26, 27), (250, 251, 252), (198, 40, 40), (27, 94, 32),
]  # fmt: skip
SIDE = 128
LARGEST_ERROR = 4
"""Of one channel. A wrong matrix is off by 39 (research: a stream that says nothing of its colours)."""
BT601 = {"primaries": "smpte170m", "transfer": "smpte170m", "matrix": "smpte170m", "fullRange": False}
DECODE = """async ({codec, colorSpace, units}) => {
    const found = [];
    let failure = null;
    const decoder = new VideoDecoder({
        output: async (frame) => {
            const pixels = new Uint8Array(frame.allocationSize({format: "RGBA"}));
            found.push(frame.copyTo(pixels, {format: "RGBA"}).then((layout) => {
                const at = layout[0].stride * 64 + 64 * 4;
                frame.close();
                return [...pixels.subarray(at, at + 3)];
            }));
        },
        error: (error) => { failure = String(error); },
    });
    decoder.configure({codec, colorSpace, optimizeForLatency: true});
    for (const [number, unit] of units.entries()) {
        const data = Uint8Array.from(atob(unit), (character) => character.charCodeAt(0));
        decoder.decode(new EncodedVideoChunk({type: "key", timestamp: number * 16667, duration: 16667, data}));
    }
    await decoder.flush();
    decoder.close();
    return {failure, colours: await Promise.all(found)};
}"""


CLOCK = partial(next, itertools.count())
"""A second a picture: the rate bounds nothing."""
ENCODERS = {
    "H.264": partial(H264Encoder, full_colour=False),
    "H.264 4:4:4": partial(H264Encoder, full_colour=True),
    "VP8": partial(VpxEncoder, is_vp9=False),
    "VP9": partial(VpxEncoder, is_vp9=True),
}


@pytest.mark.parametrize("name", ENCODERS)
async def test_chromium_shows_flat_colours_as_they_were(visit: Visit, name: str):
    encoder = ENCODERS[name](SIDE, SIDE, clock=CLOCK)
    units = [
        encoder.encode(
            np.full((SIDE, SIDE), (red << 16) | (green << 8) | blue, np.uint32), key=True, quality=1.0
        )
        for red, green, blue in COLOURS
    ]
    encoder.close()
    page = await visit.page()
    await page.goto(visit.portal.url)
    # VP8 says nothing of its colours: the client tells the decoder what VIDEO_CONFIG says. The others must say it.
    space = BT601 if name == "VP8" else {}
    given = {
        "codec": encoder.codec,
        "colorSpace": space,
        "units": [base64.b64encode(unit).decode() for unit in units],
    }
    decoded = await page.evaluate(DECODE, given)
    assert decoded["failure"] is None and len(decoded["colours"]) == len(COLOURS)
    errors = np.abs(np.array(decoded["colours"]) - np.array(COLOURS)).max(axis=1)
    assert errors.max() <= LARGEST_ERROR, list(zip(COLOURS, decoded["colours"], strict=True))

"""How much of a page one frame takes, where the path is thin."""

import numpy as np

from agents.worker.encoder import FrameEncoder
from portcullis.protocol.operations import OPERATIONS

DRAWS = sum(1 << operation.KIND for operation in OPERATIONS)
WIDTH, HEIGHT = 1280, 240


def test_frame_of_a_small_budget_has_a_line_of_a_page_and_the_rest_follows():
    ink = np.random.default_rng(1).random((HEIGHT, WIDTH)) < 0.08
    page = np.where(ink, np.uint32(0x203040), np.uint32(0xF0F0E0)).astype(np.uint32)

    def read(box, out):
        out[:] = page[box.y : box.y + box.height, box.x : box.x + box.width]

    encoder = FrameEncoder(read, WIDTH, HEIGHT, DRAWS)
    boxes, frames = [encoder.forget()], []
    while boxes:
        encoded = encoder.encode(boxes, 1024)
        frames.append(sum(map(len, encoded.operations)))
        left = sum(box.pixels for box in encoded.rest)
        assert left < sum(box.pixels for box in boxes), "each takes some"
        boxes = encoded.rest
    whole = sum(frames)
    assert max(frames) <= whole / (HEIGHT // 16)

"""Operations give the picture exactly, only where it differs, within the budget."""

import numpy as np
import zstandard

from agents.worker.damage import Box, area
from agents.worker.encoder import FrameEncoder
from portcullis.protocol import messages as m
from portcullis.protocol import operations as o
from tests.support.simulated_view import photograph, text
from tests.support.viewer import Viewer, rgb

WIDTH, HEIGHT = 320, 200
ALL = Box(0, 0, WIDTH, HEIGHT)


class Screen:
    def __init__(self):
        self.pixels = np.zeros((HEIGHT, WIDTH), np.uint32)
        self.seen = np.full((HEIGHT, WIDTH, 3), 99, np.uint8)
        self.encoder = FrameEncoder(self.read, WIDTH, HEIGHT)

    def read(self, box, into):
        into[:] = self.pixels[box.y : box.y + box.height, box.x : box.x + box.width]

    def encode(self, *boxes, budget=1 << 30):
        encoded = self.encoder.encode(boxes, budget)
        frame = m.decode(m.frame_payload(1, 0, 0, encoded.operations))[0]
        for operation in frame.operations:
            rows = slice(operation.y, operation.y + operation.height)
            columns = slice(operation.x, operation.x + operation.width)
            if isinstance(operation, o.Fill):
                self.seen[rows, columns] = (operation.red, operation.green, operation.blue)
            else:
                data = zstandard.ZstdDecompressor().decompress(operation.data)
                shape = (operation.height, operation.width, 3)
                self.seen[rows, columns] = np.frombuffer(data, np.uint8).reshape(shape)
        return frame.operations, encoded.rest

    @property
    def rgb(self):
        return np.stack([self.pixels >> shift & 255 for shift in (16, 8, 0)], axis=2)


def noise(screen, box=ALL, seed=1):
    generator = np.random.default_rng(seed)
    area = slice(box.y, box.y + box.height), slice(box.x, box.x + box.width)
    screen.pixels[area] = generator.integers(0, 1 << 24, (box.height, box.width), dtype=np.uint32)


def test_first_frame_is_whole_also_where_the_screen_is_black():
    screen = Screen()
    operations, rest = screen.encode(ALL)
    assert (screen.seen == 0).all()
    assert {type(operation) for operation in operations} == {o.Fill}
    assert rest == []


def test_picture_that_rested_goes_on_exactly():
    screen = Screen()
    noise(screen)
    screen.encode(ALL)
    screen.encoder.rest()
    noise(screen, Box(3, 5, 20, 30), seed=2)
    operations, _ = screen.encode(Box(3, 5, 20, 30))
    noise(screen, Box(0, 0, 300, 200), seed=3)
    screen.encode(ALL)
    assert len(operations) == 1
    assert (screen.seen == screen.rgb).all()


def test_noise_is_exact():
    screen = Screen()
    noise(screen)
    screen.encode(ALL)
    assert (screen.seen == screen.rgb).all()


def test_what_did_not_change_is_not_sent_again():
    screen = Screen()
    noise(screen)
    screen.encode(ALL)
    assert screen.encode(ALL) == ((), [])
    noise(screen, Box(100, 50, 7, 3), seed=2)
    operations, _ = screen.encode(ALL)
    assert [(o.x, o.y, o.width, o.height) for o in operations] == [(100, 50, 7, 3)]


def test_budget_leaves_a_rest_that_is_sent_fresh_later():
    screen = Screen()
    noise(screen, Box(0, 0, 10, 10))
    noise(screen, Box(200, 150, 10, 10))
    screen.encoder.encode([ALL], 1 << 30)
    noise(screen, Box(0, 0, 10, 10), seed=3)
    noise(screen, Box(200, 150, 10, 10), seed=3)
    operations, rest = screen.encode(ALL, budget=1)
    assert len(operations) == 1
    assert rest == [Box(200, 150, 10, 10)]
    noise(screen, Box(200, 150, 10, 10), seed=4)
    screen.encode(*rest)
    assert (screen.seen[150:160, 200:210] == screen.rgb[150:160, 200:210]).all()


def test_forgotten_picture_is_sent_whole():
    screen = Screen()
    noise(screen)
    screen.encode(ALL)
    screen.seen[:] = 5
    screen.encode(screen.encoder.forget())
    assert (screen.seen == screen.rgb).all()


def test_boxes_beyond_the_display_are_clipped():
    screen = Screen()
    noise(screen)
    operations, _ = screen.encode(Box(300, 190, 500, 500), Box(1000, 1000, 5, 5))
    assert [(o.x, o.y, o.width, o.height) for o in operations] == [(300, 190, 20, 10)]


def test_first_operation_of_a_small_budget_is_small():
    encoder = FrameEncoder(lambda box, into: np.copyto(into, picture[area(box)]), 1920, 1080, bit(o.TileJpeg))
    picture = photograph(1920, 1080)
    encoded = encoder.encode([encoder.forget()], 4096)
    assert sum(map(len, encoded.operations)) < 4 * 4096
    assert sum(box.pixels for box in encoded.rest) > 0.95 * picture.size


def test_text_beside_a_photograph_is_exact_at_once():
    screen = text(1024, 256)
    screen[:, :512] = photograph(512, 256)
    encoder = FrameEncoder(lambda box, into: np.copyto(into, screen[area(box)]), 1024, 256, bit(o.TileJpeg))
    viewer = Viewer(1024, 256)
    viewer.draw(encoder.encode([encoder.forget()], 1 << 30).operations)
    assert (viewer.picture[:, 512:] == rgb(screen)[:, 512:]).all()
    assert viewer.drawn["tile_jpeg"] > 0
    viewer.draw(encoder.refine(encoder.refinement.take(1.0, 1 << 30), 1 << 30, 1.0).operations)
    assert viewer.differing(screen) == 0


def test_window_that_turns_another_colour_is_one_fill():
    screen = np.full((600, 800), 0x123456, np.uint32)
    encoder, viewer = plain_window(screen)
    screen[:500] = 0xABCDEF
    operations = encoder.encode([Box(0, 0, 800, 500)], 1 << 30).operations
    viewer.draw(operations)
    assert len(operations) == 1
    assert viewer.differing(screen) == 0
    screen[300, 500] = 0
    viewer.draw(encoder.encode([Box(0, 0, 800, 600)], 1 << 30).operations)
    assert viewer.differing(screen) == 0


def test_of_a_plain_window_only_what_differs_is_filled():
    screen = np.full((600, 800), 0x123456, np.uint32)
    encoder, viewer = plain_window(screen)
    screen[100:120, 300:310] = 0
    viewer.draw(encoder.encode([Box(0, 0, 800, 600)], 1 << 30).operations)
    screen[:] = 0x123456
    (operation,) = encoder.encode([Box(0, 0, 800, 600)], 1 << 30).operations
    viewer.draw([operation])
    assert viewer.differing(screen) == 0
    (fill,) = m.decode(m.frame_payload(1, 0, 0, [operation]))[0].operations
    assert (fill.x, fill.y, fill.width, fill.height) == (300, 100, 10, 20)
    assert encoder.encode([Box(0, 0, 800, 600)], 1 << 30).operations == []


def plain_window(screen):
    """An encoder whose viewer has seen the screen."""
    height, width = screen.shape
    encoder = FrameEncoder(
        lambda box, into: np.copyto(into, screen[area(box)]), width, height, bit(o.TileJpeg)
    )
    viewer = Viewer(width, height)
    viewer.draw(encoder.encode([encoder.forget()], 1 << 30).operations)
    return encoder, viewer


def bit(operation):
    return 1 << operation.KIND


def coloured_lines(seed):
    """Text that ends here and there, of more inks than palettes take."""
    page = np.full((HEIGHT, WIDTH), 0xFFFFFF, np.uint32)
    generator = np.random.default_rng(seed)
    for y in range(4, HEIGHT - 16, 18):
        end = int(generator.integers(WIDTH // 2, WIDTH))
        shades = generator.integers(0, 4000, (13, end), np.uint32) * 4099 & 0xFFFFFF
        page[y : y + 13, :end] = np.where(generator.random((13, end)) < 0.15, shades, page[y : y + 13, :end])
    return page


def test_lines_that_end_here_and_there_are_one_tile_that_shows_them():
    screen, viewer = Screen(), Viewer(WIDTH, HEIGHT)
    encoder = FrameEncoder(screen.read, WIDTH, HEIGHT, 1 << o.TileColumns.KIND | 1 << o.TilePalette.KIND)
    for seed in range(3):
        screen.pixels = coloured_lines(seed)
        viewer.draw(encoder.encode([ALL], 1 << 30).operations)
        assert viewer.differing(screen.pixels) == 0
    assert viewer.drawn["tile_columns"] == 3


def test_text_beside_a_photograph_is_exact_and_what_is_of_few_colours_goes_by_palettes():
    screen, viewer = Screen(), Viewer(WIDTH, HEIGHT)
    encoder = FrameEncoder(screen.read, WIDTH, HEIGHT, 1 << o.TileColumns.KIND | 1 << o.TilePalette.KIND)
    noise(screen)
    viewer.draw(encoder.encode([ALL], 1 << 30).operations)
    assert viewer.drawn["tile_palette"] == 0
    ink = np.random.default_rng(3).random((180, 300)) < 0.2
    screen.pixels[10:190, 10:310] = np.where(ink, np.uint32(0x203040), np.uint32(0xFCFCFA))
    viewer.draw(encoder.encode([ALL], 1 << 30).operations)
    assert viewer.drawn["tile_palette"] == 1
    assert viewer.differing(screen.pixels) == 0


def test_a_terminal_s_page_is_one_tile_also_where_the_budget_is_small_and_large_text_still_goes_in_steps():
    screen, viewer = Screen(), Viewer(WIDTH, HEIGHT)
    encoder = FrameEncoder(screen.read, WIDTH, HEIGHT, 1 << o.TileColumns.KIND | 1 << o.TilePalette.KIND)
    screen.pixels[20:180, 20:300] = np.where(np.indices((160, 280)).sum(0) % 7 < 2, 0xFCFCFA, 0x202830)
    encoded = encoder.encode([ALL], 4096)
    viewer.draw(encoded.operations)
    assert (viewer.drawn["tile_palette"], encoded.rest) == (1, [])
    assert viewer.differing(screen.pixels) == 0
    ink = np.random.default_rng(3).random((HEIGHT, WIDTH)) < 0.5
    screen.pixels = np.where(ink, np.uint32(0x102030), np.uint32(0xFCFCFA))
    assert encoder.encode([ALL], 1024).rest

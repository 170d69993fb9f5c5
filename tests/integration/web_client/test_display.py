"""All that a frame may hold, drawn by real Chromium: what the canvas shows is what a viewer of the wire draws."""

from __future__ import annotations

import base64
import io
import random

import numpy as np
import pytest
import pytest_asyncio
import simplejpeg
import zstandard
from PIL import Image
from playwright.async_api import Browser, Page, expect

from agents.worker.damage import Box
from agents.worker.tiles import TileEncoder
from agents.worker.video.contract import VideoEncoder, open_encoder
from portcullis.protocol import messages as m
from portcullis.protocol import operations as o
from tests.integration.web_client.conftest import Visit, open_visit
from tests.integration.web_client.test_session_client import until_size
from tests.support.fake_portal import FakePortal
from tests.support.fake_stream import FakeWorker
from tests.support.viewer import Viewer, psnr

pytestmark = pytest.mark.asyncio(loop_scope="session")

WIDTH, HEIGHT = 1000, 700
ALL_VIDEO = o.VIDEO_H264 | o.VIDEO_H264_444 | o.VIDEO_VP8 | o.VIDEO_VP9
LIBRARIES = frozenset({"h264", "vp8", "vp9"})
# All that lie over one another, as a user sees them.
READ_CANVASES = """() => {
    const [base, ...small] = document.querySelectorAll("canvas");
    const all = new OffscreenCanvas(base.width, base.height).getContext("2d", { willReadFrequently: true });
    all.drawImage(base, 0, 0);
    for (const one of small) all.drawImage(one, one.offsetLeft, one.offsetTop);
    const data = all.getImageData(0, 0, base.width, base.height).data;
    let text = "";
    for (let at = 0; at < data.length; at += 32768) text += String.fromCharCode(...data.subarray(at, at + 32768));
    return btoa(text);
}"""
compress = zstandard.ZstdCompressor(level=1).compress


class Scene:
    """A page in a session, and a viewer that draws the same frames."""

    def __init__(self, page: Page, worker: FakeWorker) -> None:
        self.page, self.worker = page, worker
        self.viewer = Viewer(WIDTH, HEIGHT)

    @classmethod
    async def open(cls, visit: Visit) -> Scene:
        page = await visit.working()
        await until_size(page, WIDTH, HEIGHT)
        scene = cls(page, visit.portal.worker)
        await scene.worker.until_drawn()
        scene.viewer.picture = scene.worker.picture.copy()
        scene.viewer.sequence = scene.worker._sequence
        return scene

    async def draw(self, *operations: bytes) -> None:
        self.viewer.take(await self.worker.draw(*operations))

    async def until_offered(self, video: int) -> None:
        await self.worker.until(lambda: self.offered() == video, 20)

    def offered(self) -> int:
        return self.worker.of(m.Capabilities)[-1].video

    async def shown(self) -> np.ndarray:
        await self.worker.until_drawn()
        encoded = await self.page.evaluate(READ_CANVASES)
        pixels = np.frombuffer(base64.b64decode(encoded), np.uint8).reshape(HEIGHT, WIDTH, 4)
        return pixels[:, :, :3].copy()


@pytest_asyncio.fixture(loop_scope="session")
async def scene(visit: Visit) -> Scene:
    return await Scene.open(visit)


def noise(rnd: random.Random, width: int, height: int) -> np.ndarray:
    return np.frombuffer(rnd.randbytes(width * height * 3), np.uint8).reshape(height, width, 3)


def few_colours(rnd: random.Random, width: int, height: int) -> np.ndarray:
    """As the framebuffer has them; up to 250 in each half."""
    count = rnd.choice([2, 3, 9, 250])
    colours = np.array([rnd.randrange(1 << 24) for _ in range(2 * count)], np.uint32)
    indexes = np.frombuffer(rnd.randbytes(width * height), np.uint8).reshape(height, width) % count
    indexes[height // 2 :] += count if count < 100 else 0
    return colours[indexes]


def photograph(width: int, height: int, phase: float = 0.0) -> np.ndarray:
    """Smooth, so that what a codec leaves of it is near."""
    y, x = np.mgrid[0:height, 0:width] / 40
    channels = [np.sin(x + phase) + np.cos(y), np.sin(y - phase), np.cos(x * 0.5 + y * 0.3 + phase)]
    return np.stack([127 + 60 * each for each in channels], axis=2).astype(np.uint8)


def cut(column: np.ndarray, first: int, rows: int) -> bytes:
    """The box in strips, each column by column."""
    tops = [0, *range(first, column.shape[0], rows)]
    strips = [column[top:end] for top, end in zip(tops, [*tops[1:], column.shape[0]], strict=True)]
    return b"".join(np.ascontiguousarray(each.transpose(1, 0, 2)).tobytes() for each in strips)


def config_operation(stream: int, encoder: VideoEncoder, box: tuple[int, int, int, int]) -> bytes:
    return o.operation_bytes(o.VideoConfig(stream, encoder.colour, *box, *encoder.coded_size, encoder.codec))


def video_operation(stream: int, unit: bytes, *, key: bool = False) -> bytes:
    return o.video_operation(stream, unit, is_key=key)


def end_operation(stream: int) -> bytes:
    return o.operation_bytes(o.VideoEnd(stream))


def encoder(width: int, height: int, video: int) -> VideoEncoder:
    found = open_encoder(width, height, video, allowed=LIBRARIES)
    assert found is not None
    return found


def bgra(pixels: np.ndarray) -> np.ndarray:
    """As the framebuffer has it: 0x00RRGGBB a pixel."""
    words = pixels.astype(np.uint32)
    return words[..., 0] << 16 | words[..., 1] << 8 | words[..., 2]


def random_operation(rnd: random.Random, slots: dict[int, tuple[int, int]]) -> bytes:
    kind = rnd.choice(["tile", "fill", "move", "move", "put", "draw", "columns", "grey", "palette"])
    width, height = rnd.randrange(1, 120), rnd.randrange(1, 120)
    x, y = rnd.randrange(WIDTH - width), rnd.randrange(HEIGHT - height)
    if kind == "move":
        width, height = rnd.randrange(1, WIDTH), rnd.randrange(1, HEIGHT)
        x, y = rnd.randrange(WIDTH - width + 1), rnd.randrange(HEIGHT - height + 1)
        near = rnd.randrange(max(0, x - 30), min(x + 30, WIDTH - width) + 1)
        return o.move_operation(x, y, width, height, near, rnd.randrange(HEIGHT - height + 1))
    if kind == "put":
        slot = rnd.choice([0, 1, 2, 4095])
        slots[slot] = (width, height)
        return o.cache_put_operation(x, y, width, height, slot, compress(noise(rnd, width, height).tobytes()))
    if kind == "draw" and slots:
        slot, (width, height) = rnd.choice(list(slots.items()))
        return o.cache_draw_operation(rnd.randrange(WIDTH - width), rnd.randrange(HEIGHT - height), slot)
    if kind == "columns":
        first, rows = rnd.randrange(1, 30), rnd.randrange(1, 30)
        data = compress(cut(noise(rnd, width, height), first, rows))
        return o.columns_operation(x, y, width, height, first, rows, data)
    if kind == "grey":
        first, rows = rnd.randrange(1, 30), rnd.randrange(1, 30)
        data = compress(cut(noise(rnd, width, height)[..., :1], first, rows))
        return o.grey_operation(x, y, width, height, first, rows, data)
    if kind == "palette":
        pixels = few_colours(rnd, width, height)
        operation = TileEncoder(1 << o.TilePalette.KIND).indexed(pixels, Box(x, y, width, height))
        assert operation is not None
        return operation
    if kind == "tile":
        return o.tile_operation(x, y, width, height, compress(noise(rnd, width, height).tobytes()))
    return o.fill_operation(x, y, width, height, rnd.randbytes(3))


# --- exact


@pytest.mark.parametrize("seed", range(2))
async def test_every_exact_operation_in_any_order_is_drawn_as_it_says(scene: Scene, visit, seed: int) -> None:
    rnd, slots = random.Random(seed), dict[int, tuple[int, int]]()
    for _ in range(4):
        for _ in range(3):
            await scene.draw(*(random_operation(rnd, slots) for _ in range(rnd.randrange(1, 8))))
        assert scene.viewer.differing(await scene.shown()) == 0
    assert visit.complaints == []


async def test_moves_see_what_was_typed_and_what_is_typed_then_stands_on_what_was_moved(scene: Scene) -> None:
    rnd = random.Random(3)
    for number in range(6):
        letter = o.tile_operation(200 + number * 9, 300, 9, 18, compress(noise(rnd, 9, 18).tobytes()))
        await scene.draw(letter)
    await scene.draw(o.move_operation(0, 0, WIDTH, HEIGHT - 24, 0, 24))
    await scene.draw(o.move_operation(209, 276, 60, 18, 200, 276))
    await scene.draw(o.tile_operation(200, 276, 9, 18, compress(noise(rnd, 9, 18).tobytes())))
    assert scene.viewer.differing(await scene.shown()) == 0


async def test_an_empty_slot_is_left_out_and_a_refresh_asked_for(scene: Scene) -> None:
    await scene.worker.draw(o.cache_draw_operation(0, 0, 7), o.fill_operation(0, 0, 9, 9, b"\1\2\3"))
    await scene.worker.until(lambda: scene.worker.of(m.Refresh))
    assert (await scene.shown())[:9, :9].reshape(-1, 3).tolist() == [[1, 2, 3]] * 81


async def test_a_photograph_is_drawn_and_a_damaged_one_ends_the_connection(scene: Scene) -> None:
    pixels = photograph(301, 203)
    data = simplejpeg.encode_jpeg(pixels, quality=95, colorspace="RGB", colorsubsampling="444")
    await scene.draw(o.jpeg_operation(11, 13, 301, 203, data))
    shown = await scene.shown()
    assert psnr(shown[13 : 13 + 203, 11 : 11 + 301], pixels) > 40
    shown[13 : 13 + 203, 11 : 11 + 301] = scene.viewer.picture[13 : 13 + 203, 11 : 11 + 301]
    assert scene.viewer.differing(shown) == 0
    await scene.worker.draw(o.jpeg_operation(11, 13, 301, 203, data[:60]))
    await expect(scene.page.get_by_role("alert")).to_contain_text("protocol_error")


# --- video


async def test_what_is_drawn_is_said_with_the_proof_and_videos_when_they_were_tried_out(scene: Scene) -> None:
    await scene.until_offered(ALL_VIDEO)
    first = scene.worker.of(m.Capabilities)[0]
    assert first.operations == sum(1 << cls.KIND for cls in o.OPERATIONS) | 1 << 31


@pytest.mark.parametrize("video", [o.VIDEO_H264, o.VIDEO_H264_444, o.VIDEO_VP8, o.VIDEO_VP9])
async def test_a_stream_is_shown_in_its_box_and_goes_on_where_it_is_moved_to(
    scene: Scene, visit, video: int
) -> None:
    """Sides and places are odd: half of a colour's pixel is cut off."""
    await scene.until_offered(ALL_VIDEO)
    source = encoder(321, 243, video)
    before = scene.viewer.picture.copy()
    for number, (x, y) in enumerate([(101, 53), (101, 53), (101, 53), (303, 201), (303, 201)]):
        pixels = photograph(321, 243, number / 3)
        unit = source.encode(bgra(pixels), key=number == 0, quality=1.0)
        await scene.draw(
            config_operation(2, source, (x, y, 321, 243)), video_operation(2, unit, key=number == 0)
        )
        if number in (2, 4):
            shown = await scene.shown()
            assert psnr(shown, scene.viewer.picture) > 40, number
            assert psnr(shown[y : y + 243, x : x + 321], pixels) > 28, number
    await scene.draw(end_operation(2))
    before[53 : 53 + 243, 101 : 101 + 321] = before[201 : 201 + 243, 303 : 303 + 321] = 0
    shown = await scene.shown()
    outside = before != 0
    assert (shown[outside] == before[outside]).all()
    assert visit.complaints == []


async def test_flat_colours_of_a_stream_are_right(scene: Scene) -> None:
    await scene.until_offered(ALL_VIDEO)
    colours = np.array(
        [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 30, 120)], np.uint8
    )
    pixels = np.repeat(np.repeat(colours[None], 32, axis=1), 64, axis=0)
    for stream, video in enumerate((o.VIDEO_H264, o.VIDEO_H264_444)):
        source = encoder(192, 64, video)
        unit = source.encode(bgra(pixels), key=True, quality=1.0)
        await scene.draw(
            config_operation(stream, source, (0, 64 * stream, 192, 64)),
            video_operation(stream, unit, key=True),
        )
    middles = (await scene.shown())[32:128:64, 16:192:32].astype(int)
    assert np.abs(middles - colours.astype(int)).max() <= 6


async def test_frames_with_and_without_video_are_acknowledged_in_their_order(scene: Scene) -> None:
    await scene.until_offered(ALL_VIDEO)
    source = encoder(640, 480, o.VIDEO_H264)
    await scene.draw(config_operation(0, source, (0, 0, 640, 480)))
    for number in range(12):
        unit = source.encode(bgra(photograph(640, 480, number)), key=number == 0, quality=0.7)
        await scene.worker.draw(video_operation(0, unit, key=number == 0))
        await scene.worker.draw(o.fill_operation(700, number, 1, 1, b"\1\2\3"))
    await scene.worker.until_drawn()
    drawn = [each.sequence for each in scene.worker.of(m.Acknowledge)]
    assert drawn == sorted(drawn)
    assert drawn[-24:] == list(range(drawn[-1] - 23, drawn[-1] + 1))


async def test_a_decoder_that_fails_is_left_out_and_the_picture_goes_on(scene: Scene) -> None:
    await scene.until_offered(ALL_VIDEO)
    source = encoder(320, 240, o.VIDEO_H264)
    unit = source.encode(bgra(photograph(320, 240)), key=True, quality=1.0)
    await scene.worker.draw(config_operation(0, source, (0, 0, 320, 240)), video_operation(0, unit, key=True))
    await scene.worker.until_drawn()
    await scene.worker.draw(
        video_operation(0, b"\0\0\0\1\x41" + b"\xff" * 200), o.fill_operation(400, 0, 9, 9, b"\1\2\3")
    )
    await scene.until_offered(ALL_VIDEO & ~o.VIDEO_H264)
    await scene.worker.draw(video_operation(0, unit))
    shown = await scene.shown()
    assert shown[4, 404].tolist() == [1, 2, 3]
    assert scene.worker.of(m.Refresh) == []


async def test_video_without_a_stream_or_a_key_picture_asks_for_a_refresh(scene: Scene) -> None:
    await scene.until_offered(ALL_VIDEO)
    source = encoder(320, 240, o.VIDEO_VP8)
    unit = source.encode(bgra(photograph(320, 240)), key=True, quality=1.0)
    await scene.worker.draw(video_operation(9, unit, key=True), end_operation(8))
    await scene.worker.until(lambda: scene.worker.of(m.Refresh))
    await scene.worker.draw(config_operation(0, source, (0, 0, 320, 240)), video_operation(0, unit))
    await scene.worker.until_drawn()
    assert scene.offered() == ALL_VIDEO


async def test_flipped_bits_in_streams_and_photographs_leave_a_page_that_goes_on(
    scene: Scene, visit: Visit
) -> None:
    await scene.until_offered(ALL_VIDEO)
    rnd = random.Random(8)
    jpeg = simplejpeg.encode_jpeg(photograph(200, 100), quality=90, colorspace="RGB", colorsubsampling="444")
    scan = jpeg.index(b"\xff\xda") + 14
    sources = [
        encoder(200, 100, video) for video in (o.VIDEO_H264, o.VIDEO_H264_444, o.VIDEO_VP8, o.VIDEO_VP9)
    ]
    for number in range(40):
        stream = number % 4
        source, key = sources[stream], number < 4
        unit = source.encode(bgra(photograph(200, 100, number)), key=key, quality=0.5)
        config = config_operation(stream, source, (220 * stream, 0, 200, 100))
        photo = o.jpeg_operation(0, 200, 200, 100, flipped(jpeg, rnd, scan))
        await scene.worker.draw(
            config, video_operation(stream, unit if key else flipped(unit, rnd), key=key), photo
        )
        await scene.worker.until_drawn()
    await scene.worker.draw(*(end_operation(stream) for stream in range(4)))
    await scene.worker.send_frame()
    assert (await scene.shown() == scene.worker.picture).all()
    assert visit.complaints == []


def flipped(data: bytes, rnd: random.Random, start: int = 0) -> bytes:
    """With three bits turned; no marker is made or lost, so that what is damaged is the picture."""
    broken = bytearray(data)
    for _ in range(3):
        at = rnd.randrange(start, len(data) - 2)
        if 0xFF not in data[at - 1 : at + 2]:
            broken[at] ^= 1 << rnd.randrange(7)
    return bytes(broken)


# What is shown at each animation frame, and what was shown when each frame was acknowledged, as hashes.
WATCH = """() => {
    const canvas = document.querySelector("canvas");
    const small = new OffscreenCanvas(100, 70).getContext("2d", { willReadFrequently: true });
    small.imageSmoothingEnabled = false;
    globalThis.look = () => {
        small.drawImage(canvas, 0, 0, 100, 70);
        let hash = 0;
        for (const word of new Uint32Array(small.getImageData(0, 0, 100, 70).data.buffer))
            hash = (Math.imul(hash, 31) + word) | 0;
        return hash;
    };
    globalThis.seen = new Set();
    const sample = () => { seen.add(look()); requestAnimationFrame(sample); };
    sample();
}"""


async def test_a_region_starts_moves_grows_and_ends_without_a_flash(scene: Scene) -> None:
    """Each picture that the screen could have shown is one that some frame left: nothing half drawn, nothing empty."""
    await scene.until_offered(ALL_VIDEO)
    await scene.page.evaluate(WATCH)
    small, large = encoder(320, 200, o.VIDEO_H264), encoder(480, 300, o.VIDEO_H264_444)
    tile = compress(np.ascontiguousarray(photograph(480, 300)).tobytes())

    def shot(source: VideoEncoder, width: int, height: int, phase: int) -> bytes:
        unit = source.encode(bgra(photograph(width, height, phase)), key=phase in (0, 3), quality=1.0)
        return video_operation(1, unit, key=phase in (0, 3))

    frames = [
        (config_operation(1, small, (100, 100, 320, 200)), shot(small, 320, 200, 0)),
        (shot(small, 320, 200, 1),),
        (
            o.move_operation(300, 300, 320, 200, 100, 100),
            o.fill_operation(100, 100, 320, 200, b"\1\2\3"),
            config_operation(1, small, (300, 300, 320, 200)),
            shot(small, 320, 200, 2),
        ),
        (end_operation(1), config_operation(1, large, (300, 300, 480, 300)), shot(large, 480, 300, 3)),
        (shot(large, 480, 300, 4),),
        (end_operation(1), o.tile_operation(300, 300, 480, 300, tile)),
    ]
    left = {await scene.page.evaluate("look()")}
    for frame in frames:
        await scene.draw(*frame)
        await scene.worker.until_drawn()
        left.add(await scene.page.evaluate("look()"))
    assert len(left) == len(frames) + 1
    assert set(await scene.page.evaluate("[...seen]")) <= left


async def test_at_another_ratio_the_screen_shows_letters_moves_and_video_pixel_by_pixel(
    chromium: Browser, portal: FakePortal
) -> None:
    visit = await open_visit(
        chromium, portal, device_scale_factor=1.25, viewport={"width": 800, "height": 560}
    )
    scene = await Scene.open(visit)
    await scene.until_offered(ALL_VIDEO)
    source = encoder(320, 240, o.VIDEO_VP8)
    unit = source.encode(bgra(photograph(320, 240)), key=True, quality=1.0)
    await scene.draw(config_operation(0, source, (600, 7, 320, 240)), video_operation(0, unit, key=True))
    rnd = random.Random(4)
    for number in range(5):
        letter = o.tile_operation(200 + number * 9, 300, 9, 18, compress(noise(rnd, 9, 18).tobytes()))
        await scene.draw(letter)
    await scene.draw(o.move_operation(11, 330, 400, 30, 150, 295), end_operation(0))
    await scene.worker.until_drawn()
    screen = np.asarray(Image.open(io.BytesIO(await scene.page.screenshot())).convert("RGB"))
    assert psnr(screen[7:247, 600:920], scene.viewer.picture[7:247, 600:920]) > 40
    assert scene.viewer.differing(np.concatenate([scene.viewer.picture[:247], screen[247:]])) == 0
    await visit.context.close()

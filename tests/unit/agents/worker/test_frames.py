"""Frames in virtual time: what a viewer sees, when, and that it always ends with exactly the screen."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.worker import hybrid
from agents.worker.damage import Box
from agents.worker.encoder import FrameEncoder
from agents.worker.video.contract import VideoFailed, open_encoder
from portcullis.protocol import operations as o
from tests.support.simulated_view import (
    ALL_OPERATIONS,
    ALL_VIDEO,
    SlowExecutor,
    photograph,
    simulated_view,
    text,
)
from tests.support.viewer import psnr, rgb

WIDTH, HEIGHT = 480, 300
FILM = Box(101, 51, 201, 151)
LETTER = Box(20, 20, 9, 14)
H264 = 1


def bit(*operations: type[o.Operation]) -> int:
    return sum(1 << operation.KIND for operation in operations)


@pytest.fixture
def view():
    with simulated_view(WIDTH, HEIGHT) as simulated:
        simulated.capabilities()
        simulated.paint(Box(0, 0, WIDTH, HEIGHT), text(WIDTH, HEIGHT))
        simulated.rest()
        yield simulated


def test_client_without_capabilities_gets_tiles_and_fills():
    with simulated_view(WIDTH, HEIGHT) as view:
        view.paint(Box(0, 0, WIDTH, HEIGHT), text(WIDTH, HEIGHT))
        view.play(FILM, 20)
        view.rest()
        assert set(view.viewer.drawn) <= {"tile_zstd", "fill"}
        assert view.differing == 0


def test_photograph_that_moves_becomes_video_of_its_own_box_and_exact_at_rest(view):
    view.play(FILM, 20)
    assert view.viewer.drawn["video"] >= 10
    (stream,) = view.viewer.streams.values()
    assert stream.box == (100, 50, 202, 152)
    view.wait(0.9)
    assert view.differing == 0
    assert view.viewer.streams == {}
    assert view.viewer.drawn["video_end"] == 1


def test_text_beside_a_video_stays_exact(view):
    view.play(FILM, 30)
    outside = view.viewer.picture.copy()
    screen = rgb(view.desktop.pixels).copy()
    for picture in (outside, screen):
        picture[50:202, 100:302] = 0
    assert (outside == screen).all()


def test_every_picture_of_an_application_that_draws_sixty_a_second_is_sent(view):
    view.play(FILM, 10)
    before = view.viewer.pictures
    view.play(FILM, 60, first=3)
    assert view.viewer.pictures - before >= 58


def test_video_looks_like_the_screen_while_it_plays(view):
    view.play(FILM, 30)
    assert psnr(view.viewer.picture[52:200, 102:300], rgb(view.desktop.pixels)[52:200, 102:300]) > 30


def test_still_photograph_is_jpeg_at_once_and_exact_at_rest(view):
    view.paint(FILM, photograph(FILM.width, FILM.height))
    view.wait(0.1)
    assert view.viewer.drawn["tile_jpeg"] >= 1
    assert 0 < view.differing <= FILM.pixels
    view.wait(0.5)
    assert view.differing == 0


def test_echo_beside_a_video_is_sent_while_its_picture_is_encoded():
    with simulated_view(WIDTH, HEIGHT, encoding_seconds=0.05) as view:
        view.capabilities()
        view.rest()
        view.play(FILM, 60)
        assert view.viewer.streams
        for number in range(5):
            view.play(FILM, 1, first=number)  # its picture is under way now
            sent = len(view.sent)
            view.press(LETTER, 0x10 + number)
            view.wait(0.006)
            assert len(view.sent) > sent
            assert (view.viewer.picture[20:34, 20:29] == (0, 0, 0x10 + number)).all()


def test_echo_does_not_wait_for_what_is_made_exact(view):
    view.paint(Box(0, 0, WIDTH, HEIGHT), photograph(WIDTH, HEIGHT))
    view.wait(0.32)
    assert view.differing > 0
    view.press(LETTER, 0x123456)
    view.wait(0.02)
    assert (view.viewer.picture[20:34, 20:29] == (0x12, 0x34, 0x56)).all()


def test_work_that_the_end_of_a_session_leaves_undone_is_no_error(view, monkeypatch):
    left: list[Future] = []
    monkeypatch.setattr(SlowExecutor, "submit", lambda *_: left.append(Future()) or left[-1])
    view.paint(Box(0, 0, WIDTH, HEIGHT), photograph(WIDTH, HEIGHT))
    view.wait(0.05)
    assert [future.cancel() for future in left] == [True]
    view.wait(0.05)  # raises what a callback raises


def test_scrolled_text_is_moved(view):
    page = text(WIDTH, HEIGHT + 200, seed=5)
    for offset in range(0, 120, 24):
        view.paint(Box(0, 0, WIDTH, HEIGHT), page[offset : offset + HEIGHT])
        view.wait(0.1)
    assert view.viewer.drawn["move"] >= 3
    assert view.differing == 0


def test_scrolled_text_is_not_taken_for_a_video(view):
    page = text(WIDTH, HEIGHT + 200, seed=5)
    for offset in range(0, 180, 3):
        view.paint(Box(0, 0, WIDTH, HEIGHT), page[offset : offset + HEIGHT])
        view.wait(1 / 60)
    assert view.viewer.drawn["video"] == view.viewer.drawn["tile_jpeg"] == 0


def test_picture_that_is_painted_again_and_again_costs_nothing(view):
    view.play(FILM, 20)
    still = view.desktop.pixels.copy()
    sent = len(view.sent)
    for _ in range(60):
        view.paint(FILM, still[51:202, 101:302])
        view.wait(1 / 60)
    assert view.differing == 0
    assert len(view.sent) - sent < 30
    sent = len(view.sent)
    view.paint(FILM, still[51:202, 101:302])
    view.rest()
    assert len(view.sent) == sent


def test_video_on_a_thin_path_is_one_region_although_its_pictures_come_in_pieces():
    with simulated_view(WIDTH, HEIGHT, path_seconds=0.04, bytes_a_second=2e6 / 8) as view:
        view.capabilities()
        view.rest()
        view.play(Box(0, 0, WIDTH, HEIGHT), 240)
        assert [video.box for video in view.viewer.streams.values()] == [(0, 0, WIDTH, HEIGHT)]
        pictures = view.viewer.pictures
        view.play(Box(0, 0, WIDTH, HEIGHT), 60)
        assert view.viewer.pictures - pictures >= 25
        view.wait(10)
        assert view.differing == 0


def test_video_at_rest_becomes_exact_beside_one_that_takes_all_the_time():
    left, right = Box(20, 20, 180, 200), Box(700, 20, 180, 200)
    with simulated_view(900, HEIGHT, encoding_seconds=0.02) as view:
        view.capabilities()
        view.rest()
        whole = photograph(left.width + 40, left.height)
        for number in range(40):
            part = whole[:, number : number + left.width]
            view.paint(right, part)
            view.paint(left, part)
            view.wait(1 / 60)
        assert len(view.viewer.streams) == 2
        view.play(left, 120)
        (stream,) = view.viewer.streams.values()
        assert stream.box[0] == left.x
        screen = rgb(view.desktop.pixels)
        assert (view.viewer.picture[:, right.x :] == screen[:, right.x :]).all()


def test_region_grows_with_what_plays(view):
    view.play(FILM, 12)
    larger = Box(61, 31, 301, 221)
    view.play(larger, 45)
    (stream,) = view.viewer.streams.values()
    assert stream.box == (60, 30, 302, 222)
    view.rest()
    assert view.differing == 0


def test_region_shrinks_to_what_still_plays(view):
    view.play(Box(40, 20, 400, 260), 20)
    view.play(FILM, 180)
    (stream,) = view.viewer.streams.values()
    assert stream.box[2] * stream.box[3] < 1.2 * FILM.pixels
    assert view.viewer.drawn["video_end"] == 0
    view.rest()
    assert view.differing == 0


def test_nothing_flashes_while_a_region_starts_grows_shrinks_and_ends(view):
    shown = deque(maxlen=4)
    worst = 100.0
    whole = photograph(WIDTH + 1000, HEIGHT + 300)
    for number in range(240):
        box = FILM if number < 40 or number > 100 else Box(60, 30, 300, 220)
        if number < 200:
            view.paint(box, whole[number : number + box.height, 3 * number : 3 * number + box.width])
        view.wait(1 / 60)
        shown.append(rgb(view.desktop.pixels).copy())
        if number >= 4:
            worst = min(worst, max(psnr(view.viewer.picture, screen) for screen in shown))
    assert worst > 30
    assert view.viewer.drawn["video_config"] >= 3
    assert view.viewer.drawn["video_end"] >= 1
    view.rest()
    assert view.differing == 0


def test_two_videos_are_two_streams(view):
    others = Box(10, 10, 130, 120), Box(330, 170, 140, 120)
    pictures = [photograph(200, 200, seed) for seed in range(40)]
    for picture in pictures:
        for box in others:
            view.paint(box, picture)
        view.wait(1 / 60)
    assert len(view.viewer.streams) == 2
    view.rest()
    assert view.differing == 0


def test_resize_in_the_middle_of_a_video(view):
    view.play(FILM, 20)
    for size in ((333, 201), (200, 120), (481, 303)):
        view.resize(*size)
        view.play(FILM, 3)
    view.play(FILM, 20)
    view.rest()
    assert view.viewer.picture.shape == (303, 481, 3)
    assert view.differing == 0
    assert view.viewer.streams == {}


def test_decoder_that_failed_ends_the_video(view):
    view.play(FILM, 20)
    view.capabilities(ALL_OPERATIONS, 0)
    view.wait(0.1)
    assert view.viewer.streams == {}
    pictures = view.viewer.pictures
    view.play(FILM, 20)
    assert view.viewer.pictures == pictures
    view.rest()
    assert view.differing == 0


class Failing:
    """An encoder that works for five pictures."""

    def __init__(self, encoder, error=VideoFailed):
        self._encoder = encoder
        self._error = error
        self._left = 5

    def __getattr__(self, name):
        return getattr(self._encoder, name)

    def encode(self, *arguments, **options):
        self._left -= 1
        if self._left < 0:
            raise self._error("no more")
        return self._encoder.encode(*arguments, **options)


def test_encoder_that_fails_ends_the_video(view, monkeypatch):
    monkeypatch.setattr(hybrid, "open_encoder", lambda *size, **how: Failing(open_encoder(*size, **how)))
    view.play(FILM, 40)
    assert view.viewer.pictures == 5
    assert view.viewer.streams == {}
    view.rest()
    assert view.differing == 0


def test_encoder_that_fails_as_nobody_foresaw_is_told_and_ends_the_video(view, monkeypatch):
    def opener(*size, **how):
        return Failing(open_encoder(*size, **how), RuntimeError)

    monkeypatch.setattr(hybrid, "open_encoder", opener)
    with pytest.raises(RuntimeError, match="no more"):
        view.play(FILM, 40)
    view.play(FILM, 20)
    assert view.viewer.streams == {}
    view.rest()
    assert view.differing == 0


def test_what_a_failed_look_should_have_sent_is_sent_after_it(view, monkeypatch):
    encode = FrameEncoder.encode
    failures = [RuntimeError("once")]

    def failing(encoder, boxes, *rest):
        if failures and sum(box.pixels for box in boxes) > hybrid.ON_THE_SPOT_PIXELS:
            raise failures.pop()
        return encode(encoder, boxes, *rest)

    monkeypatch.setattr(FrameEncoder, "encode", failing)
    view.paint(Box(0, 0, WIDTH, HEIGHT), text(WIDTH, HEIGHT, seed=9))
    with pytest.raises(RuntimeError, match="once"):
        view.wait(0.2)
    view.rest()
    assert not failures
    assert view.differing == 0


def test_host_without_encoders_goes_on_without_video(view, monkeypatch):
    monkeypatch.setattr(hybrid, "open_encoder", lambda *size, **how: None)
    view.play(FILM, 40)
    assert view.viewer.drawn["video_config"] == 0
    view.rest()
    assert view.differing == 0


def test_refresh_in_the_middle_of_a_video_gives_a_full_frame(view):
    view.play(FILM, 20)
    view.viewer.picture[:] = 1
    view.refresh()
    view.rest()
    assert view.differing == 0
    assert view.viewer.streams == {}


def test_client_that_never_acknowledges_gets_a_bounded_amount(view):
    view.is_deaf = True
    sent = view.viewer.total_bytes
    view.play(FILM, 120)
    assert view.viewer.total_bytes - sent < 1 << 20
    view.hear()
    view.rest()
    assert view.differing == 0


def test_nothing_is_sent_at_rest(view):
    view.play(FILM, 20)
    view.rest()
    sent = len(view.sent)
    view.wait(60)
    assert len(view.sent) == sent


def test_hidden_view_gets_nothing_and_the_newest_when_it_is_shown(view):
    view.play(FILM, 20)
    view.show(False)
    view.wait(0.1)
    sent = len(view.sent)
    view.play(FILM, 20, first=1)
    assert len(view.sent) == sent
    view.show(True)
    view.rest()
    assert view.differing == 0


@pytest.mark.parametrize("size", [(1, 400), (400, 1), (31, 333), (97, 97)])
def test_displays_of_odd_sizes(size):
    width, height = size
    with simulated_view(width, height) as view:
        view.capabilities()
        view.play(Box(0, 0, width, height), 20)
        view.rest()
        assert view.differing == 0


# --- Whatever happens

boxes = st.builds(Box, st.integers(0, 300), st.integers(0, 200), st.integers(1, 320), st.integers(1, 240))
sizes = st.tuples(st.integers(1, 360), st.integers(1, 260))
capabilities = st.tuples(
    st.sampled_from(
        (
            0,
            ALL_OPERATIONS,
            ALL_OPERATIONS | 1 << 31,
            ALL_OPERATIONS & ~bit(o.Move),
            bit(o.TileZstd, o.Fill, o.TileJpeg),
            bit(o.TileZstd, o.Fill, o.VideoConfig, o.Video, o.VideoEnd),
        )
    ),
    st.sampled_from((0, H264, ALL_VIDEO, ALL_VIDEO, 4)),
)
actions = st.one_of(
    st.tuples(st.just("play"), boxes, st.integers(1, 12)),
    st.tuples(st.just("play"), boxes, st.integers(1, 12)),
    st.tuples(st.just("photograph"), boxes, st.integers(0, 9)),
    st.tuples(st.just("text"), boxes, st.integers(0, 9)),
    st.tuples(st.just("press"), boxes, st.integers(0, 0xFFFFFF)),
    st.tuples(st.just("scroll"), st.integers(-40, 40), st.integers(-9, 9)),
    st.tuples(st.just("resize"), sizes),
    st.tuples(st.just("capabilities"), capabilities),
    st.tuples(st.just("refresh")),
    st.tuples(st.just("show"), st.booleans()),
    st.tuples(st.just("deaf")),
    st.tuples(st.just("wait"), st.floats(0, 1)),
)


def act(view, name, *values) -> None:
    match name:
        case "play":
            view.play(*values)
        case "photograph" | "text":
            box, seed = values
            draw = photograph if name == "photograph" else text
            view.paint(box, draw(box.width, box.height, seed))
        case "press":
            view.press(*values)
        case "scroll":
            down, right = values
            height, width = view.desktop.pixels.shape
            whole = Box(0, 0, width, height)
            view.paint(whole, np.roll(view.desktop.pixels, (down, right), (0, 1)))
        case "resize":
            view.resize(*values[0])
        case "capabilities":
            view.capabilities(*values[0])
        case "refresh":
            view.refresh()
        case "show":
            view.show(values[0])
        case "deaf":
            view.is_deaf = True
        case "wait":
            view.wait(values[0])


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    sizes,
    capabilities,
    st.floats(0, 0.03),
    st.floats(0, 0.2),
    st.lists(actions, min_size=3, max_size=10),
)
def test_whatever_happens_the_viewer_ends_with_the_screen(size, first, encoding, path, happening):
    with simulated_view(*size, encoding_seconds=encoding, path_seconds=path) as view:
        view.capabilities(*first)
        for action in happening:
            act(view, *action)
        view.show(True)
        view.wait(0.5)
        view.hear()
        view.rest()
        assert view.differing == 0
        assert view.viewer.streams == {}
        sent = len(view.sent)
        view.wait(5)
        assert len(view.sent) == sent

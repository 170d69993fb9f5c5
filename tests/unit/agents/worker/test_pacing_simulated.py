"""Pacing and quality over simulated paths: the figures of the research note, and any path at all."""

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.support.pacing_simulation import Simulation
from tests.support.slow_path import Line

VIDEO_BITS = 4e6


def line(megabits, round_trip, jitter=0.0):
    return Line(round_trip / 2, megabits * 1e6, jitter)


@pytest.mark.parametrize(
    ("megabits", "round_trip", "jitter", "age_p95", "frames_per_second"),
    [
        (100, 0.002, 0.0, 0.012, 29),
        (10, 0.03, 0.0, 0.045, 29),
        (4, 0.06, 0.0, 0.13, 29),
        (2, 0.08, 0.0, 0.16, 25),
        (2, 0.08, 0.03, 0.18, 25),
        (10, 0.04, 0.04, 0.11, 27),
        (20, 0.3, 0.0, 0.18, 27),
        (20, 0.3, 0.06, 0.25, 27),
        (1, 0.08, 0.0, 0.18, 22),
        (0.5, 0.08, 0.0, 0.25, 12),
    ],
)
def test_video_stays_young_and_fluent_on(megabits, round_trip, jitter, age_p95, frames_per_second):
    run = Simulation(line(megabits, round_trip, jitter), video_bits=VIDEO_BITS).run(20)
    assert run.frame_age(0.95, since=3) <= age_p95
    assert run.frame_rate(since=3) >= frames_per_second


def test_thin_link_without_pacing_would_be_seconds_behind():
    paced = Simulation(line(2, 0.08), video_bits=VIDEO_BITS).run(15)
    unpaced = Simulation(line(2, 0.08), video_bits=VIDEO_BITS, is_paced=False).run(15)
    assert unpaced.frame_age(0.95) > 20 * paced.frame_age(0.95)


def test_sixty_pictures_are_sixty_where_the_path_carries_them():
    run = Simulation(line(100, 0.002), video_bits=8e6, offered=60).run(10)
    assert run.frame_rate(since=1) > 58 and run.level(9.9) == 1.0


def test_path_that_shrinks_and_grows_again_is_followed_within_seconds():
    changes = [(10.0, line(1, 0.04)), (20.0, line(10, 0.04))]
    run = Simulation(line(10, 0.04), video_bits=VIDEO_BITS, changes=changes).run(32)
    assert run.level(9.9) == 1.0
    assert run.level(13) < 0.4
    assert run.frame_rate(since=12, until=20) > 20
    assert run.frame_age(0.95, since=0) < 0.2
    assert run.level(29) > 0.9


@pytest.mark.parametrize(("megabits", "typed_p95"), [(10, 0.2), (2, 0.2)])
def test_typing_beside_a_flood_waits_for_a_bounded_queue_only_and_the_flood_fills_the_path(
    megabits, typed_p95
):
    run = Simulation(line(megabits, 0.08), is_flooded=True, letters_per_second=5).run(45)
    assert run.letter_age(0.95, since=3) < typed_p95
    assert run.letter_age(0.95, since=30) < typed_p95, (
        "a queue that stands for long is not taken for the path"
    )
    assert run.drawn_bytes * 8 / 45 > 0.85 * megabits * 1e6


def test_typing_at_64_kbit_is_usable_and_nothing_grows():
    alone = Simulation(line(0.064, 0.08), letters_per_second=5).run(60)
    assert alone.letter_age(0.95) < 0.25
    flooded = Simulation(line(0.064, 0.08), letters_per_second=5, is_flooded=True).run(60)
    assert flooded.letter_age(0.95, since=10) < 1.2
    assert flooded.most_queued < 40_000
    assert flooded.letter_age(0.95, since=40) < 1.2


def test_letters_come_before_the_video_they_share_the_path_with():
    run = Simulation(line(2, 0.08), video_bits=VIDEO_BITS, letters_per_second=5).run(20)
    assert run.letter_age(0.5, since=3) < run.frame_age(0.5, since=3)
    assert run.letter_age(0.95, since=3) < 0.15


def test_client_that_stops_acknowledging_gets_no_more_and_then_the_newest():
    simulation = Simulation(line(10, 0.04), video_bits=VIDEO_BITS, silent=[(5.0, 9.0)])
    run = simulation.run(20)
    # What was under way when it fell silent, and one second of frames at most.
    assert run.frame_rate(since=6.3, until=9) == 0
    assert run.most_in_flight < 1_000_000
    # The acknowledgement that ends the silence never comes: those frames were drawn, and nobody says so.
    assert run.frame_rate(since=9, until=20) == 0


_LINES = st.builds(line, st.floats(0.05, 8), st.floats(0.0005, 0.6), st.floats(0, 0.05))


@settings(max_examples=12, derandomize=True, phases=(Phase.explicit, Phase.generate))
@given(
    st.lists(_LINES, min_size=1, max_size=3),
    st.sampled_from([(0.0, True), (0.0, False), (1e6, False), (4e6, False), (4e6, True)]),
    st.sampled_from([30.0, 60.0]),
    st.integers(0, 99),
)
def test_on_any_path_that_changes_nothing_gets_stuck_and_little_is_under_way(lines, load, offered, seed):
    video_bits, is_flooded = load
    changes = [(3.0 * number, each) for number, each in enumerate(lines)]
    end = 3.0 * len(lines)
    run = Simulation(
        lines[0],
        changes=[*changes, (end, line(10, 0.02))],
        video_bits=video_bits,
        offered=offered,
        is_flooded=is_flooded,
        letters_per_second=4,
        seed=seed,
    ).run(end + 25)
    assert run.most_in_flight <= 5 << 20
    # Whatever was, a good path at the end shows letters at once, and the video with nothing given up.
    assert run.letter_age(0.95, since=end + 15) < 0.35
    if video_bits and not is_flooded:
        assert run.frame_rate(since=end + 20, until=end + 25) > offered * 0.85
    if not is_flooded:
        assert run.level(end + 25) == 1.0

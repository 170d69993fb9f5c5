from portcullis.backoff import Backoff


def test_waits_grow_to_a_bound_and_begin_anew_after_success():
    backoff = Backoff(lambda: 0.999999)
    waits = [round(backoff.next_seconds(), 2) for _ in range(7)]
    assert waits == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    backoff.succeeded()
    assert round(backoff.next_seconds(), 2) == 0.2


def test_waits_are_spread_over_half_of_their_length():
    assert (Backoff(lambda: 0.0).next_seconds(), Backoff(lambda: 0.5).next_seconds()) == (
        0.1,
        0.15000000000000002,
    )

"""What users enter for one launch, between the click and the host."""

from broker.credentials.memory import KEPT_SECONDS, MOST, LaunchCredentials
from portcullis.model.rdp import Entered
from tests.support.broker_grid import SettableClock

ADA = Entered("ada", "Tr0ub4dor")


class Ticking(SettableClock):
    ticks = 0.0

    def monotonic(self):
        return self.ticks


def test_it_is_taken_once():
    memory = LaunchCredentials(Ticking())
    memory.keep("s1", ADA)
    assert memory.take("s1") == ADA
    assert memory.take("s1") is None


def test_it_is_forgotten_after_a_while_taken_or_not():
    clock = Ticking()
    memory = LaunchCredentials(clock)
    memory.keep("s1", ADA)
    clock.ticks = KEPT_SECONDS - 1
    memory.keep("s2", ADA)
    clock.ticks = KEPT_SECONDS
    assert memory.take("s1") is None
    assert memory.take("s2") == ADA
    assert len(memory) == 0


def test_it_holds_no_more_than_it_may():
    memory = LaunchCredentials(Ticking())
    for number in range(MOST + 5):
        memory.keep(f"s{number}", ADA)
    assert len(memory) == MOST
    assert memory.take("s0") is None
    assert memory.take(f"s{MOST + 4}") == ADA


def test_a_launch_that_came_to_nothing_leaves_nothing():
    memory = LaunchCredentials(Ticking())
    memory.keep("s1", ADA)
    memory.forget("s1")
    assert memory.take("s1") is None


def test_no_repr_shows_it():
    assert "Tr0ub4dor" not in repr(ADA)

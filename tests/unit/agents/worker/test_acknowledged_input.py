"""Input is acknowledged soon when nothing else was sent, and seldom while frames say it."""

import asyncio
from types import SimpleNamespace

import pytest

from agents.worker.connection import Connection
from portcullis.protocol import messages as m
from tests.support.clock import ManualClock
from tests.support.virtual_time import VirtualTimeLoop


class Typist:
    """What a connection hears of input that was applied, and what it sends; the way there is tested with real ones."""

    def __init__(self, clock):
        self.clock = clock
        self.sent = []
        self.arbiter = SimpleNamespace(last_input=0)
        self.inputs = ()
        self.connection = Connection(self, self, "")
        self.connection._frames = SimpleNamespace(input_applied=lambda sequence: None)
        self.is_writable = True

    def send(self, payload):
        self.sent.append((round(self.clock.monotonic() - 1000, 3), payload))

    def apply(self):
        self.arbiter.last_input += 1
        self.connection.input_applied(self.arbiter.last_input)

    def draw(self):
        self.connection._send_frame(b"frame", self.arbiter.last_input)

    @property
    def acknowledged(self):
        return [(at, m.decode(payload)[0].last_input) for at, payload in self.sent if payload != b"frame"]


@pytest.fixture
def play():
    clock = ManualClock()

    def run(script):
        async def play_it():
            typist = Typist(clock)
            await script(typist)
            await asyncio.sleep(2)
            return typist.acknowledged

        with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(clock)) as runner:
            return runner.run(play_it())

    return run


def test_input_that_shows_nothing_is_acknowledged_within_50_ms(play):
    async def script(typist):
        typist.apply()

    assert play(script) == [(0.05, 1)]


def test_what_a_frame_says_is_not_said_again(play):
    async def script(typist):
        typist.apply()
        typist.draw()

    assert play(script) == []


def test_letters_at_eight_a_second_take_one_acknowledgement_in_all(play):
    async def script(typist):
        for _ in range(20):
            typist.apply()
            typist.draw()
            await asyncio.sleep(0.08)
            typist.apply()  # the release
            await asyncio.sleep(0.045)

    assert [last for _, last in play(script)] == [40]


def test_movements_without_a_picture_are_acknowledged_each_400_ms(play):
    async def script(typist):
        for _ in range(100):
            typist.apply()
            await asyncio.sleep(0.01)

    acknowledged = play(script)
    assert [at for at, _ in acknowledged] == [0.05, 0.45, 0.85, 1.25]
    assert acknowledged[-1][1] == 100

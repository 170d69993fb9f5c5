"""Input is applied in order, at once where nothing waits."""

import asyncio

from agents.worker.inputs import InputQueue
from portcullis.protocol.messages import CommittedText, ReleaseAll


class Recorder:
    def __init__(self):
        self.done = []
        self.applied = []
        self.gate = 0.0
        self.queue = InputQueue(self.apply, self.applied.append)

    def apply(self, message):
        if isinstance(message, CommittedText):
            yield self.gate
        self.done.append(message.sequence)


async def test_input_is_applied_before_put_returns():
    recorder = Recorder()
    recorder.queue.put(ReleaseAll(1))
    assert recorder.done == recorder.applied == [1]


async def test_what_comes_behind_a_waiting_text_keeps_its_place():
    recorder = Recorder()
    for message in (CommittedText(1, "x"), ReleaseAll(2), CommittedText(3, "y"), ReleaseAll(4)):
        recorder.queue.put(message)
    assert recorder.done == []
    assert len(recorder.queue) == 3
    while len(recorder.applied) < 4:
        await asyncio.sleep(0)
    assert recorder.done == recorder.applied == [1, 2, 3, 4]


async def test_dropped_input_is_not_applied_and_what_runs_is_not_reported():
    recorder = Recorder()
    recorder.queue.put(CommittedText(1, "x"))
    recorder.queue.put(ReleaseAll(2))
    recorder.queue.drop()
    recorder.queue.put(ReleaseAll(3))
    while len(recorder.applied) < 2:
        await asyncio.sleep(0)
    assert recorder.done == [1, 3]
    assert recorder.applied == [0, 3]


async def test_closed_queue_does_nothing_more():
    recorder = Recorder()
    recorder.queue.put(CommittedText(1, "x"))
    recorder.queue.close()
    for _ in range(5):
        await asyncio.sleep(0)
    assert recorder.done == []

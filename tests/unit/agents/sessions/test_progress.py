import pytest

from agents.sessions.progress import Progress
from portcullis.protocol.reports import TEXT_CHARACTERS
from portcullis.protocol.worker_channel import Status, WorkerState


def status(stage="application", **fields):
    return Status(session="s", stage=stage, **fields)


def after(*messages):
    progress = Progress()
    for message in messages:
        progress = progress.after(message)
    return progress


@pytest.mark.parametrize(
    ("messages", "state", "stage"),
    [
        ([], "starting", "accepted"),
        ([status("display")], "starting", "display"),
        ([status()], "starting", "application"),
        ([status(), WorkerState(0, 0, 0)], "starting", "application"),
        ([status(), WorkerState(1, 0, 0)], "ready", "ready"),
        ([status(), WorkerState(1, 0, 0), WorkerState(0, 0, 0)], "ready", "ready"),
        ([status(), WorkerState(1, 1, 1)], "active", "ready"),
        ([status(), WorkerState(1, 1, 1), WorkerState(1, 0, 1)], "disconnected", "ready"),
        ([status(), WorkerState(0, 0, 4)], "disconnected", "ready"),
        ([status("dance")], "starting", "accepted"),
    ],
)
def test_state_follows_windows_and_connections(messages, state, stage):
    report = after(*messages).report("s", "t")
    assert (report.state, report.stage) == (state, stage)


def test_end_is_reported_with_its_reason():
    ended = after(
        status(exit_statuses={"application": 3}, ended=True, code="application_exited", detail="no")
    )
    report = ended.report("s", "t")
    assert (report.state, report.code, report.detail, report.exit_status) == (
        "ended",
        "application_exited",
        "no",
        3,
    )


def test_reason_is_not_told_before_the_end():
    assert after(status(code="logged_off")).report("s", "t").code is None


def test_report_stays_within_its_bounds():
    report = after(status(ended=True, code="from the future", detail="x" * 5000)).report("s", "t")
    assert report.code == "session_ended" and len(report.detail) == TEXT_CHARACTERS


@pytest.mark.parametrize(
    ("messages", "limit"),
    [
        ([], None),
        ([status("display")], None),
        ([status()], "window"),
        ([status(), WorkerState(1, 0, 0)], None),
        ([status(), WorkerState(1, 0, 0), WorkerState(0, 0, 0)], None),
        ([status(), WorkerState(1, 0, 0), status(exit_statuses={"application": 0})], None),
        ([status(exit_statuses={"application": 0}), WorkerState(1, 0, 0), WorkerState(0, 0, 0)], "closed"),
        ([status(exit_statuses={"application": 0})], "window"),
        ([status(code="logged_off")], None),
        ([status(ended=True, code="logged_off")], None),
    ],
)
def test_waiting_is_limited_only_where_something_is_awaited(messages, limit):
    assert after(*messages).time_limit == limit

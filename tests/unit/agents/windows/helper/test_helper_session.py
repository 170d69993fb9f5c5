import json

import pytest

from agents.windows.helper.session import Failed, Session, signed

LAUNCH = {
    "type": "launch",
    "session": "s" * 16,
    "about": {"tenant": "t"},
    "worker": {"command": ["w"], "start": {"to": "worker", "type": "start"}},
    "application": {"command": ["a"], "environment": {}},
}


class Parts:
    """Remembers what it was told to do; `later` is what was put off."""

    def __init__(self):
        self.done = []
        self.told = []
        self.worker_lines = []
        self.started = None
        self.later = None
        self.fails = {}
        self.runs_already = set()
        self.job = "Local\\job"

    def prepare_application(self, launch):
        return self.job

    def start_worker(self, launch):
        return self._start("worker", 11)

    def start_application(self, launch):
        return self._start("application", 12)

    def _start(self, name, pid):
        if name in self.fails:
            raise self.fails[name]
        self.done.append(name)
        return None if name in self.runs_already else pid

    def start_attendant(self, launch):
        return self._start("attendant", 13)

    def to_worker(self, line):
        self.started = self.started or json.loads(line)
        self.worker_lines.append(json.loads(line)["type"])

    def to_service(self, line):
        self.told.append(json.loads(line))

    def ask_to_close(self):
        self.done.append("ask")

    def end_application(self):
        self.done.append("end application")

    def end_worker(self):
        self.done.append("end worker")

    def last_lines(self):
        return "last words"

    def at(self, seconds, act):
        self.later = (seconds, act)

    def at_no_time(self):
        self.later = None

    def ended(self):
        self.done.append("ended")

    def time_passes(self):
        _, act = self.later
        self.later = None
        act()

    @property
    def status(self):
        return next(each for each in reversed(self.told) if each["type"] == "status")


def state(windows=0):
    return json.dumps(
        {"from": "worker", "type": "state", "windows": windows, "connections": 0, "e": 0}
    ).encode()


def line(**fields):
    return json.dumps(fields).encode()


@pytest.fixture
def parts():
    return Parts()


@pytest.fixture
def session(parts):
    return Session(parts)


@pytest.fixture
def running(session, parts):
    session.obey(json.dumps(LAUNCH).encode())
    session.hear(state())
    return session


def test_the_application_starts_once_the_worker_has_told_its_first_state(session, parts):
    session.obey(json.dumps(LAUNCH).encode())
    assert parts.done == ["worker"] and parts.worker_lines == ["start"]
    session.hear(state())
    session.hear(state())
    assert parts.done == ["worker", "application"]
    assert parts.status["stage"] == "application"
    assert parts.status["processes"] == {"worker": 11, "application": 12}


def test_a_second_launch_is_not_heard(running, parts):
    running.obey(json.dumps({**LAUNCH, "session": "x"}).encode())
    assert parts.done == ["worker", "application"] and parts.status["session"] == "s" * 16


def test_a_worker_that_does_not_get_ready_in_time_ends_the_session(session, parts):
    session.obey(json.dumps(LAUNCH).encode())
    parts.time_passes()
    assert parts.status["code"] == "worker_failed" and "last words" in parts.status["detail"]


def test_a_worker_that_ends_ends_the_application_too(running, parts):
    running.worker_ended(3)
    running.job_is_empty()
    assert parts.done[-1] == "ended" and "end application" in parts.done
    assert parts.status["ended"] and parts.status["code"] == "worker_failed"


@pytest.mark.parametrize(("windows", "code"), [(0, "application_exited"), (1, "application_closed")])
def test_an_application_that_goes_ends_the_session_for_what_was_seen_of_it(running, parts, windows, code):
    running.hear(state(windows))
    running.application_ended(0)
    assert not parts.status["ended"]
    running.job_is_empty()
    running.job_is_empty()
    assert parts.status["code"] == code and parts.worker_lines[-1] == "closing"


def test_the_end_asks_first_and_kills_after_the_grace(running, parts):
    running.obey(line(type="end", code="logged_off", grace_seconds=7))
    assert parts.done[-1] == "ask" and parts.later[0] == 7 and not parts.status["ended"]
    parts.time_passes()
    assert parts.done[-1] == "end application"
    running.worker_ended(0)
    assert parts.done[-1] == "ended" and parts.status["ended"] and parts.status["code"] == "logged_off"


def test_a_worker_that_does_not_close_is_killed(running, parts):
    running.end("logged_off")
    parts.time_passes()
    parts.time_passes()
    assert parts.done[-2:] == ["end worker", "ended"]


@pytest.mark.parametrize("grace", ["x", None, [], 10**9, -5])
def test_a_grace_is_bounded_whatever_it_is(running, parts, grace):
    running.obey(line(type="end", code="logged_off", grace_seconds=grace))
    assert 0 <= parts.later[0] <= 60


@pytest.mark.parametrize("name", ["worker", "application"])
def test_what_does_not_start_says_why(session, parts, name):
    parts.fails[name] = Failed("elevation_needed", "it asks for more")
    session.obey(json.dumps(LAUNCH).encode())
    session.hear(state())
    assert parts.status["code"] == "elevation_needed" and parts.status["detail"] == "it asks for more"


def test_the_worker_is_told_whose_windows_it_shows(session, parts):
    session.obey(json.dumps(LAUNCH).encode())
    assert parts.started == {**LAUNCH["worker"]["start"], "application_job": "Local\\job"}


def test_a_launch_that_lacks_something_ends_the_session_not_the_helper(session, parts):
    session.obey(line(type="launch", session="s"))
    assert parts.status["ended"] and parts.status["code"] == "worker_failed"


def test_no_launch_in_time_ends_the_helper(session, parts):
    parts.time_passes()
    assert parts.done == ["ended"] and not session.was_launched


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"type": 5}'])
def test_lines_that_make_no_sense_change_nothing(running, parts, text):
    before = list(parts.done)
    running.obey(text)
    running.hear(text)
    assert parts.done == before


def test_a_service_that_comes_later_is_told_where_things_stand(running, parts):
    running.hear(state(2))
    status, last = map(json.loads, running.greeting())
    assert status["stage"] == "application" and last["windows"] == 2


def test_exit_codes_of_crashes_are_negative():
    assert [signed(each) for each in (0, 3, 0xC0000005, -1073741819)] == [0, 3, -1073741819, -1073741819]


def test_a_desktop_that_is_published_runs_already_and_is_left_as_it_is(session, parts):
    parts.runs_already.add("application")
    session.obey(json.dumps(LAUNCH).encode())
    session.hear(state(3))
    assert parts.status["stage"] == "application" and parts.status["processes"] == {"worker": 11}
    session.hear(state(0))
    assert not parts.status["code"]
    session.obey(line(type="end", code="logged_off", grace_seconds=7))
    session.worker_ended(0)
    assert parts.status["ended"] and "ask" not in parts.done


ATTACHED = {
    **LAUNCH,
    "attached": {"display": ":1", "answer_seconds": 30, "view_only": False, "left_seconds": 60},
    "application": {"command": ["a"], "entered": "{}", "exit_codes": {"10": "desktop_refused"}},
}


@pytest.fixture
def asking(session, parts):
    session.obey(json.dumps(ATTACHED).encode())
    return session


def test_on_somebody_s_own_desktop_nothing_looks_before_they_agreed(asking, parts):
    assert parts.done == ["attendant"]
    assert (parts.status["stage"], parts.status["processes"]) == ("display", {"application": 13})
    asking.agreed()
    asking.agreed()  # said twice it is the same
    assert parts.done == ["attendant", "worker"]
    asking.hear(state(1))
    assert parts.status["stage"] == "application"
    assert parts.done == ["attendant", "worker"]


def test_how_its_attendant_ended_is_why_it_ends(asking, parts):
    asking.application_ended(10)
    assert parts.status["ended"]
    assert (parts.status["code"], parts.done[-1]) == ("desktop_refused", "ended")


def test_an_attendant_that_broke_is_no_answer_of_anybody(asking, parts):
    asking.application_ended(70)
    assert parts.status["code"] == "display_failed"


def test_an_attendant_that_says_nothing_is_not_waited_for_without_end(asking, parts):
    assert parts.later[0] > 30
    parts.time_passes()
    assert (parts.status["code"], parts.done[-1]) == ("display_failed", "ended")


def test_its_sign_stands_until_the_worker_has_gone_and_nothing_is_asked_to_close(asking, parts):
    asking.agreed()
    asking.hear(state(1))
    asking.obey(line(type="end", code="logged_off", grace_seconds=30))
    assert "ask" not in parts.done and "ended" not in parts.done
    asking.worker_ended(0)
    assert parts.done[-1] == "ended"


def test_nobody_comes_back_after_a_minute(asking, parts):
    asking.agreed()
    asking.hear(state(1))
    assert parts.later[0] == 60
    somebody = json.loads(state(1)) | {"connections": 1}
    asking.hear(json.dumps(somebody).encode())
    assert parts.later is None
    asking.hear(state(1))
    first = parts.later
    asking.hear(state(2))
    assert parts.later is first  # the time runs on
    parts.time_passes()
    assert parts.status["code"] == "desktop_left"


def test_who_agrees_after_it_has_ended_starts_nothing(asking, parts):
    asking.end("logged_off")
    asking.agreed()
    assert "worker" not in parts.done

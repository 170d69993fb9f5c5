"""Which test a socket that nobody closed fails: the one that opened it."""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree

from tests.running.counting import CLONE

TESTS = """
import socket

kept = []

class Ring:
    def __init__(self):
        self.itself, self.socket = self, socket.socket()

def test_it_leaves_a_socket():
    Ring()

def test_it_is_innocent():
    socket.socket().close()

def test_it_fails_in_the_middle():
    ring = Ring()
    assert not ring.socket

def test_it_is_innocent_too():
    import gc
    gc.collect()

def test_what_is_kept_for_others_is_not_left():
    kept.append(socket.socket())

def test_it_closes_what_was_kept():
    kept.pop().close()
"""


def test_the_test_that_leaves_something_open_fails_and_no_other(tmp_path):
    (tmp_path / "test_them.py").write_text(TESTS)
    report = tmp_path / "report.xml"
    options = (
        "-q",
        "-W",
        "error",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:asyncio",
        "-p",
        "tests.support.leftovers",
    )
    done = subprocess.run(
        (sys.executable, "-m", "pytest", "-c", "/dev/null", *options, f"--junitxml={report}", tmp_path),
        cwd=CLONE,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    told = {case.get("name"): " ".join(each.get("message", "") for each in case) for case in cases}
    assert len(cases) == len(told) == 6, done.stdout
    assert {name for name, message in told.items() if message} == {
        "test_it_leaves_a_socket",
        "test_it_fails_in_the_middle",
    }
    assert "left open by this test" in told["test_it_leaves_a_socket"]
    assert "unclosed <socket" in told["test_it_leaves_a_socket"]
    assert "left open" not in told["test_it_fails_in_the_middle"]

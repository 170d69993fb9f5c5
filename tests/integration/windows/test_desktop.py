"""The desktop of a Windows session, by GDI and SendInput, under Wine: it keeps what every desktop keeps."""

import json

import pytest

from tests.support.desktop_claims import CLAIMS

RUN_SECONDS = 150


@pytest.fixture(scope="module")
def report(windows):
    done = windows.python("-m", "tests.support.desktop_claims_on_windows", timeout=RUN_SECONDS, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    errors = {line["claim"]: line["error"] for line in lines}
    left = f"it was not tried:\n{done.stderr[-2000:]}"
    return {name: errors.get(name, left) for name in CLAIMS}


@pytest.mark.parametrize("name", CLAIMS)
def test_desktop_of_windows_keeps_that(report, name):
    assert report[name] is None, report[name]

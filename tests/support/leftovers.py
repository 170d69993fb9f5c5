"""What a test leaves open fails that test, and no innocent one after it: hooks of pytest's.

A socket, pipe or transport that nobody closed is complained of when Python finds it, which may be many tests later. So
after a test that ends with more descriptors than it began with, Python is made to look at once. A test that has failed
was broken off in the middle: what it left is found before the next one begins, and nothing more is said of it.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
import warnings
from collections.abc import Generator

import pytest

_before = pytest.StashKey[int]()
"""How many descriptors were open."""
_failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    item.stash[_before] = _open_descriptors()
    try:
        return (yield)
    finally:
        if item.stash.get(_failed, False):
            _forget_failure()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[_failed] = item.stash.get(_failed, False) or report.failed
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    result = yield
    has_failed = item.stash.get(_failed, False)
    if not has_failed and _open_descriptors() > item.stash[_before] and (found := _found()):
        pytest.fail(f"left open by this test: {'; '.join(found)}", pytrace=False)
    return result


def _found() -> list[str]:
    """What Python complains of while it collects what nobody refers to any more."""
    complaints: list[str] = []
    before, sys.unraisablehook = sys.unraisablehook, lambda one: complaints.append(repr(one.exc_value))
    try:
        gc.collect()
    finally:
        sys.unraisablehook = before
    return complaints


def _forget_failure() -> None:
    """Pytest keeps the last one, for debuggers, until the next test runs; its frames hold what was open in them."""
    failure = getattr(sys, "last_value", None)
    for name in ("last_exc", "last_type", "last_value", "last_traceback"):
        vars(sys).pop(name, None)
    if failure is not None:
        traceback.clear_frames(failure.__traceback__)
    del failure
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _found()


def _open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # names alone

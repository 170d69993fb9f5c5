from __future__ import annotations

import logging

import pytest


@pytest.fixture(autouse=True)
def _no_error_is_logged(caplog):
    """Whatever strangers send, nothing may fail inside: an error in the log is a bug."""
    yield
    errors = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert not errors, [record.getMessage() for record in errors]

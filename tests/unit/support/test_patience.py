"""What tests wait with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.patience import patient, until, until_now


def third_time() -> Callable[[], bool]:
    asked = iter((False, False, True))
    return lambda: next(asked)


async def test_what_holds_at_some_time_is_waited_for() -> None:
    await until(third_time(), every=0)
    until_now(third_time(), every=0)
    holds = third_time()

    async def asks() -> bool:
        return holds()

    await until(asks, every=0)
    with pytest.raises(StopIteration):
        holds()


async def test_what_never_holds_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TESTS_PATIENCE", raising=False)

    def it_rains() -> bool:
        return False

    with pytest.raises(TimeoutError, match=r"not in time: .*it_rains"):
        await until(it_rains, seconds=-1)
    with pytest.raises(TimeoutError, match=r"not in time: .*it_rains"):
        until_now(it_rains, seconds=-1)


def test_the_factor_is_read_each_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TESTS_PATIENCE", str(tmp_path / "factor"))
    for factor in (1.0, 3.5):
        (tmp_path / "factor").write_text(f"{factor}\n")
        assert patient(2) == 2 * factor

from __future__ import annotations

import io
import time

import pytest

from sqla_lint import progress


def test_the_block_goes_to_and_fro() -> None:
    bars = [progress.bar(step) for step in range(37)]
    assert bars[0].index("=") == 1
    assert bars[18].index("=") == 19
    assert bars[0] == bars[36]
    assert {len(bar) for bar in bars} == {26}


def test_a_short_run_draws_nothing() -> None:
    stream = io.StringIO()
    with progress.moving_bar(stream, shown=True):
        pass
    with progress.moving_bar(stream, shown=False):
        pass
    assert stream.getvalue() == ""


def test_a_long_run_draws_and_wipes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_QUIET_SECONDS", 0.01)
    monkeypatch.setattr(progress, "_STEP_SECONDS", 0.01)
    stream = io.StringIO()
    with pytest.raises(KeyboardInterrupt), progress.moving_bar(stream, shown=True, label="working"):
        time.sleep(0.1)
        raise KeyboardInterrupt
    assert "\rworking [=" in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[K")

"""How late a timer comes is measured every second, and told in real seconds."""

import pytest

from mytrader.journal.loop_lag import LoopLag
from tests.manual_runtime import ManualRuntime


def test_a_timer_that_comes_in_time_is_not_late() -> None:
    runtime, told = ManualRuntime(), list[float]()
    LoopLag(runtime, told.append).start()
    runtime.pass_time(3)
    assert told == [0.0, 0.0, 0.0]


def test_a_loop_that_was_held_up_is_late_by_as_much() -> None:
    runtime, told = ManualRuntime(), list[float]()
    LoopLag(runtime, told.append).start()
    runtime.pass_time(1, late_s=0.25)
    assert told == [0.25]


def test_a_fast_clock_is_measured_in_real_seconds() -> None:
    runtime, told = ManualRuntime(), list[float]()
    LoopLag(runtime, told.append, speed=60.0).start()
    runtime.pass_time(60, late_s=30)
    assert told == pytest.approx([0.5])


def test_it_ends_and_leaves_no_timer() -> None:
    runtime, told = ManualRuntime(), list[float]()
    lag = LoopLag(runtime, told.append)
    lag.stop()
    lag.start()
    lag.start()
    assert runtime.waiting == 1
    lag.stop()
    lag.stop()
    assert runtime.waiting == 0
    assert not told

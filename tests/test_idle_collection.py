"""The collector works in pauses, never between an event and what follows it."""

import gc
from collections.abc import Iterator

import pytest

from mytrader.domain.events import TimeReached
from mytrader.domain.limits import Limits
from mytrader.domain.trader import TraderState
from mytrader.idle_collection import OBJECTS_MAX, collecting_when_idle
from tests.manual_runtime import ManualRuntime

STATE = TraderState(limits=Limits())


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """No test leaves the interpreter's collector other than it was."""
    enabled = gc.isenabled()
    yield
    gc.unfreeze()
    (gc.enable if enabled else gc.disable)()


def test_a_pause_is_used() -> None:
    runtime = ManualRuntime()
    with collecting_when_idle(runtime) as collector:
        runtime.pass_time(3)
        assert collector.collections == 3


def test_a_moment_after_an_event_is_no_pause() -> None:
    runtime = ManualRuntime()
    with collecting_when_idle(runtime) as collector:
        for _ in range(5):
            runtime.pass_time(0.99)
            collector.seen(TimeReached(), [], STATE)
            runtime.pass_time(0.01)
        assert collector.collections == 0


def test_a_market_that_never_pauses_does_not_fill_the_memory() -> None:
    runtime = ManualRuntime()
    with collecting_when_idle(runtime) as collector:
        kept = [[number] for number in range(2 * OBJECTS_MAX)]
        runtime.pass_time(0.99)
        collector.seen(TimeReached(), [], STATE)
        runtime.pass_time(0.01)
        assert collector.collections == 1
        assert len(kept) == 2 * OBJECTS_MAX


def test_python_collects_by_itself_before_and_after_only() -> None:
    gc.enable()
    runtime = ManualRuntime()
    with collecting_when_idle(runtime):
        assert not gc.isenabled()
        assert gc.get_freeze_count() > 0
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    before = runtime.now()
    runtime.pass_time(10)
    assert runtime.now() > before, "nothing is armed any more"


def test_a_failure_gives_the_collector_back() -> None:
    gc.enable()
    with pytest.raises(ZeroDivisionError), collecting_when_idle(ManualRuntime()):
        raise ZeroDivisionError
    assert gc.isenabled()

"""Work that never ends holds up nobody for longer than was asked for."""

import threading

import pytest

from mytrader.advisors.side_threads import SideThreads, Unended


def test_a_result_is_returned() -> None:
    assert SideThreads[int](1).do(lambda: 7, 5) == 7


def test_work_that_does_not_end_is_left_and_keeps_its_place() -> None:
    threads, release = SideThreads[bool](1), threading.Event()
    try:
        assert threads.do(lambda: release.wait(60), 0.01) == Unended("timeout")
        assert threads.do(lambda: True, 5) == Unended("busy")
    finally:
        release.set()


def test_a_place_is_free_again_when_the_work_has_ended() -> None:
    threads = SideThreads[int](1)
    assert [threads.do(lambda: 7, 5) for _ in range(3)] == [7, 7, 7]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_work_that_raises_has_no_result() -> None:
    threads = SideThreads[float](1)
    assert threads.do(lambda: 1 / 0, 5) == Unended("error")
    assert threads.do(lambda: 1.0, 5) == 1.0

"""The scaled clock, its timers, tasks and ids; real time is replaced by virtual time."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mytrader.domain.orders import OrderRef, Role, parse_ref
from mytrader.errors import BadInput, InvariantBroken
from mytrader.ports import Runtime
from mytrader.runtime import (
    CycleIds,
    SystemRuntime,
    decode_ulid,
    encode_ulid,
    monotonic_seconds,
    random_fraction,
)
from mytrader.simulator.virtual_time import VirtualLoop, run_virtual

EPOCH = datetime(2025, 12, 12, 14, 30, tzinfo=UTC)
ANCHOR = datetime(2020, 1, 1, tzinfo=UTC)
RANDOM_MAX = (1 << 80) - 1


def ignore(name: str, error: BaseException) -> None:
    """Expect no failure."""
    raise AssertionError(name) from error


def scaled(loop: VirtualLoop, speed: float = 60.0) -> SystemRuntime:
    """Return a runtime whose real seconds are the loop's."""
    return SystemRuntime(ignore, speed=speed, anchor=ANCHOR, monotonic=loop.time)


def run(main: Callable[[VirtualLoop], Awaitable[None]]) -> None:
    """Run a test in virtual time."""

    async def start(loop: VirtualLoop) -> None:
        await main(loop)

    run_virtual(start, epoch=EPOCH)


def near(one: datetime, other: datetime) -> bool:
    """Whether two times differ by no more than the loop's landing, scaled."""
    return abs(one - other) < timedelta(milliseconds=1)


def test_the_clock_runs_at_its_speed_from_its_anchor() -> None:
    async def main(loop: VirtualLoop) -> None:
        runtime = scaled(loop)
        assert runtime.now() == ANCHOR
        await asyncio.sleep(2)
        assert near(runtime.now(), ANCHOR + timedelta(minutes=2))

    run(main)


def test_without_an_anchor_it_shows_the_machines_time() -> None:
    before = datetime.now(UTC)
    assert before <= SystemRuntime(ignore).now() <= datetime.now(UTC) + timedelta(seconds=1)


def test_a_timer_fires_once_and_never_before_its_time() -> None:
    async def main(loop: VirtualLoop) -> None:
        runtime = scaled(loop, speed=7.3)
        when = ANCHOR + timedelta(seconds=100)
        fired: list[datetime] = []
        runtime.call_at(when, lambda: fired.append(runtime.now()))
        await asyncio.sleep(1000)
        assert len(fired) == 1
        assert when <= fired[0] < when + timedelta(milliseconds=1)

    run(main)


def test_a_timer_of_the_past_fires_at_once() -> None:
    async def main(loop: VirtualLoop) -> None:
        runtime = scaled(loop)
        fired: list[int] = []
        runtime.call_at(ANCHOR - timedelta(days=1), lambda: fired.append(1))
        await asyncio.sleep(0.001)
        assert fired == [1]

    run(main)


def test_a_disarmed_timer_does_not_fire_and_disarming_twice_is_harmless() -> None:
    async def main(loop: VirtualLoop) -> None:
        runtime = scaled(loop)
        fired: list[int] = []
        disarm = runtime.call_at(ANCHOR + timedelta(seconds=60), lambda: fired.append(1))
        disarm()
        disarm()
        await asyncio.sleep(100)
        assert fired == []

    run(main)


@pytest.mark.parametrize(("shift_s", "due_s"), [(30, 30), (-60, 120), (600, 0)])
def test_timers_follow_a_new_anchor(shift_s: int, due_s: int) -> None:
    async def main(loop: VirtualLoop) -> None:
        runtime = scaled(loop, speed=1.0)
        fired: list[float] = []
        runtime.call_at(ANCHOR + timedelta(seconds=60), lambda: fired.append(loop.time()))
        runtime.set_anchor(ANCHOR + timedelta(seconds=shift_s))
        await asyncio.sleep(1000)
        assert fired == [pytest.approx(due_s, abs=1e-3)]

    run(main)


def test_a_timer_that_the_loop_fires_early_is_armed_again() -> None:
    """The loop's clock and the monotonic one may disagree by a rounding."""

    async def main(loop: VirtualLoop) -> None:
        slow = SystemRuntime(ignore, anchor=ANCHOR, monotonic=lambda: loop.time() * 0.5, speed=1.0)
        fired: list[datetime] = []
        slow.call_at(ANCHOR + timedelta(seconds=8), lambda: fired.append(slow.now()))
        await asyncio.sleep(100)
        assert len(fired) == 1
        assert fired[0] >= ANCHOR + timedelta(seconds=8)

    run(main)


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf")])
def test_a_speed_must_be_a_number_above_zero(speed: float) -> None:
    with pytest.raises(BadInput, match="give a number above 0"):
        SystemRuntime(ignore, speed=speed)


def test_a_failed_task_is_reported_and_a_cancelled_one_is_not() -> None:
    async def main(loop: VirtualLoop) -> None:
        failures: list[tuple[str, str]] = []
        runtime = SystemRuntime(
            lambda name, error: failures.append((name, str(error))), monotonic=loop.time
        )
        done: list[str] = []

        async def work(outcome: str) -> None:
            await asyncio.sleep(1)
            if outcome == "fail":
                raise ValueError("broken")
            if outcome == "cancel":
                raise asyncio.CancelledError
            done.append(outcome)

        for outcome in ("fail", "cancel", "succeed"):
            runtime.spawn(work(outcome), f"to {outcome}")
        await asyncio.sleep(2)
        assert failures == [("to fail", "broken")]
        assert done == ["succeed"]

    run(main)


def test_it_is_the_port() -> None:
    runtime: Runtime = SystemRuntime(ignore)
    assert parse_ref(str(OrderRef(runtime.new_cycle_id(), Role.ENTRY, 1))) is not None


def test_the_known_example_of_the_specification() -> None:
    """Time 1469918176385 encodes as 01ARYZ6S41, ulid/spec."""
    assert encode_ulid(1_469_918_176_385, 0) == "01ARYZ6S41" + "0" * 16
    assert encode_ulid((1 << 48) - 1, RANDOM_MAX) == "7" + "Z" * 25


@pytest.mark.parametrize(("unix_ms", "randomness"), [(-1, 0), (1 << 48, 0), (0, 1 << 80), (0, -1)])
def test_what_does_not_fit_is_not_encoded(unix_ms: int, randomness: int) -> None:
    with pytest.raises(InvariantBroken):
        encode_ulid(unix_ms, randomness)


@given(st.integers(0, (1 << 48) - 1), st.integers(0, RANDOM_MAX))
def test_an_id_gives_its_bits_back(unix_ms: int, randomness: int) -> None:
    assert decode_ulid(encode_ulid(unix_ms, randomness)) == unix_ms << 80 | randomness


@pytest.mark.parametrize(
    "text",
    ["", "7" + "Z" * 24, "7" + "Z" * 26, "8" + "Z" * 25, "7" + "Z" * 24 + "U", "0" * 25 + "a"],
)
def test_another_text_is_no_id(text: str) -> None:
    """Too short, too long, too large for 128 bits, a letter that is not in the alphabet."""
    with pytest.raises(BadInput, match="is no cycle id"):
        decode_ulid(text)


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(-5, 5), st.sampled_from([0, 1, RANDOM_MAX])), min_size=2))
def test_ids_grow_whatever_the_clock_and_the_random_bits_do(steps: list[tuple[int, int]]) -> None:
    draws = iter([bits for _, bits in steps for _ in range(2)])
    ids = CycleIds(lambda: next(draws))
    now, made = EPOCH, []
    for step_ms, _ in steps:
        now += timedelta(milliseconds=step_ms)
        made.append(ids.next(now))
    assert made == sorted(set(made))
    assert all(len(text) == 26 for text in made)


def test_blocking_work_does_not_hold_up_the_loop() -> None:
    """Here the work waits for something that only the loop can do meanwhile."""
    may_end = threading.Event()

    async def main() -> str:
        runtime = SystemRuntime(lambda *_: None)
        asyncio.get_running_loop().call_soon(may_end.set)
        return await runtime.off_loop(lambda: "done" if may_end.wait(5) else "held up")

    assert asyncio.run(main()) == "done"


def test_blocking_work_raises_where_it_is_awaited() -> None:
    async def main() -> None:
        await SystemRuntime(lambda *_: None).off_loop(lambda: 1 // 0)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())


def test_blocking_work_that_does_not_end_does_not_hold_up_the_end() -> None:
    """A peer that trickles can keep a thread for ever; the process has to end all the same."""
    released, began = threading.Event(), monotonic_seconds()

    async def main() -> None:
        runtime = SystemRuntime(lambda *_: None)
        working = asyncio.ensure_future(runtime.off_loop(lambda: released.wait(10)))
        await asyncio.wait([working], timeout=0.01)
        assert not working.done()

    asyncio.run(main())
    took_s = monotonic_seconds() - began
    released.set()
    assert took_s < 5


def test_blocking_work_that_ends_after_its_loop_is_nobodys() -> None:
    released, ended = threading.Event(), threading.Event()

    def work() -> None:
        released.wait(10)
        ended.set()

    async def main() -> None:
        working = asyncio.ensure_future(SystemRuntime(lambda *_: None).off_loop(work))
        await asyncio.wait([working], timeout=0.01)

    asyncio.run(main())
    released.set()
    assert ended.wait(5)


def test_a_random_fraction_is_one() -> None:
    drawn = {random_fraction() for _ in range(50)}
    assert len(drawn) > 1
    assert all(0 <= number < 1 for number in drawn)

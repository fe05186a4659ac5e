"""What a refused proposal would have earned, minute by minute, by the convention of the module."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from mytrader.domain.cycle import ExitReason
from mytrader.domain.decision import Signal
from mytrader.domain.instrument import ES
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.learning.counterfactual import WouldBe, would_have_earned
from tests.domain_samples import NOON
from tests.learning_samples import MINUTE, bars, quiet

LONG = Signal(
    strategy="ema-cross",
    side=Side.BUY,
    confidence=0.8,
    entry=Decimal("6800.00"),
    stop=Decimal("6797.50"),
    target=Decimal("6805.00"),
    features={},
    reason="a sample",
)
"""Entry at tick 27,200; the stop is ten ticks below it, the target twenty above."""

SHORT = replace(LONG, side=Side.SELL, stop=Decimal("6802.50"), target=Decimal("6795.00"))


def judged(
    minutes: Sequence[Bar], signal: Signal = LONG, *, at: datetime = NOON, quantity: int = 1
) -> WouldBe | None:
    return would_have_earned(
        signal,
        minutes,
        at=at,
        instrument=ES,
        quantity=quantity,
        flatten_before_close=timedelta(minutes=5),
    )


def ended(minutes: Sequence[Bar], signal: Signal = LONG) -> tuple[ExitReason, Decimal]:
    """The reason of the exit, and the dollars before commission."""
    found = judged(minutes, signal)
    assert found is not None
    return found.by, found.net_usd + found.commission_usd


def test_a_target_pays_its_distance_less_the_spread_and_the_commission() -> None:
    found = judged(bars((0, 0, 0, 0), (0, 21, 0, 20)))
    assert found is not None
    assert found.by is ExitReason.TARGET
    assert (found.net_usd, found.commission_usd) == (Decimal("232.70"), Decimal("4.80"))
    assert found.risk_usd == Decimal("137.50")
    assert found.r == pytest.approx(232.70 / 137.50)
    assert (found.entered_at, found.left_at) == (NOON, NOON + 2 * MINUTE)


def test_a_target_that_is_touched_and_not_passed_is_not_reached() -> None:
    """Whoever sells sells at the bid, a tick below the trades that are seen."""
    reason, _ = ended(bars((0, 0, 0, 0), (0, 20, 0, 0), (0, 0, -10, -10)))
    assert reason is ExitReason.STOP


def test_the_stop_comes_first_in_a_minute_that_touches_both() -> None:
    assert ended(bars((0, 0, 0, 0), (0, 30, -10, 20))) == (ExitReason.STOP, Decimal(-150))


def test_a_gap_beyond_the_stop_fills_at_the_open() -> None:
    assert ended(bars((0, 0, 0, 0), (-30, -30, -40, -35))) == (ExitReason.STOP, Decimal(-400))


def test_a_short_trade_is_the_mirror_of_a_long_one() -> None:
    assert ended(bars((0, 0, 0, 0), (0, 0, -21, -20)), SHORT)[0] is ExitReason.TARGET
    assert ended(bars((0, 0, 0, 0), (0, 10, -30, 0)), SHORT) == (ExitReason.STOP, Decimal(-150))
    assert ended(bars((0, 0, 0, 0), (30, 30, 20, 30)), SHORT) == (ExitReason.STOP, Decimal(-400))


def test_the_entry_pays_up_when_the_minute_opens_worse() -> None:
    found = judged(bars((4, 4, 4, 4), (0, 30, 0, 20)))
    assert found is not None
    assert found.risk_usd == ES.usd(15)
    found = judged(bars((-4, 0, -4, 0), (0, 30, 0, 20)))
    assert found is not None
    assert found.risk_usd == ES.usd(11)


def test_in_the_minute_of_the_entry_only_stop_and_close_count() -> None:
    """Its high may have been before the entry; its low is assumed to have been after it."""
    assert ended(bars((0, 30, 0, 0), (0, 0, -10, -10)))[0] is ExitReason.STOP
    assert ended(bars((0, 30, 0, 25)))[0] is ExitReason.TARGET
    assert ended(bars((0, 30, -10, 25))) == (ExitReason.STOP, Decimal(-150))


def test_a_proposal_within_a_minute_is_entered_in_that_minute() -> None:
    found = judged(bars((0, 0, 0, 0), (0, 30, 0, 20)), at=NOON + timedelta(seconds=59))
    assert found is not None
    assert found.entered_at == NOON


def test_a_minute_without_trades_is_waited_out_but_not_for_long() -> None:
    later = bars((0, 0, 0, 0), (0, 30, 0, 20), at=NOON + 2 * MINUTE)
    assert judged(later) is not None
    assert judged(later, at=NOON - timedelta(seconds=1)) is None


def test_what_is_open_at_the_end_is_closed_before_the_session_does() -> None:
    """15:55 US Central: the minute of 15:54 is the last one, a tick is paid for leaving."""
    start = datetime(2025, 11, 12, 21, 50, tzinfo=UTC)
    found = judged(quiet(10, at=start), at=start)
    assert found is not None
    assert found.by is ExitReason.SESSION_END
    assert found.left_at == datetime(2025, 11, 12, 21, 55, tzinfo=UTC)
    assert found.net_usd == Decimal("-29.80")


def test_minutes_that_end_too_early_give_no_answer() -> None:
    """Not zero: nobody knows."""
    assert judged(quiet(30)) is None
    assert judged([]) is None


def test_a_hole_gives_no_answer() -> None:
    minutes = [*quiet(1), *bars((0, 30, 0, 20), at=NOON + 12 * MINUTE)]
    assert judged(minutes) is None
    close = datetime(2025, 11, 12, 21, 40, tzinfo=UTC)
    after = datetime(2025, 11, 12, 23, 0, tzinfo=UTC)
    assert judged([*quiet(1, at=close), *quiet(5, at=after)], at=close) is None


def test_a_day_without_a_session_gives_no_answer() -> None:
    saturday = datetime(2025, 11, 15, 18, tzinfo=UTC)
    assert judged(quiet(5, at=saturday), at=saturday) is None


def test_a_proposal_in_the_last_minutes_is_entered_by_nobody() -> None:
    late = datetime(2025, 11, 12, 21, 57, tzinfo=UTC)
    assert judged(quiet(2, at=late), at=late) is None


@pytest.mark.parametrize(
    "signal",
    [
        replace(LONG, stop=None),
        replace(LONG, target=None),
        replace(LONG, entry=Decimal("NaN")),
        replace(LONG, stop=Decimal("Infinity")),
        replace(LONG, stop=Decimal("6801.00")),
        replace(LONG, target=Decimal("6799.00")),
        replace(SHORT, stop=Decimal("6799.00")),
    ],
)
def test_a_signal_without_a_usable_bracket_gives_no_answer(signal: Signal) -> None:
    assert judged(bars((0, 0, 0, 0), (0, 30, -30, 0)), signal) is None


def test_a_market_that_has_left_the_bracket_gives_no_answer() -> None:
    assert judged(bars((25, 25, 25, 25), (0, 30, 0, 20))) is None


def test_two_contracts_earn_twice_and_mean_the_same_r() -> None:
    one = judged(bars((0, 0, 0, 0), (0, 30, 0, 20)))
    two = judged(bars((0, 0, 0, 0), (0, 30, 0, 20)), quantity=2)
    assert one is not None
    assert two is not None
    assert (two.net_usd, two.r) == (2 * one.net_usd, one.r)

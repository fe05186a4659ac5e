"""The trader's own day guards over a recorded day."""

from decimal import Decimal

import pytest

from mytrader.domain.instrument import ES
from mytrader.domain.limits import Limits
from mytrader.domain.orders import Side
from mytrader.replay.day import judge_day
from mytrader.replay.history import AnyFact, Placed, Reported, Signalled
from mytrader.replay.moment import moment_before
from tests.replay_samples import START, fill, history, order

LAST = order(999, 3600, side=Side.BUY)


def refused(*facts: AnyFact, last: Placed = LAST, limits: Limits | None = None) -> set[str]:
    """Return the codes that refuse `last` after `facts`."""
    record = history(*facts, last)
    verdicts = judge_day(
        record,
        last,
        moment=moment_before(record, last),
        instrument=ES,
        limits=limits or Limits(),
    )
    return {verdict.code for verdict in verdicts if not verdict.approved}


def losing_trade(number: int) -> list[AnyFact]:
    """Return a trade that loses a tick."""
    at = number * 20
    return [
        order(at, at, side=Side.BUY),
        fill(at, at + 1, side=Side.BUY, price=24_001),
        order(at + 1, at + 2, side=Side.SELL),
        fill(at + 1, at + 3, side=Side.SELL, price=24_000),
    ]


def test_the_first_entry_of_a_day_passes() -> None:
    assert refused() == set()


def test_an_entry_soon_after_the_last_is_refused() -> None:
    late = order(999, 100, side=Side.BUY)
    assert refused(*losing_trade(0), last=late) == {"COOLDOWN"}
    assert refused(*losing_trade(0)) == set()


def test_a_run_of_losses_ends_the_day() -> None:
    facts = [fact for number in range(5) for fact in losing_trade(number)]
    assert refused(*facts) == {"LOSS_STREAK"}
    assert refused(*facts[:16]) == set()


def test_a_gain_ends_the_run_of_losses() -> None:
    gain = [
        fill(900, 901, side=Side.SELL, price=24_010),
        fill(901, 902, side=Side.BUY, price=24_000),
    ]
    facts = [fact for number in range(4) for fact in losing_trade(number)]
    assert refused(*facts, *gain, *losing_trade(50)) == set()


def test_yesterday_does_not_count() -> None:
    tomorrow = order(999, 86_400, side=Side.BUY)
    facts = [fact for number in range(5) for fact in losing_trade(number)]
    assert refused(*facts, last=tomorrow) == set()


def test_the_number_of_entries_is_limited() -> None:
    facts = [*losing_trade(0), *losing_trade(1)]
    assert refused(*facts, limits=Limits(daily_trades_max=2)) == {"TRADE_COUNT"}


def test_a_reported_position_is_no_flat_one() -> None:
    """Fills flat, report short 1: the founding incident again."""
    assert refused(Reported(START, "ES", -1)) == {"POSITION_OPEN", "OPPOSITE_ENTRY"}


@pytest.mark.parametrize(("confidence", "codes"), [(0.59, {"LOW_CONFIDENCE"}), (0.6, set())])
def test_a_recorded_confidence_is_judged(confidence: float, codes: set[str]) -> None:
    assert refused(Signalled(START, "BUY", confidence)) == codes


def test_size_counts() -> None:
    huge = Placed(LAST.at, 999, "ES", Side.BUY, 6, "LIMIT", limit=Decimal(6000))
    assert refused(last=huge) == {"POSITION_LIMIT"}

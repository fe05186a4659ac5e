"""From finished cycles to outcomes: profit, risk, slippage, the day so far, what was said."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from mytrader.domain.cycle import ExitReason, Phase, TradeCycle
from mytrader.domain.decision import Advice, AdvisorRole, Opinion
from mytrader.domain.market import Bar
from mytrader.domain.orders import Role, Side, TrackedOrder
from mytrader.domain.regime import Regime, Trend, Volatility
from mytrader.learning.outcomes import (
    UNKNOWN,
    Ended,
    Heard,
    Material,
    Outcome,
    once_each,
    outcomes_of,
)
from tests.domain_samples import ES_DECEMBER, NOON, an_order
from tests.learning_samples import MINUTE, bars, closed, refused

GO = Opinion("local", AdvisorRole.DECISION, Advice.GO, "fine")
WAIT = replace(GO, decision=Advice.WAIT)


def outcomes(*cycles: TradeCycle, minutes: Sequence[Bar] = ()) -> tuple[Outcome, ...]:
    return outcomes_of(Material(cycles, {ES_DECEMBER: minutes}))


def outcome(cycle: TradeCycle, *, minutes: Sequence[Bar] = ()) -> Outcome:
    (found,) = outcomes(cycle, minutes=minutes)
    return found


def test_profit_and_r_come_from_fills_and_commissions() -> None:
    """40 ticks are $500; the stop was 20 ticks, $250, away."""
    found = outcome(closed(1))
    assert (found.net_usd, found.commission_usd) == (Decimal("495.20"), Decimal("4.80"))
    assert found.risk_usd == Decimal(250)
    assert found.r == pytest.approx(495.20 / 250)
    assert (found.ended, found.exit_reason) == (Ended.TRADED, "target")


def test_a_short_trade_has_a_risk_too() -> None:
    found = outcome(closed(1, side=Side.SELL, ticks=-20))
    assert (found.net_usd, found.risk_usd) == (Decimal("-254.80"), Decimal(250))


@pytest.mark.parametrize("stop", [None, Decimal("NaN"), Decimal("6801.00")])
def test_a_trade_without_a_usable_stop_has_dollars_and_no_r(stop: Decimal | None) -> None:
    cycle = closed(1)
    found = outcome(replace(cycle, signal=replace(cycle.signal, stop=stop)))
    assert (found.net_usd, found.risk_usd, found.r) == (Decimal("495.20"), None, None)


def test_slippage_is_against_the_signal_and_the_target() -> None:
    """Bought at 6800.50 for a signal of 6800.00: two ticks; sold at the target: none."""
    cycle = closed(1)
    worse = replace(cycle.fills[0], price=27_202)
    assert outcome(cycle).slippage_usd == Decimal("0.00")
    assert outcome(replace(cycle, fills=(worse, cycle.fills[1]))).slippage_usd == Decimal("25.00")


def test_slippage_of_a_stop_is_against_the_order_that_rested() -> None:
    stop = an_order(Role.STOP)
    cycle = closed(1, ticks=-203)
    sold = replace(cycle.fills[1], ref=stop.ref)
    stopped = replace(cycle, fills=(cycle.fills[0], sold), orders={stop.ref: TrackedOrder(stop)})
    assert outcome(stopped).slippage_usd == Decimal("37.50")
    by_hand = replace(stopped, exit_reason=ExitReason.OPERATOR)
    assert outcome(by_hand).slippage_usd == Decimal("0.00")


def test_slippage_of_a_signal_without_a_price_is_unknown() -> None:
    cycle = closed(1)
    signal = replace(cycle.signal, entry=Decimal("NaN"))
    assert outcome(replace(cycle, signal=signal)).slippage_usd is None


def test_a_refusal_earned_nothing_and_would_have_earned_something() -> None:
    minutes = bars((0, 0, 0, 0), (0, 41, 0, 40))
    found = outcome(refused(1, "MODE", "COOLDOWN"), minutes=minutes)
    assert (found.ended, found.net_usd, found.r) == (Ended.REFUSED, None, None)
    assert found.codes == ("MODE", "COOLDOWN")
    assert found.would_be is not None
    assert found.would_be.net_usd == Decimal("482.70")


def test_a_refusal_without_minutes_would_have_earned_nobody_knows_what() -> None:
    assert outcome(refused(1, "MODE")).would_be is None


def test_a_refused_size_of_nothing_is_judged_as_one_contract() -> None:
    cycle = replace(refused(1, "ORDER_SIZE"), quantity=0)
    found = outcome(cycle, minutes=bars((0, 0, 0, 0), (0, 41, 0, 40)))
    assert found.would_be is not None
    assert found.would_be.net_usd == Decimal("482.70")


def test_an_entry_that_never_filled_is_aborted() -> None:
    cycle = replace(closed(1), phase=Phase.ABORTED, fills=(), commissions_usd={})
    found = outcome(cycle)
    assert (found.ended, found.net_usd, found.exit_reason) == (Ended.ABORTED, None, "")


def test_a_symbol_that_nobody_knows_has_no_dollars() -> None:
    found = outcome(replace(closed(1), symbol=""), minutes=bars((0, 0, 0, 0)))
    assert (found.ended, found.symbol, found.net_usd) == (Ended.ABORTED, UNKNOWN, None)


def test_what_is_not_over_is_not_judged() -> None:
    assert outcomes(replace(closed(1), phase=Phase.OPEN)) == ()


@pytest.mark.parametrize(
    ("opinions", "codes", "heard"),
    [
        ((GO,), (), Heard.GO),
        ((GO, WAIT), ("AWS_WAIT",), Heard.WAIT_FOLLOWED),
        ((replace(GO, failure="timeout"),), ("AWS_WAIT",), Heard.WAIT_FOLLOWED),
        ((WAIT,), ("AWS_WAIT_OVERRIDE",), Heard.WAIT_OVERRIDDEN),
        ((), (), Heard.SILENT),
    ],
)
def test_what_advisors_said_and_what_was_done(
    opinions: tuple[Opinion, ...], codes: tuple[str, ...], heard: Heard
) -> None:
    found = outcome(replace(closed(1), opinions=opinions, reason_codes=codes))
    assert found.heard is heard
    assert "AWS_WAIT_OVERRIDE" not in found.codes


def test_hour_and_regime_are_those_of_the_proposal() -> None:
    cycle = closed(1, at=datetime(2025, 11, 12, 15, 30, tzinfo=UTC))
    regime = Regime(Trend.RANGE, Volatility.HIGH)
    found = outcome(replace(cycle, signal=replace(cycle.signal, regime=regime)))
    assert (found.hour, found.regime) == (9, "RANGE HIGH")
    assert outcome(cycle).regime == UNKNOWN


def test_the_day_is_remembered_as_it_was_when_the_proposal_came() -> None:
    """Two losses, then a gain that is still open when the next proposal comes."""
    hour = timedelta(hours=1)
    day = [
        closed(1, at=NOON, ticks=-20),
        closed(2, at=NOON + hour, ticks=-20),
        closed(3, at=NOON + 2 * hour, ticks=40),
        refused(4, "POSITION_OPEN", at=NOON + 2 * hour + MINUTE),
        refused(5, "MODE", at=NOON + 2 * hour + 30 * MINUTE),
        refused(6, "MODE", at=NOON + timedelta(days=1)),
    ]
    found = outcomes(*reversed(day))
    assert [one.cycle_id for one in found] == [cycle.cycle_id for cycle in day]
    assert [one.before.entries for one in found] == [0, 1, 2, 3, 3, 0]
    assert [one.before.losses_in_a_row for one in found] == [0, 1, 2, 2, 0, 0]
    assert found[3].before.realised_usd == Decimal("-509.60")
    assert found[3].before.entry_gap == MINUTE
    assert found[0].before.entry_gap is None
    assert found[5].before.entry_gap == timedelta(hours=22)
    assert found[0].before.to_close == timedelta(hours=4)


def test_outside_a_session_nothing_is_left_of_it() -> None:
    saturday = datetime(2025, 11, 15, 18, tzinfo=UTC)
    assert outcome(refused(1, "SESSION_CLOSED", at=saturday)).before.to_close is None
    in_the_halt = datetime(2025, 11, 12, 22, 30, tzinfo=UTC)
    assert outcome(refused(1, "SESSION_CLOSED", at=in_the_halt)).before.to_close == timedelta(
        minutes=-30
    )


def test_a_trade_that_stands_in_two_records_counts_once() -> None:
    first, second = outcomes(closed(1)), outcomes(closed(1), closed(2, at=NOON - MINUTE))
    found = once_each([*first, *second])
    assert [one.cycle_id[-1] for one in found] == ["2", "1"]

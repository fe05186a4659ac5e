"""The account of a day can be added up by hand."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from mytrader.alerts.day import CODES_SHOWN, Day, codes, rules
from mytrader.alerts.wording import without_tags
from mytrader.domain.commands import AlertLevel
from mytrader.domain.cycle import Phase, TradeCycle
from mytrader.domain.limits import Limits
from mytrader.domain.orders import Side
from mytrader.domain.trader import DayLedger, Mode, TraderState
from tests.domain_samples import NOON, a_cycle, a_fill

PAID = Decimal("2.40")


def trade(ticks: int, *, paid: bool = True, symbol: str = "ES") -> TradeCycle:
    """A long trade of one contract that made so many ticks, 12.50 dollars each."""
    names = ("in", "out")
    fills = (
        a_fill(Side.BUY, 27_200, exec_id="in"),
        a_fill(Side.SELL, 27_200 + ticks, exec_id="out"),
    )
    commissions = dict.fromkeys(names if paid else names[:1], PAID)
    return replace(a_cycle(*fills), phase=Phase.CLOSED, commissions_usd=commissions, symbol=symbol)


def said(day: Day, state: TraderState | None = None) -> str:
    """What people get."""
    return without_tags("\n".join(day.lines(state or TraderState(limits=Limits()))))


def test_an_empty_day_says_so() -> None:
    day = Day(NOON)
    assert (day.on, day.eventful) == (date(2025, 11, 12), False)
    assert said(day).split("\n") == ["no trade", "no entry refused", "", "no alert"]


def test_trades_add_up_and_the_fall_is_from_the_best() -> None:
    day = Day(NOON)
    for ticks in (10, -4, -6, 20):
        day.finished(trade(ticks))
    assert day.net_usd == Decimal("250.00") - 4 * 2 * PAID
    assert (day.trades, day.wins, day.eventful) == (4, 2, True)
    assert day.drawdown_usd == Decimal("125.00") + 2 * 2 * PAID
    assert "4 trades, 2 won, +$230.80 net" in said(day)
    assert "largest fall from the day's best $134.60" in said(day)


def test_a_trade_that_only_paid_commission_is_not_won() -> None:
    day = Day(NOON)
    day.finished(trade(0))
    assert day.wins == 0


def test_a_commission_that_comes_late_is_added_once() -> None:
    day = Day(NOON)
    day.finished(trade(4, paid=False))
    assert "1 fill not reported yet" in said(day)
    for _ in range(2):
        day.commission("out", PAID)
    day.commission("another's", PAID)
    assert day.commission_usd == 2 * PAID
    assert "not reported" not in said(day)


def test_a_refused_proposal_is_no_trade_but_its_exposure_counts() -> None:
    day = Day(NOON)
    day.finished(replace(a_cycle(), phase=Phase.ABORTED, unprotected_seconds_max=1.25))
    assert (day.trades, day.unprotected_seconds_max) == (0, 1.25)
    assert "longest unprotected 1.2 s" in said(day)


def test_what_is_still_open_counts_too() -> None:
    working = replace(a_cycle(), emergency_stops=2, unprotected_seconds_max=0.5)
    state = TraderState(limits=Limits(), cycles={"a": working}, mode=Mode.REDUCE_ONLY)
    text = said(Day(NOON), state)
    assert "2 emergency stops; mode REDUCE_ONLY" in text
    assert "longest unprotected 0.5 s" in text


def test_troubles_are_counted() -> None:
    day = Day(NOON)
    day.raised = Counter({AlertLevel.PAGE: 1, AlertLevel.WARNING: 2, AlertLevel.INFO: 9})
    day.links_lost, day.outages = 1, 3
    assert "1 page, 2 warnings, 1 lost link, 3 advisor outages" in said(day)


@pytest.mark.parametrize(
    ("on", "shown"), [(date(2025, 11, 12), True), (date(2025, 11, 11), False), (None, False)]
)
def test_the_record_of_the_whole_date_is_shown_where_it_says_more(
    on: date | None, shown: bool
) -> None:
    ledger = DayLedger(on=on, realised_usd=Decimal(500))
    state = TraderState(limits=Limits(), day=ledger)
    assert ("the whole date by the record: +$500.00" in said(Day(NOON), state)) is shown


def test_a_symbol_that_nobody_knows_earns_nothing() -> None:
    day = Day(NOON - timedelta(hours=1))
    day.finished(trade(10, symbol="ZZ"))
    assert (day.trades, day.gross_usd) == (1, Decimal(0))


def test_codes_and_their_rules() -> None:
    assert codes(Counter(COOLDOWN=2, MODE=3)) == "MODE 3, COOLDOWN 2"
    many = Counter({f"C{number}": 1 for number in range(CODES_SHOWN + 1)})
    assert codes(many).endswith(", …")
    assert rules(Counter(COOLDOWN=2, NEW=1)) == [
        "COOLDOWN 2: too soon after the last entry",
        "NEW 1: see the record",
    ]

"""Whatever is asked, a guard answers with a code; what it approves reduces a position."""

import math
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mytrader.domain.known import Known
from mytrader.domain.margin import Margin
from mytrader.domain.orders import Refused, Side
from mytrader.domain.trader import DayLedger
from mytrader.execution.guards import approve_entry, approve_exit
from tests.domain_samples import ES_DECEMBER, NOON
from tests.guard_samples import (
    QUOTE,
    a_proposal,
    a_proposed_cycle,
    a_signal,
    a_trader,
    a_working,
    at,
    code_of,
    exit_spec,
    holding,
)

COUNTS = st.integers(-3, 12) | st.sampled_from([10**6, 10**40, -(10**40)])
ODD = st.sampled_from([math.nan, math.inf, -math.inf, True, "1", None])
REPORTS = st.none() | st.integers(-3, 3) | st.just(10**9)


@pytest.mark.slow
@given(
    booked=st.integers(-3, 3),
    reported=REPORTS,
    side=st.sampled_from(Side),
    quantity=COUNTS | ODD,
    terms=st.tuples(st.integers(-(10**12), 10**12), st.none() | st.integers(-(10**12), 10**12)),
    others=st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 3)), max_size=3),
)
def test_no_value_makes_an_exit_raise_or_open_a_position(  # noqa: PLR0917 - hypothesis fills them by name
    booked: int,
    reported: int | None,
    side: Side,
    quantity: int,
    terms: tuple[int, int | None],
    others: list[tuple[Side, int]],
) -> None:
    """What is approved reduces every position that is possible, with all else that may fill."""
    working = [
        a_working(exit_spec(each, count, number=number))
        for number, (each, count) in enumerate(others, 2)
    ]
    view = replace(at(booked), reported=reported)
    state = holding(booked, *working, positions={ES_DECEMBER: view})
    spec = replace(exit_spec(side), quantity=quantity, limit=terms[0], stop=terms[1])
    answer = approve_exit(state, spec)
    if isinstance(answer, Refused):
        assert answer.code
        return
    low, high = view.interval
    together = quantity + sum(count for each, count in others if each is side)
    assert all(each is side for each, _ in others)
    assert low - together >= 0 if side is Side.SELL else high + together <= 0


PRICES = st.decimals() | st.sampled_from(
    [Decimal(text) for text in ("6795.10", "-6795", "67.95", "9e999999", "1e-30", "0")]
)
MONEY = st.decimals() | st.just(Decimal("1.7976931348623157E308"))
MOMENTS = st.timedeltas(timedelta(days=-400), timedelta(days=400)).map(lambda shift: NOON + shift)


@pytest.mark.slow
@given(
    side=st.sampled_from(Side),
    prices=st.tuples(PRICES, st.none() | PRICES, st.none() | PRICES),
    quantity=COUNTS,
    money=st.tuples(MONEY, MONEY, MONEY, MONEY),
    quote=st.tuples(*[st.none() | st.integers(-(10**9), 10**9)] * 2),
    now=MOMENTS,
    settlement=st.none() | st.integers(-(10**9), 10**9),
)
def test_no_value_makes_an_entry_raise(  # noqa: PLR0917 - hypothesis fills them by name
    side: Side,
    prices: tuple[Decimal, Decimal | None, Decimal | None],
    quantity: int,
    money: tuple[Decimal, Decimal, Decimal, Decimal],
    quote: tuple[int | None, int | None],
    now: datetime,
    settlement: int | None,
) -> None:
    """Prices, sizes, money and clocks of any kind: one verdict per guard, and a code."""
    initial, equity, realised, peak = money
    entry, stop, target = prices
    cycle = a_proposed_cycle(
        side,
        signal=a_signal(side, entry=entry, stop=stop, target=target),
        quantity=quantity,
        margin=Known(Margin(initial, equity)),
    )
    state = a_trader(
        quotes={ES_DECEMBER: replace(QUOTE, bid=quote[0], ask=quote[1])},
        settlements={} if settlement is None else {ES_DECEMBER: settlement},
        day=DayLedger(on=NOON.date(), realised_usd=realised),
        equity_peak_usd=peak,
    )
    sound = a_proposal(a_proposed_cycle(side)).bracket
    for bracket in (sound, "STALE_DATA"):
        proposal = replace(a_proposal(), cycle=cycle, bracket=bracket)
        answer, verdicts = approve_entry(proposal, state, now=now)
        assert isinstance(answer, Refused) == bool(code_of(verdicts))
        first = next((verdict for verdict in verdicts if not verdict.approved), None)
        assert first is None or (isinstance(answer, Refused) and answer.code == first.code)

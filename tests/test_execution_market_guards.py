"""A quote must be fresh, live, sane and near; the day's price limits far."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from mytrader.domain.orders import Bracket, Side
from mytrader.execution.entry_case import Case, open_case
from tests.domain_samples import ES_DECEMBER, NOON
from tests.guard_samples import (
    QUOTE,
    a_case,
    a_proposal,
    a_proposed_cycle,
    a_signal,
    a_trader,
    in_limits,
    of_cycle,
    quoted,
    refusals,
)

SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)
AGE = timedelta(seconds=90)
SKEW = timedelta(seconds=5)


def proposed(ago: timedelta) -> Case:
    """Return the sample case of a proposal that has waited."""
    return of_cycle(a_proposed_cycle(proposed_at=NOON - ago))


def barred(ago: timedelta) -> Case:
    """Return the sample case whose last bar ended some time ago."""
    return a_case(bars={ES_DECEMBER: NOON - ago})


def settled(at: int | None, *, now: datetime = NOON, side: Side = Side.BUY) -> Case:
    """Return the sample case after another settlement: bid 27,199, ask 27,200."""
    settlements = {} if at is None else {ES_DECEMBER: at}
    proposal = a_proposal(a_proposed_cycle(side))
    return open_case(proposal, a_trader(settlements=settlements), now=now)


def entered(entry: str) -> Case:
    """Return the sample case of a signal whose entry is elsewhere."""
    return of_cycle(a_proposed_cycle(signal=a_signal(entry=Decimal(entry))))


# NOON is 12:00 in Chicago, in regular hours: 7 % down, no limit up.
NIGHT = datetime(2025, 11, 12, 9, tzinfo=UTC)
LATE = datetime(2025, 11, 12, 20, 25, tzinfo=UTC)  # 14:25 in Chicago: 20 % down

EDGES: list[tuple[str, Case, Case | None]] = [
    ("STALE_DATA", quoted(seen_at=NOON - AGE - TICK), quoted(seen_at=NOON - AGE)),
    ("STALE_DATA", proposed(AGE + TICK), proposed(AGE)),
    ("STALE_DATA", barred(AGE + TICK), barred(AGE)),
    ("STALE_DATA", a_case(bars={}), None),
    ("STALE_DATA", quoted(bid=None), None),
    ("STALE_DATA", quoted(ask=None), None),
    ("STALE_DATA", quoted(bid=0), None),
    ("STALE_DATA", quoted(bid=-4), None),
    ("STALE_DATA", a_case(quotes={}), None),
    ("DELAYED_DATA", quoted(delayed=True), None),
    ("DELAYED_DATA", a_case(quotes={}), None),
    ("CROSSED_BOOK", quoted(bid=27_200), quoted(bid=27_199)),
    ("CROSSED_BOOK", quoted(bid=27_201), None),
    ("CROSSED_BOOK", a_case(quotes={}), None),
    ("CLOCK_SKEW", quoted(seen_at=NOON + SKEW + TICK), quoted(seen_at=NOON + SKEW)),
    ("CLOCK_SKEW", a_case(newest_at=NOON + SKEW + TICK), a_case(newest_at=NOON + SKEW)),
    ("CLOCK_SKEW", a_case(newest_at=None), None),
    ("PRICE_LIMIT", settled(None), None),
    ("PRICE_LIMIT", settled(0), None),
    ("PRICE_LIMIT", settled(-27_000), None),
    # Bought at 27,208 with the stop at 27,180: 80 ticks above 27,100, which is 7 % down of 29,139.
    ("PRICE_LIMIT", settled(29_140), settled(29_139)),
    # Sold at 27,191 with the stop at 27,220; the bid of 27,199 gives the fill: 27,191 is lowest.
    ("PRICE_LIMIT", settled(29_152, side=Side.SELL), settled(29_151, side=Side.SELL)),
    # At night also upwards: 27,208 is 80 ticks below 27,288, which is 7 % up of 25,503.
    ("PRICE_LIMIT", settled(25_502, now=NIGHT), settled(25_503, now=NIGHT)),
    ("PRICE_LIMIT", settled(25_502, now=NIGHT), settled(25_502)),
    # From 14:25 on 20 % down.
    ("PRICE_LIMIT", settled(29_140, now=LATE - SECOND), settled(29_140, now=LATE)),
    ("PRICE_LIMIT", settled(33_876, now=LATE), settled(33_875, now=LATE)),
    ("PRICE_LIMIT", a_case(quotes={}), None),
    (
        "PRICE_LIMIT",
        in_limits(price_limit_distance_ticks_min=2071),
        in_limits(price_limit_distance_ticks_min=2070),
    ),
    ("PRICE_COLLAR", quoted(bid=27_159), quoted(bid=27_160)),
    ("PRICE_COLLAR", entered("6789.75"), entered("6790")),
    ("PRICE_COLLAR", entered("6789.90"), entered("6790.10")),
    ("PRICE_COLLAR", entered("NaN"), None),
    ("PRICE_COLLAR", a_case(replace(a_proposal(), contract=None)), None),
    ("PRICE_COLLAR", quoted(ask=None), None),
]


@pytest.mark.parametrize(("code", "spoiled", "allowed"), EDGES)
def test_a_guard_refuses_beyond_its_limit_and_passes_at_it(
    code: str, spoiled: Case, allowed: Case | None
) -> None:
    assert code in refusals(spoiled)
    assert allowed is None or code not in refusals(allowed)


def test_the_orders_own_price_may_be_as_far_as_the_collar() -> None:
    bracket = a_proposal().bracket
    assert isinstance(bracket, Bracket)
    for entry, refused in ((27_240, False), (27_241, True), (27_160, False), (27_159, True)):
        moved = replace(a_proposal(), bracket=replace(bracket, entry=entry))
        assert ("PRICE_COLLAR" in refusals(a_case(moved))) is refused


def test_without_a_bracket_the_market_alone_is_held_against_the_price_limits() -> None:
    nothing = replace(a_proposal(), bracket="OFF_TICK")
    assert "PRICE_LIMIT" not in refusals(a_case(nothing))
    near = a_trader(settlements={ES_DECEMBER: 29_300})
    assert "PRICE_LIMIT" in refusals(open_case(nothing, near, now=NOON))


@pytest.mark.parametrize("back", [SKEW, timedelta(hours=1), timedelta(days=400)])
def test_a_clock_that_goes_backwards_refuses_everything_but_what_is_within_the_skew(
    back: timedelta,
) -> None:
    """The quote and our own past then lie in the future; its age is never negative news."""
    case = open_case(a_proposal(), a_trader(), now=NOON - back)
    assert ("CLOCK_SKEW" in refusals(case)) is (back > SKEW)


def test_a_one_sided_quote_is_refused_by_all_that_need_both() -> None:
    both = replace(QUOTE, bid=None, ask=None)
    wanted = {"STALE_DATA", "PRICE_LIMIT", "PRICE_COLLAR"}
    assert refusals(a_case(quotes={ES_DECEMBER: both})) == wanted

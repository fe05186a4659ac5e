"""Prices become whole ticks at the edge, exactly or not at all."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mytrader.domain.instrument import (
    ES,
    INSTRUMENTS,
    MES,
    MNQ,
    NQ,
    PRICE_TICKS_MAX,
    Instrument,
    OffGridError,
)

TICKS = st.integers(-PRICE_TICKS_MAX, PRICE_TICKS_MAX)


def test_contract_values_are_the_exchanges() -> None:
    """A tick is $12.50, $1.25, $5.00 and $0.50 (CME contract specifications)."""
    ticks = {symbol: each.tick_value_usd for symbol, each in INSTRUMENTS.items()}
    values = [Decimal(text) for text in ("12.50", "1.25", "5.00", "0.50")]
    assert ticks == dict(zip(("ES", "MES", "NQ", "MNQ"), values, strict=True))
    assert {each.group for each in (NQ, MNQ)} == {"NDX"}
    assert {each.group for each in (ES, MES)} == {"SP500"}


def test_cents_never_make_a_loss_smaller() -> None:
    """Whole cents for the guards; a fraction of one counts in full."""
    assert [each.tick_value_cents for each in INSTRUMENTS.values()] == [1250, 125, 500, 50]
    assert (ES.commission_cents_per_side, MES.commission_cents_per_side) == (240, 62)
    assert replace(MES, commission_usd_per_side=Decimal("0.615")).commission_cents_per_side == 62
    assert replace(MES, tick_size=Decimal("0.101")).tick_value_cents == 51


def test_a_micro_needs_a_tenth_of_the_margin() -> None:
    for big, micro in ((ES, MES), (NQ, MNQ)):
        assert micro.initial_margin_usd * 10 == big.initial_margin_usd


@pytest.mark.slow
@given(price=st.decimals() | st.sampled_from([Decimal("9e999999"), Decimal("1e-999"), None]))
def test_the_quick_way_to_ticks_agrees_with_the_exact_one(price: Decimal | None) -> None:
    """Whatever it is: the same whole number, or nothing and no exception."""
    try:
        expected = None if price is None else ES.ticks(price)
    except OffGridError:
        expected = None
    assert ES.grid_ticks(price) == expected


@pytest.mark.parametrize("price", ["sNaN", "NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_on_no_grid(price: str) -> None:
    """A signaling NaN has no hash: it is told apart before prices are looked up by value."""
    assert ES.grid_ticks(Decimal(price)) is None


@pytest.mark.slow
@given(ticks=st.integers(-PRICE_TICKS_MAX - 9, PRICE_TICKS_MAX + 9))
def test_the_quick_way_knows_every_grid_price(ticks: int) -> None:
    possible = -PRICE_TICKS_MAX <= ticks <= PRICE_TICKS_MAX
    assert ES.grid_ticks(ES.price(ticks)) == (ticks if possible else None)


@pytest.mark.parametrize(
    "price", ["9e999999", "sNaN", "NaN", "-Infinity", "", pytest.param(10**5000, id="huge")]
)
def test_what_is_no_price_is_one_error_and_no_other(price: str) -> None:
    """A number too large to divide, or too long to write out, is no other exception."""
    for ask in (ES.exact_ticks, ES.ticks, ES.ticks_down, ES.ticks_up):
        with pytest.raises(OffGridError, match="price of ES"):
            ask(price)


def test_a_fraction_of_a_tick_is_kept() -> None:
    """A distance is measured before anything is rounded."""
    assert ES.exact_ticks("6800.10") == Decimal("27200.4")


@given(ticks=TICKS)
def test_every_grid_price_survives_the_way_out_and_back(ticks: int) -> None:
    """Rounding up and down agree on the grid, in decimal, text and float."""
    price = ES.price(ticks)
    assert ES.ticks(price) == ES.ticks(str(price)) == ES.ticks(float(price)) == ticks
    assert ES.ticks_down(price) == ES.ticks_up(price) == ticks


@given(ticks=TICKS.filter(lambda ticks: abs(ticks) < PRICE_TICKS_MAX))
def test_a_price_between_two_ticks_is_refused_or_rounded_as_asked(ticks: int) -> None:
    """Nothing is rounded silently, and down means down below zero too."""
    between = ES.price(ticks) + Decimal("0.10")
    with pytest.raises(OffGridError, match=r"off the 0\.25 grid of ES"):
        ES.ticks(between)
    assert (ES.ticks_down(between), ES.ticks_up(between)) == (ticks, ticks + 1)


@pytest.mark.parametrize("price", ["nan", "inf", "-inf", "sNaN", "six thousand", "", "1e99"])
@pytest.mark.parametrize("method", [Instrument.ticks, Instrument.ticks_up, Instrument.ticks_down])
def test_what_is_no_price_is_refused(method: object, price: str) -> None:
    """The broker's "not set" is a huge double; it must never become an order."""
    assert callable(method)
    with pytest.raises(OffGridError, match="is not a price"):
        method(ES, price)
    with pytest.raises(OffGridError, match="is not a price"):
        method(ES, 1.7976931348623157e308)


def test_dollars_follow_the_sign_of_the_ticks() -> None:
    """Three contracts that lose four ticks lose $150 in ES and $15 in MES."""
    assert (ES.usd(-4, 3), MES.usd(-4, 3)) == (Decimal(-150), Decimal(-15))
    assert ES.usd(1) == ES.tick_value_usd

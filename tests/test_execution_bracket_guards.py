"""A bracket's numbers are judged as they are: nothing is rounded, moved or guessed for it."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mytrader.domain.instrument import ES, MES
from mytrader.domain.limits import Limits
from mytrader.domain.orders import Side
from mytrader.execution.bracket_guards import (
    BRACKET_CODES,
    AskedBracket,
    TickBracket,
    bracket_holds,
    counted,
    is_count,
    judge_bracket,
    judge_order_size,
    loss_at_stop_usd,
)
from mytrader.execution.order_builder import Price
from tests.guard_samples import LIMITS, code_of

LONG = AskedBracket("BUY", Decimal(6800), Decimal(6795), Decimal(6810), 1)
SHORT = AskedBracket("SELL", Decimal(6800), Decimal(6805), Decimal(6790), 1)


def refusals(asked: AskedBracket, limits: Limits = LIMITS) -> set[str]:
    """Return the codes that refuse a bracket of ES."""
    return code_of(judge_bracket(asked, instrument=ES, limits=limits))


def details(asked: AskedBracket, limits: Limits = LIMITS) -> dict[str, str]:
    """Return what each refusal says."""
    verdicts = judge_bracket(asked, instrument=ES, limits=limits)
    return {verdict.code: verdict.detail for verdict in verdicts if not verdict.approved}


@pytest.mark.parametrize("asked", [LONG, SHORT])
def test_a_sound_bracket_passes_every_check(asked: AskedBracket) -> None:
    verdicts = judge_bracket(asked, instrument=ES, limits=LIMITS)
    assert [verdict.code for verdict in verdicts] == list(BRACKET_CODES)
    assert code_of(verdicts) == set()


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        (
            {"stop_loss": None},
            {"MISSING_STOP", "BRACKET_ORIENTATION", "BRACKET_TOO_CLOSE", "MAX_LOSS_PER_TRADE"},
        ),
        ({"take_profit": None}, {"MISSING_TARGET", "BRACKET_ORIENTATION", "BRACKET_TOO_CLOSE"}),
        ({"entry": None}, {"BRACKET_ORIENTATION", "BRACKET_TOO_CLOSE", "MAX_LOSS_PER_TRADE"}),
        ({"action": "HOLD"}, {"BRACKET_ORIENTATION", "BRACKET_TOO_CLOSE"}),
        ({"action": "SELL"}, {"BRACKET_ORIENTATION", "BRACKET_TOO_CLOSE"}),
        ({"quantity": 6}, {"ORDER_SIZE", "MAX_LOSS_PER_TRADE"}),
        ({"quantity": 0}, {"ORDER_SIZE", "MAX_LOSS_PER_TRADE"}),
        ({"stop_loss": Decimal("6794.90")}, {"OFF_TICK"}),
        ({"take_profit": Decimal("6810.10")}, {"OFF_TICK"}),
        ({"entry": Decimal("6800.10")}, {"OFF_TICK"}),
        ({"stop_loss": Decimal(6774)}, {"MAX_LOSS_PER_TRADE"}),
    ],
)
def test_each_defect_is_named_by_its_code(changes: dict[str, object], codes: set[str]) -> None:
    assert refusals(replace(LONG, **changes)) == codes


@pytest.mark.parametrize(
    ("least", "stop", "refused"),
    [(4, "6799.00", False), (4, "6799.25", True), (1, "6799.75", False), (1, "6799.80", True)],
)
def test_the_distance_is_measured_in_ticks(least: int, stop: str, *, refused: bool) -> None:
    asked = replace(LONG, stop_loss=Decimal(stop))
    limits = replace(LIMITS, stop_distance_ticks_min=least)
    assert ("BRACKET_TOO_CLOSE" in refusals(asked, limits)) is refused


def test_a_refusal_says_what_was_seen_and_what_is_allowed() -> None:
    near = replace(LONG, stop_loss=Decimal("6799.75"), quantity=9)
    assert details(near) == {
        "BRACKET_TOO_CLOSE": "stop_loss is 1 tick away, at least 4",
        "ORDER_SIZE": "quantity 9, at most 5",
    }
    assert details(replace(LONG, stop_loss=Decimal(6770))) == {
        "MAX_LOSS_PER_TRADE": "$1504.80 at the stop, limit $1250"
    }
    assert details(replace(LONG, stop_loss="6799.35"))["OFF_TICK"] == (
        "6799.35 is off the 0.25 grid of ES"
    )
    assert details(replace(LONG, stop_loss=Decimal("6799.40")))["BRACKET_TOO_CLOSE"] == (
        "stop_loss is 2.4 ticks away, at least 4"
    )


@pytest.mark.parametrize(
    ("fill", "codes"),
    [
        ("6802.00", set()),
        ("6796.00", set()),
        ("6795.75", {"BRACKET_TOO_CLOSE"}),
        ("6795.00", {"BRACKET_TOO_CLOSE"}),
        ("6794.00", {"BRACKET_TOO_CLOSE"}),
        ("6809.00", set()),
        ("6809.25", {"BRACKET_TOO_CLOSE"}),
        ("6811.00", {"BRACKET_TOO_CLOSE"}),
        ("NaN", {"BRACKET_TOO_CLOSE", "MAX_LOSS_PER_TRADE"}),
    ],
)
def test_every_price_at_which_the_entry_may_fill_is_judged(fill: str, codes: set[str]) -> None:
    assert refusals(replace(LONG, fills_at=(Decimal(fill),))) == codes


def test_the_loss_is_that_of_the_worst_fill() -> None:
    """20 ticks are $254.80; a fill eight ticks higher loses $100 more."""
    limits = replace(LIMITS, loss_usd_trade_max=Decimal("354.79"))
    fills = (Decimal(6801), Decimal(6802))
    assert refusals(LONG, limits) == set()
    assert refusals(replace(LONG, fills_at=fills), limits) == {"MAX_LOSS_PER_TRADE"}
    allowed = replace(limits, loss_usd_trade_max=Decimal("354.80"))
    assert refusals(replace(LONG, fills_at=fills), allowed) == set()


def test_a_loss_is_ticks_times_value_and_both_commissions() -> None:
    assert loss_at_stop_usd(ES, 20, quantity=2) == Decimal("509.60")
    assert loss_at_stop_usd(MES, Decimal("0.5"), quantity=1) == Decimal("1.865")


@pytest.mark.parametrize(
    ("quantity", "limit", "allowed"),
    [
        (1, 5, True),
        (5, 5, True),
        (6, 5, False),
        (10, 99, True),
        (11, 99, False),
        (0, 5, False),
        (-1, 5, False),
        (1, 0, False),
        (math.nan, 5, False),
        (1.0, 5, False),
        (True, 5, False),
        (10**40, 5, False),
    ],
)
def test_an_order_has_a_size(quantity: int, limit: int, *, allowed: bool) -> None:
    """The ceiling of ten is in the code; a limit may only be lower."""
    verdict = judge_order_size(quantity, replace(LIMITS, order_size_max=limit))
    assert (verdict.code, verdict.approved) == ("ORDER_SIZE", allowed)


def test_what_counts_is_whole_and_positive() -> None:
    assert is_count(1)
    assert not is_count(0)
    assert not is_count(True)


def test_numbers_are_said_with_their_noun() -> None:
    assert [counted(1, "day"), counted(0, "day"), counted(-1, "day")] == [
        "1 day",
        "0 days",
        "-1 days",
    ]
    assert counted(Decimal("2.5"), "tick") == "2.5 ticks"
    assert counted(Decimal(20).normalize(), "tick") == "20 ticks"


ANY_PRICE: st.SearchStrategy[Price] = (
    st.none()
    | st.decimals()
    | st.floats()
    | st.integers(-(10**9), 10**9)
    | st.text(max_size=5)
    | st.sampled_from([Decimal("sNaN"), Decimal("9e999999"), 10**5000, True, "1e-999999"])
)
SOUND = st.integers(20_000, 30_000).map(lambda ticks: Decimal(ticks) / 4)


@pytest.mark.slow
@given(
    action=st.sampled_from(["BUY", "SELL", "", "buy"]),
    prices=st.tuples(ANY_PRICE | SOUND, ANY_PRICE | SOUND, ANY_PRICE | SOUND),
    quantity=st.integers(-3, 20) | st.just(10**5000),
    fill=ANY_PRICE | SOUND,
)
def test_any_value_is_answered_by_every_code(
    action: str, prices: tuple[Price, Price, Price], quantity: int, fill: Price
) -> None:
    """What passes every check is a bracket that a person would accept."""
    asked = AskedBracket(action, *prices, quantity, (fill,))
    verdicts = judge_bracket(asked, instrument=ES, limits=LIMITS)
    assert [verdict.code for verdict in verdicts] == list(BRACKET_CODES)
    if not code_of(verdicts):
        entry, stop, target = (Decimal(str(price)) for price in prices)
        sign = 1 if action == "BUY" else -1
        assert (entry - stop) * sign >= 1
        assert (target - entry) * sign >= 1
        assert 1 <= quantity <= 5
        assert abs(entry - stop) * 50 * quantity <= 1250


@pytest.mark.slow
@given(
    side=st.sampled_from(["BUY", "SELL"]),
    entry=SOUND,
    stop_ticks=st.integers(-10, 150),
    target_ticks=st.integers(-10, 150),
    quantity=st.integers(0, 7),
)
def test_sound_prices_are_judged_exactly(
    side: str, entry: Decimal, stop_ticks: int, target_ticks: int, quantity: int
) -> None:
    """On the grid the answer is arithmetic: distances, contracts and dollars."""
    sign = 1 if side == "BUY" else -1
    tick = Decimal("0.25")
    legs = (entry - sign * stop_ticks * tick, entry + sign * target_ticks * tick)
    refused = refusals(AskedBracket(side, entry, *legs, quantity))
    assert ("BRACKET_ORIENTATION" in refused) == (stop_ticks <= 0 or target_ticks <= 0)
    assert ("BRACKET_TOO_CLOSE" in refused) == (min(stop_ticks, target_ticks) < 4)
    assert ("ORDER_SIZE" in refused) == (not 1 <= quantity <= 5)
    loss = quantity * (abs(stop_ticks) * Decimal("12.50") + Decimal("4.80"))
    assert ("MAX_LOSS_PER_TRADE" in refused) == (quantity < 1 or loss > 1250)
    assert not refused & {"OFF_TICK", "MISSING_STOP", "MISSING_TARGET"}


@pytest.mark.slow
@given(
    side=st.sampled_from(Side),
    fills=st.lists(st.integers(-20, 90), min_size=1, max_size=3),
    legs=st.tuples(st.integers(-20, 90), st.integers(-20, 90)),
    quantity=st.integers(-1, 7),
    least=st.integers(-1, 9),
    most=st.decimals(0, 1300, places=2),
)
def test_the_quick_way_is_sure_only_of_what_every_check_approves(  # noqa: PLR0917 - hypothesis fills them by name
    side: Side,
    fills: list[int],
    legs: tuple[int, int],
    quantity: int,
    least: int,
    most: Decimal,
) -> None:
    """In whole ticks and cents the answer is the one in points and dollars, near every limit."""
    limits = replace(LIMITS, stop_distance_ticks_min=least, loss_usd_trade_max=most)
    entry, *others = (ES.price(fill) for fill in fills)
    stop, target = (ES.price(leg) for leg in legs)
    asked = AskedBracket(side, entry, stop, target, quantity, tuple(others))
    approved = not refusals(asked, limits)
    quick = bracket_holds(
        TickBracket(side, tuple(fills), *legs, quantity), instrument=ES, limits=limits
    )
    assert quick is approved or (approved and least < 1)


@pytest.mark.parametrize("quantity", [True, 1.0, math.nan, "1", None])
def test_the_quick_way_counts_contracts_alone(quantity: int) -> None:
    asked = TickBracket(Side.BUY, (27_200,), 27_180, 27_240, quantity)
    assert not bracket_holds(asked, instrument=ES, limits=LIMITS)


@pytest.mark.parametrize(
    ("asked", "changes", "holds"),
    [
        (TickBracket(Side.BUY, (27_200, 27_208), 27_180, 27_240, 1), {}, True),
        (TickBracket(Side.SELL, (27_200, 27_192), 27_220, 27_160, 1), {}, True),
        (TickBracket(Side.BUY, (27_200, 27_183), 27_180, 27_240, 1), {}, False),
        (TickBracket(Side.BUY, (27_200, 27_184), 27_180, 27_240, 1), {}, True),
        (TickBracket(Side.BUY, (27_200, 27_237), 27_180, 27_240, 1), {}, False),
        (TickBracket(Side.SELL, (27_200,), 27_180, 27_240, 1), {}, False),
        (TickBracket(Side.BUY, (20,), 0, 60, 1), {}, False),
        (
            TickBracket(Side.BUY, (27_200,), 27_200, 27_240, 1),
            {"stop_distance_ticks_min": 0},
            False,
        ),
        (TickBracket(Side.BUY, (27_200,), 27_180, 27_240, 6), {}, False),
        (TickBracket(Side.BUY, (27_200,), 27_180, 27_240, 11), {"order_size_max": 99}, False),
        (
            TickBracket(Side.BUY, (27_200,), 27_180, 27_240, 1),
            {"loss_usd_trade_max": Decimal("254.80")},
            True,
        ),
        (
            TickBracket(Side.BUY, (27_200,), 27_180, 27_240, 1),
            {"loss_usd_trade_max": Decimal("254.79")},
            False,
        ),
    ],
)
def test_the_quick_way_at_each_limit(
    asked: TickBracket, changes: dict[str, object], *, holds: bool
) -> None:
    limits = replace(LIMITS, **changes)
    assert bracket_holds(asked, instrument=ES, limits=limits) is holds

"""A day's advice costs no more than the day's budget, whoever fails to say what it cost."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from mytrader.advisors.budget import Budget, Prices, Reservation, spent
from mytrader.domain.decision import AdvisorCall

NOW = datetime(2025, 11, 5, 15, tzinfo=UTC)
DAY = NOW.date()
FRESH = Budget(calls_max=3, usd_max=Decimal(1))


def call(cost: str | None, reserved: str = "0.1") -> AdvisorCall:
    told = None if cost is None else Decimal(cost)
    return AdvisorCall("x", "model/x", 1, "answered", 1.0, 1, 1, told, Decimal(reserved))


def reserved(budget: Budget, usd: str, now: datetime = NOW) -> tuple[Budget, Reservation]:
    found = budget.reserve(now, Decimal(usd))
    assert found is not None
    return found


def test_the_worst_is_set_aside_and_becomes_what_it_was() -> None:
    budget, reservation = reserved(FRESH, "0.9")
    assert budget.reserve(NOW, Decimal("0.2")) is None
    settled = budget.settle(reservation, Decimal("0.1"))
    assert (settled.calls, settled.usd) == (1, Decimal("0.1"))
    assert settled.reserve(NOW, Decimal("0.9")) is not None


def test_a_cost_that_nobody_told_is_the_worst_and_not_zero() -> None:
    budget, reservation = reserved(FRESH, "0.9")
    assert budget.settle(reservation, None).usd == Decimal("0.9")


def test_a_cost_above_what_was_set_aside_counts_in_full() -> None:
    budget, reservation = reserved(FRESH, "0.1")
    assert budget.settle(reservation, Decimal(2)).reserve(NOW, Decimal(0)) is None


def test_calls_are_counted_whatever_they_cost() -> None:
    budget = FRESH
    for _ in range(3):
        budget, reservation = reserved(budget, "0")
        budget = budget.settle(reservation, Decimal(0))
    assert budget.reserve(NOW, Decimal(0)) is None


def test_a_new_day_of_utc_is_a_new_budget_and_an_old_one_never_comes_back() -> None:
    budget, before = reserved(FRESH, "1")
    morrow = datetime(2025, 11, 6, 0, 0, tzinfo=UTC)
    assert budget.reserve(morrow - timedelta(microseconds=1), Decimal("0.1")) is None
    fresh, _ = reserved(budget, "0.5", morrow)
    assert (fresh.calls, fresh.usd) == (1, Decimal("0.5"))
    assert fresh.settle(before, Decimal(0)) == fresh
    back = fresh.reserve(NOW, Decimal("0.6"))
    assert back is None, "a clock that steps back over midnight finds no fresh budget"


def test_the_day_is_utc_wherever_the_time_was_written() -> None:
    chicago = timezone(timedelta(hours=-6))
    evening = datetime(2025, 11, 5, 19, tzinfo=chicago)
    assert reserved(FRESH, "0", evening)[0].day == date(2025, 11, 6)
    assert spent([(evening, call("0.1"))], date(2025, 11, 6)) == (1, Decimal("0.1"))


def test_a_restart_finds_what_the_journal_says_was_spent() -> None:
    yesterday = NOW - timedelta(days=1)
    calls = [(yesterday, call("5")), (NOW, call("0.25")), (NOW, call(None, "0.5"))]
    assert spent(calls, DAY) == (2, Decimal("0.75"))
    restored = FRESH.restored(calls, NOW)
    assert (restored.day, restored.calls, restored.usd) == (DAY, 2, Decimal("0.75"))
    assert restored.reserve(NOW, Decimal("0.26")) is None
    assert restored.reserve(NOW, Decimal("0.25")) is not None


def test_prices_are_for_a_million_tokens() -> None:
    prices = Prices(Decimal(3), Decimal(15))
    assert prices.cost_usd(1_000_000, 0) == 3
    assert prices.cost_usd(900, 60) == Decimal("0.0036")


@given(
    st.lists(
        st.tuples(
            st.decimals(0, 2, places=3), st.none() | st.decimals(0, 1, places=3), st.integers(0, 9)
        ),
        max_size=30,
    )
)
def test_no_reservation_ever_passes_the_day(
    moves: list[tuple[Decimal, Decimal | None, int]],
) -> None:
    """A reservation is only given where all costs so far and its worst fit into the day."""
    budget, now = FRESH, NOW
    for worst, cost, hours in moves:
        now += timedelta(hours=hours)
        found = budget.reserve(now, worst)
        if found is None:
            continue
        budget, reservation = found
        assert budget.usd <= budget.usd_max
        assert budget.calls <= budget.calls_max
        budget = budget.settle(reservation, cost if cost is None else min(cost, worst))

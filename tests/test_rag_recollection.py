"""What similar trades amount to: nothing when they are few, and never more than they show."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mytrader.domain.memory import Recall, TradeDocument
from mytrader.rag.recollection import RADIUS, SUPPORT_TRADES_MIN, recall_of
from tests.memory_samples import a_document

Near = list[tuple[float, TradeDocument]]


def trades(*results: float | None, squared: float = 0.0) -> Near:
    """Trades with these results at one distance; `None` had no stop and lost."""
    return [
        (squared, a_document(n, result_r=r, net_usd=Decimal(-1 if r is None or r < 0 else 1)))
        for n, r in enumerate(results, 1)
    ]


def support(*results: float | None, squared: float = 0.0) -> float | None:
    return recall_of(trades(*results, squared=squared), count=10).support


def test_nothing_similar_says_nothing() -> None:
    assert recall_of([], count=10) == Recall()
    assert recall_of(trades(1.0, squared=RADIUS**2 + 1e-6), count=10) == Recall()


def test_few_trades_are_told_but_support_nothing() -> None:
    recall = recall_of(trades(*[1.0] * (SUPPORT_TRADES_MIN - 1)), count=10)
    assert recall.support is None
    assert (recall.trades, recall.wins, recall.mean_r) == (4, 4, 1.0)


def test_support_by_hand() -> None:
    """Five of one R won, at no distance: (2 + 5) / (4 + 5); lost: 2 / 9."""
    assert support(1, 1, 1, 1, 1) == pytest.approx(7 / 9, abs=1e-4)
    assert support(-1, -1, -1, -1, -1) == pytest.approx(2 / 9, abs=1e-4)
    assert support(None, None, None, None, None) == pytest.approx(2 / 9, abs=1e-4)


def test_break_even_is_one_half_whatever_the_share_of_winners() -> None:
    assert support(2, -1, -1, 2, -1, -1) == 0.5


def test_one_windfall_counts_as_three() -> None:
    assert support(50, -1, -1, -1, -1) == support(3, -1, -1, -1, -1)


def test_nearness_is_weight() -> None:
    """At the edge of the radius a trade weighs nothing, and five of them leave an even chance."""
    assert support(1, 1, 1, 1, 1, squared=RADIUS**2) == 0.5
    assert support(1, 1, 1, 1, 1, squared=RADIUS**2 / 2) == pytest.approx(4.5 / 6.5, abs=1e-4)


def test_the_nearest_come_first_and_equal_ones_by_id() -> None:
    near = [(0.04, a_document(3)), (0.01, a_document(9)), (0.04, a_document(2))]
    recall = recall_of(near, count=2)
    assert [trade.document_id[-1] for trade in recall.similar] == ["9", "2"]
    assert [trade.distance for trade in recall.similar] == [0.1, 0.2]
    assert recall.trades == 2


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.floats(allow_nan=False, min_value=-1e6, max_value=1e6)),
        max_size=20,
    )
)
def test_support_is_a_share_of_one(given: list[tuple[float, float]]) -> None:
    near = [(squared, a_document(n, result_r=r)) for n, (squared, r) in enumerate(given)]
    found = recall_of(near, count=10).support
    assert found is None or 0 < found < 1

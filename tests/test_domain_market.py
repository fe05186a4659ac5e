"""A crossed book is recognised, and an absent side is not read as zero."""

import pytest

from mytrader.domain.market import Quote
from tests.domain_samples import NOON


@pytest.mark.parametrize(
    ("bid", "ask", "crossed"),
    [
        (100, 101, False),
        (101, 101, True),
        (102, 101, True),
        (None, 101, False),
        (100, None, False),
    ],
)
def test_a_book_is_crossed_when_the_bid_reaches_the_ask(
    bid: int | None, ask: int | None, *, crossed: bool
) -> None:
    """Locked counts as crossed: neither is a market to enter."""
    assert Quote(NOON, bid, ask, None).crossed == crossed

"""The labels are words of the record: they stay what they are."""

from mytrader.domain.regime import Regime, Trend, Volatility


def test_labels_are_their_own_names() -> None:
    assert [*Trend, *Volatility] == ["UPTREND", "DOWNTREND", "RANGE", "LOW", "MEDIUM", "HIGH"]


def test_equal_regimes_are_equal_keys() -> None:
    """The memory's cache is keyed by them."""
    kept = {Regime(Trend.RANGE, Volatility.LOW): 1}
    assert kept[Regime(Trend.RANGE, Volatility.LOW)] == 1

"""The labels are words of the record: they stay what they are."""

from mytrader.domain.regime import REGIMES, Regime, Trend, Volatility


def test_labels_are_their_own_names() -> None:
    assert [*Trend, *Volatility] == ["UPTREND", "DOWNTREND", "RANGE", "LOW", "MEDIUM", "HIGH"]


def test_equal_regimes_are_equal_keys() -> None:
    """The memory's cache is keyed by them."""
    kept = {Regime(Trend.RANGE, Volatility.LOW): 1}
    assert kept[Regime(Trend.RANGE, Volatility.LOW)] == 1


def test_every_regime_has_one_name() -> None:
    """Tables, settings and the guard spell it the same way."""
    assert len(REGIMES) == len(Trend) * len(Volatility)
    assert all(regime.name == name for name, regime in REGIMES.items())
    assert REGIMES["UPTREND HIGH"] == Regime(Trend.UPTREND, Volatility.HIGH)

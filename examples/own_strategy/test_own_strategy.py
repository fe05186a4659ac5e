"""What the trader relies on, over bars that are the same on every machine."""

from own_strategy import InARow

from mytrader.signals.practice_bars import practice_bars
from mytrader.signals.trial import try_strategy


def test_the_trader_may_rely_on_it() -> None:
    """Sound prices and numbers; the same after a repeat, after a restart, beside a twin."""
    trial = try_strategy(InARow, practice_bars(), params={"closes": "5"})
    assert trial.complaints == ()

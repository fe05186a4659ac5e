"""What was told to be proposed is proposed, at its minute and at no other."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from mytrader.domain.instrument import ES, MES
from mytrader.domain.orders import Side
from mytrader.signals.features import FeatureEngine
from mytrader.signals.scripted import CALM_AND_DIRECTED, Proposal, Scripted, quiet

BEGIN = datetime(2025, 12, 11, 15, tzinfo=UTC)


def test_a_proposal_comes_when_its_minute_closes() -> None:
    minute = BEGIN + timedelta(minutes=1)
    strategy = Scripted(ES, [Proposal(minute, 0.76, side=Side.SELL)])
    engine = FeatureEngine()
    raised = [strategy.on_bar(bar, engine.update(bar)) for bar in quiet(BEGIN, 3)]
    assert [signal is not None for signal in raised] == [False, True, False]
    signal = raised[1]
    assert signal is not None
    assert (signal.side, signal.confidence) == (Side.SELL, 0.76)
    asked = (Decimal("6904.00"), Decimal("6900.00"), Decimal("6897.00"))
    assert (signal.stop, signal.entry, signal.target) == asked
    assert CALM_AND_DIRECTED.items() <= signal.features.items()


def test_another_contracts_proposal_is_not_for_us() -> None:
    strategy = Scripted(MES, [Proposal(BEGIN)])
    (bar,) = quiet(BEGIN, 1)
    assert strategy.on_bar(bar, FeatureEngine().update(bar)) is None


def test_a_quiet_market_has_every_minute_and_goes_nowhere() -> None:
    bars = quiet(BEGIN, 5, around=100)
    assert [bar.opened_at for bar in bars] == [BEGIN + timedelta(minutes=at) for at in range(5)]
    assert {(bar.low, bar.high) for bar in bars} == {(99, 102)}

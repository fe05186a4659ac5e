"""The founding loss is written down as the records have it."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from mytrader.domain.instrument import ES
from mytrader.rag.likeness import place_of
from mytrader.rag.seeds import FOUNDING_LOSS, SEED_IDS, SEEDS
from mytrader.signals.features import FeatureEngine, Features
from mytrader.signals.regime import regime
from mytrader.simulator.bar_files import load_bar_file
from tests.command_line import INCIDENT_DAY

ORDERED_AT = datetime(2025, 12, 12, 14, 53, 13, tzinfo=UTC)


def test_the_facts_are_those_of_the_postmortem() -> None:
    bought, sold = ES.ticks("6890.50"), ES.ticks("6856.50")
    assert FOUNDING_LOSS.net_usd == ES.usd(sold - bought) == Decimal(-1700)
    assert FOUNDING_LOSS.risk_usd is None
    assert FOUNDING_LOSS.avoid
    assert "\n" not in FOUNDING_LOSS.lesson


def test_every_seed_has_its_place_and_a_name_of_its_own() -> None:
    assert len(SEED_IDS) == len(SEEDS)
    assert {place_of(seed).market for seed in SEEDS} == {"SP500"}


@pytest.mark.slow
@pytest.mark.skipif(
    not INCIDENT_DAY.exists(), reason="the incident day's bars (../shared/data) are absent"
)
def test_the_features_are_those_of_the_last_closed_minute() -> None:
    engine = FeatureEngine()
    seen: Features | None = None
    for bar in load_bar_file(INCIDENT_DAY, ES).session:
        if bar.opened_at.replace(second=59) >= ORDERED_AT:
            break
        seen = engine.update(bar)
    assert seen is not None
    assert seen.warm
    assert seen.numbers() == FOUNDING_LOSS.features
    assert regime(seen) == FOUNDING_LOSS.regime

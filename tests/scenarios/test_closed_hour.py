"""An hour that surely loses is closed: a day's record, the look after it, and the next start."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from mytrader.advisors.panel import Seat
from mytrader.bootstrap import Outcome, Parts
from mytrader.domain.cycle import Phase
from mytrader.domain.decision import AdvisorRole
from mytrader.domain.instrument import Instrument
from mytrader.domain.market import Bar
from mytrader.domain.session import exchange_hour
from mytrader.learning.desk import at_start, open_ledger
from mytrader.settings import Settings, TradingSettings
from tests.learning_journal import Learn, learn
from tests.scenarios.test_two_futures import Yes
from tests.sessions import EveryMinutes, Session, a_plan, play

pytestmark = pytest.mark.slow
__all__ = ["learn"]

NINE = datetime(2025, 12, 11, 15, tzinfo=UTC)
"""09:00 in Chicago."""

LENGTH = 2 * 60
PRICE = 27_600


def losing_at_nine(first: datetime, minutes: int) -> list[Bar]:
    """Falls behind every second minute until ten o'clock, then rises behind it."""
    made = []
    for minute in range(minutes):
        at = first + timedelta(minutes=minute)
        low, high = (PRICE - 24, PRICE) if exchange_hour(at) < 10 else (PRICE, PRICE + 24)
        quiet = minute % 2 == 1
        made.append(Bar(at, PRICE, PRICE if quiet else high, PRICE if quiet else low, PRICE, 500))
    return made


def every_second_minute(instrument: Instrument) -> EveryMinutes:
    """A long trade at the close of each quiet minute."""
    return EveryMinutes(instrument, every=2)


def traded(folder: Path, settings: Settings) -> tuple[Outcome, Path]:
    """Trade the two hours; an hour before them is known."""
    plan = replace(a_plan(folder, settings=settings), params={})
    history = losing_at_nine(NINE - timedelta(minutes=300), 300)
    seats = (Seat("yes", AdvisorRole.RISK, Yes([])),)
    parts = Parts(strategy=every_second_minute, seats=seats)
    outcome, _ = play(Session(plan, history, losing_at_nine(NINE, LENGTH), parts))
    return outcome, plan.journal


def entered(outcome: Outcome) -> Counter[int]:
    """How many cycles were traded in each hour of US Central."""
    cycles = outcome.book.ended.values()
    return Counter(
        exchange_hour(one.proposed_at) for one in cycles if one.phase is not Phase.REFUSED
    )


def test_an_hour_that_surely_lost_is_closed_from_the_next_start_on(
    learn: Learn, tmp_path: Path
) -> None:
    trading = TradingSettings.model_validate(
        {
            "trade_cooldown_minutes": 0.01,
            "max_daily_trades": 500,
            "max_loss_streak": 50,
            "max_daily_loss": 50_000,
            "max_drawdown": 50_000,
            "min_confidence_for_trade": 0.5,
        }
    )
    settings = Settings(
        trading=trading,
        learning=Settings().learning.model_copy(update={"key_folder": tmp_path / "keys"}),
    )
    (tmp_path / "first").mkdir()
    before, journal = traded(tmp_path / "first", settings)
    assert min(entered(before)[hour] for hour in (9, 10)) >= 20

    said = learn("--journal", journal, "--since", "2025-12-11", "--json").json
    (closing,) = [one for one in said["proposals"] if one["parameter"] == "trading.no_entry_hours"]
    assert (closing["from"], closing["to"], closing["less_risk"]) == ([], ["09"], True)
    assert closing["evidence"]["trades"] == entered(before)[9]
    assert closing["evidence"]["mean_r_interval"][1] < 0

    ledger = open_ledger(settings, journal, new_id=str)
    held, told = at_start(settings, ledger, now=datetime.now(UTC))
    source = f"learning: proposal {closing['proposal_id']}, until"
    assert held.source("trading.no_entry_hours").startswith(source)
    assert any(
        note.startswith(f"proposal {closing['proposal_id']}, trading.no_entry_hours closes 09")
        for note in told.notes
    )

    (tmp_path / "next").mkdir()
    after, _ = traded(tmp_path / "next", held)
    assert entered(after)[9] == 0
    assert entered(after)[10] >= 20
    refused = [one for one in after.book.ended.values() if exchange_hour(one.proposed_at) == 9]
    assert refused
    for one in refused:
        assert "CLOSED_BY_RULE" in one.reason_codes
        (verdict,) = [each for each in one.verdicts if each.code == "CLOSED_BY_RULE"]
        assert verdict.detail == "no_entry_hours: 09 (US Central)"

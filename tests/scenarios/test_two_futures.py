"""ES and MES traded at once by one trader: two contracts, and no id is shared."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mytrader.advisors.panel import Seat
from mytrader.bootstrap import Outcome, Parts
from mytrader.domain.cycle import Phase, TradeCycle
from mytrader.domain.decision import Advice, AdvisorRole, Opinion, Question
from mytrader.domain.instrument import Instrument
from mytrader.domain.market import Bar
from mytrader.domain.orders import parse_ref
from mytrader.journal.reader import JournalReader
from mytrader.replay.cycle_book import CycleBook, fold
from mytrader.settings import Settings, TradingSettings
from tests.sessions import EveryMinutes, Session, a_plan, play

BEGIN = datetime(2025, 12, 11, 15, tzinfo=UTC)


class Yes:
    """An advisor that lets everything pass, and notes what it was asked."""

    def __init__(self, asked: list[Question]) -> None:
        self._asked = asked

    async def opine(self, question: Question, now: datetime) -> Opinion:
        """Say GO."""
        del now
        self._asked.append(question)
        return Opinion("yes", AdvisorRole.RISK, Advice.GO, "yes", confidence=1.0)


def swinging(first: datetime, minutes: int) -> list[Bar]:
    """A market that goes up and down by 30 ticks every ten minutes."""
    made = []
    for minute in range(minutes):
        close = 27_600 + 30 * (minute // 10 % 2)
        at = first + timedelta(minutes=minute)
        made.append(Bar(at, close - 2, close + 6, close - 6, close, 500))
    return made


def staggered(instrument: Instrument) -> EveryMinutes:
    """Propose ES every seventh minute and MES every fifth."""
    return EveryMinutes(instrument, every=7 if instrument.symbol == "ES" else 5)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, list[Question], Path]:
    """Two hours of both."""
    folder = tmp_path_factory.mktemp("two")
    settings = Settings(trading=TradingSettings(trade_cooldown_minutes=0.01, max_daily_trades=99))
    plan = a_plan(folder, "ES", "MES", settings=settings)
    asked: list[Question] = []
    seats = (Seat("yes", AdvisorRole.RISK, Yes(asked)),)
    parts = Parts(strategy=staggered, seats=seats)
    history = swinging(BEGIN - timedelta(minutes=300), 300)
    outcome, _ = play(Session(plan, history, swinging(BEGIN, 120), parts))
    return outcome, asked, plan.journal


def overlap(one: TradeCycle, other: TradeCycle) -> bool:
    """Whether both positions were open at one moment."""
    ends = one.opened_at, one.closed_at, other.opened_at, other.closed_at
    if None in ends:
        return False
    return bool(one.opened_at < other.closed_at and other.opened_at < one.closed_at)  # type: ignore[operator] # none is None


def test_both_are_traded_and_sometimes_at_once(
    played: tuple[Outcome, list[Question], Path],
) -> None:
    outcome, asked, _ = played
    closed = outcome.book.closed
    by_symbol = {name: [c for c in closed if c.symbol == name] for name in ("ES", "MES")}
    assert all(len(cycles) >= 2 for cycles in by_symbol.values())
    assert any(overlap(one, other) for one in by_symbol["ES"] for other in by_symbol["MES"])
    assert {question.symbol for question in asked} == {"ES", "MES"}
    still_open = sum(cycle.commission_usd for cycle in outcome.book.open.values())
    assert outcome.cash_change_usd == outcome.book.net_usd - still_open
    assert outcome.mode == "NORMAL"


def test_every_order_and_fill_belongs_to_the_cycle_of_its_contract(
    played: tuple[Outcome, list[Question], Path],
) -> None:
    for cycle in played[0].book.closed:
        refs = [parse_ref(ref) for ref in (*cycle.orders, *(fill.ref for fill in cycle.fills))]
        assert {ref.cycle_id for ref in refs if ref is not None} == {cycle.cycle_id}
        assert None not in refs
        assert {fill.con_id for fill in cycle.fills} == {cycle.con_id}


def test_the_journal_tells_the_same_apart(played: tuple[Outcome, list[Question], Path]) -> None:
    outcome, asked, journal = played
    book = CycleBook()
    with JournalReader(journal) as reader:
        fold(reader.read(), book)
    assert book.ended == outcome.book.ended
    ids = [question.cycle_id for question in asked]
    assert len(ids) == len(set(ids))
    advised = {cycle.cycle_id for cycle in book.ended.values() if cycle.phase is not Phase.REFUSED}
    assert advised <= set(ids)

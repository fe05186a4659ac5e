"""A whole session in which strategy and advisor speak in hostile texts: nothing else changes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path

import pytest
from msgspec.structs import replace

from mytrader.advisors.panel import Seat
from mytrader.bootstrap import Outcome, Parts
from mytrader.domain.decision import Advice, AdvisorRole, Opinion, Question, Signal
from mytrader.domain.instrument import Instrument
from mytrader.domain.market import Bar
from mytrader.journal.reader import JournalReader
from mytrader.replay.cycle_book import CycleBook, fold
from mytrader.settings import Settings, TradingSettings
from mytrader.signals.features import Features
from mytrader.tws.place_order import PlaceOrder
from tests.injection_corpus import CORPUS
from tests.scenarios.test_two_futures import swinging
from tests.sessions import EveryMinutes, Session, a_plan, play

BEGIN = datetime(2025, 12, 11, 15, tzinfo=UTC)
MINUTES = len(CORPUS)


class Wordy:
    """Proposes every minute, and calls itself and its reasons by the next text."""

    def __init__(self, instrument: Instrument, words: Iterator[str]) -> None:
        self._usual = EveryMinutes(instrument, every=1)
        self._words = words

    def on_bar(self, bar: Bar, features: Features) -> Signal | None:
        """See `signals.strategy.Strategy`."""
        signal = self._usual.on_bar(bar, features)
        text = next(self._words)
        if signal is None:
            return None
        numbers = {**signal.features, text: 1.0}
        return replace(signal, strategy=text, reason=text, features=numbers)


class Chatty:
    """Lets everything pass, for reasons in the next text."""

    def __init__(self, words: Iterator[str]) -> None:
        self._words = words

    async def opine(self, question: Question, now: datetime) -> Opinion:
        """Say GO."""
        del question, now
        text = next(self._words)
        return Opinion(text, AdvisorRole.RISK, Advice.GO, f"because {text}", confidence=0.9)


def traded(folder: Path, words: list[str]) -> tuple[Outcome, list[PlaceOrder]]:
    """Trade so many minutes; returns how it ended and every order that reached the gateway."""
    settings = Settings(trading=TradingSettings(trade_cooldown_minutes=0.01, max_daily_trades=99))
    parts = Parts(
        strategy=lambda instrument: Wordy(instrument, cycle(words)),
        seats=(Seat("chatty", AdvisorRole.RISK, Chatty(cycle(words))),),
    )
    history = swinging(BEGIN - timedelta(minutes=300), 300)
    plan = a_plan(folder, settings=settings)
    outcome, wire = play(Session(plan, history, swinging(BEGIN, MINUTES), parts))
    return outcome, [each for each in wire.messages if isinstance(each, PlaceOrder)]


@pytest.mark.slow
def test_every_order_is_the_one_that_harmless_words_would_have_led_to(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    usual, wanted = traded(tmp_path / "a", ["it was time"])
    hostile, sent = traded(tmp_path / "b", [each.text for each in CORPUS])
    assert hostile.mode == usual.mode == "NORMAL", hostile.mode_why
    assert len(usual.book.closed) > 5
    assert sent == wanted
    assert hostile.cash_change_usd == usual.cash_change_usd
    assert hostile.book.signals == MINUTES
    book = CycleBook()
    with JournalReader(tmp_path / "b" / "x.journal") as reader:
        fold(reader.read(), book)
    for each in book.ended.values():
        said = [each.signal.strategy, each.signal.reason, *each.signal.features]
        said += [opinion.rationale for opinion in each.opinions]
        assert all(text.isprintable() for text in said), said

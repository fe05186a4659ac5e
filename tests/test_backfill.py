"""Whatever is away for twenty minutes, the strategy sees every bar once, in order, and then acts.

The real trader over the real client against the simulated gateway, in virtual time. Its strategy
proposes at every bar and writes down what it was shown.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from mytrader import runs
from mytrader.bootstrap import CLIENT_CLOCKS, Outcome, Parts, Plan, Trader
from mytrader.domain.commands import AnyCommand
from mytrader.domain.decision import Signal
from mytrader.domain.events import AnyEvent, BarFeedChanged, LinkChanged
from mytrader.domain.instrument import ES
from mytrader.domain.market import BAR_LENGTH, Bar
from mytrader.domain.orders import Side
from mytrader.domain.trader import TraderState
from mytrader.settings import Settings
from mytrader.signals.features import WARM_BARS, Features
from mytrader.signals.practice_bars import practice_bars
from mytrader.simulator.bar_files import BarFile
from mytrader.simulator.fault_rules import Drop, Empty, FarmDown, LoseLink, Match, Mute, Rule, When
from mytrader.simulator.faults import Faults
from mytrader.simulator.virtual_time import VirtualLoop, VirtualRuntime, run_virtual

OUTAGE_S: Final = 20 * 60
BEGINS_S: Final = 10 * 60
MINUTES: Final = 50
BARS: Final = practice_bars(1)
BEGINS: Final = 1000
HISTORY, SESSION = BARS[:BEGINS], BARS[BEGINS : BEGINS + MINUTES]
MEANWHILE: Final = When(after_s=BEGINS_S, until_s=BEGINS_S + OUTAGE_S)
LOST: Final = SESSION[0].opened_at + timedelta(seconds=BEGINS_S)

pytestmark = pytest.mark.slow


class Notes:
    """A strategy that proposes at every bar, and what it was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[Bar, Features]] = []

    def on_bar(self, bar: Bar, features: Features) -> Signal:
        """Take the bar down; propose with too little confidence to trade."""
        self.shown.append((bar, features))
        return Signal(
            strategy="notes",
            side=Side.BUY,
            confidence=0.5,
            entry=ES.price(bar.close),
            stop=ES.price(bar.close - 20),
            target=ES.price(bar.close + 20),
            features={"closed_at": (bar.opened_at + BAR_LENGTH).timestamp()},
            reason="A bar has closed.",
            warm=features.warm,
        )


class Proposals:
    """When bars were proposed on, and what became of the link."""

    def __init__(self, runtime: VirtualRuntime) -> None:
        self._runtime = runtime
        self.raised: list[tuple[datetime, Signal]] = []
        self.links: list[bool] = []
        self.feeds: list[tuple[datetime, bool]] = []

    def seen(self, event: AnyEvent, asked: list[AnyCommand], state: TraderState) -> None:
        """Keep what matters here; a proposal is stepped within its bar, and seen in the state."""
        del asked
        if isinstance(event, LinkChanged):
            self.links.append(event.up)
        if isinstance(event, BarFeedChanged):
            self.feeds.append((self._runtime.now(), event.up))
        for cycle in state.finished:
            self.raised.append((self._runtime.now(), cycle.signal))


class Run:
    """One run over the session with faults, and what was seen of it."""

    def __init__(self, folder: Path, *rules: Rule, history: list[Bar] = HISTORY) -> None:
        self.notes = Notes()
        self._folder = folder
        self._day = runs.SimulatedDay(
            ("ES",), BarFile(history, SESSION), Settings(), Faults(rules=rules)
        )
        epoch = SESSION[0].opened_at - runs.LEAD_IN
        self.outcome = run_virtual(self._play, epoch=epoch, modules=CLIENT_CLOCKS)

    async def _play(self, loop: VirtualLoop) -> Outcome:
        watch = runs.Watch()
        watch.take_failures(loop)
        runtime = VirtualRuntime(loop, watch.note_failure, seed=1)
        gateway = runs.simulated_gateway(self._day, runtime)
        plan = Plan(Settings(), ("ES",), "notes", self._folder / "x.journal", seed=1)
        loop.serve(plan.host, plan.port, protocol_factory=gateway.protocol_factory)
        self.proposals = Proposals(runtime)
        parts = Parts(strategy=lambda _: self.notes)
        trader = Trader(plan, runtime, observers=(self.proposals,), parts=parts)
        return await runs.trade(trader, trader.connect(), watch=watch, over=gateway.finished)

    @property
    def bars(self) -> list[Bar]:
        """The bars that the strategy was shown."""
        return [bar for bar, _ in self.notes.shown]

    @property
    def proposed(self) -> list[datetime]:
        """The ends of the bars that led to a proposal."""
        return [_closed_at(signal) for _, signal in self.proposals.raised]

    def assert_nothing_old_was_proposed(self) -> None:
        """A price that somebody may trade on is no older than a quote may be."""
        limit = Settings().data.max_age
        assert self.proposals.raised
        for at, signal in self.proposals.raised:
            assert at - _closed_at(signal) <= limit


def _closed_at(signal: Signal) -> datetime:
    return datetime.fromtimestamp(signal.features["closed_at"], UTC)


def test_before_the_first_signal_history_is_loaded_and_warm(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.bars == [*HISTORY, *SESSION[:-1]]
    assert [signal.warm for _, signal in run.proposals.raised] == [True] * MINUTES
    assert run.proposed[0] == SESSION[0].opened_at, "on the bar that has just closed, none before"
    run.assert_nothing_old_was_proposed()


def test_a_history_that_is_too_short_is_not_warm(tmp_path: Path) -> None:
    run = Run(tmp_path, history=HISTORY[-(WARM_BARS - 20) :])
    warm = [signal.warm for _, signal in run.proposals.raised]
    assert warm == [False] * 20 + [True] * (MINUTES - 20)


def test_a_hole_inside_history_is_not_warm(tmp_path: Path) -> None:
    """The broker's answer lacks half an hour of the night."""
    run = Run(tmp_path, history=[*HISTORY[:880], *HISTORY[910:]])
    assert run.proposals.raised
    assert not any(signal.warm for _, signal in run.proposals.raised)
    assert run.notes.shown[-1][1].bars == 90 + MINUTES - 1


OUTAGES = {
    "the link to the broker, data kept": Rule(LoseLink(OUTAGE_S), when=MEANWHILE),
    "the link, data lost": Rule(LoseLink(OUTAGE_S, data_kept=False), when=MEANWHILE),
    "the farms": Rule(FarmDown(OUTAGE_S), when=MEANWHILE),
    "the farms, unsaid": Rule(FarmDown(OUTAGE_S, told=False), when=MEANWHILE),
    "news of bars": Rule(Drop(), match=Match("HistoricalDataUpdate"), when=MEANWHILE),
}


@pytest.mark.parametrize("rule", OUTAGES.values(), ids=OUTAGES)
def test_after_twenty_minutes_away_no_bar_is_missing(tmp_path: Path, rule: Rule) -> None:
    """Missed bars come before new ones, are proposed on by nobody, and leave the features warm."""
    run = Run(tmp_path, rule)
    assert run.bars == [*HISTORY, *SESSION[:-1]]
    assert [features.bars for _, features in run.notes.shown] == [*range(1, len(run.bars) + 1)]
    run.assert_nothing_old_was_proposed()
    away = [at for at in run.proposed if LOST < at < LOST + timedelta(seconds=OUTAGE_S)]
    asked = [at for at, up in run.proposals.feeds if not up]
    assert len(away) <= 1 + 2 * len(asked), "those that had just closed"
    assert run.proposed[-1] > LOST + timedelta(seconds=OUTAGE_S + 60), "and it goes on"
    assert all(signal.warm for _, signal in run.proposals.raised)


def test_a_reconnect_that_is_answered_without_bars_is_asked_again(tmp_path: Path) -> None:
    """No bars are not "no trades": the minutes come with the next answer."""
    run = Run(
        tmp_path,
        OUTAGES["the link, data lost"],
        Rule(Empty(), match=Match("HistoricalData"), when=When(skip=1, times=1)),
    )
    assert run.bars == [*HISTORY, *SESSION[:-1]]
    assert run.proposals.links[-1]
    run.assert_nothing_old_was_proposed()


def test_a_subscription_that_dies_alone_is_noticed_and_replaced(tmp_path: Path) -> None:
    """Quotes go on, no notice comes: with the third lost bar the trader asks for them again."""
    when = When(after_s=BEGINS_S, times=1)
    run = Run(tmp_path, Rule(Mute(), match=Match("HistoricalDataUpdate"), when=when))
    assert run.bars == [*HISTORY, *SESSION[:-1]]
    run.assert_nothing_old_was_proposed()
    (silent, back), ups = zip(*run.proposals.feeds, strict=True)
    assert ups == (False, True)
    assert LOST + timedelta(minutes=2) <= silent < LOST + timedelta(minutes=3)
    assert back < silent + timedelta(minutes=2)
    assert run.proposals.links == [True], "the connection stood all the time"
    assert len([at for at in run.proposed if at > back]) > 20


@pytest.mark.parametrize("name", ["the farms, unsaid", "the link, data lost"])
def test_what_takes_the_quotes_along_is_no_silence_of_bars(tmp_path: Path, name: str) -> None:
    assert Run(tmp_path, OUTAGES[name]).proposals.feeds == []

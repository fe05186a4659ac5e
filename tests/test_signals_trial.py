"""A trial has no complaint about a sound strategy, and finds each fault that is planted in one."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Self

import pytest
from msgspec import Struct
from msgspec.structs import replace

from mytrader.domain.decision import Signal
from mytrader.domain.instrument import ES, MES, Instrument
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.errors import BadInput
from mytrader.signals.bracket import bracket
from mytrader.signals.features import Features
from mytrader.signals.practice_bars import practice_bars
from mytrader.signals.strategy import Strategy, parse_params
from mytrader.signals.trial import BARS_MIN, Trial, try_strategy

BARS = practice_bars(1)[:930]
EVERY = 37
"""Minutes of the day, from midnight UTC, at which the sound strategy proposes."""


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """The sound strategy's one parameter."""

    reach: int = 20


class Sound:
    """Proposes by the clock of its bars, both sides in turn."""

    name = "sound"

    def __init__(self, instrument: Instrument, params: Params) -> None:
        self._instrument = instrument
        self._params = params
        self._last_at: datetime | None = None

    @classmethod
    def create(cls, instrument: Instrument, params: Mapping[str, object]) -> Self:
        """Return a fresh one."""
        return cls(instrument, parse_params("sound", params, kind=Params))

    def on_bar(self, bar: Bar, features: Features) -> Signal | None:
        """Propose at every so many minutes."""
        if self._last_at is not None and bar.opened_at <= self._last_at:
            return None
        self._last_at = bar.opened_at
        if not self.wants(bar):
            return None
        side = Side.BUY if bar.opened_at.hour % 2 else Side.SELL
        reach = side.sign * self._params.reach
        prices = bracket(
            self._instrument,
            side,
            entry=bar.close,
            stop=bar.close - reach,
            target=bar.close + reach,
        )
        signal = Signal(
            strategy="sound",
            side=side,
            confidence=0.6,
            entry=prices.entry,
            stop=prices.stop,
            target=prices.target,
            features=features.numbers(),
            reason="The minute has come.",
            warm=features.warm,
        )
        return self.spoil(signal)

    def wants(self, bar: Bar) -> bool:
        """Whether this is a bar to propose at."""
        return (bar.opened_at.hour * 60 + bar.opened_at.minute) % EVERY == 0

    def spoil(self, signal: Signal) -> Signal:
        """Return what is proposed."""
        return signal


def tried(kind: type[Strategy], **more: Any) -> Trial:  # noqa: ANN401 - what a trial takes
    return try_strategy(kind, BARS, **more)


def test_a_sound_strategy_has_no_complaints() -> None:
    trial = tried(Sound, instrument=MES, params={"reach": "12"})
    assert trial.complaints == ()
    assert len(trial.signals) == len([bar for bar in BARS if Sound(ES, Params()).wants(bar)])
    at, signal = trial.signals[0]
    assert signal.entry == next(MES.price(bar.close) for bar in BARS if bar.opened_at == at)
    assert abs(signal.entry - (signal.stop or 0)) == 3


def test_equal_trials_of_the_same_bars_are_equal() -> None:
    assert tried(Sound) == tried(Sound)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"strategy": "loud"}, "names strategy 'loud', it is 'sound'"),
        ({"confidence": 1.5}, "the confidence is 1.5; give 0 to 1"),
        ({"confidence": float("nan")}, "the confidence is nan"),
        ({"reason": " "}, "not one line of words"),
        ({"reason": "two\nlines"}, "not one line of words"),
        ({"warm": True}, "called warm after"),
        ({"stop": None}, "there is no stop"),
        ({"target": None}, "there is no target"),
        ({"entry": Decimal("6800.10")}, "the entry 6800.10 is not on the grid of 0.25"),
        ({"stop": Decimal("NaN")}, "the stop NaN is not on the grid"),
        ({"stop": Decimal(9000), "target": Decimal(9000)}, "a leg is on the wrong side"),
        ({"features": {}}, "atr, close, efficiency_net, "),
    ],
)
def test_a_wrong_signal_is_found_once(change: dict[str, Any], said: str) -> None:
    class Spoilt(Sound):
        """Every signal has the fault."""

        def spoil(self, signal: Signal) -> Signal:
            return replace(signal, **change)

    found = tried(Spoilt).complaints
    assert len(found) == 1, found
    assert said in found[0]
    assert found[0].startswith("2025-11-0"), "it says at which bar"
    assert "\n" not in found[0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda _: "BUY", "it gave 'BUY', which is no signal"),
        (lambda made: replace(made, stop=6900.0), "stop of its signal is 6900.0: give a Decimal"),
    ],
)
def test_what_would_end_its_proposals_ends_the_trial(
    given: Callable[[Signal], Any], said: str
) -> None:
    class Odd(Sound):
        def on_bar(self, bar: Bar, features: Features) -> Signal | None:
            made = super().on_bar(bar, features)
            return made and given(made)

    (complaint,) = tried(Odd).complaints
    assert complaint.endswith(said)


def test_a_feature_that_is_no_number_is_named() -> None:
    class Spoilt(Sound):
        """One number is none."""

        def spoil(self, signal: Signal) -> Signal:
            return replace(signal, features=signal.features | {"own": float("inf")})

    assert "own: no finite number" in tried(Spoilt).complaints[0]


def test_a_strategy_that_takes_any_parameter_is_found() -> None:
    class Careless(Sound):
        """A typing error of its user goes unseen."""

        @classmethod
        def create(cls, instrument: Instrument, params: Mapping[str, object]) -> Self:
            del params
            return cls(instrument, Params())

    assert "a typing error would trade" in tried(Careless).complaints[0]


def test_a_strategy_that_proposes_repeats_is_found() -> None:
    class Forgetful(Sound):
        """It does not know what it has seen."""

        def on_bar(self, bar: Bar, features: Features) -> Signal | None:
            self._last_at = None
            return super().on_bar(bar, features)

    assert "a repeated bar is proposed once more" in tried(Forgetful).complaints[0]


def test_a_strategy_that_counts_repeats_is_found() -> None:
    class Counting(Sound):
        """It counts calls, not bars."""

        calls = 0

        def on_bar(self, bar: Bar, features: Features) -> Signal | None:
            self.calls += 1
            return super().on_bar(bar, features)

        def spoil(self, signal: Signal) -> Signal:
            return replace(signal, reason=f"call {self.calls}")

    assert tried(Counting).complaints == ("a repeated bar changes later signals",)


def test_two_of_a_kind_that_share_something_are_found() -> None:
    class Shared(Sound):
        """What one has proposed the other passes over."""

        proposed: ClassVar[set[datetime]] = set()

        def wants(self, bar: Bar) -> bool:
            if bar.opened_at in self.proposed or not super().wants(bar):
                return False
            self.proposed.add(bar.opened_at)
            return True

    assert "the same bars give other signals" in tried(Shared).complaints[0]


@pytest.mark.parametrize("change", ["sides", "prices", "legs", "confidence", "more"])
def test_a_strategy_that_remembers_more_than_a_restart_gives_back_is_found(change: str) -> None:
    class Elephant(Sound):
        """What it proposes depends on how many bars it has ever seen."""

        seen = 0

        def on_bar(self, bar: Bar, features: Features) -> Signal | None:
            self.seen += self._last_at is None or bar.opened_at > self._last_at
            return super().on_bar(bar, features)

        def wants(self, bar: Bar) -> bool:
            return super().wants(bar) or (change == "more" and self.seen == len(BARS) - 1)

        def spoil(self, signal: Signal) -> Signal:
            if self.seen < 0.7 * len(BARS):
                return signal
            other = bracket(
                ES,
                signal.side.opposite if change == "sides" else signal.side,
                entry=ES.ticks(signal.entry),
                stop=ES.ticks(signal.entry) - 20,
                target=ES.ticks(signal.entry) + 20 + self.seen // 100,
            )
            match change:
                case "sides":
                    return replace(signal, side=signal.side.opposite, stop=other.stop)
                case "prices":
                    return replace(signal, target=other.target)
                case "legs":
                    return replace(signal, target=None)
                case "confidence":
                    return replace(signal, confidence=0.7)
                case _:
                    return signal

    found = [each for each in tried(Elephant).complaints if "restart" in each]
    assert len(found) == 1
    assert "started 310 bars later it differs at 2025-11-0" in found[0]


def test_averages_that_have_warmed_up_elsewhere_are_no_difference() -> None:
    class Rounded(Sound):
        """A tick and a hundredth are what a restart may cost."""

        seen = 0

        def on_bar(self, bar: Bar, features: Features) -> Signal | None:
            self.seen += self._last_at is None or bar.opened_at > self._last_at
            return super().on_bar(bar, features)

        def spoil(self, signal: Signal) -> Signal:
            if self.seen < 0.7 * len(BARS):
                return signal
            farther = (signal.target or Decimal(0)) + signal.side.sign * ES.tick_size
            return replace(signal, target=farther, confidence=0.605)

    assert tried(Rounded).complaints == ()


@pytest.mark.parametrize(
    ("until", "said"),
    [(0, "it proposes nothing in 930 bars"), (400, "nothing in the last third")],
)
def test_of_a_silent_strategy_nothing_can_be_said(until: int, said: str) -> None:
    class Quiet(Sound):
        """It stops proposing."""

        def wants(self, bar: Bar) -> bool:
            return bar.opened_at < BARS[until].opened_at and super().wants(bar)

    (complaint,) = tried(Quiet).complaints
    assert said in complaint


def test_too_few_bars_try_nothing() -> None:
    with pytest.raises(BadInput, match=f"a trial needs {BARS_MIN} bars, there are 10: give more"):
        try_strategy(Sound, BARS[:10])
    with pytest.raises(BadInput, match="unknown field `raech`"):
        tried(Sound, params={"raech": 3})

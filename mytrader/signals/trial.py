"""Try a strategy on bars: what it proposes, and what is wrong with how it goes about it.

Whether it earns money is not looked at. What is looked at are the promises that the trader relies
on: prices on the grid and on their sides, numbers that are numbers, the same answer to the same
bars, nothing for a repeated bar, no state shared between two of a kind, and a restart that does
not change what is proposed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import chain, pairwise, zip_longest
from math import isfinite
from typing import Final

from msgspec import Struct

from mytrader.domain.decision import Signal
from mytrader.domain.instrument import ES, Instrument
from mytrader.domain.market import Bar
from mytrader.errors import BadInput, StrategyFault
from mytrader.signals.features import WARM_BARS, FeatureEngine, Features
from mytrader.signals.strategy import Strategy, check_signal

BARS_MIN: Final = 6 * WARM_BARS
RESTART_CONFIDENCE: Final = 0.01
RESTART_TICKS: Final = 1
"""After a restart averages are seeded elsewhere, and agree only as well as they have warmed up."""

Make = Callable[[], Strategy]
Proposed = tuple[datetime, Signal]


class Complaint(Struct, frozen=True):
    """What is wrong, in words; of one kind of complaint the first is enough."""

    kind: str
    text: str


class Trial(Struct, frozen=True):
    """What a strategy proposed, with the opening of each bar, and one complaint of each kind."""

    signals: tuple[Proposed, ...]
    complaints: tuple[str, ...]


def try_strategy(
    kind: type[Strategy],
    bars: Sequence[Bar],
    *,
    instrument: Instrument = ES,
    params: Mapping[str, object] | None = None,
) -> Trial:
    """Try a strategy on bars in order; raises `BadInput` for its parameters, or for too few bars.

    A strategy that may trade has no complaints. The bars have to make it propose something, in
    their last third as well: nothing can be said of one that is silent.
    """
    if len(bars) < BARS_MIN:
        raise BadInput(f"a trial needs {BARS_MIN} bars, there are {len(bars)}: give more")

    def make() -> Strategy:
        return kind.create(instrument, params or {})

    strategy, engine = make(), FeatureEngine()
    signals: list[Proposed] = []
    found: list[Complaint] = list(_of_parameters(kind, instrument))
    for bar in bars:
        features = engine.update(bar)
        signal = strategy.on_bar(bar, features)
        if signal is not None:
            try:
                check_signal(signal)
            except StrategyFault as fault:
                return Trial(tuple(signals), (f"{_at(bar.opened_at)}: {fault}",))
            signals.append((bar.opened_at, signal))
            said = _of_signal(signal, strategy, instrument=instrument, features=features)
            found += (Complaint(one.kind, f"{_at(bar.opened_at)}: {one.text}") for one in said)
    if not signals:
        text = f"it proposes nothing in {len(bars)} bars: nothing was tried"
        found.append(Complaint("silent", text))
    found += chain(
        _of_repetition(make, bars, signals),
        _of_restart(make, bars, expected=signals, instrument=instrument),
    )
    first: dict[str, str] = {}
    for complaint in found:
        first.setdefault(complaint.kind, complaint.text)
    return Trial(tuple(signals), tuple(first.values()))


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _of_parameters(kind: type[Strategy], instrument: Instrument) -> Iterator[Complaint]:
    try:
        kind.create(instrument, {"no_such_parameter": 1})
    except BadInput:
        return
    text = "it accepts a parameter that it does not know: a typing error would trade"
    yield Complaint("parameters", text)


def _of_signal(
    signal: Signal, strategy: Strategy, *, instrument: Instrument, features: Features
) -> Iterator[Complaint]:
    if signal.strategy != strategy.name:
        text = f"the signal names strategy {signal.strategy!r}, it is {strategy.name!r}"
        yield Complaint("name", text)
    if not 0 <= signal.confidence <= 1:  # what is not a number is neither
        yield Complaint("confidence", f"the confidence is {signal.confidence}; give 0 to 1")
    if not signal.reason.strip() or "\n" in signal.reason:
        yield Complaint("reason", "the reason is not one line of words")
    if signal.warm and not features.warm:
        text = f"it is called warm after {features.bars} bars, the features are not"
        yield Complaint("warm", text)
    wrong = [name for name, value in signal.features.items() if not isfinite(value)]
    if wrong:
        yield Complaint("numbers", f"{', '.join(wrong)}: no finite number")
    missing = sorted(features.numbers().keys() - signal.features.keys())
    if missing:
        text = "begin with features.numbers(), at which memory and advisors look"
        yield Complaint("features", f"{', '.join(missing)} missing: {text}")
    yield from _of_prices(signal, instrument)


def _of_prices(signal: Signal, instrument: Instrument) -> Iterator[Complaint]:
    prices = {"stop": signal.stop, "entry": signal.entry, "target": signal.target}
    given = {name: price for name, price in prices.items() if price is not None}
    for name in (name for name in prices if name not in given):
        yield Complaint(name, f"there is no {name}: an entry without one is refused")
    for name, price in given.items():
        if instrument.grid_ticks(price) is None:
            text = f"the {name} {price} is not on the grid of {instrument.tick_size}"
            yield Complaint("grid", text)
            return
    if any(signal.side.sign * (above - below) <= 0 for below, above in pairwise(given.values())):
        legs = ", ".join(f"{name} {price}" for name, price in given.items())
        yield Complaint("sides", f"{signal.side} with {legs}: a leg is on the wrong side")


def _of_repetition(
    make: Make, bars: Sequence[Bar], expected: Sequence[Proposed]
) -> Iterator[Complaint]:
    """Two of a kind over the same bars, one of which gets every bar twice and an old one."""
    engine, plain, pestered = FeatureEngine(), make(), make()
    found: tuple[list[Proposed], list[Proposed]] = ([], [])
    for index, bar in enumerate(bars):
        features = engine.update(bar)
        for strategy, proposed in zip((plain, pestered), found, strict=True):
            signal = strategy.on_bar(bar, features)
            if signal is not None:
                proposed.append((bar.opened_at, signal))
        for old in (bar, bars[index // 2]):
            if pestered.on_bar(old, features) is not None:
                yield Complaint(
                    "repeat", f"{_at(bar.opened_at)}: a repeated bar is proposed once more"
                )
    if repr(found[0]) != repr(list(expected)):
        text = "the same bars give other signals: it remembers, draws or reads something"
        yield Complaint("again", text)
    elif repr(found[1]) != repr(list(expected)):
        yield Complaint("repeat", "a repeated bar changes later signals")


def _of_restart(
    make: Make, bars: Sequence[Bar], *, expected: Sequence[Proposed], instrument: Instrument
) -> Iterator[Complaint]:
    """Start anew after a third of the bars; in the last third it has to be the same again."""
    begins, counts_from = len(bars) // 3, bars[2 * len(bars) // 3].opened_at
    strategy, engine = make(), FeatureEngine()
    found: list[Proposed] = []
    for bar in bars[begins:]:
        signal = strategy.on_bar(bar, engine.update(bar))
        if signal is not None and bar.opened_at >= counts_from:
            found.append((bar.opened_at, signal))
    late = [each for each in expected if each[0] >= counts_from]
    if expected and not late:
        text = "it proposes nothing in the last third of the bars: no restart was tried"
        yield Complaint("silent", text)
    for before, after in zip_longest(late, found):
        if before is None or after is None or not _alike(before, after, instrument):
            at, _ = before or after
            text = f"started {begins} bars later it differs at {_at(at)}"
            yield Complaint("restart", f"{text}: it remembers more than a restart gives back")
            return


def _alike(before: Proposed, after: Proposed, instrument: Instrument) -> bool:
    (at, one), (at_after, other) = before, after
    legs = ((one.entry, other.entry), (one.stop, other.stop), (one.target, other.target))
    return (
        (at, one.side, one.warm) == (at_after, other.side, other.warm)
        # What is no number was complained of where it was proposed.
        and not abs(one.confidence - other.confidence) > RESTART_CONFIDENCE
        and all(_near(was, now, within=RESTART_TICKS * instrument.tick_size) for was, now in legs)
    )


def _near(was: Decimal | None, now: Decimal | None, *, within: Decimal) -> bool:
    if was is None or now is None or not (was.is_finite() and now.is_finite()):
        return str(was) == str(now)
    return abs(was - now) <= within

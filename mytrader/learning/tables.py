"""What outcomes say, in rows: trades by what they had in common, refusals by what refused them.

Each table's intervals hold together at 95 %: looking at many rows finds nothing by chance alone
more often than in one table of twenty. A refused proposal is counted only when no earlier one of
its row would still have been open: of ten signals in the same move one could have been traded.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from statistics import fmean, median
from typing import Final

from msgspec import Struct

from mytrader.learning.intervals import (
    CONFIDENCE,
    SAMPLE_MIN,
    Interval,
    corrected,
    mean_interval,
    win_share,
)
from mytrader.learning.outcomes import Ended, Outcome

STRATEGY: Final = "strategy"
REGIME: Final = "regime"
HOUR: Final = "hour (US Central)"
EXIT_REASON: Final = "exit reason"
SITUATION: Final = "strategy, regime, side"


class Row(Struct, frozen=True):
    """A group of trades. Dollars after commission; R in multiples of the risk.

    `trades` are those counted; `unknown` are those of which nobody can know the result,
    `overlapping` those that could not have been made beside another of the row. `slippage_usd` is
    `None` where no fill is known. `profit_factor` is gains over losses, `None` without a loss.
    `drawdown_usd` is the deepest fall of the sum from its highest, in the order of proposals.
    `share` and `mean` are intervals of win share and mean R; `None`: too few trades to tell.
    """

    name: str
    trades: int
    wins: int
    net_usd: Decimal
    commission_usd: Decimal
    slippage_usd: Decimal | None
    mean_r: float | None
    median_r: float | None
    profit_factor: float | None
    drawdown_usd: Decimal
    share: Interval | None
    mean: Interval | None
    unknown: int
    overlapping: int
    cycle_ids: tuple[str, ...]


class Table(Struct, frozen=True):
    """Rows that part the same trades; `confidence` is that of each row's own intervals."""

    by: str
    rows: tuple[Row, ...]
    confidence: float


class Measure(Struct, frozen=True):
    """The convention of refused trades, applied to trades that were made.

    `agreed` is how many of `trades` would have left for the same reason as they did. `harsh_r` is
    by how much R it makes a trade worse than it was, in the mean.
    """

    trades: int
    agreed: int
    net_usd: Decimal
    would_be_usd: Decimal
    harsh_r: float = 0.0


class Tables(Struct, frozen=True):
    """Everything that one look found; `total` is over all trades that were made."""

    total: Row
    trades: tuple[Table, ...]
    refusals: tuple[Table, ...]
    measure: Measure
    aborted: int


class _Result(Struct, frozen=True):
    cycle_id: str
    net_usd: Decimal
    commission_usd: Decimal
    slippage_usd: Decimal | None
    r: float | None


Key = Callable[[Outcome], str]

TRADE_KEYS: Final[dict[str, Key]] = {
    STRATEGY: lambda one: one.strategy,
    REGIME: lambda one: one.regime,
    HOUR: lambda one: f"{one.hour:02d}",
    "side": lambda one: one.side.value,
    "symbol": lambda one: one.symbol,
    "advice": lambda one: one.heard.value,
    EXIT_REASON: lambda one: one.exit_reason,
    SITUATION: lambda one: f"{one.strategy}, {one.regime}, {one.side}",
}
REFUSAL_KEYS: Final[dict[str, Key]] = {
    "first reason of refusal": lambda one: one.codes[0] if one.codes else "no reason",
    "advice, where refused": lambda one: one.heard.value,
}


def tables(outcomes: Sequence[Outcome]) -> Tables:
    """Return every table of `outcomes`, which are in order of time."""
    traded = [one for one in outcomes if one.ended is Ended.TRADED]
    refused = [one for one in outcomes if one.ended is Ended.REFUSED]
    return Tables(
        total=made_row("all trades", traded),
        trades=tuple(_table(by, key, traded, make=made_row) for by, key in TRADE_KEYS.items()),
        refusals=tuple(
            _table(by, key, refused, make=refused_row) for by, key in REFUSAL_KEYS.items()
        ),
        measure=measured(traded),
        aborted=sum(one.ended is Ended.ABORTED for one in outcomes),
    )


def measured(traded: Iterable[Outcome]) -> Measure:
    """Return how near the convention comes to trades that were made."""
    pairs = [(one, one.would_be) for one in traded if one.would_be is not None]
    differences = [one.r - would_be.r for one, would_be in pairs if one.r is not None]
    return Measure(
        trades=len(pairs),
        agreed=sum(one.exit_reason == would_be.by for one, would_be in pairs),
        net_usd=sum((one.net_usd or Decimal(0) for one, _ in pairs), Decimal(0)),
        would_be_usd=sum((would_be.net_usd for _, would_be in pairs), Decimal(0)),
        harsh_r=fmean(differences) if differences else 0.0,
    )


def made_row(name: str, outcomes: Sequence[Outcome], *, confidence: float = CONFIDENCE) -> Row:
    """Return the row of trades that were made."""
    results = [
        _Result(one.cycle_id, one.net_usd, one.commission_usd, one.slippage_usd, one.r)
        for one in outcomes
        if one.net_usd is not None
    ]
    return _row(name, results, confidence=confidence)


def refused_row(name: str, outcomes: Sequence[Outcome], *, confidence: float = CONFIDENCE) -> Row:
    """Return the row of proposals that were refused, as they would have ended."""
    counted = stand_alone(outcomes)
    results = [
        _Result(one.cycle_id, would_be.net_usd, would_be.commission_usd, None, would_be.r)
        for one in counted
        if (would_be := one.would_be) is not None
    ]
    unknown = sum(one.would_be is None for one in outcomes)
    overlapping = len(outcomes) - unknown - len(counted)
    return _row(name, results, confidence=confidence, unknown=unknown, overlapping=overlapping)


def stand_alone(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the refused proposals that could have been traded one after the other."""
    busy_until: dict[str, datetime] = {}
    found = []
    for one in outcomes:
        until = busy_until.get(one.symbol)
        if one.would_be is None or (until is not None and one.at < until):
            continue
        busy_until[one.symbol] = one.would_be.left_at
        found.append(one)
    return found


def _table(by: str, key: Key, outcomes: Sequence[Outcome], *, make: Callable[..., Row]) -> Table:
    groups: dict[str, list[Outcome]] = {}
    for one in outcomes:
        groups.setdefault(key(one), []).append(one)
    compared = sum(make(name, group).trades >= SAMPLE_MIN for name, group in groups.items())
    confidence = corrected(CONFIDENCE, compared)
    rows = [make(name, groups[name], confidence=confidence) for name in sorted(groups)]
    return Table(by, tuple(rows), confidence)


def _row(
    name: str,
    results: Sequence[_Result],
    *,
    confidence: float,
    unknown: int = 0,
    overlapping: int = 0,
) -> Row:
    known = [one.r for one in results if one.r is not None]
    wins = sum(one.net_usd > 0 for one in results)
    slipped = [one.slippage_usd for one in results if one.slippage_usd is not None]
    gains = sum((one.net_usd for one in results if one.net_usd > 0), Decimal(0))
    losses = -sum((one.net_usd for one in results if one.net_usd < 0), Decimal(0))
    return Row(
        name=name,
        trades=len(results),
        wins=wins,
        net_usd=gains - losses,
        commission_usd=sum((one.commission_usd for one in results), Decimal(0)),
        slippage_usd=sum(slipped, Decimal(0)) if slipped else None,
        mean_r=fmean(known) if known else None,
        median_r=median(known) if known else None,
        profit_factor=float(gains / losses) if losses else None,
        drawdown_usd=_drawdown(one.net_usd for one in results),
        share=win_share(wins, len(results), confidence=confidence),
        mean=mean_interval(known, confidence=confidence),
        unknown=unknown,
        overlapping=overlapping,
        cycle_ids=tuple(one.cycle_id for one in results),
    )


def _drawdown(nets: Iterable[Decimal]) -> Decimal:
    total = peak = deepest = Decimal(0)
    for net in nets:
        total += net
        peak = max(peak, total)
        deepest = max(deepest, peak - total)
    return deepest

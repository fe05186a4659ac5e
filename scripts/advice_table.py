"""What advice does to a month of bars: each advisor, both, and both with the memory, as a table.

    .venv/bin/python scripts/advice_table.py [BARS] [--strategy S]... [--workers N] [--out FILE]

BARS is a file of one-minute bars of ES, by default the November of 2025 in `../shared/data`. Every
session is traded by itself against the embedded gateway, flat in the morning and flat at night;
only the memory goes from one session to the next. It writes the part of `docs/advice.md` between
the marks. Equal bars give an equal table.

A refused proposal counts only if nothing but advice spoke against it; what it would have earned is
computed by `mytrader.learning.counterfactual`, whose convention is a little harsher than trading.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date, datetime
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from typing import Final

try:
    from msgspec import Struct

    from mytrader import logs
    from mytrader.advisors.local import LocalDecisionAdvisor, LocalRiskAdvisor
    from mytrader.advisors.panel import Seat
    from mytrader.bootstrap import Parts, Plan
    from mytrader.domain.cycle import Phase, TradeCycle
    from mytrader.domain.decision import Advice, AdvisorRole, Opinion, Question
    from mytrader.domain.instrument import ES
    from mytrader.domain.market import Bar
    from mytrader.domain.session import trading_date
    from mytrader.errors import TheirFault
    from mytrader.learning.counterfactual import would_have_earned
    from mytrader.rag.cache import CachedMemory
    from mytrader.rag.knowledge_base import KnowledgeBase
    from mytrader.rag.pipeline_integration import PipelineIntegration
    from mytrader.runs import SimulatedDay, run_embedded
    from mytrader.settings import Settings
    from mytrader.signals.strategy import strategy_names
    from mytrader.simulator.bar_files import BarFile, load_bars
except ModuleNotFoundError as missing:
    sys.stderr.write(f"{missing}: run `make check` once, then use .venv/bin/python\n")
    sys.exit(2)

ROOT: Final = Path(__file__).resolve().parents[1]
BARS: Final = ROOT.parent / "shared" / "data" / "es-1m-2025-11.parquet"
PAGE: Final = ROOT / "docs" / "advice.md"
BEGIN: Final = "<!-- written by scripts/advice_table.py -->\n"
END: Final = "<!-- until here -->\n"
VARIANTS: Final = ("nobody", "decision", "risk", "both", "both and memory")
HEADINGS: Final = (
    *("strategy", "who argues", "signals", "trades", "won", "net $", "drawdown $"),
    *("winners refused ($)", "losers refused ($)", "unknown"),
)
ADVICE_CODES: Final = frozenset({"AWS_WAIT", "LOW_CONFIDENCE"})
SESSION_BARS_MIN: Final = 300
"""A session of which the file holds less is only history."""


class AlwaysGo:
    """Says GO, and is sure: the signal's own confidence is then the final one."""

    async def opine(self, question: Question, now: datetime) -> Opinion:
        """Say GO."""
        del question, now
        return Opinion("nobody", AdvisorRole.DECISION, Advice.GO, "nobody asks", confidence=1.0)


class Row(Struct, frozen=True):
    """One variant over all sessions; dollars after commission."""

    strategy: str
    variant: str
    signals: int
    trades: int
    wins: int
    net_usd: Decimal
    drawdown_usd: Decimal
    winners_refused: int
    winners_usd: Decimal
    losers_refused: int
    losers_usd: Decimal
    unknown: int


class Job(Struct, frozen=True):
    """What one process plays."""

    bars: Path
    strategy: str
    variant: str


def seats(variant: str) -> tuple[Seat, ...]:
    """Return the advisors of a variant."""
    if variant == "nobody":
        return (Seat("nobody", AdvisorRole.DECISION, AlwaysGo()),)
    decision, risk = LocalDecisionAdvisor(), LocalRiskAdvisor()
    both = (
        Seat(decision.name, decision.role, decision),
        Seat(risk.name, risk.role, risk),
    )
    return {"decision": both[:1], "risk": both[1:]}.get(variant, both)


def play(job: Job) -> Row:
    """Trade every session of the file and add up."""
    with logs.quiet():
        return played(job)


def played(job: Job) -> Row:
    """Trade every session of the file, saying nothing meanwhile."""
    bars = load_bars(job.bars, ES)
    memory = CachedMemory(KnowledgeBase(None)) if job.variant.endswith("memory") else None
    observers = () if memory is None else (PipelineIntegration(memory),)
    parts = Parts(seats=seats(job.variant), memory=memory)
    cycles: list[TradeCycle] = []
    with tempfile.TemporaryDirectory() as folder:
        for day, file in sessions(bars):
            plan = Plan(Settings(), ("ES",), job.strategy, Path(folder) / f"{day}.journal", seed=1)
            made = SimulatedDay(("ES",), file, plan.settings)
            outcome = run_embedded(plan, made, observers=observers, parts=parts)
            cycles += outcome.book.ended.values()
    return row(job, cycles, bars)


def sessions(bars: Sequence[Bar]) -> Iterator[tuple[date, BarFile]]:
    """Yield every session but the first, with what came before it as history."""
    days: dict[date, list[Bar]] = {}
    for bar in bars:
        days.setdefault(trading_date(bar.opened_at), []).append(bar)
    history: list[Bar] = []
    for day, inside in days.items():
        if history and len(inside) >= SESSION_BARS_MIN:
            yield day, BarFile(history=list(history), session=inside)
        history += inside


def row(job: Job, cycles: Sequence[TradeCycle], bars: Sequence[Bar]) -> Row:
    """Return what the cycles came to."""
    closed = [cycle for cycle in cycles if cycle.phase is Phase.CLOSED]
    nets = [ES.usd(cycle.gross_ticks) - cycle.commission_usd for cycle in closed]
    refused = [cycle for cycle in cycles if refused_by_advice(cycle)]
    would_be = [
        would_have_earned(
            cycle.signal,
            bars,
            at=cycle.proposed_at,
            instrument=ES,
            quantity=1,
            flatten_before_close=Settings().session.flatten_before_close,
        )
        for cycle in refused
    ]
    known = [each.net_usd for each in would_be if each is not None]
    winners, losers = [u for u in known if u > 0], [u for u in known if u <= 0]
    return Row(
        strategy=job.strategy,
        variant=job.variant,
        signals=len(cycles),
        trades=len(closed),
        wins=sum(net > 0 for net in nets),
        net_usd=sum(nets, Decimal(0)),
        drawdown_usd=drawdown(nets),
        winners_refused=len(winners),
        winners_usd=sum(winners, Decimal(0)),
        losers_refused=len(losers),
        losers_usd=sum(losers, Decimal(0)),
        unknown=len(would_be) - len(known),
    )


def refused_by_advice(cycle: TradeCycle) -> bool:
    """Whether advice alone spoke against it: without it the guards would have let it pass."""
    if cycle.phase is not Phase.REFUSED or not ADVICE_CODES.issuperset(cycle.reason_codes):
        return False
    enough = cycle.signal.confidence >= Settings().trading.min_confidence_for_trade
    return bool(cycle.reason_codes) and enough


def drawdown(nets: Sequence[Decimal]) -> Decimal:
    """Return the deepest fall of the sum below its peak so far."""
    peak = deepest = total = Decimal(0)
    for net in nets:
        total += net
        peak = max(peak, total)
        deepest = max(deepest, peak - total)
    return deepest


def table(rows: Sequence[Row]) -> str:
    """Return the rows as Markdown."""
    lines = [f"| {' | '.join(HEADINGS)} |", f"| --- | ---{' | ---:' * (len(HEADINGS) - 2)} |"]
    lines += [
        f"| {each.strategy} | {each.variant} | {each.signals} | {each.trades} | {each.wins} "
        f"| {each.net_usd:,.2f} | {each.drawdown_usd:,.2f} "
        f"| {each.winners_refused} ({each.winners_usd:,.0f}) "
        f"| {each.losers_refused} ({each.losers_usd:,.0f}) | {each.unknown} |"
        for each in rows
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Play all variants and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bars", type=Path, nargs="?", default=BARS)
    parser.add_argument("--strategy", action="append", choices=strategy_names())
    parser.add_argument("--variant", action="append", choices=VARIANTS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=PAGE)
    asked = parser.parse_args()
    jobs = [
        Job(asked.bars, strategy, variant)
        for strategy in asked.strategy or strategy_names()
        for variant in asked.variant or VARIANTS
    ]
    rows: list[Row] = []
    try:
        load_bars(asked.bars, ES)
        with ProcessPoolExecutor(asked.workers, mp_context=get_context("spawn")) as pool:
            for found in pool.map(play, jobs):
                rows.append(found)
                sys.stderr.write(f"{len(rows)} of {len(jobs)}: {found.strategy} {found.variant}\n")
    except TheirFault as fault:
        sys.stderr.write(f"{fault}\n")
        sys.exit(2)
    written = table(rows)
    sys.stdout.write(written)
    if asked.out.exists():
        page = asked.out.read_text(encoding="utf-8")
        before, _, rest = page.partition(BEGIN)
        after = rest.partition(END)[2]
        asked.out.write_text(f"{before}{BEGIN}{written}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()

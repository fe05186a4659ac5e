"""The account of one trading date, as people get it in the evening."""

from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from mytrader.alerts.remedies import RULES
from mytrader.alerts.trades import gross_usd
from mytrader.alerts.wording import bold, clock, counted, dollars
from mytrader.domain.commands import AlertLevel
from mytrader.domain.cycle import TradeCycle
from mytrader.domain.session import trading_date
from mytrader.domain.trader import Mode, TraderState

CODES_SHOWN: Final = 12


class Day:
    """What happened on one trading date since `since`; money is dollars."""

    def __init__(self, since: datetime) -> None:
        self.on: date = trading_date(since)
        self.since = since
        self.refusals: Counter[str] = Counter()
        self.raised: Counter[AlertLevel] = Counter()
        self.links_lost = 0
        self.outages = 0
        self.trades = 0
        self.wins = 0
        self.gross_usd = Decimal(0)
        self.commission_usd = Decimal(0)
        self.unprotected_seconds_max = 0.0
        self.emergency_stops = 0
        self.drawdown_usd = Decimal(0)
        self._net_peak_usd = Decimal(0)
        self._unpaid: set[str] = set()

    @property
    def net_usd(self) -> Decimal:
        """Dollars after the commissions that are known."""
        return self.gross_usd - self.commission_usd

    @property
    def eventful(self) -> bool:
        """Whether anything happened of which a person would ask in the evening."""
        return bool(self.trades or self.refusals or self.raised or self.outages)

    def finished(self, cycle: TradeCycle) -> None:
        """Count a cycle that is over."""
        self._note_cover(cycle)
        if not cycle.fills:
            return
        gross = gross_usd(cycle) or Decimal(0)
        self.trades += 1
        self.wins += gross > cycle.commission_usd
        self.gross_usd += gross
        self.commission_usd += cycle.commission_usd
        self.emergency_stops += cycle.emergency_stops
        missing = {fill.exec_id for fill in cycle.fills} - cycle.commissions_usd.keys()
        self._unpaid |= missing
        self._net_peak_usd = max(self._net_peak_usd, self.net_usd)
        self.drawdown_usd = max(self.drawdown_usd, self._net_peak_usd - self.net_usd)

    def commission(self, exec_id: str, usd: Decimal) -> None:
        """Add a commission that came after its trade had ended."""
        if exec_id in self._unpaid:
            self._unpaid.discard(exec_id)
            self.commission_usd += usd

    def _note_cover(self, cycle: TradeCycle) -> None:
        longest = max(self.unprotected_seconds_max, cycle.unprotected_seconds_max)
        self.unprotected_seconds_max = longest

    def lines(self, state: TraderState) -> list[str]:
        """Return the account as HTML, a line each; `state` is the trader's at its end."""
        for cycle in state.cycles.values():
            self._note_cover(cycle)
        working = sum(cycle.emergency_stops for cycle in state.cycles.values())
        mode = "" if state.mode is Mode.NORMAL else f"; mode {bold(state.mode)}"
        naked = self.unprotected_seconds_max
        counts = {
            "emergency stop": self.emergency_stops + working,
            "page": self.raised[AlertLevel.PAGE],
            "warning": self.raised[AlertLevel.WARNING],
            "lost link": self.links_lost,
            "advisor outage": self.outages,
        }
        troubles = ", ".join(counted(number, noun) for noun, number in counts.items() if number)
        return [
            *self._result(),
            *self._whole_date(state),
            self._refused(),
            f"longest unprotected {naked:.1f} s" if self.trades or naked else "",
            f"{troubles or 'no alert'}{mode}",
        ]

    def _result(self) -> list[str]:
        if not self.trades:
            return ["no trade"]
        unpaid = f", {counted(len(self._unpaid), 'fill')} not reported yet" if self._unpaid else ""
        return [
            (
                f"{counted(self.trades, 'trade')}, {self.wins} won,"
                f" {bold(f'{dollars(self.net_usd, signed=True)} net')}"
            ),
            (
                f"gross {dollars(self.gross_usd, signed=True)},"
                f" commission {dollars(self.commission_usd)}{unpaid}"
            ),
            f"largest fall from the day's best {dollars(self.drawdown_usd)}",
        ]

    def _whole_date(self, state: TraderState) -> list[str]:
        """Say what the record has of the whole date, where this process saw only a part of it."""
        if state.day.on != self.on or state.day.realised_usd == self.net_usd or self._unpaid:
            return []
        booked = dollars(state.day.realised_usd, signed=True)
        return [f"since {clock(self.since)}; the whole date by the record: {booked}"]

    def _refused(self) -> str:
        if not self.refusals:
            return "no entry refused"
        return f"{counted(self.refusals.total(), 'entry')} refused: {codes(self.refusals)}"


def codes(counts: Counter[str]) -> str:
    """Return codes with how often each came, the commonest first."""
    common = counts.most_common(CODES_SHOWN)
    shown = ", ".join(f"{code} {number}" for code, number in common)
    return shown if len(common) == len(counts) else f"{shown}, …"


def rules(counts: Counter[str]) -> list[str]:
    """Return a line for each code: how often, and which rule it is."""
    return [
        f"{code} {number}: {RULES.get(code, 'see the record')}"
        for code, number in counts.most_common(CODES_SHOWN)
    ]

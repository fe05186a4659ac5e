"""From what happens to what people are told. Pure: time comes with every call.

A `Teller` sees what an observer of the loop sees and returns messages. It tells everything that
is loud at once; what is quiet and comes often is counted and told together. It knows no chat and
sends nothing.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mytrader.alerts import remedies, trades
from mytrader.alerts.day import Day, codes, rules
from mytrader.alerts.message import LOUDEST_FIRST, Kind, Message
from mytrader.alerts.outages import PANEL, Outage, Outages
from mytrader.alerts.throttle import Throttle
from mytrader.alerts.wording import (
    Veil,
    bold,
    cleaned,
    clock,
    counted,
    cut,
    dollars,
    joined,
    lasting,
)
from mytrader.domain import events
from mytrader.domain.commands import AlertLevel, AnyCommand, RaiseAlert
from mytrader.domain.cycle import Phase, TradeCycle
from mytrader.domain.events import AnyEvent
from mytrader.domain.session import trading_date
from mytrader.domain.trader import Mode, TraderState
from mytrader.errors import TheirFault

MARKS: Final = {AlertLevel.PAGE: "🔴", AlertLevel.WARNING: "🟠", AlertLevel.INFO: "⚪"}
REPEATS_EVERY: Final = timedelta(minutes=15)
TOLD_MAX: Final = 1000
HEAD_MAX: Final = 90
NAME_MAX: Final = 40
LINK_CODES: Final = frozenset({"CONNECT_FAILED", "LINK_AWAY", "LINK_DOWN"})
_NOT_YET: Final = (Phase.PROPOSED, Phase.ENTERING, Phase.PROTECTING)


class Wanted(Struct, frozen=True):
    """What is to be told: everything from `level` on, without the `muted` kinds.

    Pages and troubles are always told. Repeated refusals are told together.
    """

    level: AlertLevel = AlertLevel.INFO
    muted: frozenset[Kind] = frozenset()
    refusals_every: timedelta = timedelta(minutes=15)

    def includes(self, message: Message) -> bool:
        """Return whether to tell it."""
        if message.level is AlertLevel.PAGE:
            return True
        loud = LOUDEST_FIRST.index(message.level) <= LOUDEST_FIRST.index(self.level)
        return loud and (message.kind not in self.muted or message.kind is Kind.TROUBLE)


class Teller:
    """Turns events, commands and states into messages, in order.

    `name` stands in every message, and `mark`, which world it speaks of, before its code.
    `secrets` are texts that appear in none.
    """

    def __init__(
        self,
        wanted: Wanted = Wanted(),  # noqa: B008 - frozen
        *,
        name: str = "",
        mark: str = "",
        secrets: Iterable[str] = (),
    ) -> None:
        self.mark = mark
        self._wanted = wanted
        self._veil = Veil(secrets)
        self._name = name
        self._refusals = Throttle(wanted.refusals_every)
        self._repeats = Throttle(REPEATS_EVERY)
        self._outages = Outages()
        self._lots_told: dict[str, int] = {}
        self._ended: deque[str] = deque(maxlen=TOLD_MAX)
        self._link_lost_at: datetime | None = None
        self._day: Day | None = None
        self._summed_up: list[str] = []
        self._state: TraderState | None = None

    def seen(
        self, at: datetime, event: AnyEvent, *, asked: Sequence[AnyCommand], state: TraderState
    ) -> list[Message]:
        """Return what to tell of one event, what it led to, and the state after it."""
        self._veil.hide_limits(state.limits)
        told = [*self._of_time(at, state)]
        told += self._of_event(at, event, state)
        told += self._of_cycles(at, event, state=state)
        for command in asked:
            if isinstance(command, RaiseAlert):
                told += self._of_alert(at, command, state=state)
        self._state = state
        return [message for message in told if self._wanted.includes(message)]

    def ended(self, at: datetime, failure: BaseException | None = None) -> list[Message]:
        """Return what to tell when the trader ends, or has failed: last of all its day."""
        told = [*self._held_back(at, ended=True)]
        if self._state is not None:
            told += self._summary(at, self._state)
        told.append(self._of_end(at, failure))
        return [message for message in told if self._wanted.includes(message)]

    def noted(self, at: datetime, note: RaiseAlert) -> list[Message]:
        """Return what to tell of something beside the record, which no event speaks of."""
        self._day_at(at).raised[note.level] += 1
        kind = Kind.LINK if note.code in LINK_CODES else Kind.TROUBLE
        message = self._message(
            at, note.code, kind=kind, lines=self._words(note), level=note.level
        )
        return [message] if self._wanted.includes(message) else []

    # Time

    def _of_time(self, at: datetime, state: TraderState) -> Iterator[Message]:
        """Tell what was held back, and the day when it is over."""
        yield from self._held_back(at)
        if trading_date(at) > self._day_at(at).on:
            if self._day_at(at).eventful:
                yield from self._summary(at, self._state or state)
            self._day, self._summed_up = Day(at), []
        elif not (self._summed_up or state.cycles) and _is_over(self._day_at(at), at, state=state):
            yield from self._summary(at, state)

    def _day_at(self, at: datetime) -> Day:
        if self._day is None:
            self._day = Day(at)
        return self._day

    def _held_back(self, at: datetime, *, ended: bool = False) -> Iterator[Message]:
        refused = self._refusals.rest() if ended else self._refusals.due(at)
        if refused:
            head = f"{counted(refused.total(), 'more entry')} refused"
            yield self._message(at, "REFUSALS", kind=Kind.REFUSAL, lines=[head, *rules(refused)])
        repeated = self._repeats.rest() if ended else self._repeats.due(at)
        if repeated:
            often = Counter({key.split()[0]: 0 for key in repeated})
            for key, number in repeated.items():
                often[key.split()[0]] += number
            lines = [f"came again: {codes(often)}", remedies.STATUS_REMEDY]
            yield self._message(at, "REPEATED", kind=Kind.TROUBLE, lines=lines)

    def _summary(self, at: datetime, state: TraderState) -> Iterator[Message]:
        """Tell the day; a second time only if there is something new to tell."""
        day = self._day_at(at)
        lines = [bold(f"{day.on:%A} {day.on.day} {day.on:%B %Y}"), *day.lines(state)]
        if lines != self._summed_up:
            self._summed_up = lines
            yield self._message(at, "DAY", kind=Kind.SUMMARY, lines=lines)

    # Events

    def _of_event(self, at: datetime, event: AnyEvent, state: TraderState) -> Iterator[Message]:
        match event:
            case events.TraderStarted():
                yield self._of_start(at, state)
            case events.LinkChanged(up=True):
                yield from self._link_is_back(at)
            case events.AdviceGiven(_, opinions, recall):
                for outage, over in self._outages.took(opinions, recall, at=at):
                    yield self._of_outage(at, outage, over=over)
            case events.Halted(why):
                yield self._halted(at, why)
            case events.CommissionReported(exec_id, usd):
                self._day_at(at).commission(exec_id, usd)
            case _:
                return

    def _of_start(self, at: datetime, state: TraderState) -> Message:
        """Tell that the trader runs; what is open already was told by whoever opened it."""
        self._link_lost_at = None
        for cycle in state.cycles.values():
            self._lots_told[cycle.cycle_id] = trades.lots_entered(cycle)
        quiet = state.mode is Mode.NORMAL and not state.cycles
        lines = [f"mode {bold(state.mode)}", *_open_lines(state)]
        if not quiet:
            lines.append(remedies.STATUS_REMEDY)
        level = AlertLevel.INFO if quiet else AlertLevel.WARNING
        return self._message(at, "TRADER_STARTED", kind=Kind.RUN, lines=lines, level=level)

    def _link_is_back(self, at: datetime) -> Iterator[Message]:
        if self._link_lost_at is None:
            return
        lines = [f"after {lasting(at - self._link_lost_at)}; the broker's book is asked for"]
        self._link_lost_at = None
        yield self._message(at, "LINK_UP", kind=Kind.LINK, lines=lines)

    def _of_outage(self, at: datetime, outage: Outage, *, over: bool) -> Message:
        name = self._veil.foreign(outage.name, 40)
        if over:
            missed = counted(outage.questions, "question")
            lines = [f"{name} after {lasting(at - outage.since)}, {missed} unanswered"]
            return self._message(at, "ADVISOR_BACK", kind=Kind.ADVICE, lines=lines)
        self._day_at(at).outages += 1
        lines = [
            f"{name} {self._veil.foreign(outage.failure, 100)}",
            "no answer is a WAIT: no entry until it answers. Stops and exits need no advice",
        ]
        return self._message(
            at, "ADVISOR_SILENT", kind=Kind.ADVICE, lines=lines, level=AlertLevel.WARNING
        )

    def _halted(self, at: datetime, why: str) -> Message:
        lines = [self._veil.foreign(why), remedies.REMEDIES["HALTED"]]
        return self._message(at, "HALTED", kind=Kind.TROUBLE, lines=lines, level=AlertLevel.PAGE)

    def _of_end(self, at: datetime, failure: BaseException | None) -> Message:
        """Tell that nobody watches any more, and what is left open."""
        held = [] if self._state is None else _open_lines(self._state)
        bare = self._state is not None and not self._state.cycles
        if failure is None:
            level = AlertLevel.INFO if bare or self._state is None else AlertLevel.WARNING
            return self._message(at, "TRADER_ENDED", kind=Kind.RUN, lines=held, level=level)
        alone = isinstance(failure, TheirFault) and bare
        lines = [
            self._veil.foreign(f"{type(failure).__name__}: {failure}"),
            *held,
            "nobody watches any more; "
            + (remedies.STATUS_REMEDY if alone else remedies.REMEDIES["HALTED"]),
        ]
        level = AlertLevel.WARNING if alone else AlertLevel.PAGE
        return self._message(at, "TRADER_FAILED", kind=Kind.TROUBLE, lines=lines, level=level)

    # Trades

    def _of_cycles(
        self, at: datetime, event: AnyEvent, *, state: TraderState
    ) -> Iterator[Message]:
        """Tell which trades were opened or became larger, and which are over."""
        # A step within a step shows its finished cycles twice.
        for cycle in state.finished:
            if cycle.cycle_id not in self._ended:
                self._ended.append(cycle.cycle_id)
                yield from self._of_finished(at, event, cycle=cycle)
        for cycle in state.cycles.values():
            lots = trades.lots_entered(cycle)
            if lots > self._lots_told.get(cycle.cycle_id, 0) and cycle.phase not in _NOT_YET:
                self._lots_told[cycle.cycle_id] = lots
                lines = trades.entry_lines(cycle, self._veil)
                yield self._message(at, "ENTRY", kind=Kind.ENTRY, lines=lines, cycle=cycle)

    def _of_finished(
        self, at: datetime, event: AnyEvent, *, cycle: TradeCycle
    ) -> Iterator[Message]:
        self._lots_told.pop(cycle.cycle_id, None)
        self._day_at(at).finished(cycle)
        if cycle.fills:
            lines = trades.exit_lines(cycle)
            yield self._message(at, "EXIT", kind=Kind.EXIT, lines=lines, cycle=cycle)
        elif cycle.phase is Phase.ABORTED:
            lines = ["the entry was withdrawn: nothing of it has filled"]
            yield self._message(at, "ENTRY_NOT_FILLED", kind=Kind.ENTRY, lines=lines, cycle=cycle)
        elif not isinstance(event, events.AdviceGiven):
            # The kernel may have given up waiting for the whole panel: no event says that.
            late = tuple(each for each in cycle.opinions if each.advisor == PANEL)
            for outage, over in self._outages.took(late, None, at=at) if late else ():
                yield self._of_outage(at, outage, over=over)

    # Alerts of the kernel

    def _of_alert(
        self, at: datetime, alert: RaiseAlert, *, state: TraderState
    ) -> Iterator[Message]:
        cycle = _cycle_of(alert, state)
        refused = cycle is None or cycle.phase is Phase.REFUSED
        if alert.level is AlertLevel.INFO and alert.code in remedies.RULES and refused:
            self._day_at(at).refusals[alert.code] += 1
            if self._refusals.lets_pass(alert.code, at):
                lines = [f"entry refused: {remedies.RULES[alert.code]}"]
                lines += [] if cycle is None else trades.wait_lines(cycle, self._veil)
                yield self._told(at, alert, kind=Kind.REFUSAL, lines=lines, cycle=cycle)
            return
        self._day_at(at).raised[alert.level] += 1
        if alert.code == "LINK_DOWN" and alert.ref is None:
            self._day_at(at).links_lost += 1
            self._link_lost_at = self._link_lost_at or at
        if alert.level is not AlertLevel.PAGE and not self._repeats.lets_pass(_like(alert), at):
            return
        words = self._words(alert)
        if alert.code == "EMERGENCY_STOP_PLACED":
            stops = state.ledger(at).emergency_stops
            words.insert(1, f"emergency stop {stops} of this day; mode {bold(state.mode)}")
        yield self._told(at, alert, kind=_kind(alert), lines=words, cycle=cycle)

    def _words(self, alert: RaiseAlert) -> list[str]:
        """Return what an alert says: its text, but of a guard only the rule, not its limit."""
        ruled = alert.level is not AlertLevel.PAGE and alert.code in remedies.RULES
        said = remedies.RULES[alert.code] if ruled else self._veil.foreign(alert.text)
        default = remedies.PAGE_REMEDY if alert.level is AlertLevel.PAGE else ""
        return [said, remedies.REMEDIES.get(alert.code, default)]

    def _told(
        self,
        at: datetime,
        alert: RaiseAlert,
        *,
        kind: Kind,
        lines: list[str],
        cycle: TradeCycle | None,
    ) -> Message:
        protection = "" if cycle is None else trades.protection_line(cycle)
        message = self._message(
            at,
            alert.code,
            kind=kind,
            lines=[lines[0], protection, *lines[1:]],
            level=alert.level,
            cycle=cycle,
        )
        key = f"{alert.code} {alert.cycle_id} {alert.ref} {alert.text}"
        return replace(message, key=key, cycle_id=alert.cycle_id)

    def _message(
        self,
        at: datetime,
        code_: str,
        *,
        kind: Kind,
        lines: Iterable[str],
        level: AlertLevel = AlertLevel.INFO,
        cycle: TradeCycle | None = None,
    ) -> Message:
        """Put a message together: what and when on the first line, the trade's id on the last."""
        what = "" if cycle is None else _what(cycle, kind)
        title = cut(cleaned(f"{self.mark} {code_} {what}"), HEAD_MAX)
        head = f"{MARKS[level]} {bold(title)} · {clock(at)}"
        head += f" · {self._veil.foreign(self._name, NAME_MAX)}" if self._name else ""
        cycle_id = None if cycle is None else cycle.cycle_id
        html = joined([head, *lines, trades.cycle_line(cycle_id)])
        key = f"{code_} {cycle_id} {at.isoformat()}"
        return Message(at, level, kind, code_, html, key, cycle_id)


def bare_page(at: datetime, code_: str, mark: str = "") -> Message:
    """Return a page of which no more than its code could be said."""
    head = f"{MARKS[AlertLevel.PAGE]} {bold(f'{mark} {code_}'.strip())} · {clock(at)}"
    html = joined([head, remedies.REMEDIES.get(code_, remedies.PAGE_REMEDY)])
    return Message(at, AlertLevel.PAGE, Kind.TROUBLE, code_, html, f"{code_} {at.isoformat()}")


def _what(cycle: TradeCycle, kind: Kind) -> str:
    """Return the few words that a notification shows beside the code."""
    if kind is Kind.EXIT:
        net = trades.net_usd(cycle)
        return f"{cycle.symbol} {dollars(net, signed=True) if net is not None else ''} net"
    return trades.title(cycle) if cycle.fills else f"{cycle.side} {cycle.quantity} {cycle.symbol}"


def _cycle_of(alert: RaiseAlert, state: TraderState) -> TradeCycle | None:
    ended = (cycle for cycle in state.finished if cycle.cycle_id == alert.cycle_id)
    return state.cycles.get(alert.cycle_id or "") or next(ended, None)


def _like(alert: RaiseAlert) -> str:
    """Return what makes two alerts the same for who has read one of them."""
    quiet = alert.level is AlertLevel.INFO
    return alert.code if quiet else f"{alert.code} {alert.cycle_id or ''}".rstrip()


def _kind(alert: RaiseAlert) -> Kind:
    if alert.code in LINK_CODES:
        return Kind.LINK
    if alert.level is not AlertLevel.INFO:
        return Kind.TROUBLE
    if alert.code.startswith("AWS_"):
        return Kind.ADVICE
    return Kind.RUN if alert.code in ("RESUMED", "REQUEST_REPEATED") else Kind.ORDER


def _open_lines(state: TraderState) -> list[str]:
    """Return what is open, with what protects it."""
    held = [cycle for cycle in state.cycles.values() if cycle.position]
    lines = [f"open: {trades.title(cycle)}, {trades.protection_line(cycle)}" for cycle in held]
    return lines or ["nothing is open"]


def _is_over(day: Day, at: datetime, *, state: TraderState) -> bool:
    """Whether a session of the day has ended since the day's account began."""
    sessions = [each for known in state.sessions.values() for each in known]
    ends = [closes for opens, closes in sessions if trading_date(opens) == day.on]
    return bool(ends) and day.since < max(ends) <= at

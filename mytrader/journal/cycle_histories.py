"""What happened to each open cycle, collected until it ends: the raw material of its trace.

Fed with the records of a journal and the state after them, live or while one is read. It keeps
the records that say something new of a cycle (not the same status of a resting stop, twice a
minute, for hours) and what only the state shows: when the position was without protection, and
when its exit began and how. Everything is bounded.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from msgspec import Struct

from mytrader.domain import commands, events
from mytrader.domain.commands import AnyCommand
from mytrader.domain.cycle import ExitPlan, TradeCycle
from mytrader.domain.decision import AdvisorCall
from mytrader.domain.fills import Execution
from mytrader.domain.known import Known
from mytrader.domain.memory import TradeDocument
from mytrader.domain.orders import parse_ref
from mytrader.domain.trader import TraderState
from mytrader.ports import JournalRecord

RECORDS_MAX: Final = 2_000
"""Records kept for one cycle; a trade has a few dozen."""

OPEN_MAX: Final = 64
"""Open cycles followed at once; one for each contract is the rule."""

ENDED_MAX: Final = 256
"""Ended cycles to which a late word (an advisor's call that took too long) is still added."""

INTERVALS_MAX: Final = 200


class ExitStep(Struct, frozen=True):
    """How an exit went on: its owner's reason and the stage it came to."""

    at: datetime
    reason: str
    stage: str


class Uncovered(Struct, frozen=True):
    """A stretch of time in which the position was without confirmed protection."""

    since: datetime
    until: datetime


class CycleHistory(Struct, frozen=True):
    """One cycle as it ended, or as it stands, with the records that tell of it, in order.

    `lesson` is what the memory keeps of the trade. `left_out` counts records beyond the bound.
    """

    cycle: TradeCycle
    records: tuple[JournalRecord, ...]
    uncovered: tuple[Uncovered, ...] = ()
    exit_steps: tuple[ExitStep, ...] = ()
    lesson: TradeDocument | None = None
    left_out: int = 0


class LateCall(Struct, frozen=True):
    """A request to an advisor that ended after the cycle it was made for."""

    cycle: TradeCycle
    at: datetime
    call: AdvisorCall


Ended = Callable[[CycleHistory], None]
Late = Callable[[LateCall], None]
Lesson = Callable[[TradeCycle], TradeDocument | None]
"""What the memory keeps of an ended trade; `None` for one that it does not keep."""


def no_lesson(cycle: TradeCycle) -> TradeDocument | None:
    """Return nothing: there is no memory."""
    del cycle
    return None


def _ignore(late: LateCall) -> None:
    del late


class _Following(Struct):
    """An open cycle under way."""

    records: list[JournalRecord] = []
    statuses: dict[str, str] = {}
    exec_ids: set[str] = set()
    cycle: TradeCycle | None = None
    naked_since: datetime | None = None
    exit_plan: ExitPlan | None = None
    uncovered: list[Uncovered] = []
    exit_steps: list[ExitStep] = []
    left_out: int = 0

    def keep(self, record: JournalRecord) -> None:
        if self.records and self.records[-1] is record:
            return
        if len(self.records) >= RECORDS_MAX:
            self.left_out += 1
            return
        self.records.append(record)

    def is_news(self, ref: str, status: str) -> bool:
        """Whether the broker's word on an order is another than its last."""
        if self.statuses.get(ref) == status:
            return False
        self.statuses[ref] = status
        return True

    def history(self, cycle: TradeCycle, lesson: TradeDocument | None) -> CycleHistory:
        return CycleHistory(
            cycle=cycle,
            records=tuple(self.records),
            uncovered=tuple(self.uncovered),
            exit_steps=tuple(self.exit_steps),
            lesson=lesson,
            left_out=self.left_out,
        )


Following = dict[str, _Following]
"""The open cycles by id."""


class CycleHistories:
    """Follows open cycles (`journal.watched.Listener`) and hands each on when it has ended."""

    def __init__(self, ended: Ended, *, late: Late = _ignore, lesson: Lesson = no_lesson) -> None:
        self._on_ended = ended
        self._on_late = late
        self._lesson = lesson
        self._open: Following = {}
        self._ended: OrderedDict[str, TradeCycle] = OrderedDict()
        self._cycles: dict[str, TradeCycle] | None = None

    def recorded(self, record: JournalRecord) -> None:
        """Keep a record where it says something new of an open cycle."""
        event = record.event
        if isinstance(event, events.SignalRaised):
            self._begin(event.cycle_id)
        elif isinstance(event, events.AdvisorCalled) and event.cycle_id in self._ended:
            self._on_late(LateCall(self._ended[event.cycle_id], record.at, event.call))
            return
        if not self._open:
            return
        for cycle_id in _told(event, self._open):
            self._open[cycle_id].keep(record)
        for command in record.commands:
            cycle_id = asked_for(command)
            if cycle_id in self._open:
                self._open[cycle_id].keep(record)

    def looked(self, state: TraderState, at: datetime) -> None:
        """Note what only the state shows, and let go of the cycles that have ended."""
        if state.cycles is self._cycles:
            return
        self._cycles = state.cycles
        for cycle_id, cycle in state.cycles.items():
            following = self._open.get(cycle_id)
            if following is not None and cycle is not following.cycle:
                _note(following, cycle, at)
        gone = [cycle_id for cycle_id in self._open if cycle_id not in state.cycles]
        if gone:
            final = {cycle.cycle_id: cycle for cycle in state.finished}
            for cycle_id in gone:
                self._end(cycle_id, final.get(cycle_id), at)

    def standing(self) -> list[CycleHistory]:
        """Return the histories of the cycles that are open now, oldest first."""
        return [
            following.history(following.cycle, None)
            for following in self._open.values()
            if following.cycle is not None
        ]

    def _begin(self, cycle_id: str) -> None:
        if cycle_id in self._open or cycle_id in self._ended:
            return
        if len(self._open) >= OPEN_MAX:
            del self._open[next(iter(self._open))]
        self._open[cycle_id] = _Following()

    def _end(self, cycle_id: str, final: TradeCycle | None, at: datetime) -> None:
        following = self._open.pop(cycle_id)
        cycle = final or following.cycle
        if cycle is None:
            return
        _note(following, cycle, at)
        self._ended[cycle_id] = cycle
        if len(self._ended) > ENDED_MAX:
            self._ended.popitem(last=False)
        self._on_ended(following.history(cycle, self._lesson(cycle)))


def asked_for(command: AnyCommand) -> str:
    """Return the cycle that a command is for, "" for none."""
    find = _ASKED_FOR.get(type(command))
    return "" if find is None else find(command) or ""


def _cycle_of(ref: str) -> str:
    parts = parse_ref(ref)
    return "" if parts is None else parts.cycle_id


def _told(event: events.AnyEvent, following: Following) -> Iterator[str]:
    """Yield the followed cycles of which an event says something new."""
    find = _TOLD_OF.get(type(event))
    return iter(()) if find is None else find(event, following)


def _by_id(event: Any, following: Following) -> Iterator[str]:  # noqa: ANN401 - as the table says
    if event.cycle_id in following:
        yield event.cycle_id


def _by_ref(event: Any, following: Following) -> Iterator[str]:  # noqa: ANN401 - as the table says
    cycle_id = _cycle_of(event.ref)
    if cycle_id in following:
        yield cycle_id


def _of_order(
    told: events.OrderReported | events.StatusReported, following: Following
) -> Iterator[str]:
    cycle_id = _cycle_of(told.ref)
    each = following.get(cycle_id)
    if each is not None and each.is_news(told.ref, told.status):
        yield cycle_id


def _of_fill(fill: Execution, following: Following) -> Iterator[str]:
    cycle_id = _cycle_of(fill.ref)
    each = following.get(cycle_id)
    if each is not None and fill.exec_id not in each.exec_ids:
        each.exec_ids.add(fill.exec_id)
        yield cycle_id


def _of_commission(event: events.CommissionReported, following: Following) -> Iterator[str]:
    return (key for key, each in following.items() if event.exec_id in each.exec_ids)


def _of_book(event: events.BookAnswered, following: Following) -> Iterator[str]:
    if isinstance(event.book, Known):
        for order in event.book.value.orders:
            yield from _of_order(order, following)
        for fill in event.book.value.executions:
            yield from _of_fill(fill, following)


# Tables, because most events are quotes and bars and say nothing of any cycle.
_ASKED_FOR: Final[dict[type[Any], Callable[[Any], str | None]]] = {
    commands.AskAdvice: attrgetter("cycle_id"),
    commands.AskMargin: attrgetter("cycle_id"),
    commands.RaiseAlert: attrgetter("cycle_id"),
    commands.PlaceBracket: attrgetter("approved.order.cycle_id"),
    commands.PlaceExit: lambda command: _cycle_of(command.approved.order.ref),
    commands.PlaceEmergencyStop: lambda command: _cycle_of(command.approved.order.ref),
    commands.ChangeOrder: lambda command: _cycle_of(command.approved.order.ref),
    commands.CancelOrder: lambda command: _cycle_of(command.ref),
}
_TOLD_OF: Final[dict[type[Any], Callable[[Any, Following], Iterator[str]]]] = {
    events.SignalRaised: _by_id,
    events.AdviceGiven: _by_id,
    events.AdvisorCalled: _by_id,
    events.MarginStated: _by_id,
    events.OrderWritten: _by_ref,
    events.OrderNotWritten: _by_ref,
    events.ErrorReported: _by_ref,
    events.OrderReported: _of_order,
    events.StatusReported: _of_order,
    events.ExecutionReported: lambda event, following: _of_fill(event.execution, following),
    events.CommissionReported: _of_commission,
    events.BookAnswered: _of_book,
}


def _note(following: _Following, cycle: TradeCycle, at: datetime) -> None:
    """Compare a cycle with its last version."""
    following.cycle = cycle
    since = following.naked_since
    if cycle.naked_since != since:
        if since is not None and len(following.uncovered) < INTERVALS_MAX:
            following.uncovered.append(Uncovered(since, max(at, since)))
        following.naked_since = cycle.naked_since
    plan = cycle.exit
    if plan is not following.exit_plan:
        was, following.exit_plan = following.exit_plan, plan
        moved = plan is not None and (
            was is None or (was.reason, was.stage) != (plan.reason, plan.stage)
        )
        if plan is not None and moved and len(following.exit_steps) < INTERVALS_MAX:
            following.exit_steps.append(ExitStep(at, plan.reason, plan.stage))

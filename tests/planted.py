"""Faults of our own, planted in kernel, manager and executor one by one, to be found.

`python -m tests.planted 1..10` plays so many hostile hours for each and prints in how many of
them it was found, and as what.
"""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec.structs import replace

from mytrader.bootstrap import Parts
from mytrader.domain import commands, events
from mytrader.domain.commands import AlertLevel, AnyCommand, RaiseAlert
from mytrader.domain.decision import Advice
from mytrader.domain.events import AnyEvent
from mytrader.domain.known import Unknown
from mytrader.domain.limits import Profile
from mytrader.domain.orders import Approved, Bracket, Death, OrderKind
from mytrader.domain.trader import TraderState
from mytrader.execution.ib_executor import IBExecutor
from mytrader.execution.live_trading_manager import LiveTradingManager
from mytrader.execution.order_numbers import OrderNumbers
from mytrader.execution.trade_cycle import step
from mytrader.hostile_day import play
from mytrader.logs import quiet
from mytrader.proof.day_script import Wanted, draw_day
from mytrader.simulator.fault_files import PROFILES

Answer = tuple[TraderState, list[AnyCommand]]
Kernel = Callable[[TraderState, AnyEvent, datetime], Answer]


def with_kernel(kernel: Kernel) -> Parts:
    """A trader that thinks with another kernel."""

    class Manager(LiveTradingManager):
        """The manager over the planted kernel."""

        def _step(self, state: TraderState, event: AnyEvent, now: datetime) -> Answer:
            return kernel(state, event, now)

    return Parts(manager=Manager)


# Kernel.


def absence_is_death(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """I6: an order that a book does not show, or a book that did not come, is taken for over."""
    if isinstance(event, events.BookAnswered):
        book = event.book
        shown = () if isinstance(book, Unknown) else [each.ref for each in book.value.orders]
        cycles = {
            name: replace(
                cycle,
                orders={
                    ref: each
                    if ref in shown or each.death
                    else replace(each, death=Death.CANCELLED)
                    for ref, each in cycle.orders.items()
                },
            )
            for name, cycle in state.cycles.items()
        }
        state = replace(state, cycles=cycles)
    return step(state, event, now)


def advice_is_decoration(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """I7: every opinion reads as GO."""
    if isinstance(event, events.AdviceGiven):
        go = [replace(each, decision=Advice.GO, failure=None) for each in event.opinions]
        event = replace(event, opinions=tuple(go))
    return step(state, event, now)


def a_notice_kills(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """B21: any code that names an order is taken for its cancel."""
    if isinstance(event, events.ErrorReported):
        order = next(
            (
                cycle.orders[event.ref]
                for cycle in state.cycles.values()
                if event.ref in cycle.orders
            ),
            None,
        )
        if order is not None:
            perm_id = max(order.perm_ids, default=1)
            event = events.StatusReported(
                event.ref, event.order_id, perm_id, "Cancelled", order.filled, 0, ""
            )
    return step(state, event, now)


def every_repeat_is_a_new_fill(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """I5: executions are not recognised when they are told again."""
    if isinstance(event, events.ExecutionReported):
        fresh = f"{now.timestamp():.6f}.{event.execution.exec_id}"
        event = events.ExecutionReported(replace(event.execution, exec_id=fresh))
    return step(state, event, now)


def nobody_is_paged(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """I2: the machine halts and tells nobody."""
    state, asked = step(state, event, now)
    return state, [
        each
        for each in asked
        if not (isinstance(each, RaiseAlert) and each.level is AlertLevel.PAGE)
    ]


def emergencies_are_not_sent(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """I2: a missing stop is decided on, and neither sent nor paged for."""
    state, asked = nobody_is_paged(state, event, now)
    return state, [each for each in asked if not isinstance(each, commands.PlaceEmergencyStop)]


def cover_is_not_awaited(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """I2: the deadline of a stop that nobody confirms never comes."""
    state, asked = step(state, event, now)
    if any(cycle.cover_due_at is not None for cycle in state.cycles.values()):
        waiting = {key: replace(each, cover_due_at=None) for key, each in state.cycles.items()}
        state = replace(state, cycles=waiting)
    return state, asked


# Manager.


class WritesLater(LiveTradingManager):
    """I4: nothing is made durable before it is sent."""

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401 - passed on
        journal = named["journal"]
        append = journal.append

        def lazily(at: datetime, event: AnyEvent, asked: Sequence[AnyCommand], **_: bool) -> int:
            return int(append(at, event, asked, durable=False))

        journal.append = lazily
        super().__init__(*given, **named)


class TrustsTheSignal(LiveTradingManager):
    """I1, the founding incident: a person's flatten sells whatever is open or not."""

    def _handle(self, event: AnyEvent) -> None:
        super()._handle(event)
        if not isinstance(event, events.ExecutionReported):
            return
        for cycle in self.state.cycles.values():
            stop = next((each for each in cycle.orders.values() if each.live), None)
            if stop is None or not stop.spec.reduce_only:
                continue
            parts = stop.spec.ref.rsplit("/", 1)[0]
            spec = replace(
                stop.spec, ref=f"{parts}/X99", stop=None, kind=OrderKind.LMT, parent_ref=None
            )
            self._broker.carry_out(commands.PlaceExit(Approved(spec)))


# Executor.


class SendsTwice(IBExecutor):
    """I3: an entry whose acknowledgement is awaited is sent again."""

    def carry_out(self, command: AnyCommand) -> None:
        """See `ports.Broker`."""
        super().carry_out(command)
        if isinstance(command, commands.PlaceBracket):
            # The writer writes no reference twice, as long as it remembers its numbers.
            known, self._writer._numbers = self._writer._numbers, OrderNumbers()
            super().carry_out(command)
            self._writer._numbers = known


class ForgetsTheParent(IBExecutor):
    """I1: the stop rests before there is anything to protect."""

    def carry_out(self, command: AnyCommand) -> None:
        """See `ports.Broker`."""
        if not isinstance(command, commands.PlaceBracket):
            super().carry_out(command)
            return
        for lot in command.approved.order.lots:
            for spec in lot:
                self._writer.write(replace(spec, transmit=True), action="place")


class RoundsTheStop(IBExecutor):
    """I4: what is sent is not what was recorded."""

    def carry_out(self, command: AnyCommand) -> None:
        """See `ports.Broker`."""
        if isinstance(command, commands.ChangeOrder):
            spec = command.approved.order
            moved = replace(spec, limit=spec.limit - 1)
            command = replace(command, approved=Approved(moved))
        super().carry_out(command)


class ForgetsTheStop(IBExecutor):
    """I2: the bracket's entry leaves alone."""

    def carry_out(self, command: AnyCommand) -> None:
        """See `ports.Broker`."""
        if isinstance(command, commands.PlaceBracket):
            bracket: Bracket = command.approved.order
            alone = tuple((replace(lot[0], transmit=True),) for lot in bracket.lots)
            command = commands.PlaceBracket(Approved(replace(bracket, lots=alone)))
        super().carry_out(command)


PLANTS: dict[str, Parts] = {
    "absence is death": with_kernel(absence_is_death),
    "advice is decoration": with_kernel(advice_is_decoration),
    "a notice kills": with_kernel(a_notice_kills),
    "every repeat is a new fill": with_kernel(every_repeat_is_a_new_fill),
    "nobody is paged": with_kernel(nobody_is_paged),
    "emergencies are not sent": with_kernel(emergencies_are_not_sent),
    "cover is not awaited": with_kernel(cover_is_not_awaited),
    "writes later": Parts(manager=WritesLater),
    "trusts the signal": Parts(manager=TrustsTheSignal),
    "sends twice": Parts(executor=SendsTwice),
    "forgets the parent": Parts(executor=ForgetsTheParent),
    "rounds the stop": Parts(executor=RoundsTheStop),
    "forgets the stop": Parts(executor=ForgetsTheStop),
}


@dataclass(frozen=True)
class Found:
    """In how many of how many hours a fault was found, and as what first."""

    hours: int
    found: int
    invariants: Counter[str]


def hunt(parts: Parts, seeds: Sequence[int], *, enough: int | None = None) -> Found:
    """Play hostile hours until the fault was found `enough` times."""
    invariants: Counter[str] = Counter()
    hours = 0
    for seed in seeds:
        script = draw_day(seed, Wanted(60, Profile.STRICT, "hostile", PROFILES["hostile"]))
        with quiet(), TemporaryDirectory() as folder:
            result = play(script, Path(folder), parts=parts)
        hours += 1
        if result.violations:
            invariants[result.violations[0].invariant] += 1
        if enough is not None and invariants.total() >= enough:
            break
    return Found(hours, invariants.total(), invariants)


def main() -> None:
    """Print a line for each planted fault."""
    first, last = map(int, sys.argv[1].split(".."))
    for name in sys.argv[2:] or PLANTS:
        found = hunt(PLANTS[name], range(first, last + 1))
        as_what = ", ".join(f"{each} {count}" for each, count in found.invariants.most_common())
        sys.stdout.write(f"{name:28} {found.found:3} of {found.hours}  {as_what}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

"""One call of `step` under way: the state so far, the commands so far, the facts to act on.

A turn is the only mutable thing in the kernel and lives for one event. It holds no decisions;
it only makes replacing a part of the frozen state, and asking for something, one short line.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from mytrader.domain.commands import AlertLevel, AnyCommand, QueryBook, RaiseAlert
from mytrader.domain.cycle import Fact, Phase, TradeCycle
from mytrader.domain.orders import TrackedOrder, parse_ref
from mytrader.domain.positions import PositionView
from mytrader.domain.trader import Mode, TraderState


class Turn(Struct, eq=False):
    """The state and the commands while one event is worked through at `now`.

    A struct, because it is made for every quote; its empty collections are its own.
    """

    state: TraderState
    now: datetime
    table: Mapping[tuple[Phase, Fact], Phase] = {}
    commands: list[AnyCommand] = []
    facts: list[tuple[str, Fact]] = []
    touched: dict[str, None] = {}
    facts_worked: int = 0

    def replace(self, **changes: Any) -> None:  # noqa: ANN401 - the fields of TraderState
        """Replace fields of the state."""
        self.state = replace(self.state, **changes)

    def cycle(self, cycle_id: str) -> TradeCycle | None:
        """Return an open cycle."""
        return self.state.cycles.get(cycle_id)

    def put(self, cycle: TradeCycle) -> TradeCycle:
        """Store a cycle's new version."""
        self.touched[cycle.cycle_id] = None
        self.replace(cycles={**self.state.cycles, cycle.cycle_id: cycle})
        return cycle

    def change(self, cycle: TradeCycle, **changes: Any) -> TradeCycle:  # noqa: ANN401 - likewise
        """Store a cycle with fields replaced."""
        return self.put(replace(cycle, **changes))

    def order(self, ref: str) -> tuple[TradeCycle, TrackedOrder] | None:
        """Return one of our orders with its open cycle, by reference."""
        parts = parse_ref(ref)
        cycle = None if parts is None else self.state.cycles.get(parts.cycle_id)
        order = None if cycle is None else cycle.orders.get(ref)
        return None if cycle is None or order is None else (cycle, order)

    def put_order(self, cycle: TradeCycle, order: TrackedOrder) -> TradeCycle:
        """Store an order's new version in its cycle."""
        return self.change(cycle, orders={**cycle.orders, order.spec.ref: order})

    def put_position(self, view: PositionView) -> None:
        """Store what is known of a position."""
        self.replace(positions={**self.state.positions, view.con_id: view})

    def fact(self, cycle: TradeCycle, fact: Fact) -> None:
        """Note a fact for the transition table."""
        self.facts.append((cycle.cycle_id, fact))

    def ask(self, command: AnyCommand) -> None:
        """Add a command."""
        self.commands.append(command)

    def alert(
        self,
        level: AlertLevel,
        code: str,
        *,
        text: str,
        cycle_id: str | None = None,
        ref: str | None = None,
    ) -> None:
        """Tell people."""
        self.ask(RaiseAlert(level, code, text, cycle_id, ref))

    def step_down(self, mode: Mode, why: str) -> None:
        """Move the mode down and page; never up."""
        if mode.rank > self.state.mode.rank:
            self.replace(mode=mode, mode_why=why)
            self.alert(AlertLevel.PAGE, f"MODE_{mode}", text=why)

    def query_book(self, why: str) -> None:
        """Ask for the broker's book; one query at a time, one more if asked meanwhile."""
        link = self.state.link
        if not link.up:
            return
        if link.query_pending:
            if not link.query_wanted:
                self.replace(link=replace(link, query_wanted=True))
            return
        number = link.queries_asked + 1
        self.replace(link=replace(link, queries_asked=number, query_wanted=False))
        self.ask(QueryBook(number, why))

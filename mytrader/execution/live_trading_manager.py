"""The loop: journal the event, step, carry out the commands.

Theory of operation. Events arrive one at a time. `step` says what follows; event and commands
are one durable record; only then is anything sent. Immediately before an order's bytes go out
the exit rule is evaluated once more on the state of that moment, and a failure closes the
intent as never written. What the broker answers comes back as further events.

Advice, strategies and observers hang off this line. None of them is on it: the line works with
all of them gone, and none of them can send anything. A strategy that fails proposes nothing more;
the mode is REDUCE_ONLY then, and what is open is watched to its end.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Protocol, TypeVar

import structlog
from msgspec.structs import replace

from mytrader.domain import commands, events
from mytrader.domain.commands import AlertLevel, AnyCommand, RaiseAlert, new_orders
from mytrader.domain.cycle import TradeCycle
from mytrader.domain.decision import Question, Signal
from mytrader.domain.events import AnyEvent
from mytrader.domain.market import BAR_LENGTH, Bar
from mytrader.domain.orders import Approved, Bracket, OrderSpec, Refused
from mytrader.domain.trader import TraderState
from mytrader.errors import InvariantBroken, MytraderError, OurFault, StrategyFault
from mytrader.execution.book_news import news_of
from mytrader.execution.guards import AskedBracket, exit_rule_holds, judge_exit, validate_entry
from mytrader.execution.order_builder import Price
from mytrader.execution.order_tracking import CHANGE, PLACE
from mytrader.execution.trade_cycle import next_deadline, step
from mytrader.ports import Adviser, Broker, Journal, Runtime

Propose = Callable[[int, Bar], Signal | None]
"""A strategy as the loop sees it: contract id and bar in, now and then a proposal out.

It raises `StrategyFault` once, when it has failed, and proposes nothing from then on.
"""

T = TypeVar("T")

MAY_WAIT: Final = (
    events.QuoteSeen,
    events.BarClosed,
    events.MarginStated,
    events.AdvisorCalled,
)
"""What need not be on the disk at once while nothing was done about it.

The next durable record takes it along, so whatever is sent has its reasons on the disk. A crash
before that loses what the market and the broker can be asked for again.
"""


def numbers_follow(asked: Sequence[AnyCommand]) -> bool:
    """Whether the first that leaves are new orders: the record of their numbers comes before.

    That record takes this one to the disk, so one commit serves for both.
    """
    acts = [command for command in asked if not isinstance(command, RaiseAlert)]
    return bool(acts) and all(new_orders(command) for command in acts)


def caught(work: Callable[[], T]) -> T | Exception:
    """Return what `work` returns, or what it raised; the only broad handler in the package.

    Whoever asks ends what failed: the loop takes no new risk, a strategy proposes nothing more.
    """
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - the only broad handler in the package
        return error


def proposes_no_more(fault: StrategyFault) -> events.OperatorAsked:
    """Return what follows from a strategy's failure: nothing is opened, and a person is paged."""
    return events.OperatorAsked(events.Request.REDUCE_ONLY, f"the trader: {fault}")


class Observer(Protocol):
    """Told of every event after it was acted on; must not fail and cannot change anything."""

    def seen(self, event: AnyEvent, asked: list[AnyCommand], state: TraderState) -> None:
        """Take note of one event, what it led to, and the state after it."""
        ...


class LiveTradingManager:
    """Owns the trader's state; the only place where events become actions."""

    def __init__(
        self,
        state: TraderState,
        *,
        broker: Broker,
        journal: Journal,
        runtime: Runtime,
        panel: Adviser,
        propose: Propose,
    ) -> None:
        self.state = state
        self.failure: BaseException | None = None
        self._broker = broker
        self._journal = journal
        self._runtime = runtime
        self._panel = panel
        self._propose = propose
        self._observers: list[Observer] = []
        self._entry_cycle_ids = {
            cycle.con_id: cycle.cycle_id
            for cycle in state.cycles.values()
            if cycle.opened_at is not None
        }
        self._deadline: datetime | None = None
        self._disarm: Callable[[], None] | None = None
        self._stopped = False
        self._owes_disk = False
        self._log = structlog.get_logger("mytrader.execution")
        broker.listen(self.handle)

    def observe(self, observer: Observer) -> None:
        """Tell `observer` of every event from now on."""
        self._observers.append(observer)

    # The loop

    def handle(self, event: AnyEvent) -> None:
        """Work one event through: step, record, act. Never called from inside itself.

        Whatever fails inside halts the trader and is raised, an unforeseen error as `OurFault`.
        """
        if self.failure is not None or self._stopped:
            return
        error = caught(lambda: self._handle(event))
        if error is None:
            return
        text = " ".join(str(error).split())
        why = f"{type(error).__name__} while handling {type(event).__name__}: {text}"
        self.failure = error
        self._halt(why)
        if isinstance(error, MytraderError):
            raise error
        raise OurFault(why) from error

    def _handle(self, event: AnyEvent) -> None:
        now = self._runtime.now()
        before = self.state
        event = news_of(before, event)
        state, asked = self._step(before, event, now)
        durable = not numbers_follow(asked) and (asked or not isinstance(event, MAY_WAIT))
        self._journal.append(now, event, asked, durable=bool(durable))
        self._owes_disk = not durable
        self.state = state
        self._note_cycles(before)
        for command in asked:
            self._carry_out(command)
        if isinstance(event, events.BarClosed):
            self._consider(event)
        seen = self._as_seen(state)
        for observer in self._observers:
            observer.seen(event, asked, seen)
        self._arm()

    def _as_seen(self, stepped: TraderState) -> TraderState:
        """Return the present state with the cycles that this event ended, and no other's.

        What followed from it inside has been told by then, and with it what ended there.
        """
        if self.state is stepped:
            return stepped
        return replace(self.state, finished=stepped.finished)

    def _halt(self, why: str) -> None:
        """Stop new risk: what rests at the broker stays there. The journal may be what failed."""
        try:
            halted = events.Halted(why)
            now = self._runtime.now()
            self.state, asked = self._step(self.state, halted, now)
            self._journal.append(now, halted, asked, durable=True)
        except MytraderError as error:
            self._log.critical("HALT_NOT_RECORDED", at=self._runtime.now(), text=str(error))

    def _arm(self) -> None:
        """Keep one timer, at the next moment that `step` has to see."""
        due = next_deadline(self.state)
        if due == self._deadline:
            return
        if self._disarm is not None:
            self._disarm()
        self._deadline = due
        self._disarm = None if due is None else self._runtime.call_at(due, self._on_time)

    def _on_time(self) -> None:
        self._deadline = None
        self._disarm = None
        self.handle(events.TimeReached())

    def stop(self) -> None:
        """Hear nothing more: the state stays as it is, and the journal may be closed."""
        self._stopped = True
        if self._disarm is not None:
            self._disarm()
            self._disarm = None

    def _step(
        self, state: TraderState, event: AnyEvent, now: datetime
    ) -> tuple[TraderState, list[AnyCommand]]:
        """Ask the kernel; a test plants another one here, to see that it is found."""
        return step(state, event, now)

    # From bar to decision

    def _consider(self, event: events.BarClosed) -> None:
        """Let the strategy see every bar; what it makes of an old one is the past.

        A broker that had no bars at first tells hours of them at once. The price that a proposal
        rests on may be no older than a quote.
        """
        try:
            signal = self._propose(event.con_id, event.bar)
        except StrategyFault as fault:
            self._handle(proposes_no_more(fault))
            return
        age = self._runtime.now() - event.bar.opened_at - BAR_LENGTH
        if signal is not None and age <= self.state.limits.quote_age_max:
            self._process_hybrid_signal(event.con_id, signal)

    def _process_hybrid_signal(self, con_id: int, signal: Signal) -> str:
        """Open a trade cycle for a proposal and return its id; advice and guards follow."""
        cycle_id = self._runtime.new_cycle_id()
        self._handle(events.SignalRaised(cycle_id, con_id, signal))
        return cycle_id

    async def _ask_panel(self, command: commands.AskAdvice) -> None:
        contract = self.state.contracts.get(command.con_id)
        symbol = "" if contract is None else contract.instrument.symbol
        question = Question(command.cycle_id, command.con_id, symbol, command.signal)
        counsel = await self._panel.ask(question)
        self.handle(events.AdviceGiven(command.cycle_id, counsel.opinions, counsel.recall))

    # From command to bytes

    def _carry_out(self, command: AnyCommand) -> None:
        match command:
            case commands.AskAdvice():
                self._runtime.spawn(self._ask_panel(command), f"advice {command.cycle_id}")
            case RaiseAlert():
                self._tell(command)
            case commands.PlaceBracket(approved):
                self._place_bracket(command, approved)
            case commands.PlaceExit(approved) | commands.PlaceEmergencyStop(approved):
                self._place_exit_order(command, approved, PLACE)
            case commands.ChangeOrder(approved):
                self._place_exit_order(command, approved, CHANGE)
            case _:
                self._broker.carry_out(command)

    def _place_bracket(self, command: AnyCommand, approved: Approved[Bracket]) -> None:
        """Send an approved bracket, its prices checked once more where they are used."""
        bracket = approved.order
        instrument = self.state.contracts[bracket.con_id].instrument
        verdict = self._validate_entry_guard(
            instrument.price(bracket.entry),
            instrument.price(bracket.stop),
            instrument.price(bracket.target),
            bracket.quantity,
            bracket.side,
            symbol=instrument.symbol,
        )
        if verdict and exit_rule_holds(self.state, bracket.con_id):
            self._send_new(command)
            return
        code = verdict.code if not verdict else "POSITION_UNKNOWN"
        for spec in (spec for lot in bracket.lots for spec in lot):
            self._close_unwritten(spec, PLACE, code=code, detail=verdict.detail)

    def _validate_entry_guard(
        self,
        entry_price: Price,
        stop_loss: Price,
        take_profit: Price,
        quantity: int,
        action: str,
        *,
        symbol: str = "ES",
    ) -> Approved[None] | Refused:
        """Judge a bracket's prices (index points): truthy approved, falsy refused with a code."""
        asked = AskedBracket(action, entry_price, stop_loss, take_profit, quantity)
        return validate_entry(asked, symbol=symbol, limits=self.state.limits)

    def _place_exit_order(
        self, command: AnyCommand, approved: Approved[OrderSpec], action: str
    ) -> None:
        """Send an order that may only reduce, if that is still true at this moment.

        Its side comes from the position, by the rule; never from a signal.
        """
        spec = approved.order
        if not spec.reduce_only:
            raise InvariantBroken(f"{spec.ref} is an exit without reduce_only")
        verdict = judge_exit(self.state, spec, rho_after=self._may_fill(spec))
        if not verdict.approved:
            self._close_unwritten(spec, action, code=verdict.code, detail=verdict.detail)
        elif action == PLACE:
            self._send_new(command)
        else:
            self._broker.carry_out(command)

    def _send_new(self, command: AnyCommand) -> None:
        """Let new orders out, once their numbers are on the disk, and the intent before them.

        After a crash an intent without a number was never sent, and whether one with a number was
        is said by the answer to its cancel: else nobody could ever know, and the position would
        have no exit (hazard H15).
        """
        numbers = self._broker.number(command)
        if numbers or self._owes_disk:
            self._handle(events.OrdersNumbered(numbers))
        self._broker.carry_out(command)

    def _may_fill(self, spec: OrderSpec) -> int:
        """The most that an order may fill: a change counts its old version as well."""
        for cycle in self.state.cycles.values():
            order = cycle.orders.get(spec.ref)
            if order is not None:
                return max(order.remaining, spec.quantity - order.filled)
        return spec.quantity

    def _close_unwritten(self, spec: OrderSpec, action: str, *, code: str, detail: str) -> None:
        """Close an intent as never written: nothing of it has left."""
        self._handle(events.OrderNotWritten(spec.ref, action, code, detail))

    def _tell(self, alert: RaiseAlert) -> None:
        log = {
            AlertLevel.INFO: self._log.info,
            AlertLevel.WARNING: self._log.warning,
            AlertLevel.PAGE: self._log.error,
        }[alert.level]
        now = self._runtime.now()
        log(alert.code, at=now, text=alert.text, cycle_id=alert.cycle_id, ref=alert.ref)

    # Which cycle an exit belongs to

    @property
    def _current_entry_cycle_id(self) -> str | None:
        """The cycle whose entry filled last and is not final; a view of the map by contract."""
        return next(reversed(self._entry_cycle_ids.values()), None)

    def _note_cycles(self, before: TraderState) -> None:
        if self.state.cycles is before.cycles:
            return
        for cycle in self.state.cycles.values():
            registered = self._entry_cycle_ids.get(cycle.con_id) == cycle.cycle_id
            if cycle.opened_at is not None and not registered:
                self._register_trade_entry(cycle)
        for cycle in self.state.finished:
            if self._entry_cycle_ids.get(cycle.con_id) == cycle.cycle_id:
                del self._entry_cycle_ids[cycle.con_id]

    def _register_trade_entry(self, cycle: TradeCycle) -> None:
        """Remember which cycle the contract's position belongs to; its exits carry the same id."""
        self._entry_cycle_ids[cycle.con_id] = cycle.cycle_id
        now, what = self._runtime.now(), f"{cycle.side} {cycle.symbol}"
        self._log.info("ENTRY_REGISTERED", at=now, text=what, cycle_id=cycle.cycle_id)

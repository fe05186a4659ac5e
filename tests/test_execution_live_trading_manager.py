"""The loop: what is recorded before what is sent, and what is never sent."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from msgspec.structs import replace

from mytrader.domain import commands, events
from mytrader.domain.decision import (
    Advice,
    AdvisorCall,
    AdvisorRole,
    Counsel,
    Opinion,
    Question,
    Signal,
)
from mytrader.domain.fills import Execution
from mytrader.domain.instrument import ES
from mytrader.domain.known import Known, Unknown
from mytrader.domain.limits import Limits
from mytrader.domain.market import BAR_LENGTH, Bar, Quote
from mytrader.domain.orders import Approved, Bracket, OrderKind, OrderSpec, Side
from mytrader.domain.trader import Mode, TraderState
from mytrader.errors import InvariantBroken, JournalFault, OurFault
from mytrader.execution.live_trading_manager import LiveTradingManager, numbers_follow
from tests.fakes.broker import FakeBroker
from tests.fakes.journal import FakeJournal
from tests.journal_samples import COMMANDS
from tests.manual_runtime import ManualRuntime
from tests.playbook import AMPLE

AT = datetime(2025, 12, 11, 15, tzinfo=UTC)
CON_ID = 7
CYCLE = "01KC8APQN8HDF5PCA637VNN0ES"


class NoPanel:
    """Advisors that are never heard: the tests deliver advice themselves."""

    async def ask(self, question: Question) -> Counsel:
        """Return nothing."""
        del question
        return Counsel(())


class Desk:
    """A manager with fakes around it."""

    def __init__(self, state: TraderState | None = None) -> None:
        self.broker = FakeBroker()
        self.journal = FakeJournal()
        self.runtime = ManualRuntime(AT)
        self.manager = LiveTradingManager(
            state or TraderState(limits=Limits()),
            broker=self.broker,
            journal=self.journal,
            runtime=self.runtime,
            panel=NoPanel(),
            propose=lambda _, __: None,
        )

    def ready(self) -> None:
        """Bring the trader to where it may enter."""
        session = ((AT.replace(hour=0), AT.replace(hour=22)),)
        for event in (
            events.TraderStarted(Limits()),
            events.ContractStated(CON_ID, "ES", "ESZ5", AT.date().replace(day=30), session),
            events.LinkChanged(up=True, why="test"),
            events.BookAnswered(1, Known(events.Book((), (), ()))),
            events.SettlementStated(CON_ID, 27_400),
            events.BarClosed(CON_ID, Bar(AT - BAR_LENGTH, 27_600, 27_601, 27_600, 27_601, 9)),
            events.QuoteSeen(CON_ID, Quote(AT, 27_600, 27_601, 27_600)),
        ):
            self.manager.handle(event)

    def enter(self) -> str:
        """Propose, advise GO, and return the cycle's id."""
        cycle_id = self.manager._process_hybrid_signal(CON_ID, self.signal)
        go = Opinion("test", AdvisorRole.DECISION, Advice.GO, "go", confidence=1.0)
        self.manager.handle(events.MarginStated(cycle_id, AMPLE))
        self.manager.handle(events.AdviceGiven(cycle_id, (go,)))
        return cycle_id

    @property
    def signal(self) -> Signal:
        """A BUY that every guard lets pass."""
        return Signal(
            strategy="test",
            side=Side.BUY,
            confidence=0.9,
            entry=ES.price(27_601),
            stop=ES.price(27_561),
            target=ES.price(27_681),
            features={},
            reason="a test",
        )

    def sent(self, kind: type) -> list[commands.AnyCommand]:
        """What the broker was told to write, of one kind."""
        return [command for command in self.broker.commands if isinstance(command, kind)]


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A desk that is closed at the end."""
    made = Desk()
    yield made
    made.manager.stop()


def approved_exit(*, reduce_only: bool = True) -> Approved[OrderSpec]:
    """A SELL 1 that was approved once, however things stand now."""
    spec = OrderSpec(
        ref=f"mt/{CYCLE}/X1",
        con_id=CON_ID,
        side=Side.SELL,
        quantity=1,
        kind=OrderKind.LMT,
        limit=27_000,
        reduce_only=reduce_only,
    )
    return msgspec.convert({"order": spec}, Approved[OrderSpec])


def test_an_entry_is_durable_before_it_is_sent(desk: Desk) -> None:
    """I4: the record of the intent is on disk when the broker hears of it."""
    desk.ready()
    seen: list[int] = []

    class Watching(FakeBroker):
        def carry_out(self, command: commands.AnyCommand) -> None:
            seen.append(desk.journal.durable_sequence)
            super().carry_out(command)

    desk.manager._broker = Watching()
    desk.enter()
    assert seen
    intent = next(
        r
        for r in desk.journal.records
        if any(isinstance(c, commands.PlaceBracket) for c in r.commands)
    )
    assert seen[-1] >= intent.sequence


def test_the_numbers_of_an_order_are_durable_before_its_bytes(desk: Desk) -> None:
    """A process that dies in between leaves a number that the broker can be asked about (H15)."""
    desk.ready()
    heard: list[str] = []

    def number(command: commands.AnyCommand) -> tuple[tuple[str, int], ...]:
        heard.append("number")
        return tuple((spec.ref, 7) for spec in commands.new_orders(command))

    def carry_out(command: commands.AnyCommand) -> None:
        if isinstance(command, commands.PlaceBracket):
            newest = desk.journal.records[-1]
            durable = newest.sequence <= desk.journal.durable_sequence
            heard.append(f"bytes after {type(newest.event).__name__}, durable {durable}")

    desk.broker.number = number  # type: ignore[method-assign] # a broker that looks at the disk
    desk.broker.carry_out = carry_out  # type: ignore[method-assign] # the same
    cycle_id = desk.enter()
    assert heard == ["number", "bytes after OrdersNumbered, durable True"]
    orders = desk.manager.state.cycles[cycle_id].orders.values()
    assert {order.order_id for order in orders} == {7}


def test_an_intent_and_the_numbers_of_its_orders_are_one_commit(desk: Desk) -> None:
    """Nothing leaves between the two, so there is nothing that the disk must know before."""
    desk.ready()

    def number(command: commands.AnyCommand) -> tuple[tuple[str, int], ...]:
        intent = desk.journal.records[-1]
        waits.append(intent.sequence > desk.journal.durable_sequence)
        return tuple((spec.ref, 7) for spec in commands.new_orders(command))

    waits: list[bool] = []
    desk.broker.number = number  # type: ignore[method-assign] # a broker that looks at the disk
    desk.enter()
    assert waits == [True]


@pytest.mark.parametrize("numbered", [True, False])
def test_without_numbers_the_intent_is_durable_all_the_same(desk: Desk, numbered: bool) -> None:
    """A broker that has none to give, or gave them before, still writes after the record."""
    desk.ready()
    seen: list[bool] = []

    def carry_out(command: commands.AnyCommand) -> None:
        if isinstance(command, commands.PlaceBracket):
            seen.append(desk.journal.durable_sequence == desk.journal.records[-1].sequence)

    def number(command: commands.AnyCommand) -> tuple[tuple[str, int], ...]:
        return tuple((spec.ref, 7) for spec in commands.new_orders(command))

    desk.broker.carry_out = carry_out  # type: ignore[method-assign] # a broker that looks
    if numbered:
        desk.broker.number = number  # type: ignore[method-assign] # one that has a number
    desk.enter()
    assert seen == [True]


def test_a_cancel_beside_a_new_order_does_not_overtake_its_record() -> None:
    """Only what numbers follow at once may wait: a cancel's bytes leave without any (I4)."""
    cancel: commands.AnyCommand = commands.CancelOrder("mt/x/S1", "exit")
    place: commands.AnyCommand = bracket_command()
    for asked in ([cancel, place], [place, cancel], [cancel], []):
        assert not numbers_follow(asked)
    alert = commands.RaiseAlert(commands.AlertLevel.INFO, "X", "x")
    assert numbers_follow([alert, place])
    assert numbers_follow([place, alert])


def bracket_command() -> commands.PlaceBracket:
    """An approved entry of one lot."""
    return next(each for each in COMMANDS if isinstance(each, commands.PlaceBracket))


def test_a_quote_that_leads_to_nothing_may_wait(desk: Desk) -> None:
    desk.ready()
    durable = desk.journal.durable_sequence
    desk.manager.handle(events.QuoteSeen(CON_ID, Quote(AT, 27_600, 27_601, 27_601)))
    assert desk.journal.durable_sequence == durable
    assert desk.journal.records[-1].sequence > durable


@pytest.mark.parametrize(
    "event",
    [
        events.BarClosed(CON_ID, Bar(AT, 27_600, 27_601, 27_599, 27_600, 10)),
        events.MarginStated(CYCLE, Unknown("no answer")),
        events.AdvisorCalled(CYCLE, AdvisorCall("risk", "agent", 1, "answered", 12.5)),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_led_to_nothing_waits_for_the_next_decision(
    desk: Desk, event: events.AnyEvent
) -> None:
    """A crash loses only what nothing was done about; whatever is sent takes it along."""
    desk.ready()
    durable = desk.journal.durable_sequence
    desk.manager.handle(event)
    assert desk.journal.durable_sequence == durable
    desk.manager.handle(events.OperatorAsked(events.Request.HALT, "operator"))
    assert desk.journal.durable_sequence == desk.journal.records[-1].sequence


def test_a_fill_never_waits(desk: Desk) -> None:
    desk.ready()
    fill = Execution("0001.01.01", "", 5, 900, CON_ID, Side.BUY, 1, 27_600, AT)
    desk.manager.handle(events.ExecutionReported(fill))
    assert desk.journal.durable_sequence == desk.journal.records[-1].sequence


def test_a_look_at_the_book_records_each_fill_once(desk: Desk) -> None:
    """The broker repeats a whole day's executions with every look."""
    desk.ready()
    cycle_id = desk.enter()
    fill = Execution("e.01", f"mt/{cycle_id}/E1", 1, 900, CON_ID, Side.BUY, 1, 27_601, AT)
    held = events.PositionReported(CON_ID, 1)
    answer = Known(events.Book((), (fill,), (held,)))
    desk.manager.handle(events.BookAnswered(2, answer))
    booked = desk.manager.state.position(CON_ID).booked
    desk.manager.handle(events.BookAnswered(3, answer))
    told = [
        record.event.book.value
        for record in desk.journal.records
        if isinstance(record.event, events.BookAnswered) and isinstance(record.event.book, Known)
    ]
    assert [len(book.executions) for book in told] == [0, 1, 0]
    assert [len(book.positions) for book in told] == [0, 1, 1]
    assert desk.manager.state.position(CON_ID).booked == booked == 1


@pytest.mark.parametrize("kind", [commands.PlaceExit, commands.ChangeOrder])
def test_an_exit_meets_the_rule_once_more_before_its_bytes(desk: Desk, kind: type) -> None:
    """The founding hazard, at the last moment: approved earlier, flat by now, never written."""
    desk.ready()
    approved = approved_exit()
    command = kind(approved, "test") if kind is commands.ChangeOrder else kind(approved)
    desk.manager._carry_out(command)
    assert desk.broker.commands[-1:] == desk.sent(commands.QueryBook)[-1:], "no order left"
    assert not desk.sent(kind)
    closed = desk.journal.records[-1].event
    assert isinstance(closed, events.OrderNotWritten)
    assert closed.code == "EXIT_WHEN_FLAT"


def test_an_emergency_stop_meets_the_rule_as_well(desk: Desk) -> None:
    desk.ready()
    desk.manager._carry_out(commands.PlaceEmergencyStop(approved_exit(), "parent", 5))
    assert not desk.sent(commands.PlaceEmergencyStop)


def test_an_exit_without_reduce_only_stops_the_loop(desk: Desk) -> None:
    """Our own fault: an exit that does not promise to reduce must not exist."""
    desk.ready()
    with pytest.raises(InvariantBroken, match="reduce_only"):
        desk.manager._carry_out(commands.PlaceExit(approved_exit(reduce_only=False)))
    assert not desk.sent(commands.PlaceExit)


def test_a_bracket_is_checked_again_where_it_is_used(desk: Desk) -> None:
    """Prices that would have to be adjusted do not go out, whoever approved them."""
    desk.ready()
    desk.enter()
    (placed,) = desk.sent(commands.PlaceBracket)
    assert isinstance(placed, commands.PlaceBracket)
    bracket = placed.approved.order
    wrong = msgspec.structs.replace(bracket, stop=bracket.entry + 10)
    approved = msgspec.convert({"order": wrong}, Approved[Bracket])
    desk.manager._carry_out(commands.PlaceBracket(approved))
    assert desk.sent(commands.PlaceBracket) == [placed]
    closed = desk.journal.records[-1].event
    assert isinstance(closed, events.OrderNotWritten)
    assert closed.code == "BRACKET_ORIENTATION"


@pytest.mark.parametrize(
    ("stop", "target", "action", "code"),
    [
        (6890.0, 6910.0, "BUY", "APPROVED"),
        (6910.0, 6890.0, "SELL", "APPROVED"),
        (6910.0, 6920.0, "BUY", "BRACKET_ORIENTATION"),
        (None, 6910.0, "BUY", "MISSING_STOP"),
        (6890.0, None, "BUY", "MISSING_TARGET"),
        (6899.5, 6910.0, "BUY", "BRACKET_TOO_CLOSE"),
        (6890.1, 6910.0, "BUY", "OFF_TICK"),
        (6800.0, 7000.0, "BUY", "MAX_LOSS_PER_TRADE"),
    ],
)
def test_the_entry_guard_answers_truthy_or_with_a_code(
    desk: Desk, stop: float | None, target: float | None, action: str, code: str
) -> None:
    """The name and the arguments are the postmortem's."""
    verdict = desk.manager._validate_entry_guard(6900.0, stop, target, 1, action)
    assert bool(verdict) is (code == "APPROVED")
    assert verdict.code == code


def test_a_full_disk_halts_and_nothing_more_is_sent(desk: Desk) -> None:
    """What rests at the broker stays there; no event is worked through after that."""
    desk.ready()
    sent = list(desk.broker.commands)
    desk.journal.fail_next()
    with pytest.raises((JournalFault, OurFault)):
        desk.manager.handle(events.OperatorAsked(events.Request.FLATTEN, "test"))
    assert desk.manager.state.mode is Mode.HALT
    assert desk.manager.failure is not None
    recorded = len(desk.journal.records)
    desk.manager.handle(events.OperatorAsked(events.Request.RESUME, "test"))
    assert len(desk.journal.records) == recorded
    assert desk.broker.commands == sent


def test_the_position_belongs_to_the_cycle_whose_entry_filled(desk: Desk) -> None:
    """RC4: the id is set by the entry's fill and cleared when the trade is final."""
    desk.ready()
    assert desk.manager._current_entry_cycle_id is None
    cycle_id = desk.enter()
    assert desk.manager._current_entry_cycle_id is None
    fill = Execution(
        exec_id="1.01",
        ref=f"mt/{cycle_id}/E1",
        order_id=5,
        perm_id=50,
        con_id=CON_ID,
        side=Side.BUY,
        quantity=1,
        price=27_601,
        at=AT,
    )
    desk.manager.handle(events.ExecutionReported(fill))
    assert desk.manager._current_entry_cycle_id == cycle_id


def test_after_a_restart_in_mid_trade_the_position_has_its_cycle_at_once(desk: Desk) -> None:
    """The next process has it from the record, before anything happens."""
    desk.ready()
    cycle_id = desk.enter()
    state = desk.manager.state
    opened = replace(state.cycles[cycle_id], opened_at=AT)
    again = Desk(replace(state, cycles={cycle_id: opened}))
    assert again.manager._current_entry_cycle_id == cycle_id


def test_one_timer_waits_for_the_next_deadline(desk: Desk) -> None:
    """A proposal's advice that never comes is refused without any other event."""
    desk.ready()
    desk.manager.handle(events.SignalRaised(CYCLE, CON_ID, desk.signal))
    assert CYCLE in desk.manager.state.cycles
    assert desk.runtime.waiting == 1
    desk.runtime.pass_time(10)
    assert CYCLE not in desk.manager.state.cycles
    assert desk.runtime.waiting == 0


def test_observers_hear_of_every_event_and_of_what_followed(desk: Desk) -> None:
    heard: list[tuple[type, int]] = []

    class Ear:
        def seen(
            self, event: events.AnyEvent, asked: list[commands.AnyCommand], state: TraderState
        ) -> None:
            del state
            heard.append((type(event), len(asked)))

    desk.manager.observe(Ear())
    desk.manager.handle(events.OperatorAsked(events.Request.HALT, "test"))
    assert heard == [(events.OperatorAsked, 1)]


def test_a_strategy_may_propose_at_every_closed_bar(desk: Desk) -> None:
    desk.ready()
    desk.manager._propose = lambda _, __: desk.signal
    desk.manager.handle(events.BarClosed(CON_ID, Bar(AT, 27_600, 27_601, 27_600, 27_601, 10)))
    raised = [r.event for r in desk.journal.records if isinstance(r.event, events.SignalRaised)]
    assert len(raised) == 1


@pytest.mark.parametrize(("late", "proposed"), [(0, 1), (1, 0)])
def test_what_a_strategy_makes_of_an_old_bar_is_the_past(
    desk: Desk, late: int, proposed: int
) -> None:
    """A broker that had no bars at first tells hours of them at once."""
    desk.ready()
    fed: list[Bar] = []

    def propose(_: int, bar: Bar) -> Signal:
        fed.append(bar)
        return desk.signal

    desk.manager._propose = propose
    opened_at = AT - BAR_LENGTH - desk.manager.state.limits.quote_age_max
    bar = Bar(opened_at - timedelta(seconds=late), 27_600, 27_601, 27_600, 27_601, 10)
    desk.manager.handle(events.BarClosed(CON_ID, bar))
    raised = [r.event for r in desk.journal.records if isinstance(r.event, events.SignalRaised)]
    assert len(raised) == proposed
    assert fed == [bar]


class Failing:
    """An observer that fails at the first event."""

    def seen(
        self, event: events.AnyEvent, asked: list[commands.AnyCommand], state: TraderState
    ) -> None:
        """Fail."""
        del event, asked, state
        raise KeyError("a thing\nnobody foresaw")


def test_an_unforeseen_error_is_our_fault_in_one_line_and_ends_the_loop(desk: Desk) -> None:
    desk.ready()
    desk.manager.observe(Failing())
    with pytest.raises(OurFault, match="KeyError while handling TimeReached: ") as raised:
        desk.manager.handle(events.TimeReached())
    assert "\n" not in str(raised.value)
    assert isinstance(raised.value.__cause__, KeyError)
    assert desk.manager.state.mode is Mode.HALT
    assert isinstance(desk.journal.records[-1].event, events.Halted)
    records = len(desk.journal.records)
    desk.manager.handle(events.TimeReached())
    assert len(desk.journal.records) == records, "nothing is handled any more"


def test_a_halt_that_cannot_be_recorded_halts_all_the_same(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.ready()
    desk.journal.close()
    with pytest.raises(JournalFault):
        desk.manager.handle(events.TimeReached())
    assert desk.manager.state.mode is Mode.HALT
    out, err = capsys.readouterr()
    assert "HALT_NOT_RECORDED" in out + err


def test_a_stopped_loop_hears_nothing_more(desk: Desk) -> None:
    """What still comes from tasks and connections must not meet a journal that is closed."""
    desk.ready()
    records = len(desk.journal.records)
    desk.manager.stop()
    desk.journal.close()
    desk.manager.handle(events.LinkChanged(up=False, why="a late word"))
    assert len(desk.journal.records) == records
    assert desk.manager.failure is None

"""A shadow decides everything, and no order message can leave it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from mytrader.advisors.panel import Seat
from mytrader.bootstrap import Outcome, Parts
from mytrader.domain import commands, events
from mytrader.domain.commands import AnyCommand, new_orders
from mytrader.domain.cycle import Phase
from mytrader.domain.decision import Advice, AdvisorRole, Opinion, Question
from mytrader.domain.instrument import ES
from mytrader.domain.known import Known, Unknown
from mytrader.domain.margin import Margin
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.execution.shadow import SHADOW, ShadowBroker
from tests.fakes.broker import FakeBroker
from tests.journal_samples import COMMANDS, EVENTS
from tests.manual_runtime import ManualRuntime
from tests.sessions import EveryMinutes, Session, Wire, a_plan, play

AT = datetime(2025, 12, 11, 15, tzinfo=UTC)


class Desk:
    """A shadow before a fake broker, and what came out on both sides."""

    def __init__(self, equity_usd: Decimal | None = Decimal(50_000)) -> None:
        self.inner = FakeBroker()
        self.runtime = ManualRuntime(AT)
        self.heard: list[events.AnyEvent] = []
        self.shadow = ShadowBroker(
            self.inner,
            self.runtime,
            instrument_of={1: ES}.get,
            equity_usd=lambda: equity_usd,
        )
        self.shadow.listen(self.heard.append)

    def carry_out(self, command: AnyCommand) -> list[events.AnyEvent]:
        """Give a command; returns what the shadow tells a moment later."""
        self.shadow.carry_out(command)
        assert self.heard == [], "nothing is told from inside `carry_out`"
        self.runtime.pass_time(0)
        return self.heard


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_only_a_question_about_the_book_passes(command: AnyCommand) -> None:
    desk = Desk()
    assert desk.shadow.number(command) == ()
    told = desk.carry_out(command)
    passed = isinstance(command, commands.QueryBook)
    assert desk.inner.commands == ([command] if passed else [])
    assert desk.inner.numbered == []
    refs = {spec.ref for spec in new_orders(command)}
    if isinstance(command, commands.ChangeOrder):
        refs = {command.approved.order.ref}
    if isinstance(command, commands.CancelOrder):
        refs = {command.ref}
    closed = [event for event in told if isinstance(event, events.OrderNotWritten)]
    assert {event.ref for event in closed} == refs
    assert all(event.code == SHADOW for event in closed)


def test_margin_comes_from_our_own_table() -> None:
    asked = commands.AskMargin("01K", 1, Side.BUY, 2, 27_000)
    (told,) = Desk().carry_out(asked)
    assert told == events.MarginStated(
        "01K", Known(Margin(Decimal(2 * ES.initial_margin_usd), Decimal(50_000)))
    )


@pytest.mark.parametrize("con_id", [1, 2])
def test_margin_without_a_known_account_or_contract_is_unknown(con_id: int) -> None:
    desk = Desk(None if con_id == 1 else Decimal(1))
    (told,) = desk.carry_out(commands.AskMargin("01K", con_id, Side.BUY, 1, 27_000))
    assert isinstance(told, events.MarginStated)
    assert isinstance(told.margin, Unknown)


def test_what_the_account_holds_is_somebody_elses() -> None:
    desk = Desk()
    assert desk.inner.emit is not None
    for event in EVENTS:
        desk.inner.emit(event)
    theirs = {
        "order_reported",
        "status_reported",
        "error_reported",
        "execution",
        "commission",
        "position",
    }
    kinds = {str(event.__struct_config__.tag) for event in desk.heard}
    assert kinds & theirs == set()
    books = [event for event in desk.heard if isinstance(event, events.BookAnswered)]
    assert books[0].book == Known(events.Book((), (), ()))
    assert isinstance(books[1].book, Unknown), "an answer that did not come stays unknown"


def bars(first: datetime, minutes: int) -> list[Bar]:
    """A market that swings by 20 ticks around one price."""
    made = []
    for minute in range(minutes):
        close = 27_600 + 20 * (minute // 5 % 2)
        at = first + timedelta(minutes=minute)
        made.append(Bar(at, close - 2, close + 4, close - 6, close, 500))
    return made


def session(folder: Path, *, shadow: bool) -> tuple[Outcome, Wire]:
    """Play an hour in which a trade is proposed every seven minutes."""
    plan = replace(a_plan(folder), shadow=shadow)
    history = bars(AT - timedelta(minutes=300), 300)
    seats = tuple(Seat(role, role, Yes(role)) for role in AdvisorRole)
    parts = Parts(strategy=EveryMinutes, seats=seats)
    return play(Session(plan, history, bars(AT, 60), parts))


class Yes:
    """An advisor that lets everything pass."""

    def __init__(self, role: AdvisorRole) -> None:
        self._role = role

    async def opine(self, question: Question, now: datetime) -> Opinion:
        """Say GO."""
        del question, now
        return Opinion(self._role, self._role, Advice.GO, "yes", confidence=1.0)


ORDER_MESSAGES = {"PlaceOrder", "CancelOrder", "GlobalCancel"}


def test_a_session_in_the_shadow_sends_no_order_message(tmp_path: Path) -> None:
    """The same session with orders shows that the test would see them."""
    (tmp_path / "open").mkdir()
    traded, wire = session(tmp_path / "open", shadow=False)
    assert traded.book.closed
    assert wire.kinds() & ORDER_MESSAGES == {"PlaceOrder"}
    outcome, wire = session(tmp_path, shadow=True)
    assert wire.kinds() & ORDER_MESSAGES == set()
    assert outcome.book.signals > len(traded.book.closed)
    ended = list(outcome.book.ended.values())
    approved = [cycle for cycle in ended if cycle.phase is Phase.ABORTED]
    assert approved
    assert all(verdict.approved for verdict in approved[0].verdicts)
    assert (outcome.mode, outcome.position_open) == ("NORMAL", 0)

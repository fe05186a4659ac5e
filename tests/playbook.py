"""A test reads as a script: `>>` is what happens to us, `<<` is what we must do about it.

    script = Playbook() >> proposed() << AskAdvice() >> Advised() << PlaceBracket(1)

Every event is one of ours, goes through the real `step`, and every command must be expected, in
order, with nothing left over. A playbook is a value: a prefix can be kept and continued twice.
What fails is shown with everything that happened before it.

Orders are named by role and number: `E1` is the first entry, `S2` the second stop, `X1` the
first exit, `M1` the first emergency stop. Prices are ticks.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.commands import AnyCommand, AskMargin
from mytrader.domain.cycle import TradeCycle
from mytrader.domain.decision import Advice, AdvisorRole, Opinion, Signal
from mytrader.domain.events import AnyEvent, Book, OrderReported, PositionReported
from mytrader.domain.fills import Execution
from mytrader.domain.known import Known, Unknown
from mytrader.domain.limits import Limits, Profile
from mytrader.domain.margin import Margin
from mytrader.domain.market import BAR_LENGTH, Bar, Quote
from mytrader.domain.orders import OrderSpec, Side, TrackedOrder
from mytrader.domain.trader import TraderState
from mytrader.execution.trade_cycle import next_deadline, step
from tests.wanted import AskAdvice, PlaceBracket, Wanted, described

CYCLE: Final = "01JCXW5M7Q0000000000000000"
CON_ID: Final = 495512563
NOON: Final = datetime(2025, 11, 12, 18, tzinfo=UTC)
SESSION: Final = (datetime(2025, 11, 11, 23, tzinfo=UTC), datetime(2025, 11, 12, 22, tzinfo=UTC))
ENTRY: Final = 27_200
STOP: Final = 27_180
TARGET: Final = 27_240
COMMISSION: Final = Decimal("2.40")
LIMITS: Final = Limits(reconcile_interval=timedelta(days=1))
"""The defaults, but for the looks at the whole book: they have a test of their own."""
AMPLE: Final = Known(Margin(Decimal(23_760), Decimal(1_000_000)))
"""The margin of an account that can carry the entry."""


class Happening(Protocol):
    """Something that happens to us: it becomes events, given everything before it."""

    def events(self, script: "Playbook") -> Iterable[AnyEvent]:
        """Return the events, oldest first."""
        ...


def the_start(limits: Limits = LIMITS) -> TraderState:
    """A trader that has just been told its limits, the contract, the link, the book, a price."""
    contract = events.ContractStated(CON_ID, "ES", "ESZ5", date(2025, 12, 19), (SESSION,))
    state = TraderState(limits)
    for event in (
        events.TraderStarted(limits),
        contract,
        events.LinkChanged(up=True, why="connected"),
        events.BookAnswered(1, Known(Book((), (), ()))),
        events.SettlementStated(CON_ID, ENTRY - 200),
        events.BarClosed(CON_ID, Bar(NOON - BAR_LENGTH, ENTRY, ENTRY, ENTRY, ENTRY, 1)),
        events.QuoteSeen(CON_ID, Quote(NOON, ENTRY - 1, ENTRY, ENTRY)),
    ):
        state, _asked = step(state, event, NOON)
    return state


class Playbook(Struct, frozen=True):
    """A script so far: the trader's state, the time, what is still unanswered, the story."""

    state: TraderState = the_start()
    now: datetime = NOON
    left: tuple[AnyCommand, ...] = ()
    story: tuple[str, ...] = ()
    last: tuple[TradeCycle, ...] = ()

    def __rshift__(self, happening: "Happening | Elapsed | AnyEvent") -> "Playbook":
        """Let something happen; everything asked for before must have been expected."""
        self._nothing_left(f">> {happening}")
        if isinstance(happening, events.Event):
            return self.after(happening)
        script = replace(self, story=(*self.story, f">> {happening}"))
        if isinstance(happening, Elapsed):
            return happening.run(script)
        for event in happening.events(script):
            script = script.after(event)
        return script

    def __lshift__(self, wanted: Wanted) -> "Playbook":
        """Expect the next command."""
        told = "\n  ".join(self.story)
        assert self.left, f"\n  {told}\nexpected {wanted.text!r}, but nothing was asked for"
        first = described(self.left[0])
        others = [described(command) for command in self.left]
        assert first == wanted.text, f"\n  {told}\nexpected {wanted.text!r}, asked for {others}"
        return replace(self, left=self.left[1:], story=(*self.story, f"<< {wanted.text}"))

    @property
    def is_complete(self) -> bool:
        """True; fails when commands are left that nobody expected."""
        self._nothing_left("the end")
        return True

    @property
    def cycle(self) -> TradeCycle:
        """The cycle, open or just finished."""
        for each in self.state.cycles.values():
            return each
        assert self.last, "no cycle has been opened yet"
        return self.last[-1]

    def order(self, name: str) -> TrackedOrder:
        """One order of the cycle, by its name: E1, S2, X1, M1."""
        return self.cycle.orders[f"mt/{self.cycle.cycle_id}/{name}"]

    def after(self, event: AnyEvent, *, later: timedelta = timedelta(0)) -> "Playbook":
        """Step once; a finished cycle is kept for the questions of the test."""
        now = self.now + later
        state, asked = step(self.state, event, now)
        if any(isinstance(command, AskMargin) for command in asked):
            # Every script has an account that can carry the entry; how that is asked and what
            # becomes of other answers is for test_execution_proposal.py.
            asked = [command for command in asked if not isinstance(command, AskMargin)]
            newest = list(state.cycles)[-1]
            state, more = step(state, events.MarginStated(newest, AMPLE), now)
            asked += more
        return replace(
            self,
            state=state,
            now=now,
            left=(*self.left, *asked),
            last=(*self.last, *state.finished),
        )

    def ignoring(self) -> "Playbook":
        """Forget what was asked for: the test is not about it."""
        return replace(self, left=())

    def past(self, *happenings: "Happening | Elapsed | AnyEvent") -> "Playbook":
        """Let things happen whose answers the test is not about."""
        script = self.ignoring()
        for happening in happenings:
            script = (script >> happening).ignoring()
        return script

    def _nothing_left(self, before: str) -> None:
        told = "\n  ".join(self.story)
        left = [described(command) for command in self.left]
        assert not left, f"\n  {told}\nnobody expected {left} before {before}"


# What happens to us


def proposed(side: Side = Side.BUY, *, cycle_id: str = CYCLE) -> AnyEvent:
    """The strategy proposes a trade around the standard prices."""
    flip = 1 if side is Side.BUY else -1
    tick = Decimal("0.25")
    signal = Signal(
        strategy="ema-cross",
        side=side,
        confidence=0.8,
        entry=tick * ENTRY,
        stop=tick * (ENTRY + flip * (STOP - ENTRY)),
        target=tick * (ENTRY + flip * (TARGET - ENTRY)),
        features={},
        reason="a test",
    )
    return events.SignalRaised(cycle_id, CON_ID, signal)


class Advised(Struct, frozen=True):
    """Both advisors answer alike."""

    advice: Advice = Advice.GO
    size: float = 1.0

    def events(self, script: Playbook) -> Iterable[AnyEvent]:
        """Return the advice."""
        said = tuple(
            Opinion(role, role, self.advice, "a test", confidence=0.8, size_multiplier=self.size)
            for role in AdvisorRole
        )
        return [events.AdviceGiven(script.cycle.cycle_id, said)]


class EntrySubmitted(Struct, frozen=True):
    """The bracket went out and is acknowledged, the children before their parents fill."""

    def events(self, script: Playbook) -> Iterable[AnyEvent]:
        """Return what was written, the echoes and the statuses."""
        told: list[AnyEvent] = []
        for ref in script.cycle.orders:
            told += Written(ref[30:]).events(script)
        for order in script.cycle.orders.values():
            child = order.spec.parent_ref is not None
            status = "PreSubmitted" if child else "Submitted"
            held = "child" if child else ""
            name = order.spec.ref[30:]
            told += Echoed(name, status).events(script)
            told += Stated(name, status, why_held=held).events(script)
        return told


class Written(Struct, frozen=True):
    """The bytes of one order, change or cancel left."""

    name: str
    action: str = "place"

    def events(self, script: Playbook) -> Iterable[AnyEvent]:
        """Return the note."""
        ref, number = _ids(script, self.name)
        return [events.OrderWritten(ref, number, self.action)]


class NotWritten(Struct, frozen=True):
    """Nothing left: the last check refused or the link was down."""

    name: str
    action: str = "place"
    code: str = "LINK_DOWN"

    def events(self, script: Playbook) -> Iterable[AnyEvent]:
        """Return the note."""
        return [events.OrderNotWritten(_ids(script, self.name)[0], self.action, self.code, "-")]


class Echoed(Struct, frozen=True):
    """The broker echoes one order: as it was sent, or with the fields of `spec`."""

    name: str
    status: str = "Submitted"
    spec: OrderSpec | None = None
    perm_id: int | None = None

    def events(self, script: Playbook) -> Iterable[AnyEvent]:
        """Return the echo."""
        return [self.report(script)]

    def report(self, script: Playbook) -> OrderReported:
        """Return the echo as a report."""
        ref, number = _ids(script, self.name)
        order = script.cycle.orders[ref]
        spec = self.spec or order.change or order.spec
        perm_id = number + 900 if self.perm_id is None else self.perm_id
        return report_of(spec, number, perm_id=perm_id, status=self.status)


class Stated(Struct, frozen=True):
    """The broker states one order's status."""

    name: str
    status: str
    filled: int = 0
    why_held: str = ""
    perm_id: int | None = None

    def events(self, script: Playbook) -> Iterable[AnyEvent]:
        """Return the status."""
        ref, number = _ids(script, self.name)
        perm_id = number + 900 if self.perm_id is None else self.perm_id
        left = script.cycle.orders[ref].spec.quantity - self.filled
        return [
            events.StatusReported(
                ref, number, perm_id, self.status, self.filled, left, self.why_held
            )
        ]


class Erred(Struct, frozen=True):
    """The broker names one order in an error."""

    name: str
    code: int

    def events(self, script: Playbook) -> Iterable[AnyEvent]:
        """Return the error."""
        ref, number = _ids(script, self.name)
        return [events.ErrorReported(ref, number, self.code, "a test")]


class Filled(Struct, frozen=True):
    """One order fills, at its limit unless `price` says otherwise; its commission may follow."""

    name: str
    price: int | None = None
    quantity: int = 1
    part: int = 1
    paid: bool = True

    def events(self, script: Playbook) -> Iterable[AnyEvent]:
        """Return the execution, and the commission report."""
        fill = fill_of(script, self.name, price=self.price, part=self.part)
        fill = replace(fill, quantity=self.quantity)
        told: list[AnyEvent] = [events.ExecutionReported(fill)]
        if self.paid:
            told.append(events.CommissionReported(fill.exec_id, COMMISSION * self.quantity))
        return told


class StopWorking(Struct, frozen=True):
    """The broker says that a stop rests and waits for its trigger."""

    name: str = "S1"

    def events(self, script: Playbook) -> Iterable[AnyEvent]:
        """Return the status."""
        return Stated(self.name, "PreSubmitted", why_held="trigger").events(script)


class Answered(Struct, frozen=True):
    """The newest book query is answered: `shown` are listed, the position is as booked.

    Executions repeat what was booked, with `fills` added; `position` overrides the position and
    `status` the status of the orders shown.
    """

    shown: tuple[str | Echoed, ...] = ()
    fills: tuple[Execution, ...] = ()
    position: int | None = None
    status: str = "Submitted"

    def events(self, script: Playbook) -> Iterable[AnyEvent]:
        """Return the answer."""
        cycle = script.cycle if script.state.cycles or script.last else None
        known = () if cycle is None else cycle.fills
        orders: list[OrderReported] = []
        for shown in self.shown:
            echo = shown if isinstance(shown, Echoed) else Echoed(shown, self.status)
            orders.append(echo.report(script))
        booked = script.state.position(CON_ID).booked
        held = booked if self.position is None else self.position
        book = Book(tuple(orders), (*known, *self.fills), (PositionReported(CON_ID, held),))
        return [events.BookAnswered(script.state.link.queries_asked, Known(book))]


class Unanswered(Struct, frozen=True):
    """The newest book query came to nothing."""

    def events(self, script: Playbook) -> Iterable[AnyEvent]:
        """Return the failure."""
        return [events.BookAnswered(script.state.link.queries_asked, Unknown("no end marker"))]


class Quoted(Struct, frozen=True):
    """The market moves to a bid, one tick below its ask."""

    bid: int

    def events(self, script: Playbook) -> Iterable[AnyEvent]:
        """Return the quote."""
        return [
            events.QuoteSeen(CON_ID, Quote(script.now, self.bid, self.bid + 1, self.bid)),
        ]


LINK_LOST: Final = events.LinkChanged(up=False, why="1100")
"""The broker does not hear us any more."""
LINK_BACK: Final = events.LinkChanged(up=True, why="1102")
"""The broker hears us again."""
RESTARTED: Final = events.TraderStarted(LIMITS)
"""A new process took over."""


def asked(request: events.Request) -> AnyEvent:
    """A person asks for something."""
    return events.OperatorAsked(request, "a person")


class Elapsed(Struct, frozen=True):
    """Time passes; every deadline on the way is kept, as the loop does."""

    seconds: float

    def run(self, script: Playbook) -> Playbook:
        """Return the script after the time; a deadline that does not move fails it."""
        end = script.now + timedelta(seconds=self.seconds)
        due = next_deadline(script.state)
        while due is not None and due <= end:
            script = script.after(events.TimeReached(), later=max(due - script.now, timedelta(0)))
            again = next_deadline(script.state)
            assert again is None or again > script.now, f"the deadline {again} stays in the past"
            due = again
        return replace(script, now=end)


# Parts


def _ids(script: Playbook, name: str) -> tuple[str, int]:
    """Return the reference and a stable order id of a named order of the current cycle."""
    return (
        f"mt/{script.cycle.cycle_id}/{name}",
        "ESTXM".index(name[0]) * 20 + int(name[1:]),
    )


def report_of(spec: OrderSpec, number: int, *, perm_id: int, status: str) -> OrderReported:
    """Return the echo of an order as it was sent."""
    return OrderReported(
        ref=spec.ref,
        order_id=number,
        perm_id=perm_id,
        client_id=1,
        con_id=spec.con_id,
        side=spec.side,
        quantity=spec.quantity,
        order_type=spec.kind,
        limit=spec.limit,
        stop=spec.stop,
        tif=spec.tif,
        outside_rth=spec.outside_rth,
        trigger_method=spec.trigger_method,
        parent_id=0,
        status=status,
        oca_group=spec.oca_group,
        oca_type=1 if spec.oca_group else 0,
    )


def fill_of(script: Playbook, name: str, *, price: int | None = None, part: int = 1) -> Execution:
    """Return a one-lot fill of a named order."""
    ref, number = _ids(script, name)
    spec = script.cycle.orders[ref].spec
    return Execution(
        exec_id=f"0000e0d5.{name}{part:02}.01",
        ref=ref,
        order_id=number,
        perm_id=number + 900,
        con_id=CON_ID,
        side=spec.side,
        quantity=1,
        price=spec.limit if price is None else price,
        at=script.now,
    )


# How scripts often begin


BRACKET: Final = replace(LIMITS, profile=Profile.BRACKET, oca_trusted=True)
"""Stop and target rest in one group whose block was measured."""


def entering(lots: int = 1, side: Side = Side.BUY, limits: Limits = LIMITS) -> Playbook:
    """Return a script in which the bracket works and nothing has filled."""
    start = Playbook(the_start(replace(limits, quantity_per_entry=lots)))
    script = start >> proposed(side) << AskAdvice() >> Advised() << PlaceBracket(lots, side)
    return script >> EntrySubmitted()


def opened(lots: int = 1, side: Side = Side.BUY, limits: Limits = LIMITS) -> Playbook:
    """Return a script in which every lot has filled at the standard price and its stop works.

    In profile `bracket` its target works as well.
    """
    script = entering(lots, side, limits)
    for number in range(1, lots + 1):
        script = script >> Filled(f"E{number}", ENTRY) >> StopWorking(f"S{number}")
        if limits.profile is Profile.BRACKET:
            script = script >> Stated(f"T{number}", "Submitted")
    return script

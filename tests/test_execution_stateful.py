"""The broker that does its worst as a state machine, so that what it finds is shrunk.

The deeds are those of `tests/adversary.py`, one rule each, and its judge reads the broker's ledger
after every event: exits cannot open or flip (I1), a position is covered in time (I2), the booked
position is the sum of what was delivered (I5). This file adds what needs both sides at once:

- no order that may still fill is lost from the count (I3, the premise of the exit rule);
- advice, whenever it comes and whatever it says, moves no order that exists (I7);
- the mode goes up by a person's hand alone (I8).

The build plays the same examples every time. `MYTRADER_STATEFUL_EXAMPLES=5000` plays as many
others and prints what repeats a failure.
"""

import os
from collections.abc import Callable, Sequence
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from mytrader.domain import commands, events
from mytrader.domain.commands import AnyCommand
from mytrader.domain.cycle import Phase
from mytrader.domain.decision import Advice, AdvisorRole, Opinion
from mytrader.domain.events import AnyEvent
from mytrader.domain.orders import parse_ref
from mytrader.domain.trader import Mode, TraderState
from mytrader.execution.trade_cycle import step
from tests.adversary import CYCLE_IDS, DEEDS, Adversary, Violation
from tests.kind_ending import settle_down
from tests.playbook import CON_ID, proposed
from tests.resting import Fixed

EXAMPLES: Final = "MYTRADER_STATEFUL_EXAMPLES"
OF_THE_BUILD: Final = 150
STEPS: Final = 60
TOUCHING: Final = (
    commands.PlaceExit,
    commands.PlaceEmergencyStop,
    commands.ChangeOrder,
    commands.CancelOrder,
)


class Judged(Adversary):
    """The adversary, with a judge that compares the trader's view with the broker's."""

    def hear(self, event: AnyEvent) -> None:
        """Give the trader one event and hold what it makes of it against the promises."""
        before = self.state
        if isinstance(event, events.AdviceGiven):
            after, asked = step(before, event, self.now)
            self._judge_advice(event.cycle_id, after, asked=asked)
        super().hear(event)
        self._judge_mode(before, event)
        self._judge_count()

    def _judge_advice(
        self, cycle_id: str, after: TraderState, *, asked: Sequence[AnyCommand]
    ) -> None:
        """Advice can end its own proposal or let it pass; nothing else is its business."""
        before = self.state
        touched = [each for each in asked if isinstance(each, TOUCHING)]
        self._demand(not touched, f"advice asked for {touched}")
        cycle = before.cycles.get(cycle_id)
        if cycle is None or cycle.phase is not Phase.PROPOSED:
            self._demand(not asked, f"advice for no proposal asked for {asked}")
        others = {key: each for key, each in before.cycles.items() if key != cycle_id}
        kept = {key: each for key, each in after.cycles.items() if key != cycle_id}
        self._demand(others == kept, "advice changed another cycle")

    def _judge_mode(self, before: TraderState, event: AnyEvent) -> None:
        resumed = (
            isinstance(event, events.OperatorAsked) and event.request is events.Request.RESUME
        )
        lower = self.state.mode.rank < before.mode.rank
        self._demand(resumed or not lower, f"{event} raised {before.mode} to {self.state.mode}")

    def _judge_count(self) -> None:
        """Whatever may still fill at the broker counts at least as much at the trader."""
        for ref, order in self.orders.items():
            parts = parse_ref(ref)
            cycle = None if parts is None else self.state.cycles.get(parts.cycle_id)
            tracked = None if cycle is None else cycle.orders.get(ref)
            delivered = sum(
                fill.quantity
                for fill in self.executions
                if fill.ref == ref and fill.exec_id in self.delivered
            )
            most = order.spec.quantity - delivered if order.left else 0
            counted = 0 if tracked is None else tracked.remaining
            self._demand(counted >= most, f"{most} of {ref} may fill, {counted} are counted")

    def advise(self) -> None:
        """An advisor speaks late, twice, or of a cycle that was never proposed."""
        cycle_id = CYCLE_IDS[max(self.cycles - 1 - self.chance.below(3), 0)]
        word = self.chance.below(4)
        said = tuple(
            Opinion(role, role, (Advice.GO, Advice.WAIT)[word % 2], "late", confidence=1.0)
            for role in AdvisorRole
        )
        self.hear(events.AdviceGiven(cycle_id, said if word < 3 else ()))

    def hesitate(self) -> None:
        """Raise a signal whose advice is a WAIT, or never comes."""
        if self.cycles == len(CYCLE_IDS):
            return
        cycle_id = CYCLE_IDS[self.cycles]
        self.cycles += 1
        self.hear(proposed(cycle_id=cycle_id))
        if self.chance.below(2):
            wait = Opinion(AdvisorRole.RISK, AdvisorRole.RISK, Advice.WAIT, "a test")
            _after, asked = step(self.state, events.AdviceGiven(cycle_id, (wait,)), self.now)
            sent = [each for each in asked if isinstance(each, commands.PlaceBracket)]
            self._demand(not sent, "a WAIT opened a position")
            self.hear(events.AdviceGiven(cycle_id, (wait,)))


class Machine(RuleBasedStateMachine):
    """One broker and one trader; every rule is one deed with one choice."""

    def __init__(self) -> None:
        super().__init__()
        self.broker = Judged(Fixed(0))

    def teardown(self) -> None:
        """Whatever happened, a kind broker and a person's flatten end it flat."""
        self.broker.chance = Fixed(0)
        settle_down(self.broker)


def _rule_of(deed: str) -> Callable[..., None]:
    def do(self: Machine, number: int) -> None:
        self.broker.chance = Fixed(number)
        getattr(self.broker, deed)()

    do.__name__ = deed
    made: Callable[..., None] = rule(number=st.integers(0, 7))(do)
    return made


ALL_DEEDS: Final = (*DEEDS, "advise", "hesitate")
for _deed in ALL_DEEDS:
    setattr(Machine, _deed, _rule_of(_deed))


def _settings() -> settings:
    asked = os.environ.get(EXAMPLES)
    return settings(
        max_examples=OF_THE_BUILD if asked is None else int(asked),
        derandomize=asked is None,
        stateful_step_count=STEPS,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


TestMachine = pytest.mark.slow(Machine.TestCase)
TestMachine.settings = _settings()


# The judge must be able to fail


def _with_an_open_trade() -> Judged:
    """Return a broker at which one contract is open and its stop was sent."""
    broker = Judged(Fixed(0))
    broker.propose()
    for deed in ("accept", "fill"):
        while broker.outbox:
            broker.deliver()
        getattr(broker, deed)()
    return broker


def test_an_order_that_is_lost_from_the_count_is_found() -> None:
    """The trader forgets a cycle whose orders work on: every hazard is a way to do that."""
    broker = _with_an_open_trade()
    broker._judge_count()
    broker.state = step(Judged(Fixed(0)).state, events.TimeReached(), broker.now)[0]
    with pytest.raises(Violation, match="are counted"):
        broker._judge_count()


def test_a_mode_that_rises_by_itself_is_found() -> None:
    """Only a person's resume may do that."""
    broker = _with_an_open_trade()
    before = broker.state
    halted, _asked = step(before, events.Halted("a test"), broker.now)
    assert halted.mode is Mode.HALT
    with pytest.raises(Violation, match="raised HALT to NORMAL"):
        broker._judge_mode(halted, events.TimeReached())
    broker._judge_mode(halted, events.OperatorAsked(events.Request.RESUME, "a person"))


def test_advice_that_touches_an_order_is_found() -> None:
    """Whatever it is: a cancel, a stop, another cycle's phase."""
    broker = _with_an_open_trade()
    cycle_id = CYCLE_IDS[0]
    broker._judge_advice(cycle_id, broker.state, asked=())
    cancel = commands.CancelOrder(f"mt/{cycle_id}/S1", "a test")
    with pytest.raises(Violation, match="advice asked for"):
        broker._judge_advice(cycle_id, broker.state, asked=(cancel,))
    book = commands.QueryBook(9, "a test")
    with pytest.raises(Violation, match="for no proposal"):
        broker._judge_advice(cycle_id, broker.state, asked=(book,))
    with pytest.raises(Violation, match="another cycle"):
        broker._judge_advice(CYCLE_IDS[1], Judged(Fixed(0)).state, asked=())


def test_the_deeds_trade() -> None:
    """A machine whose orders never fill would prove nothing."""
    broker = _with_an_open_trade()
    while broker.outbox:
        broker.deliver()
    broker.advise()
    broker.hesitate()
    assert broker.state.position(CON_ID).booked == broker.world.position != 0

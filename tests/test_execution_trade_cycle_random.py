"""A broker that does its worst cannot make the trader open by exiting, or stay bare in silence.

`tests/adversary.py` is the broker and the judge; a failure prints what happened and how to
repeat it. Seeds reach days of dozens of trades; the model of `mytrader verify`, which
`tests/test_proof_stateful.py` plays by chance, knows two trades and far more ways to go wrong.
"""

import random
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mytrader.domain import events
from mytrader.domain.events import AnyEvent, Book, OrderReported, PositionReported
from mytrader.domain.fills import Execution
from mytrader.domain.known import Known, Unknown
from mytrader.domain.market import Quote
from mytrader.domain.orders import Side
from mytrader.domain.trader import TraderState
from mytrader.execution.book_news import news_of
from mytrader.execution.trade_cycle import next_deadline, step
from tests.adversary import CYCLE_IDS, DEEDS, LIMITS, Adversary, Violation
from tests.kind_ending import settle_down
from tests.playbook import CON_ID, NOON, entering, opened, proposed, the_start
from tests.resting import Fixed

DEEDS_PER_SEED = 300
COMMON = {"deliver": 30, "accept": 8, "answer": 20, "wait": 6, "fill": 5, "move": 5, "cancel": 4}
RARE = {"refuse", "mislead", "eliminate", "report_position", "lose", "resume"}
RAREST = {"disconnect", "flatten", "restart"}


class Seeded:
    """Chance from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - repeatable, nothing secret

    def below(self, bound: int) -> int:
        """Return a whole number from 0 to `bound - 1`."""
        return self.random.randrange(bound)


def weight_of(deed: str) -> float:
    """How often a deed is done in an ordinary run."""
    if deed in RARE | RAREST:
        return 1.0 if deed in RARE else 0.4
    return COMMON.get(deed, 3.0)


def played(seed: int) -> Adversary:
    """Return a broker after many deeds and a kind end; each seed has its own habits."""
    chance = Seeded(seed)
    broker = Adversary(chance)
    habits = [weight_of(deed) * chance.random.choice((0.3, 1.0, 1.0, 3.0)) for deed in DEEDS]
    for deed in chance.random.choices(DEEDS, habits, k=DEEDS_PER_SEED):
        getattr(broker, deed)()
    settle_down(broker)
    return broker


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 200, 20))
def test_no_seed_makes_an_exit_open_a_position_or_leaves_one_bare(first: int) -> None:
    """The judge reads the broker's ledger after every event; at the end all is flat."""
    for seed in range(first, first + 20):
        try:
            played(seed)
        except Violation as violation:
            pytest.fail(f"seed {seed}: {violation}")


def test_a_seed_repeats_itself() -> None:
    """Otherwise a failure could not be looked at."""
    assert played(7).story == played(7).story


# The judge must be able to fail


def test_the_judge_sees_an_exit_that_opens_a_position() -> None:
    """A second stop, smuggled past the trader, is found."""
    broker = Adversary(Fixed(0))
    broker.propose()
    entry = next(iter(broker.orders.values()))
    stop = broker.orders[entry.spec.ref.replace("/E1", "/S1")]
    stop.active = True
    with pytest.raises(Violation, match="works although the position is 0"):
        broker.judge()
    broker.world.position = entry.spec.side.sign
    broker.judge()
    broker.world.position = -entry.spec.side.sign
    with pytest.raises(Violation, match="works although"):
        broker.judge()


def test_the_judge_sees_a_bare_position() -> None:
    """The trader is told nothing of time: the judge's own clock runs out."""
    broker = Adversary(Fixed(0))
    broker.propose()
    while broker.outbox:
        broker.deliver()
    broker.accept()
    broker.fill()
    while broker.outbox:
        broker.deliver()
    for order in broker.orders.values():
        order.over = True
    broker.now += timedelta(seconds=3)
    with pytest.raises(Violation, match="uncovered"):
        broker.judge()


def test_the_judge_sees_an_order_placed_twice() -> None:
    """References are used once."""
    broker = Adversary(Fixed(0))
    broker.propose()
    first = next(iter(broker.orders.values()))
    with pytest.raises(Violation, match="placed twice"):
        broker._place(first.spec)


# `step` never raises

REFS = st.sampled_from(
    [
        "",
        "somebody else's",
        *(f"mt/{CYCLE_IDS[0]}/{name}" for name in ("E1", "S1", "E2", "S2", "X1", "M1")),
        f"mt/{CYCLE_IDS[1]}/E1",
        "mt/01JCXW5M7Q0000000000000000/E1",
        "mt/01JCXW5M7Q0000000000000000/S1",
        "mt/01JCXW5M7Q0000000000000000/X1",
    ]
)
IDS = st.integers(0, 5)
STATUSES = st.sampled_from(
    [
        "PreSubmitted",
        "Submitted",
        "Cancelled",
        "ApiCancelled",
        "Filled",
        "Inactive",
        "PendingCancel",
        "Nonsense",
    ]
)
TICKS = st.one_of(st.none(), st.integers(27_000, 27_400))
SIDES = st.sampled_from(Side)
FILLS = st.builds(
    Execution,
    exec_id=st.sampled_from(["a.01", "a.02", "b.01", "c", ""]),
    ref=REFS,
    order_id=IDS,
    perm_id=IDS,
    con_id=st.sampled_from([CON_ID, 5]),
    side=SIDES,
    quantity=st.integers(-1, 3),
    price=st.integers(27_000, 27_400),
    at=st.just(NOON),
)
REPORTS = st.builds(
    OrderReported,
    ref=REFS,
    order_id=IDS,
    perm_id=IDS,
    client_id=IDS,
    con_id=st.sampled_from([CON_ID, 5]),
    side=SIDES,
    quantity=st.integers(0, 3),
    order_type=st.sampled_from(["LMT", "STP LMT", "MKT"]),
    limit=TICKS,
    stop=TICKS,
    tif=st.sampled_from(["GTC", "DAY"]),
    outside_rth=st.booleans(),
    trigger_method=IDS,
    parent_id=IDS,
    status=STATUSES,
)
POSITIONS = st.builds(
    PositionReported, con_id=st.sampled_from([CON_ID, 5]), quantity=st.integers(-3, 3)
)
BOOKS = st.builds(
    Book,
    orders=st.lists(REPORTS, max_size=3).map(tuple),
    executions=st.lists(FILLS, max_size=3).map(tuple),
    positions=st.lists(POSITIONS, max_size=2).map(tuple),
)
QUOTES = st.builds(Quote, seen_at=st.just(NOON), bid=TICKS, ask=TICKS, last=TICKS)
EVENTS: st.SearchStrategy[AnyEvent] = st.one_of(
    st.builds(events.LinkChanged, up=st.booleans(), why=st.just("a test")),
    st.builds(events.TraderStarted, limits=st.just(LIMITS)),
    st.builds(events.QuoteSeen, con_id=st.sampled_from([CON_ID, 5]), quote=QUOTES),
    st.sampled_from([proposed(), proposed(Side.SELL, cycle_id=CYCLE_IDS[1])]),
    st.builds(events.AdviceGiven, cycle_id=st.sampled_from(CYCLE_IDS[:2]), opinions=st.just(())),
    st.builds(events.OrderWritten, ref=REFS, order_id=IDS, action=st.sampled_from(["place", "x"])),
    st.builds(
        events.OrderNotWritten,
        ref=REFS,
        action=st.sampled_from(["place", "change", "cancel", "x"]),
        code=st.just("LINK_DOWN"),
        detail=st.just("-"),
    ),
    REPORTS,
    st.builds(
        events.StatusReported,
        ref=REFS,
        order_id=IDS,
        perm_id=IDS,
        status=STATUSES,
        filled=st.integers(-1, 3),
        remaining=IDS,
        why_held=st.sampled_from(["", "child", "trigger", "child,trigger"]),
    ),
    st.builds(
        events.ErrorReported,
        ref=REFS,
        order_id=IDS,
        code=st.sampled_from([104, 110, 161, 201, 202, 321, 399, 10147, 10148, 10349]),
        text=st.just("a test"),
    ),
    st.builds(events.ExecutionReported, execution=FILLS),
    st.builds(
        events.CommissionReported,
        exec_id=st.sampled_from(["a.01", "z"]),
        commission_usd=st.decimals(0, 5, places=2),
    ),
    POSITIONS,
    st.builds(
        events.BookAnswered,
        number=st.integers(0, 9),
        book=st.one_of(st.builds(Known, BOOKS), st.just(Unknown("a test"))),
    ),
    st.just(events.TimeReached()),
    st.builds(
        events.OperatorAsked, request=st.sampled_from(events.Request), who=st.just("a person")
    ),
    st.just(events.Halted("a test")),
)
STARTS = [TraderState(LIMITS), the_start(LIMITS), entering().state, opened(2).state]


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    state=st.sampled_from(STARTS),
    told=st.lists(st.tuples(EVENTS, st.sampled_from([0.0, 0.3, 5.0, 4000.0])), max_size=15),
)
def test_step_never_raises_and_its_deadlines_move(
    state: TraderState, told: list[tuple[AnyEvent, float]]
) -> None:
    """Whatever the broker says, in any order: a value comes back, and the clock can go on."""
    now = NOON
    for event, later in told:
        now += timedelta(seconds=later)
        before = state
        state, asked = step(before, event, now)
        assert (state, asked) == step(before, event, now)
        assert (state, asked) == step(before, news_of(before, event), now)
        due = next_deadline(state)
        if due is not None and due <= now:
            state, _asked = step(state, events.TimeReached(), now)
            again = next_deadline(state)
            assert again is None or again > now

"""The teeth of the proof: a worse kernel, or a table that misses a row, is found and shown."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from mytrader.domain import commands, events
from mytrader.domain.commands import AnyCommand, RaiseAlert
from mytrader.domain.cycle import Fact, Phase
from mytrader.domain.events import AnyEvent
from mytrader.domain.limits import Limits, Profile
from mytrader.domain.orders import (
    Approved,
    Death,
    OrderRef,
    OrderSpec,
    Role,
    TrackedOrder,
    Verdict,
)
from mytrader.domain.trader import Mode, TraderState
from mytrader.execution.order_builder import exit_order
from mytrader.execution.trade_cycle import TRANSITIONS, step
from mytrader.proof.search import Bounds
from mytrader.proof.trader import Trader
from mytrader.proof.truth import CON_ID
from mytrader.proof.verify import Outcome, Setting, search
from mytrader.proof.ways import WAYS

Answer = tuple[TraderState, list[AnyCommand]]
Kernel = Callable[[TraderState, AnyEvent, datetime], Answer]
SMALL = Bounds(6_000, disturbances=2)


def broken(outcome: Outcome, claim: str) -> Sequence[str]:
    """Return the script of a search that found a broken promise."""
    assert outcome.found.violation is not None, outcome.found
    assert claim in outcome.found.violation
    assert outcome.script[-1] == f"   broken: {outcome.found.violation}"
    return outcome.script


# The table


def without(row: tuple[Phase, Fact], limits: Limits) -> Trader:
    """Return a trader whose table misses one row."""
    return Trader(limits, table={key: to for key, to in TRANSITIONS.items() if key != row})


@pytest.mark.slow
@pytest.mark.parametrize("row", list(WAYS), ids=" ".join)
def test_a_row_that_was_taken_out_is_found(row: tuple[Phase, Fact]) -> None:
    """Whatever the broker can bring about is foreseen: a miss of the table is a violation."""
    (profile, *_), lots, _way = WAYS[row]
    outcome = search(Setting(profile, lots, Bounds(1, disturbances=0)), partial(without, row))
    script = broken(outcome, f"the table: {row[1]} while {row[0]} is not foreseen")
    assert any("propose" in line for line in script)


# The promises


def exit_beside_the_stop(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """Sell at the market when a person asks, whatever else may still sell."""
    state, asked = step(state, event, now)
    cycle = next(iter(state.cycles.values()), None)
    asks = isinstance(event, events.OperatorAsked) and event.request is events.Request.FLATTEN
    if cycle is None or not cycle.position or not asks:
        return state, asked
    quote = state.quotes[CON_ID]
    spec = exit_order(cycle, 9, quantity=1, quote=quote, limits=state.limits)
    assert spec is not None
    cycle = replace(cycle, orders={**cycle.orders, spec.ref: TrackedOrder(spec)})
    state = replace(state, cycles={cycle.cycle_id: cycle})
    return state, [*asked, commands.PlaceExit(Approved(spec))]


def always(state: TraderState, spec: OrderSpec, *, rho_after: int | None) -> Verdict:
    """Approve every exit."""
    del state, spec, rho_after
    return Verdict("EXIT_SAFE", approved=True, detail="why not")


@pytest.mark.slow
def test_an_exit_rule_that_always_approves_is_found() -> None:
    """The founding incident: a stop and a market exit, both of which fill (I1)."""
    make = partial(Trader, kernel=exit_beside_the_stop, last_check=always)
    script = broken(search(Setting(Profile.STRICT, 1, SMALL), make), "I1: ")
    assert any("ask flatten" in line for line in script)
    assert any("place X9 SELL 1" in line for line in script)


@pytest.mark.slow
def test_the_last_check_before_the_bytes_stops_it() -> None:
    """With the real rule at the moment of the bytes the same kernel opens nothing."""
    make = partial(Trader, kernel=exit_beside_the_stop)
    outcome = search(Setting(Profile.STRICT, 1, SMALL), make)
    assert not (outcome.found.violation or "").startswith("I1")


def deaf_to_cancels(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """Never hear that an order was cancelled."""
    over = isinstance(event, events.StatusReported) and event.status == "Cancelled"
    return (state, []) if over else step(state, event, now)


def never_protects(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """Decide on an emergency stop and never send it."""
    state, asked = step(state, event, now)
    kept: list[AnyCommand] = [
        each for each in asked if not isinstance(each, commands.PlaceEmergencyStop)
    ]
    return state, kept


def places_twice(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """Send every bracket again with the next word about the margin."""
    state, asked = step(state, event, now)
    brackets = [each for each in asked if isinstance(each, commands.PlaceBracket)]
    return state, [*asked, *brackets]


def books_twice(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """Book every execution that is reported, a repeated one again."""
    after, asked = step(state, event, now)
    if not isinstance(event, events.ExecutionReported) or after.positions != state.positions:
        return after, asked
    view = after.position(CON_ID)
    more = replace(view, booked=view.booked + event.execution.side.sign)
    return replace(after, positions={**after.positions, CON_ID: more}), asked


def advised_to_cancel(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """Take advice on an open position."""
    cycle = next(iter(state.cycles.values()), None)
    state, asked = step(state, event, now)
    if isinstance(event, events.AdviceGiven) and cycle is not None and cycle.position:
        ref = str(OrderRef(cycle.cycle_id, Role.STOP, 1))
        return state, [*asked, commands.CancelOrder(ref, "advised")]
    return state, asked


def recovers_by_itself(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """Go back to normal when a position is closed."""
    state, asked = step(state, event, now)
    if state.mode is Mode.REDUCE_ONLY and not state.cycles:
        state = replace(state, mode=Mode.NORMAL)
    return state, asked


def halts_in_silence(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """Halt, and page nobody."""
    state, asked = step(state, event, now)
    return state, [each for each in asked if not isinstance(each, RaiseAlert)]


def cancels_when_halted(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """Clear the book when the machine halts: the classic kill switch."""
    after, asked = step(state, event, now)
    if after.mode is Mode.HALT is not state.mode:
        for cycle in after.cycles.values():
            asked += [commands.CancelOrder(ref, "halted") for ref in cycle.orders]
    return after, asked


def never_withdraws(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """Leave entries that do not fill at the broker, and say nothing of it."""
    state, asked = step(state, event, now)
    quiet = [each for each in asked if getattr(each, "code", "") != "ORDER_FATE_UNKNOWN"]
    return state, [each for each in quiet if not isinstance(each, commands.CancelOrder)]


def sleeps(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """Let every deadline pass."""
    return (state, []) if isinstance(event, events.TimeReached) else step(state, event, now)


def believes_every_error(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """Take any error about an order for its end."""
    state, asked = step(state, event, now)
    if isinstance(event, events.ErrorReported) and event.ref:
        for key, cycle in state.cycles.items():
            order = cycle.orders.get(event.ref)
            if order is not None and order.live:
                dead = {**cycle.orders, event.ref: replace(order, death=Death.CANCELLED)}
                state = replace(state, cycles={**state.cycles, key: replace(cycle, orders=dead)})
    return state, asked


def asks_for_ever(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """Answer every answer with another question while a position is open."""
    state, asked = step(state, event, now)
    questions = any(isinstance(each, commands.QueryBook) for each in asked)
    if not isinstance(event, events.BookAnswered) or questions or not state.cycles:
        return state, asked
    link = replace(state.link, queries_asked=state.link.queries_asked + 1)
    question = commands.QueryBook(link.queries_asked, "once more")
    return replace(state, link=link), [*asked, question]


def shrugs_at_a_flip(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """Go on after a flip as if a person had said so."""
    after, asked = step(state, event, now)
    flips = isinstance(event, events.ExecutionReported) and after.position(CON_ID).booked < 0
    return (replace(after, mode=state.mode), asked) if flips else (after, asked)


def enters_when_reducing(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """Hear nothing of a person who wants no entries."""
    after, asked = step(state, event, now)
    if isinstance(event, events.OperatorAsked) or state.mode is Mode.NORMAL:
        return after, asked
    relaxed, more = step(replace(state, mode=Mode.NORMAL), event, now)
    return replace(relaxed, mode=state.mode), more


class Spoilt(NamedTuple):
    """A kernel that is worse than ours, the promise it breaks, and what its trace shows."""

    kernel: Kernel
    claim: str
    shows: str
    profile: Profile = Profile.STRICT


SPOILT = (
    Spoilt(deaf_to_cancels, "I2: ", "eliminate S1"),
    Spoilt(places_twice, "was placed twice", "place bracket"),
    Spoilt(believes_every_error, "I3: ", "error"),
    Spoilt(books_twice, "I5: ", "execution E1"),
    Spoilt(advised_to_cancel, "I7: advice moved", "advise"),
    Spoilt(recovers_by_itself, "I8: the mode rose", ">> "),
    Spoilt(halts_in_silence, "without a page", ">> "),
    Spoilt(cancels_when_halted, "HALT: the stop", "cancel S1: halted"),
    Spoilt(never_withdraws, "the end: ", "kind ending"),
    Spoilt(sleeps, "stays in the past", "time"),
    Spoilt(asks_for_ever, "asks as fast as it is answered", "kind ending"),
    Spoilt(shrugs_at_a_flip, "and the machine goes on", "both fill", Profile.BRACKET),
    Spoilt(never_protects, "a flipped position", "both fill", Profile.BRACKET),
    Spoilt(enters_when_reducing, "I8: an entry in mode", "place bracket"),
)


@pytest.mark.slow
@pytest.mark.parametrize("spoilt", SPOILT, ids=lambda spoilt: f"{spoilt.kernel.__name__}")
def test_a_worse_kernel_is_found(spoilt: Spoilt) -> None:
    """With the trace that shows how."""
    setting = Setting(spoilt.profile, 1, SMALL)
    script = broken(search(setting, partial(Trader, kernel=spoilt.kernel)), spoilt.claim)
    assert any(spoilt.shows in line for line in script), "\n".join(script)

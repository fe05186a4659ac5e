"""`mytrader verify` as a whole, and its teeth: a kernel that is worse than ours is found."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import pytest
from msgspec.structs import replace

from mytrader.domain import commands, events
from mytrader.domain.commands import AnyCommand
from mytrader.domain.cycle import Fact, Phase
from mytrader.domain.events import AnyEvent
from mytrader.domain.limits import Limits, Profile
from mytrader.domain.orders import (
    Approved,
    OrderRef,
    OrderSpec,
    Role,
    TrackedOrder,
    Verdict,
)
from mytrader.domain.trader import TraderState
from mytrader.execution.order_builder import exit_order
from mytrader.execution.trade_cycle import TRANSITIONS, step
from mytrader.proof.search import Bounds
from mytrader.proof.trader import Trader
from mytrader.proof.truth import CON_ID
from mytrader.proof.verify import (
    Outcome,
    Report,
    Setting,
    events_known,
    rows_known,
    search,
    search_all,
    settings_for,
)

Answer = tuple[TraderState, list[AnyCommand]]
SMALL = Bounds(6_000, disturbances=2, slow=False)
STRICT = Setting(Profile.STRICT, 1, SMALL)


def broken(outcome: Outcome, claim: str) -> Sequence[str]:
    """Return the script of a search that found a broken promise."""
    assert outcome.found.violation is not None, outcome.found
    assert claim in outcome.found.violation
    assert outcome.script[-1] == f"   broken: {outcome.found.violation}"
    return outcome.script


@pytest.mark.slow
@pytest.mark.parametrize("profile", list(Profile))
def test_a_small_check_of_the_real_kernel_finds_nothing(profile: Profile) -> None:
    """Two disturbances, somewhere in a trade of one lot."""
    outcome = search(Setting(profile, 1, SMALL))
    assert outcome.found.violation is None, "\n".join(outcome.script)
    assert outcome.found.endings > 10


# Teeth


def without_exit_rule(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
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
    """The founding incident: a stop and a market exit, both of which fill."""
    make = partial(Trader, kernel=without_exit_rule, last_check=always)
    script = broken(search(STRICT, make), "I1: ")
    assert any("ask flatten" in line for line in script)
    assert any("place X9 SELL 1" in line for line in script)


@pytest.mark.slow
def test_the_last_check_before_the_bytes_stops_it() -> None:
    """With the real rule at the moment of the bytes the same kernel opens nothing."""
    outcome = search(STRICT, partial(Trader, kernel=without_exit_rule))
    assert not (outcome.found.violation or "").startswith("I1")


def deaf_to_cancels(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """Never hear that an order was cancelled, nor read it in a book."""
    over = isinstance(event, events.StatusReported) and event.status == "Cancelled"
    return (state, []) if over else step(state, event, now)


@pytest.mark.slow
def test_a_kernel_that_does_not_see_its_stop_go_is_found() -> None:
    """Nothing protects the position, and nobody is told."""
    script = broken(search(STRICT, partial(Trader, kernel=deaf_to_cancels)), "I2: ")
    assert any("eliminate S1" in line for line in script)


def advised_to_cancel(state: TraderState, event: AnyEvent, now: datetime) -> Answer:
    """Take advice on an open position."""
    cycle = next(iter(state.cycles.values()), None)
    state, asked = step(state, event, now)
    if isinstance(event, events.AdviceGiven) and cycle is not None and cycle.position:
        ref = str(OrderRef(cycle.cycle_id, Role.STOP, 1))
        return state, [*asked, commands.CancelOrder(ref, "advised")]
    return state, asked


@pytest.mark.slow
def test_advice_that_moves_an_order_is_found() -> None:
    """I7, with one disturbance: the advice is late."""
    broken(search(STRICT, partial(Trader, kernel=advised_to_cancel)), "I7: advice moved")


ROWS = [
    (Phase.PROPOSED, Fact.APPROVED),
    (Phase.ENTERING, Fact.ENTRY_FILLED),
    (Phase.ENTERING, Fact.SETTLED),
    (Phase.PROTECTING, Fact.COVERED),
    (Phase.OPEN, Fact.UNCOVERED),
    (Phase.OPEN, Fact.FLAT),
    (Phase.OPEN, Fact.EXIT_ASKED),
    (Phase.EXITING, Fact.FLAT),
    (Phase.EXITING, Fact.SETTLED),
    (Phase.HALTED, Fact.FLAT),
    (Phase.HALTED, Fact.SETTLED),
]


def without(row: tuple[Phase, Fact], limits: Limits) -> Trader:
    """Return a trader whose table misses one row."""
    return Trader(limits, table={key: to for key, to in TRANSITIONS.items() if key != row})


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}")
def test_a_row_that_was_taken_out_is_found(row: tuple[Phase, Fact]) -> None:
    """Each is needed by a world with at most one disturbance."""
    setting = Setting(Profile.STRICT, 1, Bounds(12_000, disturbances=1, slow=False))
    broken(search(setting, partial(without, row)), f"{row[1]} while {row[0]} is not foreseen")


# The whole


def test_a_profile_has_a_process_of_its_own() -> None:
    """And in it one search for each number of lots."""
    groups = settings_for(list(Profile), states=1_000, disturbances=2, slow=True, quiet=True)
    assert [[(one.profile, one.lots) for one in group] for group in groups] == [
        [(profile, 1), (profile, 2)] for profile in Profile
    ]
    assert sum(one.bounds.states for one in groups[0]) == 1_000


def test_what_was_exercised_is_named() -> None:
    """By the names of events and rows that a report may miss."""
    tiny = replace(STRICT, bounds=Bounds(200, disturbances=1, slow=False))
    (outcome,) = search_all([tiny])
    assert {"execution", "settlement", "margin"} <= set(outcome.events) <= set(events_known())
    assert {"proposed approved"} <= {row.lower() for row in outcome.rows}
    assert set(outcome.rows) <= set(rows_known())


def test_a_report_adds_up() -> None:
    """States and violations over all searches."""
    outcome = search(replace(STRICT, bounds=Bounds(150, disturbances=1, slow=False)))
    report = Report((outcome, outcome), 1.0)
    assert (report.states, report.violations) == (2 * outcome.found.states, 0)

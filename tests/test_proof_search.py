"""The search finds what is broken: a spoilt kernel, a missing row, and nothing in the real one."""

from datetime import datetime

import pytest
from msgspec.structs import replace

from mytrader.domain.commands import AnyCommand
from mytrader.domain.cycle import Fact, Phase
from mytrader.domain.events import AnyEvent, ExecutionReported
from mytrader.domain.limits import Profile
from mytrader.domain.orders import Role
from mytrader.domain.trader import Mode, TraderState
from mytrader.execution.trade_cycle import TRANSITIONS, Table, step
from mytrader.proof.script import script_of
from mytrader.proof.search import Found, Kernel, Search, Setting

QUICK = Setting(Profile.STRICT, root="open", faults=1, states=1500)


def searched(kernel: Kernel, setting: Setting = QUICK, table: Table = TRANSITIONS) -> Found:
    """Search with another kernel or another table."""
    return Search(setting, kernel=kernel, table=table).run()


@pytest.mark.slow
@pytest.mark.parametrize("profile", list(Profile))
@pytest.mark.parametrize("root", ["flat", "open"])
def test_the_kernel_keeps_its_promises(profile: Profile, root: str) -> None:
    found = searched(step, Setting(profile, root=root, faults=2, states=3000))
    assert (found.violation, found.complete) == (None, False)
    assert found.states >= 3000


def test_equal_searches_find_equal_things() -> None:
    setting = replace(QUICK, states=300)
    assert searched(step, setting) == searched(step, setting)


def test_a_search_without_anything_left_to_do_is_complete() -> None:
    found = searched(step, replace(QUICK, depth=0))
    assert (found.complete, found.states, found.transitions) == (False, 1, 0)


def bold(
    state: TraderState, event: AnyEvent, now: datetime, *, table: Table
) -> tuple[TraderState, list[AnyCommand]]:
    """Come back to NORMAL without anybody having asked."""
    after, asked = step(state, event, now, table)
    normal = state.mode is not Mode.NORMAL
    return (replace(after, mode=Mode.NORMAL) if normal else after), asked


def forgetful(
    state: TraderState, event: AnyEvent, now: datetime, *, table: Table
) -> tuple[TraderState, list[AnyCommand]]:
    """Book no fill of a stop."""
    if isinstance(event, ExecutionReported) and event.execution.ref[30] == Role.STOP:
        return state, []
    return step(state, event, now, table)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kernel", "what"),
    [
        (bold, "the mode rose"),
        (forgetful, "the executions heard say"),
    ],
)
def test_a_spoilt_kernel_is_found_with_its_shortest_trace(kernel: Kernel, what: str) -> None:
    found = searched(kernel, replace(QUICK, states=5000))
    assert found.violation is not None
    assert what in found.violation
    told = "\n".join(script_of(found.setting, found.trace, kernel=kernel))
    assert f"!! {found.violation}" in told
    for move in found.trace:
        assert move in told


NEEDED = [
    (Phase.ENTERING, Fact.ENTRY_FILLED),
    (Phase.PROTECTING, Fact.COVERED),
    (Phase.OPEN, Fact.EXIT_ASKED),
    (Phase.EXITING, Fact.FLAT),
    (Phase.EXITING, Fact.SETTLED),
]


@pytest.mark.parametrize("row", NEEDED)
def test_a_missing_row_halts_where_the_table_would_go_on(row: tuple[Phase, Fact]) -> None:
    """Removing a row never trades worse: the pair becomes a surprise, and the machine stops."""
    table = {key: phase for key, phase in TRANSITIONS.items() if key != row}
    whole = searched(step, Setting(Profile.STRICT, faults=0, states=400))
    without = searched(step, Setting(Profile.STRICT, faults=0, states=400), table)
    assert whole.violation is None
    assert without.violation is None
    assert row not in without.rows

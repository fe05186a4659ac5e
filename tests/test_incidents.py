"""Incidents that happened to us or to others replay exactly as they were recorded.

Each file under `tests/incidents/` is named after what went wrong. The script that made it stands
here; `python -m tests.test_incidents` writes the files anew, and the difference is for a person
to read before it is committed. The promises about each story are tested beside it, so that a
wrong command cannot be recorded into innocence.
"""

import re
from collections.abc import Callable
from typing import Final

import pytest

from mytrader.domain import commands, events
from mytrader.domain.commands import AnyCommand
from mytrader.domain.cycle import Phase
from mytrader.domain.events import Request
from mytrader.domain.orders import Side
from mytrader.domain.trader import Mode, TraderState
from mytrader.execution.guards import exit_rule_holds
from mytrader.execution.trade_cycle import step
from tests.incident_files import (
    FOLDER,
    Line,
    Recording,
    connected,
    first_divergence,
    read,
    written,
)
from tests.playbook import (
    CON_ID,
    ENTRY,
    LIMITS,
    LINK_BACK,
    LINK_LOST,
    STOP,
    TARGET,
    Advised,
    Answered,
    Echoed,
    Elapsed,
    EntrySubmitted,
    Erred,
    Filled,
    Happening,
    Playbook,
    Quoted,
    Stated,
    StopWorking,
    Unanswered,
    Written,
    asked,
    proposed,
)
from tests.wanted import described

FLATTEN: Final = asked(Request.FLATTEN)
ANOTHER: Final = "01JCXW5M7Q0000000000000001"
DUPLICATE: Final = Echoed("S1", perm_id=77)
ORDERS: Final = (
    commands.PlaceBracket,
    commands.PlaceExit,
    commands.PlaceEmergencyStop,
    commands.ChangeOrder,
)


def told(*happenings: Happening | Elapsed | events.AnyEvent) -> Recording:
    """Return the recording of a trader to whom this happens after its first book."""
    script = connected().past(*happenings)
    assert isinstance(script, Recording)
    return script


def entered(side: Side = Side.BUY) -> tuple[Happening | Elapsed | events.AnyEvent, ...]:
    """What happens until the bracket works and nothing has filled."""
    return (Answered(), proposed(side), Advised(), EntrySubmitted())


def held(side: Side = Side.BUY) -> tuple[Happening | Elapsed | events.AnyEvent, ...]:
    """What happens until one contract is open with its stop working."""
    return (*entered(side), Filled("E1", ENTRY), StopWorking())


def a_flatten_of_a_flat_account() -> Recording:
    """The founding incident: flat by our fills, a stale report says -1, a person flattens."""
    closed = (FLATTEN, Written("S1", "change"), Echoed("S1"), Filled("S1", ENTRY))
    stale = events.PositionReported(CON_ID, -1)
    again = (stale, FLATTEN, Answered(position=-1), FLATTEN, Answered(position=0), FLATTEN)
    return told(*held(Side.SELL), *closed, *again)


def _modified_on_a_broken_link() -> tuple[Happening | Elapsed | events.AnyEvent, ...]:
    moved = (Quoted(TARGET), Written("S1", "change"), LINK_LOST, Elapsed(3), LINK_BACK)
    return (*held(), *moved, Answered(("S1", DUPLICATE)))


def a_stop_duplicated_by_a_modify() -> Recording:
    """B16: the modify left two live stops, both fill, and the second one flips the position."""
    both = (Filled("S1", TARGET), Answered((DUPLICATE,)), FLATTEN, Filled("S1", STOP, part=2))
    return told(*_modified_on_a_broken_link(), *both, FLATTEN, Elapsed(5), FLATTEN)


def a_duplicated_stop_proven_dead() -> Recording:
    """B16 with luck: both versions are cancelled, proven dead, and only then the exit leaves."""
    one = (Stated("S1", "Cancelled"), Answered((DUPLICATE,)), FLATTEN)
    other = (Stated("S1", "Cancelled", perm_id=77), Answered(), Answered())
    gone = (Written("X1"), Filled("X1", TARGET), Answered())
    return told(*_modified_on_a_broken_link(), *one, *other, *gone)


def a_notice_taken_for_a_cancel() -> Recording:
    """B21: notice 10349, a local "Cancelled" that the broker never said, and then the fill."""
    notices = (Erred("E1", 10349), Erred("S1", 10349), Stated("E1", "Cancelled"))
    tried = (Elapsed(1), proposed(cycle_id=ANOTHER), FLATTEN)
    filled = (Filled("E1", ENTRY), StopWorking(), Filled("S1", STOP), Answered())
    return told(*entered(), *notices, Answered(("E1", "S1")), *tried, *filled)


def a_lost_end_marker() -> Recording:
    """The book never ends: no list is empty, nothing is traded or flattened on it."""
    before = (Unanswered(), proposed(), Advised(), FLATTEN, Elapsed(5), Unanswered())
    return told(*before, Elapsed(5), Answered())


def a_fill_after_cancelled() -> Recording:
    """The entry is cancelled, the broker says so, and the fill comes after it."""
    late = (Elapsed(10), Written("E1", "cancel"), Stated("E1", "Cancelled"), Filled("E1", ENTRY))
    return told(*entered(), *late, StopWorking(), Answered(("S1",)), Filled("S1", STOP))


def both_exits_at_once() -> Recording:
    """The target is touched, a person flattens and the stop fills, all in one moment."""
    ways = (Quoted(TARGET), FLATTEN, Written("S1", "change"), Filled("S1", STOP))
    return told(*held(), *ways, Stated("S1", "Filled", filled=1), Erred("S1", 104), FLATTEN)


STORIES: Final[dict[str, Callable[[], Recording]]] = {
    "flatten-of-a-flat-account": a_flatten_of_a_flat_account,
    "stop-duplicated-by-a-modify": a_stop_duplicated_by_a_modify,
    "duplicated-stop-proven-dead": a_duplicated_stop_proven_dead,
    "notice-taken-for-a-cancel": a_notice_taken_for_a_cancel,
    "lost-end-marker": a_lost_end_marker,
    "fill-after-cancelled": a_fill_after_cancelled,
    "both-exits-at-once": both_exits_at_once,
}


def incident(name: str) -> list[Line]:
    """Return the lines of an incident."""
    return read((FOLDER / f"{name}.jsonl").read_text(encoding="utf-8"))


def orders_after(lines: list[Line], number: int) -> list[str]:
    """Every order that was sent or changed after so many lines."""
    found = [command for line in lines[number:] for command in line.commands]
    return [described(command) for command in found if isinstance(command, ORDERS)]


def index_of(lines: list[Line], needle: str) -> int:
    """Return the number of lines up to and including the first event that mentions `needle`."""
    return next(n for n, line in enumerate(lines, 1) if needle in str(line.event))


def end_of(lines: list[Line]) -> tuple[TraderState, list[AnyCommand]]:
    """Replay everything; the exit rule holds after every event that sent an order."""
    state, everything = TraderState(LIMITS), list[AnyCommand]()
    for line in lines:
        state, found = step(state, line.event, line.at)
        if any(isinstance(each, ORDERS) for each in found):
            assert exit_rule_holds(state, CON_ID), line.event
        everything += found
    return state, everything


def codes(everything: list[AnyCommand]) -> list[str]:
    """The codes of all alerts, in order."""
    return [each.code for each in everything if isinstance(each, commands.RaiseAlert)]


# The files


def test_every_incident_has_its_file_and_every_file_its_script() -> None:
    """A file that nobody replays proves nothing."""
    assert {path.stem for path in FOLDER.glob("*")} == set(STORIES)


@pytest.mark.parametrize("name", STORIES)
def test_an_incident_replays_as_it_was_recorded(name: str) -> None:
    """The same events ask for the same commands; the first that does not is shown."""
    divergence = first_divergence(incident(name))
    assert divergence is None, f"{name}.jsonl, {divergence}"


@pytest.mark.parametrize("name", STORIES)
def test_an_incident_is_the_one_that_its_script_tells(name: str) -> None:
    """A script that was changed is written into its file again, for everybody to read."""
    assert STORIES[name]().lines == tuple(incident(name))


def test_a_divergence_is_shown_with_what_led_to_it() -> None:
    """Where, after what, what was asked for then and what now."""
    lines = incident("flatten-of-a-flat-account")
    number = next(n for n, line in enumerate(lines) if line.commands)
    lines[number] = lines[number]._replace(commands=())
    shown = first_divergence(lines)
    assert shown is not None
    assert re.search(rf"line {number + 1}, 2025.*>> .*then: nothing\n  now:  \w", shown, re.DOTALL)


def test_two_commands_that_read_alike_are_shown_in_full() -> None:
    """A cancel for another reason is another command."""
    lines = incident("fill-after-cancelled")
    number = index_of(lines, "action='cancel'") - 2
    other = commands.CancelOrder("mt/01JCXW5M7Q0000000000000000/E1", "another reason")
    assert described(other) == described(lines[number].commands[0])
    lines[number] = lines[number]._replace(commands=(other,))
    assert "- CancelOrder(" in (first_divergence(lines) or "")


# What each of them must never become


def test_a_flat_account_is_never_flattened() -> None:
    """H01: from our last fill on, no order leaves, however often a person asks."""
    lines = incident("flatten-of-a-flat-account")
    assert orders_after(lines, index_of(lines, "quantity=-1")) == []
    state, everything = end_of(lines)
    assert codes(everything).count("EXIT_WHEN_FLAT") == 3
    assert state.position(CON_ID).interval == (0, 0)


def test_both_versions_of_a_stop_count_and_the_flip_is_paged() -> None:
    """B16, H11: nothing is sent while two stops live; what the broker flips ends in HALT."""
    lines = incident("stop-duplicated-by-a-modify")
    assert orders_after(lines, index_of(lines, "LinkChanged(up=False")) == []
    state, everything = end_of(lines)
    assert (state.mode, state.position(CON_ID).booked) == (Mode.HALT, -1)
    assert {"SECOND_IDENTITY", "CYCLE_HALTED", "MODE_HALT"} < set(codes(everything))


def test_an_exit_waits_for_the_death_of_both_versions() -> None:
    """B16, H11: one exit, for one contract, after the second identity is proven dead."""
    lines = incident("duplicated-stop-proven-dead")
    assert orders_after(lines, index_of(lines, "LinkChanged(up=False")) == ["place X1 SELL 1"]
    both = index_of(lines, "perm_id=77, status='Cancelled'")
    assert orders_after(lines, both) == ["place X1 SELL 1"]
    state, _everything = end_of(lines)
    assert state.position(CON_ID).interval == (0, 0)


def test_an_order_believed_cancelled_is_not_sent_again() -> None:
    """B21, H05: one bracket in all, its fill is booked and its stop protects it."""
    lines = incident("notice-taken-for-a-cancel")
    assert orders_after(lines, 0) == ["place bracket BUY 1"]
    state, everything = end_of(lines)
    assert codes(everything).count("BROKER_10349") == 2
    assert (state.position(CON_ID).interval, dict(state.cycles)) == ((0, 0), {})


def test_a_book_without_its_end_is_unknown() -> None:
    """H13, I6: nothing is entered or flattened, it is asked for again."""
    lines = incident("lost-end-marker")
    assert orders_after(lines, 0) == []
    _state, everything = end_of(lines)
    assert codes(everything).count("BOOK_UNKNOWN") == 2
    assert "EXIT_WHEN_FLAT" not in codes(everything)
    assert sum(isinstance(each, commands.QueryBook) for each in everything) == 3


def test_a_late_fill_is_booked_told_and_covered() -> None:
    """H05: the cycle is a trade like any other, and its stop works."""
    lines = incident("fill-after-cancelled")
    state, everything = end_of(lines)
    assert "LATE_FILL" in codes(everything)
    assert (state.mode, state.position(CON_ID).interval) == (Mode.NORMAL, (0, 0))
    script = a_fill_after_cancelled()
    assert script.cycle.phase is Phase.CLOSED


def test_one_exit_leaves_whoever_asks() -> None:
    """H02, H03: the stop itself is moved, once; who comes second is told."""
    lines = incident("both-exits-at-once")
    assert orders_after(lines, index_of(lines, "OrderWritten")) == ["change S1"]
    state, everything = end_of(lines)
    assert "EXIT_ALREADY_WORKING" in codes(everything)
    assert state.position(CON_ID).interval == (0, 0)


def test_a_recording_is_an_ordinary_playbook() -> None:
    """It only remembers; what is asked for is the same."""
    script: Playbook = Recording() >> proposed()
    assert [described(command) for command in script.left] == ["ask advice"]


if __name__ == "__main__":
    for story, script_of in STORIES.items():
        (FOLDER / f"{story}.jsonl").write_text(written(script_of().lines), encoding="utf-8")

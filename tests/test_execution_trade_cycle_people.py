"""What people ask of the trader, and what a halt withdraws: nothing opens, protection stays."""

from datetime import datetime, timedelta

import pytest

from mytrader.domain import events
from mytrader.domain.commands import CancelOrder, ChangeOrder, PlaceBracket, RaiseAlert
from mytrader.domain.cycle import Phase
from mytrader.domain.events import Request
from mytrader.domain.trader import Mode
from mytrader.execution.trade_cycle import REQUESTS_REMEMBERED
from tests.playbook import (
    CYCLE,
    ENTRY,
    NOON,
    STOP,
    Advised,
    Elapsed,
    Filled,
    Playbook,
    StopWorking,
    Unanswered,
    asked,
    entering,
    opened,
    proposed,
)

HALT = asked(Request.HALT)


def cancelled(script: Playbook) -> list[str]:
    """The orders whose cancel was asked for just now, by name."""
    return [each.ref[30:] for each in script.left if isinstance(each, CancelOrder)]


def told(script: Playbook) -> list[str]:
    """The codes of what people were told just now."""
    return [each.code for each in script.left if isinstance(each, RaiseAlert)]


def requested(request: Request, number: str, at: datetime | None = NOON) -> events.OperatorAsked:
    """A person's request as it comes through a queue."""
    return events.OperatorAsked(request, "a person", number, at)


# A halt


def test_a_halt_drops_what_waits_for_advice() -> None:
    """The advice may still come; no order follows it."""
    script = Playbook() >> proposed()
    script = script.ignoring() >> HALT
    assert (told(script), dict(script.state.cycles)) == (["MODE_HALT", "MODE"], {})
    assert [each.phase for each in script.last] == [Phase.REFUSED]
    late = script.ignoring() >> Advised()
    assert not [each for each in late.left if isinstance(each, PlaceBracket)]


def test_a_halt_withdraws_an_entry_that_works() -> None:
    """The entry goes first; its stop is dormant and dies with it."""
    script = entering() >> HALT
    assert cancelled(script) == ["E1"]
    assert (script.state.mode, script.cycle.entry_due_at) == (Mode.HALT, None)


def test_a_halt_leaves_a_position_its_stop_and_takes_its_open_entries() -> None:
    """Only what could open is cancelled; the stop is neither moved nor cancelled (H29)."""
    script = entering(2).past(Filled("E1", ENTRY), StopWorking("S1")) >> HALT
    assert cancelled(script) == ["E2"]
    assert not [each for each in script.left if isinstance(each, ChangeOrder)]
    assert script.order("S1").confirmed_working
    script = opened() >> HALT
    assert (cancelled(script), told(script)) == ([], ["MODE_HALT"])


def test_a_halt_withdraws_once() -> None:
    """A second one finds nothing left to do."""
    script = (entering() >> HALT).ignoring() >> HALT
    assert script.left == ()


def test_a_halted_machine_still_lets_its_stop_close_the_trade() -> None:
    """Protection is the broker's and works on."""
    script = (opened() >> HALT).past(Filled("S1", STOP))
    assert script.cycle.phase is Phase.CLOSED


# Requests that were queued (H30)


@pytest.mark.parametrize("request_", Request)
def test_a_request_is_taken_once(request_: Request) -> None:
    """A chat that delivers twice asks once; the second time is told and does nothing."""
    first = opened() >> requested(request_, "17")
    again = first.ignoring() >> requested(request_, "17")
    assert told(again) == ["REQUEST_REPEATED"]
    assert (again.state.mode, again.cycle.exit) == (first.state.mode, first.cycle.exit)


@pytest.mark.parametrize("request_", Request)
@pytest.mark.parametrize("days", [-1, 1])
def test_a_request_of_another_day_asks_for_nothing(request_: Request, days: int) -> None:
    """A queue that was replayed after an outage, or a clock that is wrong: neither moves us."""
    halted = (opened() >> HALT).ignoring()
    script = halted >> requested(request_, "17", NOON + timedelta(days=days))
    assert told(script) == ["REQUEST_EXPIRED"]
    assert (script.state.mode, script.cycle.exit) == (Mode.HALT, None)


def test_a_request_is_young_until_its_limit() -> None:
    """The limit itself is young enough, a second more is not."""
    age = opened().state.limits.request_age_max
    young = opened() >> requested(Request.HALT, "1", NOON - age)
    old = opened() >> requested(Request.HALT, "1", NOON - age - timedelta(seconds=1))
    assert (young.state.mode, old.state.mode) == (Mode.HALT, Mode.NORMAL)


def test_an_old_request_is_not_taken_when_it_comes_again() -> None:
    """It was dealt with: repeated is repeated."""
    old = opened() >> requested(Request.HALT, "1", NOON - timedelta(days=1))
    again = old.ignoring() >> requested(Request.HALT, "1", NOON - timedelta(days=1))
    assert told(again) == ["REQUEST_REPEATED"]


def test_a_request_that_cannot_have_been_queued_needs_no_number_and_no_time() -> None:
    """The one in front of the machine may ask twice."""
    script = opened() >> HALT
    assert script.state.requests == ()
    script = script.ignoring() >> asked(Request.RESUME)
    assert script.state.mode is Mode.NORMAL


def test_only_so_many_requests_are_remembered() -> None:
    """The newest ones; the trader's state does not grow with its age."""
    script = opened()
    for number in range(REQUESTS_REMEMBERED + 5):
        script = script.past(requested(Request.REDUCE_ONLY, str(number)))
    assert len(script.state.requests) == REQUESTS_REMEMBERED
    assert script.state.requests[-1] == str(REQUESTS_REMEMBERED + 4)


def test_a_resume_forgets_why_the_mode_was_lowered() -> None:
    """The next page must not tell an old reason."""
    script = (opened() >> HALT).ignoring()
    assert script.state.mode_why == "asked by a person"
    script = script.past(asked(Request.RESUME))
    assert (script.state.mode, script.state.mode_why) == (Mode.NORMAL, "")


# Orders without a fate


def test_a_flat_cycle_is_asked_about_more_and_more_rarely_and_its_page_names_it() -> None:
    """Each wait is one entry timeout longer than the one before."""
    script = entering().past(Elapsed(10))
    timeout = script.state.limits.entry_timeout
    pages: list[RaiseAlert] = []
    for number in range(1, 5):
        due = script.cycle.settle_due_at
        assert due is not None
        after = script >> Elapsed((due - script.now).total_seconds())
        again = after.cycle.settle_due_at
        assert (after.cycle.settle_asked, again) == (number, due + timeout * number)
        pages += [each for each in after.left if isinstance(each, RaiseAlert)]
        script = after.past(Unanswered())
    assert [(each.code, each.cycle_id) for each in pages] == [("ORDER_FATE_UNKNOWN", CYCLE)]
    for name in ("E1", "S1"):
        assert f"mt/{CYCLE}/{name}" in pages[0].text

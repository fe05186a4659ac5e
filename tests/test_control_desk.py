"""What people ask for: one event each, recorded, never done twice, never lifted unseen."""

from mytrader.control.desk import sign
from mytrader.control.protocol import Ask, Refusal
from mytrader.domain import commands
from mytrader.domain.commands import AlertLevel, RaiseAlert
from mytrader.domain.events import Halted, OperatorAsked, Request
from mytrader.domain.trader import Mode
from tests.door import Visit
from tests.playbook import entering, opened, the_start


def test_a_status_is_a_look_and_nothing_else() -> None:
    visit = Visit(opened().state)
    before = visit.loop.state
    answer = visit.ask(Ask.STATUS)
    assert answer.ok
    assert answer.status is not None
    assert (answer.status.pid, answer.status.journal) == (7, "x.journal")
    assert visit.loop.events == []
    assert visit.loop.state is before


def test_before_the_start_nothing_of_the_last_process_passes_for_known() -> None:
    """Hazard: a trader looks for its gateway, and the status says `link up` and `ES flat`."""
    visit = Visit(the_start(), started=False)
    assert visit.loop.state.link.up
    status = visit.desk.status()
    assert (status.linked, status.flat) == (False, False)
    assert [position.known for position in status.positions] == [False]
    started = Visit(the_start()).desk.status()
    assert (started.linked, started.flat) == (True, True)


def test_a_status_is_signed_with_what_the_process_lacks() -> None:
    signed = sign(pid=7, version="1", journal="x", without=("no alerts",))
    assert signed(Visit().desk.status()).without == ("no alerts",)
    assert Visit().desk.status().without == ()


def test_a_halt_is_recorded_with_who_asked_and_when() -> None:
    visit = Visit()
    answer = visit.ask(Ask.HALT, ago_s=2)
    assert answer.ok
    assert visit.loop.state.mode is Mode.HALT
    (event,) = visit.loop.events
    assert isinstance(event, OperatorAsked)
    assert (event.request, event.who, event.request_id) == (Request.HALT, "ann (cli)", "request-1")
    assert event.asked_at is not None
    assert (visit.loop.now_at - event.asked_at).total_seconds() == 2
    assert [said.code for said in answer.said] == ["MODE_HALT"]


def test_flattening_asks_for_one_exit_that_may_only_reduce() -> None:
    visit = Visit(opened().state)
    assert visit.ask(Ask.FLATTEN).ok
    assert visit.ask(Ask.FLATTEN).ok, "a second person may ask as well"
    leaving = [
        asked.approved.order
        for asked in visit.loop.asked
        if isinstance(asked, (commands.ChangeOrder, commands.PlaceExit))
    ]
    assert [order.reduce_only for order in leaving] == [True], "asked twice, one exit leaves"
    assert visit.loop.state.mode is Mode.REDUCE_ONLY


def test_flattening_a_flat_account_sends_nothing_and_says_why() -> None:
    visit = Visit()
    answer = visit.ask(Ask.FLATTEN)
    assert {type(asked) for asked in visit.loop.asked} <= {RaiseAlert}
    assert "EXIT_WHEN_FLAT" in [said.code for said in answer.said]
    assert answer.status is not None
    assert answer.status.flat


def test_flattening_while_an_entry_works_withdraws_it() -> None:
    visit = Visit(entering().state)
    visit.ask(Ask.FLATTEN)
    cancelled = [asked for asked in visit.loop.asked if isinstance(asked, commands.CancelOrder)]
    assert cancelled
    assert not visit.desk.status().flat, "withdrawn is not proven dead"


def test_the_same_request_twice_is_done_once() -> None:
    visit = Visit()
    visit.ask(Ask.HALT, request_id="once")
    visit.ask(Ask.RESUME, code=visit.desk.status().resume_code or "")
    again = visit.ask(Ask.HALT, request_id="once")
    assert again.ok
    assert "before" in again.text
    assert visit.loop.state.mode is Mode.NORMAL


def test_a_request_that_waited_too_long_is_refused_and_on_record() -> None:
    visit = Visit(opened().state)
    answer = visit.ask(Ask.FLATTEN, ago_s=31)
    assert not answer.ok
    assert answer.refusal is Refusal.EXPIRED
    assert len(visit.loop.events) == 1
    assert {type(asked) for asked in visit.loop.asked} == {RaiseAlert}


def test_a_request_from_the_future_is_refused() -> None:
    visit = Visit()
    assert visit.ask(Ask.HALT, ago_s=-31).refusal is Refusal.EXPIRED


def test_a_resume_needs_the_code_of_what_was_seen() -> None:
    visit = Visit()
    visit.ask(Ask.HALT)
    assert visit.ask(Ask.RESUME).refusal is Refusal.CODE_NEEDED
    assert visit.ask(Ask.RESUME, code="000000").refusal is Refusal.CODE_NEEDED
    assert visit.loop.state.mode is Mode.HALT
    answer = visit.ask(Ask.RESUME, code=visit.desk.status().resume_code or "")
    assert answer.ok
    assert answer.status is not None
    assert answer.status.mode is Mode.NORMAL


def test_a_code_is_stale_once_something_new_has_happened() -> None:
    visit = Visit()
    visit.ask(Ask.HALT)
    read = visit.desk.status().resume_code or ""
    paged = RaiseAlert(AlertLevel.PAGE, "UNEXPECTED_FILL", "something filled")
    visit.desk.seen(Halted("meanwhile"), [paged], visit.loop.state)
    answer = visit.ask(Ask.RESUME, code=read)
    assert answer.refusal is Refusal.CODE_NEEDED
    assert visit.loop.state.mode is Mode.HALT


def test_a_code_outlives_what_changes_nothing() -> None:
    visit = Visit()
    visit.ask(Ask.HALT)
    read = visit.desk.status().resume_code or ""
    visit.later(60)
    info = RaiseAlert(AlertLevel.INFO, "ANYTHING", "of no weight")
    visit.desk.seen(Halted("x"), [info], visit.loop.state)
    assert visit.ask(Ask.RESUME, code=read).ok


def test_there_is_nothing_to_resume_in_mode_normal() -> None:
    visit = Visit()
    assert visit.ask(Ask.RESUME, code="x").refusal is Refusal.NOT_STOPPED
    assert visit.loop.events == []


def test_a_resume_that_was_carried_out_may_be_repeated() -> None:
    visit = Visit()
    visit.ask(Ask.HALT)
    code = visit.desk.status().resume_code or ""
    visit.ask(Ask.RESUME, code=code, request_id="mine")
    assert visit.ask(Ask.RESUME, code=code, request_id="mine").ok


def test_before_the_start_only_a_halt_is_taken() -> None:
    visit = Visit(started=False)
    assert visit.ask(Ask.STATUS).ok
    assert visit.ask(Ask.FLATTEN).refusal is Refusal.NOT_STARTED
    assert visit.ask(Ask.RESUME, code="x").refusal is Refusal.NOT_STARTED
    assert visit.ask(Ask.HALT).ok
    assert visit.loop.state.mode is Mode.HALT


def test_a_failing_loop_is_answered_for_and_reported() -> None:
    visit = Visit()
    visit.loop.breaks = True
    answer = visit.ask(Ask.HALT)
    assert answer.refusal is Refusal.FAILED
    assert "thought impossible" in answer.text
    assert visit.failures == ["a request: something that was thought impossible"]


def test_a_loop_that_has_failed_takes_nothing_and_says_so() -> None:
    visit = Visit()
    visit.loop.failure = RuntimeError("out of disk")
    answer = visit.ask(Ask.FLATTEN)
    assert answer.refusal is Refusal.FAILED
    assert "out of disk" in answer.text
    assert visit.ask(Ask.STATUS).ok, "looking is still possible"


def test_alerts_of_the_trader_are_part_of_its_status() -> None:
    visit = Visit()
    for number in range(30):
        told = RaiseAlert(AlertLevel.INFO, f"CODE_{number}", "text")
        visit.desk.seen(Halted("x"), [told], visit.loop.state)
    codes = [said.code for said in visit.desk.status().alerts]
    assert len(codes) == 20
    assert codes[-1] == "CODE_29"

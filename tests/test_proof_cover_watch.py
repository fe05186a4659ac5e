"""The clock of unprotected time runs by the truth, and accuses for what the trader could know."""

from datetime import UTC, datetime, timedelta

from mytrader.proof.cover_watch import Cause, CoverWatch, StartEnd

T0 = datetime(2025, 12, 9, 15, tzinfo=UTC)
FILL = Cause(exec_id="a")


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def started(watch: CoverWatch, seconds: float) -> None:
    """The trader is connected, and everything that it asks at a start is answered."""
    watch.hears(at(seconds), True)
    for end in StartEnd:
        watch.told_end(at(seconds), end)


def bare(told_s: float | None = 0.0) -> CoverWatch:
    """A watch whose trader hears, with a span that began at once."""
    watch = CoverWatch()
    started(watch, -10)
    watch.uncovered(at(0), "0 of 1", [FILL])
    if told_s is not None:
        watch.told(at(told_s), FILL)
    return watch


def test_a_span_of_three_seconds_is_still_in_time() -> None:
    watch = bare()
    watch.covered(at(3.0))
    assert not watch.late
    assert [span.seconds for span in watch.spans] == [3.0]


def test_a_longer_one_accuses_once() -> None:
    watch = bare()
    watch.pass_to(at(3.1))
    watch.pass_to(at(4))
    watch.covered(at(9))
    assert [span.why for span in watch.late] == ["0 of 1"]
    assert watch.spans[0].seconds == 9


def test_time_counts_from_when_the_trader_could_know() -> None:
    watch = bare(told_s=20)
    watch.pass_to(at(22.9))
    assert not watch.late
    watch.pass_to(at(23.1))
    assert watch.late


def test_what_it_was_never_told_is_not_its_fault() -> None:
    watch = bare(told_s=None)
    watch.told(at(1), Cause(exec_id="another"))
    watch.covered(at(60))
    assert not watch.late
    assert watch.spans[0].seconds == 60


def test_what_nothing_at_the_exchange_caused_it_knows() -> None:
    watch = CoverWatch()
    started(watch, 0)
    watch.uncovered(at(0), "2 of 1", [])
    watch.pass_to(at(4))
    assert watch.late


def test_a_trader_that_does_not_hear_is_excused_meanwhile() -> None:
    watch = bare()
    watch.hears(at(2), False)
    started(watch, 50)
    watch.pass_to(at(50.9))
    assert not watch.late
    watch.pass_to(at(51.1))
    assert watch.late


def test_a_start_that_is_not_answered_to_its_end_is_no_start() -> None:
    """Even if a message of it tells what happened: the trader does not trade on half a book."""
    watch = bare()
    watch.hears(at(1), False)
    watch.hears(at(2), True)
    for end in list(StartEnd)[1:]:
        watch.told_end(at(3), end)
    watch.told(at(3), FILL)
    watch.pass_to(at(60))
    assert not watch.late
    watch.told_end(at(60), StartEnd.ORDERS)
    watch.pass_to(at(61.9))
    assert not watch.late
    watch.pass_to(at(62.1))
    assert watch.late


def test_a_page_excuses_the_span() -> None:
    watch = bare()
    watch.paged(at(2), halted=False)
    watch.pass_to(at(60))
    assert not watch.late
    watch.covered(at(60))
    watch.uncovered(at(70), "0 of 1", [])
    watch.pass_to(at(75))
    assert watch.late, "a page about another span excuses nothing"


def test_a_halt_that_was_paged_excuses_until_somebody_resumes() -> None:
    watch = bare()
    watch.paged(at(1), halted=True)
    watch.covered(at(2))
    watch.uncovered(at(70), "0 of 1", [])
    watch.pass_to(at(80))
    assert not watch.late
    watch.resumed(at(80))
    watch.pass_to(at(83))
    assert not watch.late, "who took the risk again gives the trader its time again"
    watch.pass_to(at(83.1))
    assert watch.late


def test_the_longest_stretch_without_an_answer_is_kept() -> None:
    """It ends with a page, and begins anew when a person takes the risk again."""
    watch = bare()
    watch.paged(at(2), halted=True)
    watch.resumed(at(30))
    watch.paged(at(31), halted=True)
    watch.covered(at(60))
    (span,) = watch.spans
    assert (span.seconds, span.unanswered_s) == (60.0, 2.0)


def test_leaving_excuses_while_it_goes_on_and_not_for_ever() -> None:
    watch = bare()
    for second in range(100):
        watch.left(at(second))
        watch.pass_to(at(second))
    assert len(watch.late) == 1
    stopped = bare()
    stopped.left(at(2))
    stopped.pass_to(at(6))
    assert not stopped.late
    stopped.pass_to(at(7))
    assert stopped.late

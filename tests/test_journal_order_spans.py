"""An order's span: from its intent to the proof of its end, with what happened to it."""

from datetime import timedelta

from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.events import Book
from mytrader.domain.known import Known
from mytrader.domain.orders import Side
from mytrader.journal.order_spans import ORDER_EVENTS_MAX, order_spans, price_of
from mytrader.journal.telemetry import trace_of
from mytrader.journal.trace import Span
from mytrader.journal.watched import Appended
from tests.playbook import CON_ID, CYCLE, ENTRY
from tests.test_journal_telemetry import history_of
from tests.trace_samples import Tape, closed, moment


def orders_of(tape: Tape) -> dict[str, Span]:
    """Return the spans of the orders by key."""
    history = history_of(tape)
    return {span.key: span for span in trace_of(history).spans if span.key.startswith("order ")}


def told(span: Span) -> list[str]:
    """Return the names of what happened to an order."""
    return [event.name for event in span.events]


def test_prices_are_points_and_unknown_symbols_have_none() -> None:
    assert price_of("ES", 27_200) == 6800.0
    assert price_of("ES", None) is None
    assert price_of("XX", 27_200) is None


def test_an_entry_that_filled_says_when_it_was_heard_and_what_it_cost() -> None:
    entry = orders_of(closed())["order E1"]
    assert told(entry) == ["written", "status Submitted", "fill", "status Filled"]
    assert entry.attributes["mytrader.order.acknowledged_ms"] == 20.0
    assert entry.attributes["mytrader.order.end"] == "filled"
    fill = entry.events[2]
    assert fill.attributes["mytrader.fill.price"] == 6800.0
    assert fill.attributes["mytrader.fill.commission_usd"] == 2.4


def test_an_order_that_rests_lasts_as_long_as_is_known() -> None:
    stop = orders_of(Tape().decided().opened())["order S1"]
    assert stop.attributes["mytrader.order.end"] == "live"
    assert stop.ended_at == moment(0.674)


def test_a_cancelled_entry_ends_with_the_brokers_word() -> None:
    tape = Tape().decided()
    tape.tell(tape.written("E1"), tape.written("S1"), tape.status("E1", "Submitted"))
    tape.tell(events.TimeReached(), later_ms=11_000)
    tape.tell(tape.written("E1", "cancel"))
    tape.tell(tape.status("E1", "Cancelled"), later_ms=30)
    entry = orders_of(tape)["order E1"]
    assert told(entry)[-3:] == ["cancel asked", "written", "status Cancelled"]
    assert entry.lasted == timedelta(milliseconds=11_030)


def test_a_refused_order_is_an_error_without_the_brokers_words() -> None:
    tape = Tape().decided()
    tape.tell(tape.written("E1"), tape.written("S1"))
    tape.tell(events.ErrorReported(f"mt/{CYCLE}/E1", 1, 201, "rejected: account U7654321"))
    entry = orders_of(tape)["order E1"]
    assert entry.error == "refused"
    assert entry.events[-1].attributes == {"mytrader.broker.code": 201}


def test_what_only_a_book_tells_is_told_too_and_once() -> None:
    """A fill whose report was lost is found in the next look at the whole book."""
    tape = Tape().decided()
    tape.tell(tape.written("E1"), tape.written("S1"))
    fill = tape.fill("E1", ENTRY, exec_id="0001.01.01", side=Side.BUY)
    assert isinstance(fill, events.ExecutionReported)
    number = tape.state.link.queries_asked
    book = Book((), (fill.execution,), (events.PositionReported(CON_ID, 1),))
    tape.tell(events.BookAnswered(number, Known(book)), later_ms=40)
    tape.tell(fill, later_ms=5)
    spans = orders_of(tape)
    assert told(spans["order E1"]) == ["written", "fill"]
    assert spans["order E1"].ended_at == moment(0.46)


def test_a_stop_that_is_trailed_all_day_stays_a_span_of_some_size() -> None:
    history = history_of(Tape().decided().opened())
    last = history.records[-1]
    many = tuple(
        Appended(1000 + n, last.at, events.ErrorReported(f"mt/{CYCLE}/S1", 2, n, "-"), ())
        for n in range(2 * ORDER_EVENTS_MAX)
    )
    spans = order_spans(replace(history, records=(*history.records, *many)), last.at)
    assert max(len(span.events) for span in spans) == ORDER_EVENTS_MAX

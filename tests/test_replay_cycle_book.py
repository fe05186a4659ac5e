"""The book of trades: what ended, what it came to, and why the rest came to nothing."""

from decimal import Decimal

from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.commands import AlertLevel, RaiseAlert
from mytrader.domain.cycle import Phase, TradeCycle
from mytrader.domain.limits import Limits
from mytrader.domain.orders import Side
from mytrader.domain.trader import TraderState
from mytrader.replay.cycle_book import NOT_FILLED, CycleBook, fold, gross_usd
from tests.domain_samples import a_cycle, a_fill
from tests.fakes.journal import FakeJournal

TICK = events.TimeReached()


def won() -> TradeCycle:
    """Four ticks up on one contract of ES, commissions known for the entry alone."""
    fills = (a_fill(Side.BUY, 27_200), a_fill(Side.SELL, 27_204, exec_id="0002.01"))
    paid = {"0001.01": Decimal("2.40")}
    return replace(a_cycle(*fills), phase=Phase.CLOSED, commissions_usd=paid)


def ended(*cycles: TradeCycle, alerts: tuple[str, ...] = ()) -> CycleBook:
    """Return a book that saw these cycles end, and these alerts about the last of them."""
    book = CycleBook()
    told = [RaiseAlert(AlertLevel.WARNING, code, "text", cycles[-1].cycle_id) for code in alerts]
    book.seen(TICK, list(told), TraderState(limits=Limits(), finished=cycles))
    return book


def test_profit_is_fills_less_commissions() -> None:
    book = ended(won())
    assert (book.gross_usd, book.commission_usd) == (Decimal(50), Decimal("2.40"))
    assert book.net_usd == Decimal("47.60")


def test_a_late_commission_is_added_to_its_trade_once() -> None:
    book = ended(won())
    late = events.CommissionReported("0002.01", Decimal("2.40"))
    for event in (late, late, events.CommissionReported("nobody's", Decimal(9))):
        book.seen(event, [], TraderState(limits=Limits()))
    assert book.net_usd == Decimal("45.20")


def test_an_aborted_entry_names_its_alerts_or_that_nothing_was_filled() -> None:
    aborted = replace(a_cycle(), phase=Phase.ABORTED)
    book = ended(aborted, alerts=("LINK_DOWN", "LINK_DOWN", "OTHER"))
    assert book.aborted == [aborted]
    assert book.codes_of(aborted) == ["LINK_DOWN", "OTHER"]
    assert book.abort_reasons == {"LINK_DOWN OTHER": 1}
    assert ended(aborted).abort_reasons == {NOT_FILLED: 1}


def test_a_refusal_counts_by_its_first_code_and_earns_nothing() -> None:
    refused = replace(a_cycle(), phase=Phase.REFUSED, reason_codes=("MODE", "COOLDOWN"))
    book = ended(refused)
    assert book.refusals == {"MODE": 1}
    assert not book.closed
    assert not book.aborted
    assert book.net_usd == 0


def test_an_unknown_symbol_has_no_profit() -> None:
    assert gross_usd(replace(won(), symbol="XX")) == 0


def test_the_worst_of_all_cycles_is_kept_open_ones_included() -> None:
    worse = replace(a_cycle(), unprotected_seconds_max=0.5, emergency_stops=1)
    book = ended(won())
    book.seen(TICK, [], TraderState(limits=Limits(), cycles={"x": worse}))
    assert (book.unprotected_seconds_max, book.emergency_stops) == (0.5, 1)
    assert CycleBook().unprotected_seconds_max == 0.0


def test_a_journal_is_folded_by_the_same_step_that_wrote_it() -> None:
    journal, book = FakeJournal(), CycleBook()
    halted = events.Halted("a test")
    journal.append(won().proposed_at, events.TraderStarted(Limits()), [], durable=True)
    journal.append(won().proposed_at, halted, [], durable=True)
    state = fold(journal.read(), book)
    assert state.mode_why == "a test"
    assert book.alerts, "what the step answers is in the book"

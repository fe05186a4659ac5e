"""Records keep every event exactly, and change their hash with every byte."""

import math
from datetime import timedelta
from typing import get_args

import msgspec
import pytest
from msgspec.structs import replace

from mytrader.config import load_settings
from mytrader.domain.commands import AlertLevel, AnyCommand, RaiseAlert
from mytrader.domain.decision import Advice, AdvisorRole, Opinion
from mytrader.domain.events import (
    AdviceGiven,
    AdvisorCalled,
    AnyEvent,
    ErrorReported,
    Halted,
    SignalRaised,
    TraderStarted,
)
from mytrader.domain.limits import Limits
from mytrader.domain.memory import Recall
from mytrader.errors import BadInput, InvariantBroken, JournalFault
from mytrader.journal.codec import (
    GENESIS,
    cycle_ids,
    linked,
    moment,
    nanoseconds,
    opening_of,
    opening_row,
    payload_of,
    record_of,
    record_row,
)
from tests.journal_samples import (
    AT,
    CALL,
    COMMANDS,
    CYCLE,
    EVENTS,
    OPENING,
    OTHER,
    REMEMBERED,
    signal,
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_survives_the_record(event: AnyEvent) -> None:
    assert record_of(record_row(1, AT, event, commands=COMMANDS, prev=GENESIS)).event == event


def test_the_samples_cover_every_event_and_command() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(AnyEvent))
    assert {type(command) for command in COMMANDS} == set(get_args(AnyCommand))


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_odd_floats_are_recorded_as_they_were(odd: float) -> None:
    """A guard refuses them, and the record must show what it refused."""
    opinion = Opinion("local", AdvisorRole.RISK, Advice.WAIT, "null", size_multiplier=odd)
    row = record_row(
        1, AT, SignalRaised(CYCLE, 1, signal(odd, atr=odd)), commands=(), prev=GENESIS
    )
    raised = record_of(row).event
    assert isinstance(raised, SignalRaised)
    assert repr(raised.signal) == repr(signal(odd, atr=odd))
    given = record_of(
        record_row(1, AT, AdviceGiven(CYCLE, (opinion,)), commands=(), prev=GENESIS)
    ).event
    assert isinstance(given, AdviceGiven)
    assert repr(given.opinions) == repr((opinion,))


@pytest.mark.parametrize("odd", [math.nan, math.inf])
def test_odd_floats_of_memory_and_calls_are_recorded_too(odd: float) -> None:
    recall = Recall((replace(REMEMBERED, distance=odd),), support=odd, mean_r=odd)
    given = AdviceGiven(CYCLE, (), recall)
    called = AdvisorCalled(CYCLE, replace(CALL, latency_ms=odd))
    for event in (given, called):
        read = record_of(record_row(1, AT, event, commands=(), prev=GENESIS)).event
        assert repr(read) == repr(event)


def test_only_signals_and_opinions_hold_odd_floats() -> None:
    """The codec looks for odd floats there; limits have theirs from settings that refuse them."""
    holders = {
        kind.__name__
        for kind in (*get_args(AnyEvent), *get_args(AnyCommand))
        if "'type': 'number'" in str(msgspec.json.schema(kind))
    }
    checked = {"SignalRaised", "AdviceGiven", "AdvisorCalled", "AskAdvice"}
    assert holders == checked | {"TraderStarted"}


@pytest.mark.parametrize("odd", [math.nan, math.inf])
@pytest.mark.parametrize(
    "name", ["trading.min_confidence_for_trade", "aws_agents.wait_override_confidence"]
)
def test_the_floats_of_limits_cannot_be_odd(name: str, odd: float) -> None:
    """So a start's record holds none that the codec would have to look for."""
    with pytest.raises(BadInput):
        load_settings(environ={}, overrides={name: odd})


def test_a_start_from_before_anything_could_be_closed_closes_nothing() -> None:
    """Its record has no such fields, and its chain still holds."""
    limits = Limits(loss_streak_max=3)
    row = record_row(1, AT, TraderStarted(limits), commands=(), prev=GENESIS)
    closed = ',"no_entry_hours":[],"no_entry_strategies":[],"no_entry_regimes":[]'
    assert closed in row.payload
    assert record_of(row._replace(payload=row.payload.replace(closed, ""))).event == (
        TraderStarted(limits)
    )


def test_what_a_start_closes_is_on_record() -> None:
    limits = Limits(
        no_entry_hours=(9,), no_entry_strategies=("ema-cross",), no_entry_regimes=("RANGE LOW",)
    )
    row = record_row(1, AT, TraderStarted(limits), commands=(), prev=GENESIS)
    assert record_of(row).event == TraderStarted(limits)


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(JournalFault, match="kind halted"):
        payload_of(Halted("\ud800"), ())


def test_a_newer_payload_is_named() -> None:
    row = record_row(4, AT, Halted("x"), commands=(), prev=GENESIS)
    newer = row._replace(payload=row.payload.replace('"v":1', '"v":2'))
    with pytest.raises(JournalFault, match="record 4 has payload version 2"):
        record_of(newer)


@pytest.mark.parametrize("payload", ["", "[]", "{}", '{"v":1,"event":{"kind":"new"}}', "{"])
def test_a_payload_that_is_no_event_is_named(payload: str) -> None:
    row = record_row(4, AT, Halted("x"), commands=(), prev=GENESIS)._replace(payload=payload)
    with pytest.raises(JournalFault, match="record 4"):
        record_of(row)


def test_every_field_of_a_record_is_in_its_hash() -> None:
    row = record_row(2, AT, Halted("x"), commands=(), prev=GENESIS)
    others = [
        record_row(3, AT, Halted("x"), commands=(), prev=GENESIS),
        record_row(2, AT + timedelta(microseconds=1), Halted("x"), commands=(), prev=GENESIS),
        record_row(2, AT, Halted("y"), commands=(), prev=GENESIS),
        record_row(2, AT, Halted("x"), commands=COMMANDS[:1], prev=GENESIS),
        record_row(2, AT, Halted("x"), commands=(), prev="1" * 64),
    ]
    assert len({row.hash, *(other.hash for other in others)}) == 6
    assert record_row(2, AT, Halted("x"), commands=(), prev=GENESIS) == row


def test_fields_cannot_slide_into_one_another() -> None:
    assert linked(GENESIS, "ab", "c") != linked(GENESIS, "a", "bc")


def test_the_order_of_features_does_not_matter() -> None:
    one, two = signal(atr=1.0, rsi=2.0), signal(rsi=2.0, atr=1.0)
    assert payload_of(SignalRaised(CYCLE, 1, one), ()) == payload_of(
        SignalRaised(CYCLE, 1, two), ()
    )


def test_an_opening_survives_and_its_time_is_outside_the_chain() -> None:
    row = opening_row(1, 0, AT, opening=OPENING, prev=GENESIS)
    later = opening_row(1, 0, AT + timedelta(days=1), opening=OPENING, prev=GENESIS)
    assert opening_of(row) == OPENING
    assert row.hash == later.hash
    with pytest.raises(JournalFault, match="opening 1"):
        opening_of(row._replace(content="?"))


def test_times_are_exact_to_the_microsecond() -> None:
    assert moment(nanoseconds(AT)) == AT
    with pytest.raises(InvariantBroken):
        nanoseconds(AT.replace(tzinfo=None))


CONCERNED = {
    "signal",
    "advice",
    "advisor_called",
    "order_written",
    "order_not_written",
    "order_reported",
}
CONCERNED |= {
    "orders_numbered",
    "status_reported",
    "error_reported",
    "execution",
    "book",
    "margin",
}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_names_its_cycle(event: AnyEvent) -> None:
    kind = str(event.__struct_config__.tag)
    answered = "no end marker" not in repr(event)
    assert cycle_ids(event, ()) == ([CYCLE] if kind in CONCERNED and answered else [])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_a_command_names_its_cycle(command: AnyCommand) -> None:
    expected = {"query_book": [], "cancel_order": [OTHER]}
    kind = str(command.__struct_config__.tag)
    assert cycle_ids(Halted("x"), (command,)) == expected.get(kind, [CYCLE])


def test_a_record_of_several_cycles_names_each_once_and_its_own_first() -> None:
    event = ErrorReported(f"mt/{OTHER}/S1", 1, 202, "")
    unnamed = RaiseAlert(AlertLevel.INFO, "CODE", "A sentence.")
    assert cycle_ids(event, (unnamed, *COMMANDS, *COMMANDS)) == [OTHER, CYCLE]


def test_foreign_references_name_no_cycle() -> None:
    assert cycle_ids(ErrorReported("somebody else", 1, 202, ""), ()) == []

"""Traces as scripts, as short as they go."""

from mytrader.domain import commands, events
from mytrader.execution.trade_cycle import TRANSITIONS
from mytrader.proof.ending import END
from mytrader.proof.moves import Move
from mytrader.proof.script import breaks, described, heard, shortened, told
from mytrader.proof.trader import Crash, Trader
from tests.proof_samples import trader_of

ROWS = {row: to for row, to in TRANSITIONS.items() if row[1] != "covered"}
NONE = Crash.NONE
LONG: tuple[Move, ...] = (
    ("propose", 0, NONE),
    ("advise GO", 0, NONE),
    ("position", 0, NONE),
    ("deliver", 0, NONE),
    ("margin known", 0, NONE),
    ("slow", 0, NONE),
    ("fill", 1, NONE),
    ("deliver", 0, NONE),
    ("accept", 21, NONE),
    ("deliver", 0, NONE),
)


def broken() -> Trader:
    """Return a trader whose table misses a row."""
    return Trader(trader_of().limits, table=ROWS)


def test_a_trace_is_shortened_to_what_it_needs() -> None:
    """What the broken promise does not need is left out."""
    short = shortened(broken, LONG)
    assert [move[0] for move in short] == [
        "propose",
        "advise GO",
        "margin known",
        "slow",
        "fill",
        "deliver",
        "accept",
        "deliver",
    ]


def test_a_trace_that_cannot_be_made_breaks_nothing() -> None:
    """A move that is not offered ends it."""
    assert breaks(broken(), LONG[1:]) is None
    assert breaks(trader_of(), LONG) is None


def test_a_script_says_what_was_heard_and_asked_for() -> None:
    """One line per move, per event and per command; the promise last."""
    lines = told(broken(), LONG)
    assert lines[0] == "    0.000 propose"
    assert "     << place bracket BUY 1" in lines
    assert "     >> execution E1 BUY 1" in lines
    assert lines[-1] == "   broken: the table: covered while PROTECTING is not foreseen"


def test_an_ending_is_part_of_a_trace() -> None:
    """It stands for all its moves."""
    lines = told(broken(), [*LONG[:2], LONG[4], ("fill", 1, NONE), END])
    assert any("kind ending" in line for line in lines) or "broken" in lines[-1]
    assert breaks(broken(), [*LONG[:2], LONG[4], END]) is None


def test_everything_has_a_line() -> None:
    """Commands and events that the samples above do not show."""
    ref = "mt/01JCXW5M7Q0000000000000000/S1"
    page = commands.RaiseAlert(commands.AlertLevel.PAGE, "LINK_DOWN", "-")
    assert [described(page), described(commands.CancelOrder(ref, "flat"))] == [
        "page LINK_DOWN",
        "cancel S1: flat",
    ]
    lines = [
        heard(events.LinkChanged(up=False, why="-")),
        heard(events.ErrorReported(ref, 1, 201, "-")),
        heard(events.OrderNotWritten(ref, "place", "LINK_DOWN", "-")),
        heard(events.OperatorAsked(events.Request.HALT, "-")),
        heard(events.TimeReached()),
    ]
    assert lines == [
        "link down",
        "error 201 for S1",
        "not written: place S1, LINK_DOWN",
        "a person asks: halt",
        "time",
    ]

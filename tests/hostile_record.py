"""Records of trades in which every word of a stranger is one hostile text."""

from decimal import Decimal
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.decision import Advice, AdvisorCall, AdvisorRole, Opinion, Signal
from mytrader.domain.known import Unknown
from mytrader.domain.memory import Recall, SimilarTrade
from mytrader.journal.writer import JournalWriter
from tests.journal_samples import OPENING
from tests.playbook import AMPLE, CON_ID, CYCLE, NOON, proposed
from tests.trace_samples import Tape

MARK: Final = "[bold]q7[/]:skull:"
"""Stands before every text: where it is shown, it is shown like this, to the letter."""

FORGED: Final = "FORGED"
"""Begins a line of its own behind every text: no line of ours may begin with it."""

_ENDS: Final = ("\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029")
SECOND: Final = f"{CYCLE[:-1]}1"


def armed(text: str) -> str:
    """Return a text with a mark before it, and behind it lines that pretend to be ours."""
    return f"{MARK} {text}" + "".join(f"{end}{FORGED} x" for end in _ENDS)


def a_signal(text: str) -> Signal:
    """Return a proposal of a strategy that calls everything by this text."""
    raised = proposed()
    assert isinstance(raised, events.SignalRaised)
    return replace(raised.signal, strategy=text, reason=text, features={"atr": 1.5, text: 2.0})


def opinions(text: str, *, failed: bool) -> tuple[Opinion, ...]:
    """Return what advisors would say if nobody checked them."""
    return tuple(
        Opinion(
            text,
            role,
            Advice.WAIT if failed else Advice.GO,
            text,
            confidence=0.9,
            failure=text if failed else None,
            cited=(text,),
        )
        for role in AdvisorRole
    )


def hostile_tape(text: str) -> Tape:
    """Return a trade that was closed, one that was refused, and a halt, all in these words."""
    tape = Tape()
    lesson = SimilarTrade(text, 0.1, Decimal(-900), -1.0, text, avoid=True)
    call = AdvisorCall(text, text, 1, text, 12.0)
    tape.tell(tape.bar(), events.SignalRaised(CYCLE, CON_ID, a_signal(text)))
    tape.tell(events.MarginStated(CYCLE, AMPLE), events.AdvisorCalled(CYCLE, call))
    recall = Recall((lesson,), 0.6, trades=5, wins=3)
    tape.tell(events.AdviceGiven(CYCLE, opinions(text, failed=False), recall), later_ms=40)
    tape.opened()
    tape.tell(events.ErrorReported(f"mt/{CYCLE}/S1", 2, 399, text))
    tape.tell(tape.status("S1", "PreSubmitted", held=text), later_ms=10)
    tape.held(1).stopped()
    tape.tell(tape.bar(), events.SignalRaised(SECOND, CON_ID, a_signal(text)), later_ms=2000)
    tape.tell(events.MarginStated(SECOND, Unknown(text)))
    failing = Recall(failure=text)
    tape.tell(events.AdviceGiven(SECOND, opinions(text, failed=True), failing), later_ms=40)
    tape.tell(events.OrderNotWritten(f"mt/{SECOND}/E1", "place", text, text))
    tape.tell(events.ErrorReported("", 77, 201, text), events.LinkChanged(up=False, why=text))
    tape.tell(events.BookAnswered(9, Unknown(text)))
    tape.tell(events.OperatorAsked(events.Request.HALT, text), later_ms=1000)
    return tape.tell(events.Halted(text), later_ms=1000)


def hostile_journal(path: Path, text: str) -> Path:
    """Write these trades into a journal."""
    writer = JournalWriter(path, at=NOON, opening=OPENING)
    for record in hostile_tape(text).records:
        writer.append(record.at, record.event, record.commands, durable=False)
    writer.close()
    return path

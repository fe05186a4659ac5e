"""Traces out of a journal: its records folded once more, with whoever watches them."""

from collections.abc import Iterable, Sequence
from typing import Final

from mytrader.domain.trader import TraderState
from mytrader.errors import BadInput
from mytrader.journal.cycle_histories import (
    CycleHistories,
    CycleHistory,
    LateCall,
    Lesson,
    no_lesson,
)
from mytrader.journal.telemetry import late_trace, trace_of
from mytrader.journal.trace import Trace, trace_hex
from mytrader.journal.watched import Listener
from mytrader.ports import JournalRecord
from mytrader.replay.cycle_book import CycleBook, fold

NAMED_MAX: Final = 5


def fold_watched(
    records: Iterable[JournalRecord], book: CycleBook, *, listeners: Sequence[Listener]
) -> TraderState:
    """Return the state that a journal's events lead to, as `cycle_book.fold`; all may watch.

    The listeners see what they would have seen while it happened.
    """

    def tell(record: JournalRecord, state: TraderState) -> None:
        for listener in listeners:
            listener.recorded(record)
            listener.looked(state, record.at)

    return fold(records, book, each=tell)


def read_traces(
    records: Iterable[JournalRecord], *, lesson: Lesson = no_lesson
) -> dict[str, Trace]:
    """Return the trace of every cycle of a journal by its id, oldest first.

    `lesson` is what the memory keeps of an ended trade. What came after a cycle's end, the call
    of an advisor that took too long, stands in its trace.
    """
    found: dict[str, Trace] = {}
    late: list[LateCall] = []

    def keep(history: CycleHistory) -> None:
        found[history.cycle.cycle_id] = trace_of(history)

    histories = CycleHistories(keep, late=late.append, lesson=lesson)
    fold_watched(records, CycleBook(), listeners=[histories])
    for history in histories.standing():
        keep(history)
    for each in late:
        trace = found[each.cycle.cycle_id]
        spans = (*trace.spans, *late_trace(each).spans)
        found[trace.cycle_id] = Trace(trace.cycle_id, spans, open=trace.open)
    return dict(sorted(found.items()))


def chosen(traces: dict[str, Trace], prefix: str) -> Trace:
    """Return the one trace whose cycle id, or own id, begins with `prefix`; raises `BadInput`."""
    wanted = prefix.strip()
    matching = [
        cycle_id
        for cycle_id in traces
        if wanted
        and (cycle_id.startswith(wanted.upper()) or trace_hex(cycle_id).startswith(wanted.lower()))
    ]
    if len(matching) == 1:
        return traces[matching[0]]
    if not matching:
        raise BadInput(f"cycle {prefix[:40]!r}: not in this journal; `mytrader cycles` lists them")
    named = ", ".join(matching[:NAMED_MAX])
    more = f" and {len(matching) - NAMED_MAX} more" if len(matching) > NAMED_MAX else ""
    raise BadInput(
        f"cycle {prefix[:40]!r}: begins {len(matching)} cycles ({named}{more}): say more"
    )

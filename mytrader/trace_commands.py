"""`mytrader trace`: one cycle's trace out of a journal, on the screen, as JSON or as a picture."""

import sys
from pathlib import Path

from rich.console import Console

from mytrader.journal.reader import JournalReader
from mytrader.outputs import print_json, write_file
from mytrader.rag.documents import lesson_of
from mytrader.replay.trace_picture import trace_svg
from mytrader.replay.trace_text import print_trace, trace_view
from mytrader.replay.traces import chosen, read_traces
from mytrader.run_folder import newest_journal


def trace(cycle: str, journal: Path | None, *, as_json: bool, svg: Path | None) -> None:
    """Show the trace of the one cycle whose id, or trace id, begins with `cycle`.

    Raises `BadInput`. What goes into a pipe or a file is wide enough for all its words.

    The journal may be growing meanwhile. An existing picture is replaced.
    """
    path = newest_journal() if journal is None else journal
    with JournalReader(path) as reader:
        found = chosen(read_traces(reader.read(), lesson=lesson_of), cycle)
    if svg is not None:
        write_file("--svg", svg, trace_svg(found))
    if as_json:
        print_json(trace_view(found))
    elif svg is None:
        console = Console(highlight=False)
        print_trace(found, console, whole=not console.is_terminal)
    else:
        sys.stdout.write(f"{svg}: {len(found.spans)} spans of cycle {found.cycle_id}\n")

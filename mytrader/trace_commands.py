"""`mytrader trace`: one cycle's trace out of a journal, on the screen, as JSON or as a picture."""

import json
import sys
from pathlib import Path

from rich.console import Console

from mytrader.errors import BadInput
from mytrader.journal.reader import JournalReader
from mytrader.plain_text import visible_json
from mytrader.replay.trace_picture import trace_svg
from mytrader.replay.trace_text import print_trace, trace_view
from mytrader.replay.traces import chosen, read_traces


def trace(cycle: str, journal: Path | None, *, as_json: bool, svg: Path | None) -> None:
    """Show the trace of the one cycle whose id begins with `cycle`; raises `BadInput`.

    The journal may be growing meanwhile. An existing picture is replaced.
    """
    path = _newest_journal() if journal is None else journal
    with JournalReader(path) as reader:
        found = chosen(read_traces(reader.read()), cycle)
    if svg is not None:
        _write(svg, trace_svg(found))
    if as_json:
        told = json.dumps(trace_view(found), indent=2, ensure_ascii=False)
        sys.stdout.write(visible_json(told) + "\n")
    elif svg is None:
        print_trace(found, Console(highlight=False))
    else:
        sys.stdout.write(f"{svg}: {len(found.spans)} spans of cycle {found.cycle_id}\n")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--svg {path}: {error.strerror}: choose another file") from None


def _newest_journal() -> Path:
    found = sorted(Path("runs").glob("*.journal"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise BadInput("no journal in runs/: give one with --journal, or trade with mytrader run")
    return found[-1]

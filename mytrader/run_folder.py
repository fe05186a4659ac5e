"""The folder in which runs leave their journals, unless they are told where."""

from pathlib import Path
from typing import Final

from mytrader.errors import BadInput

RUNS: Final = Path("runs")


def newest_journal() -> Path:
    """Return the journal that was written to last; raises `BadInput` where there is none."""
    found = sorted(RUNS.glob("*.journal"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise BadInput("no journal in runs/: give one with --journal, or trade with mytrader run")
    return found[-1]

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


def named_journal(journal: Path) -> Path:
    """Return a journal that somebody named; raises `BadInput` for a folder."""
    if journal.is_dir():
        raise BadInput(f"journal {journal} is a directory: name a file with --journal")
    return journal


def free_journal(folder: Path) -> Path:
    """Claim the first free number; of two runs that start at once only one gets it.

    Raises `BadInput` where the folder cannot be written to.
    """
    make_folder(folder)
    number = 1
    while True:
        path = folder / f"run-{number:04d}.journal"
        number += 1
        if path.exists():
            continue
        try:
            path.with_name(f"{path.name}.lease").touch(0o600, exist_ok=False)
        except FileExistsError:
            continue
        except OSError as error:
            raise BadInput(f"{folder}: {error.strerror}: choose a --journal elsewhere") from None
        return path


def make_folder(folder: Path) -> None:
    """Make a folder for journals, where it is not there; raises `BadInput`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"{folder}: the folder of journals cannot be made ({error.strerror}): choose a "
            "--journal elsewhere"
        ) from None

"""Looking at a running trader and stopping it: `status`, `halt`, `flatten`, `resume`.

Everything goes through the control socket beside its journal. A trader that does not answer is
never taken for one that did what it was asked.
"""

import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console
from rich.text import Text

from mytrader.config import load_settings
from mytrader.control.client import NotRunning, ask, listening
from mytrader.control.protocol import Answer, Ask, Question
from mytrader.control.status import Status, status_of
from mytrader.control.status_text import print_said, print_status
from mytrader.domain.trader import Mode
from mytrader.errors import BadInput, ControlFault
from mytrader.journal.reader import JournalReader
from mytrader.plain_text import one_line, visible_json
from mytrader.ports import JournalRecord
from mytrader.replay.cycle_book import CycleBook, fold
from mytrader.run_folder import RUNS, named_journal
from mytrader.runtime import SystemRuntime, monotonic_seconds, sleep_seconds

EXIT_NOT_RUNNING: Final = 2
EXIT_HALTED: Final = 3
BETWEEN_LOOKS_S: Final = 0.5


class Target(Struct, frozen=True):
    """Which trader is meant, and how to answer, as it was typed."""

    journal: Path | None
    config: Path | None
    as_json: bool


def status(target: Target) -> int:
    """Show how a trader stands; the last record of one that is not running, and status 2."""
    journal = _journal(target)
    try:
        shown = _asked(journal, Ask.STATUS).status
    except NotRunning as absent:
        recorded = _recorded(journal)
        if recorded is None:
            raise
        _show(recorded, target)
        sys.stderr.write(f"{absent}; shown is the end of its record\n")
        return EXIT_NOT_RUNNING
    if shown is None:
        raise ControlFault(f"the trader of {journal} answered without a status: ask again")
    _show(shown, target)
    return EXIT_HALTED if shown.mode is Mode.HALT else 0


def halt(target: Target) -> int:
    """Stop new entries; what protects a position stays where it is."""
    return _act(_journal(target), Ask.HALT, target=target)


def resume(target: Target, code: str) -> int:
    """Allow entries again; `code` is the one that the status shows."""
    return _act(_journal(target), Ask.RESUME, target=target, code=code)


def flatten(target: Target, *, wait_s: float) -> int:
    """Close what is open, withdraw what works, and wait up to `wait_s` for the proof.

    Returns 3 when the trader is not proven flat and without orders by then.
    """
    journal = _journal(target)
    answer = _asked(journal, Ask.FLATTEN)
    if not answer.ok:
        raise ControlFault(f"{answer.refusal}: {answer.text}")
    flat = _wait_until_flat(journal, wait_s, answer.status)
    last = answer.status if flat is None else flat
    _answer(replace(answer, status=last), target)
    if last is not None and last.flat:
        return 0
    sys.stderr.write(
        f"not proven flat within {wait_s:g} s: look at `mytrader status`, and see"
        " docs/runbooks/halt-and-flatten.md\n"
    )
    return EXIT_HALTED


def _wait_until_flat(journal: Path, wait_s: float, shown: Status | None) -> Status | None:
    """Look again and again, until nothing is open or the time is over."""
    until = monotonic_seconds() + wait_s
    while (shown is None or not shown.flat) and monotonic_seconds() < until:
        sleep_seconds(BETWEEN_LOOKS_S)
        shown = _asked(journal, Ask.STATUS).status
    return shown


def _act(journal: Path, what: Ask, *, target: Target, code: str = "") -> int:
    answer = _asked(journal, what, code=code)
    if not answer.ok:
        raise ControlFault(f"{answer.refusal}: {answer.text}")
    _answer(answer, target)
    return 0


def _asked(journal: Path, what: Ask, *, code: str = "") -> Answer:
    question = Question(
        what, SystemRuntime(_no_task).new_cycle_id(), sent_s=monotonic_seconds(), code=code
    )
    return ask(journal, question, pause=_pause)


def _no_task(name: str, error: BaseException) -> None:
    """Nothing is started on this runtime."""


def _pause() -> None:
    sleep_seconds(BETWEEN_LOOKS_S)


# Which trader


def _journal(target: Target) -> Path:
    """Return the journal of the trader that is meant: the one named, or the only one running."""
    if target.journal is not None:
        return named_journal(target.journal)
    usual = load_settings(target.config).journal.path
    known = {usual, *(path.with_suffix("") for path in RUNS.glob("*.sock"))}
    running = sorted(path for path in known if listening(path))
    if len(running) > 1:
        names = ", ".join(map(str, running))
        raise BadInput(f"{len(running)} traders are running ({names}): name one with --journal")
    return running[0] if running else usual


def _recorded(journal: Path) -> Status | None:
    """Return the state at the end of a journal, `None` if there is no journal."""
    if not journal.exists():
        return None
    newest: list[datetime] = []

    def records() -> Iterator[JournalRecord]:
        for record in reader.read():
            newest[:] = [record.at]
            yield record

    with JournalReader(journal) as reader:
        state = fold(records(), CycleBook())
    if not newest:
        return None
    shown = status_of(state, newest[0], alerts=(), pages=0)
    return replace(shown, journal=str(journal), linked=False, resume_code=None)


# What is shown


def _show(shown: Status, target: Target) -> None:
    _print(shown, target, lambda console: print_status(shown, console))


def _answer(answer: Answer, target: Target) -> None:
    def for_people(console: Console) -> None:
        console.print(Text(one_line(answer.text)), soft_wrap=True)
        print_said(answer.said, console)
        if answer.status is not None:
            print_status(answer.status, console)

    _print(answer, target, for_people)


def _print(message: Answer | Status, target: Target, people: Callable[[Console], None]) -> None:
    if target.as_json:
        told = msgspec.json.format(msgspec.json.encode(message)).decode()
        sys.stdout.write(visible_json(told) + "\n")
        return
    people(Console())

"""A small journal with one refused proposal and the minutes behind it, and the command line."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
import typer

from mytrader.cli_learning import app
from mytrader.domain.decision import Advice, AdvisorRole, Opinion
from mytrader.domain.events import (
    AdviceGiven,
    AnyEvent,
    BarClosed,
    ContractStated,
    MarginStated,
    SignalRaised,
    TraderStarted,
)
from mytrader.domain.known import Unknown
from mytrader.domain.limits import Limits
from mytrader.errors import TheirFault
from mytrader.journal.codec import Opening
from mytrader.journal.writer import JournalWriter
from tests.command_line import Said
from tests.domain_samples import CYCLE_ID, ES_DECEMBER, NOON, a_cycle
from tests.learning_samples import MINUTE, bars

OPENING = Opening(1, "0.1.0", "c" * 64, {"symbol": "ES"})
GO = Opinion("local", AdvisorRole.DECISION, Advice.GO, "fine", confidence=0.9)


def write_journal(path: Path) -> Path:
    """Record a proposal that is refused for want of a price, and would have reached its target."""
    hour = timedelta(hours=1)
    session = (NOON - 19 * hour, NOON + 4 * hour)
    happened: list[tuple[timedelta, AnyEvent]] = [
        (-MINUTE, TraderStarted(Limits())),
        (
            -MINUTE,
            ContractStated(ES_DECEMBER, "ES", "ESZ5", date(2025, 12, 19), (session,)),
        ),
        (timedelta(0), SignalRaised(CYCLE_ID, ES_DECEMBER, a_cycle().signal)),
        (timedelta(0), MarginStated(CYCLE_ID, Unknown("not asked"))),
        (timedelta(0), AdviceGiven(CYCLE_ID, (GO,))),
    ]
    for place, bar in enumerate(bars((0, 0, 0, 0), (0, 41, 0, 40)), start=1):
        happened.append((place * MINUTE, BarClosed(ES_DECEMBER, bar)))
        happened.append((place * MINUTE, BarClosed(ES_DECEMBER, bar)))
    writer = JournalWriter(path, at=NOON - MINUTE, opening=OPENING)
    for since, event in happened:
        writer.append(NOON + since, event, (), durable=True)
    writer.close()
    return path


class Learn:
    """Runs `mytrader learn ...` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._root = typer.Typer()
        self._root.add_typer(app, name="learn")
        self._root.command("other")(lambda: None)

    def __call__(self, *arguments: object) -> Said:
        """Run one command; a fault of theirs is what the command line makes of it."""
        self._capsys.readouterr()
        given: Sequence[str] = ["learn", *map(str, arguments)]
        try:
            status = self._root(list(given), standalone_mode=False)
            told = ""
        except TheirFault as fault:
            status, told = 2, f"{fault}\n"
        out, err = self._capsys.readouterr()
        return Said(int(status or 0), out, err + told)


@pytest.fixture
def learn(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Learn:
    """`mytrader learn` in an empty folder, with a folder for its key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MYTRADER__LEARNING__KEY_FOLDER", str(tmp_path / "keys"))
    return Learn(capsys)

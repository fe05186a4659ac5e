"""The command line of traces: arguments reach the command, help says what they are for."""

from pathlib import Path

import typer
from typer.testing import CliRunner

from mytrader.cli_trace import trace
from mytrader.journal.writer import JournalWriter
from tests.journal_samples import OPENING
from tests.playbook import CYCLE, NOON
from tests.trace_samples import refused


def app() -> typer.Typer:
    """Return a program with this one command."""
    made = typer.Typer()
    made.command()(trace)
    return made


def test_help_names_every_option() -> None:
    said = CliRunner().invoke(app(), ["--help"], env={"COLUMNS": "120", "NO_COLOR": "1"}).output
    for word in ("Id of a cycle", "--journal", "--json", "--svg"):
        assert word in said


def test_arguments_reach_the_command(tmp_path: Path) -> None:
    path, picture = tmp_path / "a.journal", tmp_path / "t.svg"
    writer = JournalWriter(path, at=NOON, opening=OPENING)
    for record in refused().records:
        writer.append(record.at, record.event, record.commands, durable=False)
    writer.close()
    done = CliRunner().invoke(
        app(), [CYCLE[:9], "--journal", str(path), "--svg", str(picture), "--json"]
    )
    assert done.exit_code == 0, done.output
    assert picture.exists()
    assert f'"cycle_id": "{CYCLE}"' in done.output

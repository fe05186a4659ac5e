"""The command line as a person at a shell has it: arguments in; status, output and errors out."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mytrader.cli import main

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
INCIDENT_DAY = DATA / "es-1m-2025-12-12.parquet"
HEADER = "timestamp,open,high,low,close,volume"
FIRST = datetime(2025, 12, 11, 15, 0, tzinfo=UTC)


class Said(NamedTuple):
    """What a command answered."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        """Standard output, which must be JSON and nothing else."""
        return json.loads(self.out)

    def is_one_line(self, *words: str, status: int = 2) -> None:
        """Hold the answer to a bad input against the rule: one line, its words, nothing else.

        On a machine that is busy a gateway's answer may be waited for, and that is said before.
        """
        assert self.status == status, self
        assert self.out == "", self.out
        lines = [each for each in self.err.splitlines() if " GATEWAY_SLOW " not in each]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        for word in words:
            assert word in self.err, self.err


class CommandLine:
    """Runs commands in this process, in a folder of the test's own."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str | Path) -> Said:
        """Run one command to its end."""
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        out, err = self._capsys.readouterr()
        return Said(int(ended.value.code or 0), out, err)


@pytest.fixture
def mytrader(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> CommandLine:
    """The command line in an empty folder, without settings in the environment."""
    monkeypatch.chdir(tmp_path)
    return CommandLine(capsys)


def rows(count: int = 8) -> list[list[str]]:
    """Quiet minutes, as the cells of a CSV file."""
    times = [(FIRST + timedelta(minutes=i)).isoformat() for i in range(count)]
    return [[at, "6900", "6900.5", "6899.5", "6900.25", "100"] for at in times]


def write_bars(path: Path, cells: Sequence[Sequence[str]], *, header: str = HEADER) -> Path:
    """Write a CSV file and return its path."""
    path.write_text("\n".join([header, *(",".join(row) for row in cells)]) + "\n", "utf-8")
    return path

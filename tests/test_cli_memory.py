"""The memory's command line passes on what was typed, and is quick to show its help."""

import subprocess
import sys

import pytest

from mytrader.cli_memory import memory_app

COMMANDS = ("search", "stats", "seed", "rebuild")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    memory_app([command, "--help"], standalone_mode=False)
    said = capsys.readouterr().out
    assert "--journal" in said
    assert "--json" in said


@pytest.mark.slow
def test_the_command_line_loads_nothing_heavy() -> None:
    program = (
        "import sys, mytrader.cli_memory;"
        " print(sorted({'numpy', 'polars', 'opensearchpy', 'sqlite3'} & set(sys.modules)))"
    )
    found = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"

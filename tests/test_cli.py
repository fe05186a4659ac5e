"""The command line: usage errors, exit statuses, and a start that waits for nothing."""

import re
import subprocess
import sys

import pytest

from mytrader import __version__
from tests.command_line import CommandLine, mytrader

__all__ = ["mytrader"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("run --nonsense", "--nonsense"),
        ("nonsense", "nonsense"),
        ("run extra", "extra"),
        ("run --seed -4", "--seed"),
        ("run --seed many", "--seed"),
        ("run --seed", "--seed"),
        ("gateway --port -1", "--port"),
        ("gateway --port 99999", "--port"),
        ("config nonsense", "nonsense"),
    ],
)
def test_wrong_usage_is_one_line_that_says_where_to_look(
    mytrader: CommandLine, line: str, why: str
) -> None:
    mytrader(*line.split()).is_one_line(why, "; see `mytrader", "--help`")


@pytest.mark.parametrize("line", ["", "config"])
def test_a_bare_command_shows_its_help(mytrader: CommandLine, line: str) -> None:
    said = mytrader(*line.split())
    assert said.status == 2
    assert "--help" in said.out + said.err


@pytest.mark.parametrize("command", ["run", "gateway", "cycles", "version", "config"])
def test_help_names_every_option_with_a_sentence(mytrader: CommandLine, command: str) -> None:
    said = mytrader(command, "--help")
    assert said.status == 0
    assert "Usage: mytrader" in said.out
    assert not re.search(r"--strategy\s+<\w+>\s*│", said.out), "an option without a word"


def test_the_version_is_the_packages(mytrader: CommandLine) -> None:
    assert mytrader("version") == (0, f"mytrader {__version__}\n", "")


def test_help_waits_for_neither_data_frames_nor_the_client() -> None:
    """Both together take more than a second to import."""
    code = "import sys, mytrader.cli; print({'polars', 'ib_async'} & set(sys.modules))"
    done = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"

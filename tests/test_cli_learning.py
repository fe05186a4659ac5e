"""The words of `mytrader learn`; what it does is tested with `learning_commands`."""

import pytest

from tests.learning_journal import Learn, learn

__all__ = ["learn"]

COMMANDS = ("proposals", "approve", "reject", "revoke", "discard")


def test_help_names_every_command(learn: Learn) -> None:
    out = learn("--help").out
    for command in COMMANDS:
        assert command in out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(learn: Learn, command: str) -> None:
    out = learn(command, "--help").out
    assert "--json" in out
    assert "--journal" in out


@pytest.mark.parametrize("option", [("--journal", "x"), ("--json",), ("--since", "2025-11-01")])
def test_options_before_a_command_are_not_lost(learn: Learn, option: tuple[str, ...]) -> None:
    """A decision must not go to another ledger than the one that was named."""
    learn(*option, "proposals").is_one_line("put the options behind the command")


def test_a_command_does_not_study_first(learn: Learn) -> None:
    """There is no journal: a study would say so in other words than a decision does."""
    assert "no journal in runs/" in learn("proposals").err
    assert learn("proposals").out == ""

"""`mytrader verify`: bounds, bad input, and an exit status that means something."""

import pytest

from tests.command_line import CommandLine, mytrader

__all__ = ["mytrader"]


@pytest.mark.slow
def test_a_small_search_says_what_it_saw(mytrader: CommandLine) -> None:
    said = mytrader("verify", "--profile", "strict", "--states", "400")
    assert said.status == 0
    assert "no violation" in said.out
    assert "strict, 1 lot" in said.out


@pytest.mark.slow
def test_a_program_may_read_it(mytrader: CommandLine) -> None:
    said = mytrader("verify", "--profile", "bracket", "--states", "400", "--json")
    assert (said.json["violations"], said.json["searches"][0]["profile"]) == (0, "bracket")


def test_a_profile_that_does_not_exist_is_one_line(mytrader: CommandLine) -> None:
    mytrader("verify", "--profile", "loose").is_one_line("use strict or bracket")

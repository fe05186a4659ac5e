"""A trace reads as a script: what happened, what was asked for, what is true after it."""

from mytrader.domain.limits import Profile
from mytrader.proof.script import script_of
from mytrader.proof.search import Setting


def test_a_trace_is_told_line_by_line() -> None:
    told = script_of(Setting(Profile.STRICT, faults=1), ("propose", "advise GO", "link down"))
    assert told[0] == "0. flat: nothing yet"
    assert "1. propose" in told
    assert "    << place bracket BUY 1" in told
    assert "    >> written: place S1" in told
    assert "    << page LINK_DOWN: 1100" in told
    assert told[-1] == "    == 0 ms, NORMAL, ENTERING +0; the broker holds +0"


def test_everything_that_can_be_said_has_words() -> None:
    moves = ("fill S1a", "hear", "hear", "ask flatten", "crash", "link up", "hear")
    told = "\n".join(script_of(Setting(Profile.BRACKET, root="open", faults=3), moves))
    for words in (
        "execution 0002.01 of S1: SELL",
        "a person asks: flatten",
        "link up",
        "ask book",
    ):
        assert words in told

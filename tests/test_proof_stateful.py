"""The model of `mytrader verify` as a state machine: chance goes deep where the search goes wide.

Every rule is one move of `mytrader.proof.moves`, judged like there; what breaks a promise is
shrunk and shown move by move. The search of the build visits every state up to a few
disturbances; a play of chance may have any number of them, with crashes in between, in both
profiles and with one to three contracts.

The build plays the same examples every time. `MYTRADER_STATEFUL_EXAMPLES=5000` plays as many
others and prints what repeats a failure.
"""

import os
from collections import deque
from collections.abc import Iterable
from typing import Final

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from mytrader.domain.limits import Profile
from mytrader.proof.choices import Choice, disturbances, free_moves
from mytrader.proof.ending import kind_ending
from mytrader.proof.judge import Violation
from mytrader.proof.moves import Move, make_move
from mytrader.proof.script import told
from mytrader.proof.search import CRASHES
from mytrader.proof.trader import Crash, Trader
from mytrader.proof.truth import limits_of

EXAMPLES: Final = "MYTRADER_STATEFUL_EXAMPLES"
OF_THE_BUILD: Final = 120
STEPS: Final = 60


class Machine(RuleBasedStateMachine):
    """One broker and one trader, and the moves so far."""

    @initialize(profile=st.sampled_from(Profile), lots=st.integers(1, 3))
    def begin(self, profile: Profile, lots: int) -> None:
        """Open the day."""
        self.trader = Trader(limits_of(profile, lots=lots))
        self.world = self.trader.opened()
        self.moves: list[Move] = []

    @rule(number=st.integers(0, 31))
    def go_on(self, number: int) -> None:
        """What a kind world might do next."""
        self._make(free_moves(self.world), number, Crash.NONE)

    @rule(number=st.integers(0, 63))
    def disturb(self, number: int) -> None:
        """What a kind world would not do."""
        self._make(disturbances(self.world), number, Crash.NONE)

    @rule(number=st.integers(0, 31), crash=st.sampled_from(CRASHES))
    def break_off(self, number: int, crash: Crash) -> None:
        """A kind world, and a trader or a link that dies while the trader writes."""
        self._make(free_moves(self.world), number, crash)

    def _make(self, choices: Iterable[Choice], number: int, crash: Crash) -> None:
        possible = list(choices)
        if not possible:
            return
        move = (*possible[number % len(possible)], crash)
        self.moves.append(move)
        try:
            make_move(self.trader, self.world, move)
        except Violation:
            self._show()
            raise

    def teardown(self) -> None:
        """Whatever happened, a kind world ends it flat and orderless, or a person was paged."""
        if not hasattr(self, "world"):
            return
        try:
            deque(kind_ending(self.trader, self.world), maxlen=0)
        except Violation:
            self._show()
            raise

    def _show(self) -> None:
        for line in told(Trader(self.trader.limits), self.moves):
            note(line)


def _settings() -> settings:
    asked = os.environ.get(EXAMPLES)
    return settings(
        max_examples=OF_THE_BUILD if asked is None else int(asked),
        derandomize=asked is None,
        stateful_step_count=STEPS,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


Machine.TestCase.settings = _settings()
test_no_play_of_chance_breaks_a_promise = pytest.mark.slow(Machine.TestCase)
